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

from ravens_suite.core.numbers import UNREADABLE, is_finite
from ravens_suite.errors import InvalidPoseError

Array = NDArray[np.float64]
Quaternion = tuple[float, float, float, float]
Vector = tuple[float, float, float]

IDENTITY_QUATERNION: Quaternion = (0.0, 0.0, 0.0, 1.0)

_DRIFT = 1e-9
"""Deviation of a squared norm from 1 that products of unit quaternions may have; such a quaternion is kept as it is."""

_ZERO = 1e-6
"""Size of a number of a quaternion that has no sign: turns of pi and of -pi differ by 1e-16 in it."""

_ROUNDED = 2e-3
"""Deviation from 1, of squared norms and of products of matrix columns, that numbers rounded to three digits have."""


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
    """The vector (x, y, z) turned by a unit quaternion (x, y, z, w), in the same unit and frame."""
    x, y, z, w = quaternion
    vx, vy, vz = vector
    tx, ty, tz = 2 * (y * vz - z * vy), 2 * (z * vx - x * vz), 2 * (x * vy - y * vx)
    return (
        vx + w * tx + y * tz - z * ty,
        vy + w * ty + z * tx - x * tz,
        vz + w * tz + x * ty - y * tx,
    )


def canonical(quaternion: Quaternion) -> Quaternion:
    """Of the two quaternions of one rotation, q and -q, that whose last number which is not zero is positive.

    A number within 1e-6 of zero has no sign.
    """
    last = next((value for value in reversed(quaternion) if abs(value) > _ZERO), 1.0)
    x, y, z, w = quaternion
    return quaternion if last > 0 else (0.0 - x, 0.0 - y, 0.0 - z, 0.0 - w)


def yaw_quaternion(yaw: float) -> Quaternion:
    """Rotation by ``yaw`` radians about the z axis.

    Raises:
        InvalidPoseError: the angle is not finite.
    """
    if not is_finite(yaw):
        raise InvalidPoseError(f"An angle must be a finite number of radians; got {yaw!r:.80}.")
    return (0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2))


def euler_quaternion(roll: float, pitch: float, yaw: float) -> Quaternion:
    """Static z-x-y Euler angles (yaw about z first, then roll about x, then pitch about y), in radians.

    Raises:
        InvalidPoseError: an angle is not finite.
    """
    if not all(map(is_finite, (roll, pitch, yaw))):
        raise InvalidPoseError(f"Angles must be finite numbers of radians; got {(roll, pitch, yaw)!r:.200}.")
    from scipy.spatial.transform import Rotation  # Takes as long to import as all else a plain scene needs.

    x, y, z, w = Rotation.from_euler("zxy", [yaw, roll, pitch]).as_quat()
    return (float(x), float(y), float(z), float(w))


@dataclass(frozen=True)
class Pose:
    """A position and an orientation in a parent frame.

    Attributes:
        position: ``(x, y, z)`` in metres.
        quaternion: unit ``(x, y, z, w)``. One that is off by rounding to three digits is normalised.

    Raises:
        InvalidPoseError: a number is not finite, or the quaternion is zero or far from unit length.
    """

    position: Vector = (0.0, 0.0, 0.0)
    quaternion: Quaternion = IDENTITY_QUATERNION

    def __post_init__(self) -> None:
        # Made several times a physics step: one comparison passes what is right. A sum with NaN or infinity times zero
        # is not zero.
        try:
            x, y, z = self.position
            qx, qy, qz, qw = self.quaternion
            off = abs(qx * qx + qy * qy + qz * qz + qw * qw - 1.0) + 0.0 * (x + y + z)
            right = off <= _DRIFT
        except UNREADABLE:
            raise InvalidPoseError(
                "A pose is a position of three numbers and a quaternion (x, y, z, w) of four; got "
                f"{self.position!r} and {self.quaternion!r}."
            ) from None
        if type(self.position) is not tuple or type(self.quaternion) is not tuple:
            # Lists and arrays become tuples, so that every pose can be compared and be a key.
            object.__setattr__(self, "position", (float(x), float(y), float(z)))
            object.__setattr__(self, "quaternion", (float(qx), float(qy), float(qz), float(qw)))
        if not right:
            _check_position((x, y, z))
            object.__setattr__(self, "quaternion", _nearly_unit((qx, qy, qz, qw)))

    @staticmethod
    def planar(x: float, y: float, z: float = 0.0, yaw: float = 0.0) -> Pose:
        """A pose that is level: only turned about z."""
        return Pose((float(x), float(y), float(z)), yaw_quaternion(float(yaw)))

    @staticmethod
    def from_vector(vector: Sequence[float] | NDArray[Any]) -> Pose:
        """The inverse of ``vector``, but the quaternion may be of any length but zero; it is normalised here.

        Args:
            vector: (7,) of any dtype: position in metres, then quaternion (x, y, z, w).

        Raises:
            InvalidPoseError: there are not seven finite numbers, or the quaternion is zero.
        """
        try:
            x, y, z, qx, qy, qz, qw = (float(value) for value in vector)
        except UNREADABLE:
            raise InvalidPoseError(
                f"A pose is seven numbers, position and quaternion (x, y, z, w); got {vector!r}."
            ) from None
        norm = math.sqrt(qx * qx + qy * qy + qz * qz + qw * qw)
        if not 1e-150 < norm < 1e150:
            qx, qy, qz, qw = _scaled((qx, qy, qz, qw))
            norm = math.sqrt(qx * qx + qy * qy + qz * qz + qw * qw)
        return Pose((x, y, z), (qx / norm, qy / norm, qz / norm, qw / norm))

    @staticmethod
    def from_matrix(matrix: NDArray[Any]) -> Pose:
        """From a ``(4, 4)`` homogeneous matrix of any dtype, metres; its rotation is orthonormal and right-handed.

        The largest of the quaternion's numbers is found first, and the others by way of it (Shepperd 1978).

        Raises:
            InvalidPoseError: the matrix has another shape, a number that is not finite, or no rotation in it.
        """
        check_rigid(matrix)
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
        """``(7,)`` float64: position in metres, then quaternion (x, y, z, w), in the parent frame."""
        return np.array([*self.position, *self.quaternion], dtype=np.float64)

    def rotation(self) -> Array:
        """``(3, 3)`` float64 rotation matrix: its columns are this pose's axes in the parent frame."""
        x, y, z, w = self.quaternion
        return np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
            ]
        )

    def matrix(self) -> Array:
        """``(4, 4)`` float64 homogeneous matrix, metres: takes points of this pose's frame to the parent frame."""
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
        """``(..., 3)`` points of this pose's frame, metres, of any dtype: ``(..., 3)`` float64 in the parent frame."""
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


