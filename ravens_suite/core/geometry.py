"""Rigid poses and the angles of the suite.

Frames: x away from the robot base, y to the robot's left, z up. Metres and radians. Quaternions are ``(x, y, z, w)``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Quaternion = tuple[float, float, float, float]
Vector = tuple[float, float, float]

IDENTITY_QUATERNION: Quaternion = (0.0, 0.0, 0.0, 1.0)


def multiply_quaternions(a: Quaternion, b: Quaternion) -> Quaternion:
    """Hamilton product ``a b``: the rotation ``b`` followed by ``a``."""
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def rotate_vector(quaternion: Quaternion, vector: Vector) -> Vector:
    """``vector`` turned by a unit quaternion."""
    x, y, z, w = quaternion
    vx, vy, vz = vector
    tx, ty, tz = 2 * (y * vz - z * vy), 2 * (z * vx - x * vz), 2 * (x * vy - y * vx)
    return (
        vx + w * tx + y * tz - z * ty,
        vy + w * ty + z * tx - x * tz,
        vz + w * tz + x * ty - y * tx,
    )


def yaw_quaternion(yaw: float) -> Quaternion:
    """Rotation by ``yaw`` radians about the z axis."""
    return (0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2))


def euler_quaternion(roll: float, pitch: float, yaw: float) -> Quaternion:
    """Static z-x-y Euler angles (yaw about z first, then roll about x, then pitch about y), in radians."""
    from scipy.spatial.transform import Rotation  # Takes as long to import as all else a plain scene needs.

    x, y, z, w = Rotation.from_euler("zxy", [yaw, roll, pitch]).as_quat()
    return (float(x), float(y), float(z), float(w))


@dataclass(frozen=True)
class Pose:
    """A position and an orientation in a parent frame.

    Attributes:
        position: ``(x, y, z)`` in metres.
        quaternion: unit ``(x, y, z, w)``.
    """

    position: Vector = (0.0, 0.0, 0.0)
    quaternion: Quaternion = IDENTITY_QUATERNION

    @staticmethod
    def planar(x: float, y: float, z: float = 0.0, yaw: float = 0.0) -> Pose:
        """A pose that is level: only turned about z."""
        return Pose((float(x), float(y), float(z)), yaw_quaternion(float(yaw)))

    @staticmethod
    def from_vector(vector: Sequence[float] | NDArray[Any]) -> Pose:
        """From seven numbers: position, then quaternion (normalised here)."""
        x, y, z, qx, qy, qz, qw = (float(value) for value in vector)
        norm = math.sqrt(qx * qx + qy * qy + qz * qz + qw * qw)
        return Pose((x, y, z), (qx / norm, qy / norm, qz / norm, qw / norm))

    @staticmethod
    def from_matrix(matrix: NDArray[Any]) -> Pose:
        """From a ``(4, 4)`` homogeneous matrix, whose rotation must be one (orthonormal, right-handed).

        The largest of the quaternion's numbers is found first, and the others by way of it (Shepperd 1978).
        """
        r: list[list[float]] = np.asarray(matrix, dtype=np.float64)[:3, :3].tolist()
        trace = r[0][0] + r[1][1] + r[2][2]
        sizes = [r[0][0], r[1][1], r[2][2], trace]
        i = sizes.index(max(sizes))
        j, k = (i + 1) % 3, (i + 2) % 3
        if i == 3:
            quaternion = [r[2][1] - r[1][2], r[0][2] - r[2][0], r[1][0] - r[0][1], 1 + trace]
        else:
            quaternion = [0.0, 0.0, 0.0, r[k][j] - r[j][k]]
            quaternion[i], quaternion[j], quaternion[k] = 1 - trace + 2 * r[i][i], r[j][i] + r[i][j], r[k][i] + r[i][k]
        return Pose.from_vector([*np.asarray(matrix)[:3, 3], *quaternion])

    def vector(self) -> Array:
        """``(7,)`` float64: position, then quaternion."""
        return np.array([*self.position, *self.quaternion], dtype=np.float64)

    def rotation(self) -> Array:
        """``(3, 3)`` float64 rotation matrix."""
        x, y, z, w = self.quaternion
        return np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
            ]
        )

    def matrix(self) -> Array:
        """``(4, 4)`` float64 homogeneous matrix."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.rotation()
        matrix[:3, 3] = self.position
        return matrix

    def __matmul__(self, other: Pose) -> Pose:
        """``self @ other``: ``other``, given in this pose's frame, in the parent frame."""
        x, y, z = rotate_vector(self.quaternion, other.position)
        px, py, pz = self.position
        return Pose((px + x, py + y, pz + z), multiply_quaternions(self.quaternion, other.quaternion))

    def inverse(self) -> Pose:
        """The pose of the parent frame in this frame."""
        x, y, z, w = self.quaternion
        conjugate = (-x, -y, -z, w)
        px, py, pz = rotate_vector(conjugate, self.position)
        return Pose((-px, -py, -pz), conjugate)

    def apply(self, points: NDArray[Any]) -> Array:
        """``(..., 3)`` points of this pose's frame in the parent frame."""
        result: Array = np.asarray(points, dtype=np.float64) @ self.rotation().T + np.asarray(self.position)
        return result

    def at(self, *, x: float | None = None, y: float | None = None, z: float | None = None) -> Pose:
        """The same orientation with some coordinates replaced."""
        px, py, pz = self.position
        return Pose((px if x is None else x, py if y is None else y, pz if z is None else z), self.quaternion)

    def raised(self, distance: float) -> Pose:
        """Moved by ``distance`` metres along this pose's own z axis."""
        return self @ Pose((0.0, 0.0, distance))

    @property
    def yaw(self) -> float:
        """The z angle of the static z-x-y decomposition, in (-pi, pi]."""
        x, y, z, w = self.quaternion
        # R = Ry Rx Rz: row 1 of R is (cos(roll) sin(yaw), cos(roll) cos(yaw), -sin(roll)).
        return math.atan2(2 * (x * y + z * w), 1 - 2 * (x * x + z * z))

    @property
    def roll_pitch(self) -> tuple[float, float]:
        """The x and y angles of the static z-x-y decomposition."""
        x, y, z, w = self.quaternion
        roll = math.asin(max(-1.0, min(1.0, -2 * (y * z - x * w))))
        pitch = math.atan2(2 * (x * z + y * w), 1 - 2 * (x * x + y * y))
        return roll, pitch

    def level(self) -> Pose:
        """The same position and yaw with roll and pitch set to zero."""
        return Pose(self.position, yaw_quaternion(self.yaw))


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    """Inner product, added up from left to right.

    The built-in ``sum`` adds more exactly from Python 3.12 on, so that scenes would depend on the version of Python.
    """
    total = 0.0
    for p, q in zip(a, b, strict=True):
        total += p * q
    return total


def angle_error(angle: float, symmetry: float) -> float:
    """Size of ``angle`` modulo a rotational symmetry, in ``[0, symmetry / 2]``; 0 when ``symmetry`` is 0."""
    if symmetry == 0:
        return 0.0
    remainder = angle % symmetry
    return min(remainder, symmetry - remainder)


def tilt_error(a: Pose, b: Pose) -> float:
    """Angle in radians between two poses' z axes: how far roll and pitch together are apart."""
    za, zb = rotate_vector(a.quaternion, (0, 0, 1)), rotate_vector(b.quaternion, (0, 0, 1))
    return math.acos(max(-1.0, min(1.0, dot(za, zb))))
