"""Places that tilt the tool: where its axis points, and the yaw that is left when the tilt is taken away.

A rotation is a *twist* about the vertical axis followed by a *swing*, the smallest rotation that takes the vertical
axis to where the tool's axis points. When the whole scene is turned about the vertical, the swing turns with it and the
twist stays, which is not so of Euler angles. Positions are those of ``plane.py``.

Normals are float64 in the world frame.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ravens_suite.core.geometry import Array, Pose, rotate_vector, yaw_quaternion
from ravens_suite.core.workspace import AGENT_WORKSPACE

LEAST_TILT = 1e-3
"""Sine of the tilt from which a place counts as tilted."""


class Tilt(NamedTuple):
    """What a place pose has beside position in the plane and twist.

    Attributes:
        normal: (3,) float64 unit vector, world frame: where the tool's z axis points.
        height: metres, z of the place pose.
    """

    normal: Array
    height: float

    def height_at(self, offset: Array) -> Array:
        """Heights of the plane across the tool's axis, (...) float64 metres, (..., 2) float64 pixels from the place."""
        slopes = self.normal[:2] / self.normal[2]
        heights: Array = self.height - AGENT_WORKSPACE.pixel_size * (offset @ slopes)
        return heights


def tilt_of(turn: Pose, height: float) -> Tilt | None:
    """The tilt of a place; ``None`` if its tool is upright.

    Args:
        turn: rotation of the place pose relative to that of the pick.
        height: metres, z of the place pose.
    """
    normal = np.array(rotate_vector(turn.quaternion, (0.0, 0.0, 1.0)))
    return Tilt(normal, height) if math.hypot(normal[0], normal[1]) > LEAST_TILT else None


def twist(turn: Pose) -> float:
    """Radians about the vertical axis that are left of a rotation without its swing, in [-pi, pi]."""
    _, _, z, w = turn.quaternion
    return math.remainder(2 * math.atan2(z, w), 2 * math.pi)


def swing(normal: Array) -> Pose:
    """The smallest rotation that takes the vertical axis to a unit vector (3,) above the horizontal."""
    x, y, z = (float(value) for value in normal)
    length = math.sqrt(2 * (1 + z))
    return Pose(quaternion=(-y / length, x / length, 0.0, (1 + z) / length))


def turned(normal: Array, yaw: float) -> Pose:
    """The rotation of a normal (3,) and a twist in radians."""
    return swing(normal) @ Pose(quaternion=yaw_quaternion(yaw))


def flattened(normal: Array, yaw: float, source: Array, target: Array) -> Array:
    """(2, 3) matrix of the motion from above of what is tilted: as ``rigid``, and foreshortened.

    Args:
        normal: (3,) of the place.
        yaw: radians, the twist.
        source: (2,) pixels that are taken to ``target``.
        target: (2,) pixels.
    """
    linear = turned(normal, yaw).rotation()[:2, :2]
    return np.column_stack([linear, target - linear @ source])


def moved_normal(normal: Array, matrix: Array) -> Array:
    """The normal (3,) of a plane after a motion (2, 3) of the map that keeps heights."""
    x, y = np.linalg.inv(matrix[:, :2]).T @ normal[:2]
    moved = np.array([x, y, normal[2]])
    unit: Array = moved / np.linalg.norm(moved)
    return unit