def check_rigid(matrix: NDArray[Any]) -> None:
    """Refuse what is no pose.

    Args:
        matrix: ``(4, 4)`` of any dtype, homogeneous, metres; its rotation may be off by rounding to three digits.

    Raises:
        InvalidPoseError: the matrix has another shape, a number that is not finite, another last row than 0, 0, 0, 1,
            or a rotation that is not orthonormal with determinant +1.
    """
    try:
        values = np.asarray(matrix, dtype=np.float64)
    except UNREADABLE:
        raise InvalidPoseError(f"A pose matrix has 4 x 4 numbers; got {matrix!r}.") from None
    if values.shape != (4, 4):
        raise InvalidPoseError(f"A pose matrix has shape (4, 4); got {values.shape}.")
    if not np.isfinite(values).all():
        raise InvalidPoseError(f"A pose matrix holds a number that is not finite: {values.tolist()}.")
    if np.abs(values[3] - (0.0, 0.0, 0.0, 1.0)).max() > 1e-6:
        raise InvalidPoseError(f"The last row of a pose matrix is 0, 0, 0, 1; got {values[3].tolist()}.")
    rotation = values[:3, :3]
    if np.abs(rotation).max() > 2 or np.abs(rotation.T @ rotation - np.eye(3)).max() > _ROUNDED:
        raise InvalidPoseError(
            f"The rotation of a pose matrix must be orthonormal; got {rotation.tolist()}: scale its columns to length "
            "1, at right angles to one another."
        )
    if np.linalg.det(rotation) < 0:
        raise InvalidPoseError(
            f"The rotation of a pose matrix mirrors (its determinant is -1): {rotation.tolist()}. Turn the sign of one "
            "of its axes."
        )


def _check_position(position: Vector) -> None:
    if not all(map(math.isfinite, position)):
        raise InvalidPoseError(f"A position must be finite, in metres; got {tuple(map(float, position))}.")


def _nearly_unit(quaternion: Quaternion) -> Quaternion:
    """A quaternion, normalised where it is off by rounding; raises InvalidPoseError where it is off by more."""
    square = dot(quaternion, quaternion)
    if not abs(square - 1) <= _ROUNDED:
        raise InvalidPoseError(
            f"A pose needs a unit quaternion (x, y, z, w); got {tuple(map(float, quaternion))}. Pose.from_vector "
            "normalises one that is not zero."
        )
    if abs(square - 1) <= _DRIFT:
        return quaternion
    qx, qy, qz, qw = (value / math.sqrt(square) for value in quaternion)
    return qx, qy, qz, qw


def _scaled(quaternion: Quaternion) -> Quaternion:
    """A very short or long quaternion at a length whose square is a number; InvalidPoseError if there is none."""
    largest = max(map(abs, quaternion))
    if not 0 < largest < math.inf or not all(map(math.isfinite, quaternion)):
        raise InvalidPoseError(
            f"A quaternion (x, y, z, w) must be finite and not zero; got {quaternion}. The identity is 0, 0, 0, 1."
        )
    qx, qy, qz, qw = (value / largest for value in quaternion)
    return qx, qy, qz, qw


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    """Inner product, added up from left to right.

    The built-in ``sum`` adds more exactly from Python 3.12 on, so that scenes would depend on the version of Python.
    """
    total = 0.0
    for p, q in zip(a, b, strict=True):
        total += p * q
    return total


def angle_error(angle: float, symmetry: float) -> float:
    """Size of ``angle`` modulo a rotational symmetry, in ``[0, symmetry / 2]``; 0 when ``symmetry`` is 0.

    Raises:
        ValueError: the angle is not finite, or the symmetry negative or not finite.
    """
    if not math.isfinite(angle) or not 0 <= symmetry < math.inf:
        raise ValueError(f"Angle and symmetry must be finite radians, the symmetry >= 0; got {angle} and {symmetry}.")
    if symmetry == 0:
        return 0.0
    remainder = angle % symmetry
    return min(remainder, symmetry - remainder)


def tilt_error(a: Pose, b: Pose) -> float:
    """Angle in radians between two poses' z axes: how far roll and pitch together are apart."""
    za, zb = rotate_vector(a.quaternion, (0, 0, 1)), rotate_vector(b.quaternion, (0, 0, 1))
    return math.acos(max(-1.0, min(1.0, dot(za, zb))))
