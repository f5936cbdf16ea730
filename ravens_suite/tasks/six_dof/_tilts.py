"""Raised and tilted poses: how far they tilt in training and beyond, and whether the arm reaches them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ravens_suite.core.geometry import Pose, euler_quaternion
from ravens_suite.core.seeding import Split
from ravens_suite.core.workspace import PLANE_HEIGHT
from ravens_suite.errors import ConfigError, PlacementError
from ravens_suite.sim import kinematics
from ravens_suite.sim.bodies import Body, triangles
from ravens_suite.tasks.base import Task

POSITION_TOLERANCE, ROTATION_TOLERANCE = 0.02, math.radians(22.5)
"""Metres, and radians of yaw and of tilt: those of MIRA (arXiv 2212.06088)."""


@dataclass(frozen=True)
class Tilts:
    """How far a task tilts its targets.

    Attributes:
        most: radians, greatest roll and greatest pitch of a scene.
        beyond: the same of the scenes that are beyond training.
        heights: metres, least and greatest height of the target's middle.
    """

    most: float
    beyond: float
    heights: tuple[float, float]

    def draw(self, level: Pose, rng: np.random.Generator, *, beyond: bool) -> Pose:
        """A level pose, raised and tilted.

        Args:
            level: gives x, y and yaw.
            rng: draws height, roll and pitch, each uniformly.
            beyond: whether roll or pitch is greater than in any scene of training.
        """
        x, y, _ = level.position
        height = float(rng.uniform(*self.heights))
        limit = self.beyond if beyond else self.most
        while True:
            roll, pitch = (float(angle) for angle in rng.uniform(-limit, limit, size=2))
            if not beyond or max(abs(roll), abs(pitch)) > self.most:
                return Pose((x, y, height), euler_quaternion(roll, pitch, level.yaw))


def goes_beyond(split: Split, *, ood: bool) -> bool:
    """Whether the tilts of a split are beyond those of training: in tests alone, so that nothing is chosen by them."""
    return ood and split == "test"


class TiltedTask(Task):
    """A task with tilted targets, and with a form ``-ood`` whose tests tilt further than its training.

    Each task declares that form itself (``variants``), as the registry reads variants of a class's own.

    Args:
        split: the same scenes in kind for all, unless ``ood``.
        ood: whether tests are beyond training.

    Raises:
        ConfigError: ``ood`` is neither true nor false.
    """

    def __init__(self, split: Split = "train", ood: bool = False) -> None:
        super().__init__(split)
        if not isinstance(ood, bool):
            raise ConfigError(f"ood must be true or false; got {ood!r}.")
        self.beyond = goes_beyond(split, ood=ood)


def check_reach(target: Pose, points: Iterable[tuple[float, float, float]]) -> None:
    """Refuse a target where the arm cannot put a body down.

    Args:
        target: pose of the body, world frame.
        points: outermost points of it where it may be gripped, metres in its frame.

    Raises:
        PlacementError: a point is out of reach, as where the target leans away at a far corner.
    """
    for point in points:
        if not kinematics.reachable(kinematics.tool_to_flange(target @ Pose(point))):
            raise PlacementError("The arm does not reach the tilted target.")


def check_clear(body: Body, pose: Pose) -> None:
    """Refuse a pose in which a body would reach into the table.

    Raises:
        PlacementError: it would.
    """
    corners = np.concatenate([triangles(shape).reshape(-1, 3) for shape in body.collisions])
    if pose.apply(corners)[:, 2].min() < PLANE_HEIGHT:
        raise PlacementError("The tilted body would reach into the table.")
