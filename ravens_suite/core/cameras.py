"""Pinhole cameras: parameters only, no rendering.

A camera's pose maps camera coordinates to the world. Camera axes follow OpenCV: x right, y down, z along the
optical axis.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ravens_suite.core.geometry import Array, Pose, Vector

PUBLISHED_IMAGE_SIZE = (480, 640)
PUBLISHED_FOCAL_LENGTH = 450.0
"""Focal length in pixels of a 480 x 640 image; it scales with the image's height."""


@dataclass(frozen=True)
class Camera:
    """One pinhole camera.

    Attributes:
        name: for example ``"front"``.
        pose: camera to world.
        image_size: (rows, columns).
        focal_length: pixels, the same along both axes.
        near: metres, nearest depth drawn.
        far: metres, farthest depth drawn.
    """

    name: str
    pose: Pose
    image_size: tuple[int, int] = PUBLISHED_IMAGE_SIZE
    focal_length: float = PUBLISHED_FOCAL_LENGTH
    near: float = 0.01
    far: float = 10.0

    @property
    def intrinsics(self) -> Array:
        """``(3, 3)`` float64 pinhole matrix; the principal point is the image centre (columns / 2, rows / 2)."""
        rows, columns = self.image_size
        return np.array([[self.focal_length, 0, columns / 2], [0, self.focal_length, rows / 2], [0, 0, 1.0]])

    def to_json(self) -> dict[str, Any]:
        """JSON values from which ``from_json`` rebuilds the camera exactly."""
        return {
            "name": self.name,
            "position": list(self.pose.position),
            "quaternion": list(self.pose.quaternion),
            "image_size": list(self.image_size),
            "focal_length": self.focal_length,
            "near": self.near,
            "far": self.far,
        }

    @staticmethod
    def from_json(value: dict[str, Any]) -> Camera:
        """The inverse of ``to_json``."""
        x, y, z = value["position"]
        qx, qy, qz, qw = value["quaternion"]
        rows, columns = value["image_size"]
        return Camera(
            name=value["name"],
            pose=Pose((x, y, z), (qx, qy, qz, qw)),
            image_size=(rows, columns),
            focal_length=value["focal_length"],
            near=value["near"],
            far=value["far"],
        )


def look_at(position: Vector, target: Vector, up: Vector) -> Pose:
    """Camera pose at ``position`` with the optical axis towards ``target`` and the image's up near ``up``."""
    forward = np.subtract(target, position)
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, up)
    right = right / np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    matrix[:3, 3] = position
    return Pose.from_matrix(matrix)


def _side_camera(name: str, y: float) -> tuple[str, Pose]:
    tilt = math.radians(50)
    across = math.cos(tilt) / math.sqrt(2)
    axis = (across, -math.copysign(across, y), -math.sin(tilt))
    target = (axis[0], y + axis[1], 0.75 + axis[2])
    return name, look_at((0.0, y, 0.75), target, (0.0, 0.0, 1.0))


_PUBLISHED_POSES = (
    ("front", look_at((1.0, 0.0, 0.75), (0.25, 0.0, 0.0), (0.0, 0.0, 1.0))),
    _side_camera("left", 0.5),
    _side_camera("right", -0.5),
)


def published_cameras(image_size: tuple[int, int] = PUBLISHED_IMAGE_SIZE) -> tuple[Camera, ...]:
    """The front, left and right cameras of the published benchmark (Transporter Networks, section 4).

    Args:
        image_size: (rows, columns); the vertical field of view (56.1 degrees) does not depend on it.
    """
    focal_length = PUBLISHED_FOCAL_LENGTH * image_size[0] / PUBLISHED_IMAGE_SIZE[0]
    return tuple(Camera(name, pose, image_size, focal_length) for name, pose in _PUBLISHED_POSES)
