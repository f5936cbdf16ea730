"""What a pick and a place would do if the object at the pick went along, found without moving anything."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from ravens_suite.core.geometry import Pose, angle_error
from ravens_suite.core.goals import Goal, Scorer
from ravens_suite.core.workspace import TASK_WORKSPACE
from ravens_suite.sim.bodies import triangles
from ravens_suite.sim.scene import Scene

_SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class Imagined:
    """What an action would do by geometry alone: nothing slips, falls or is pushed aside.

    Attributes:
        object: name of the movable body that is highest at the pick; empty for none.
        reward: what would be earned.
        wanted: whether the goal step at hand still wants that object moved.
        distance: metres in the plane from where the object would be to the nearest target that it may go to; infinite
            where it has none.
        turn: radians of yaw from that target, modulo the object's symmetry; 0 where its yaw is free.
    """

    object: str = ""
    reward: float = 0.0
    wanted: bool = False
    distance: float = math.inf
    turn: float = 0.0


def imagine(scene: Scene, scorer: Scorer, pick: Pose, place: Pose) -> Imagined:
    """What carrying the object at a pick to a place would do.

    Args:
        scene: as it is.
        scorer: of the episode.
        pick: of the tool, world frame.
        place: of the tool, world frame.
    """
    name = _at(scene, pick)
    if not name:
        return Imagined()
    poses = scene.poses()
    moved = place @ pick.inverse() @ poses[name]
    goal = scorer.goal
    reward = scorer.preview({**poses, name: moved})
    if goal is None or name not in goal.objects:
        return Imagined(name, reward)
    wanted = name in [other for other, _ in goal.moves(poses)]
    return Imagined(name, reward, wanted, *_miss(goal, name, moved))


def _at(scene: Scene, pick: Pose) -> str:
    """The highest movable body whose outline from above covers a point; empty for none."""
    found, top = "", -math.inf
    for name in scene.names("movable"):
        surface = [scene.pose(name).apply(triangles(visual.shape)) for visual in scene.body(name).visuals]
        height = max(float(part[..., 2].max()) for part in surface)
        if height > top and any(_covers(part[..., :2], pick) for part in surface):
            found, top = name, height
    return found


def _covers(corners: np.ndarray[tuple[int, ...], np.dtype[np.float64]], pick: Pose) -> bool:
    """Whether triangles (T, 3, 2), metres, cover the pixel of a point."""
    # A mask of 3 x 3 pixels around the point: the outline is as wide as a pixel, as in ``tasks/placement.py``.
    origin = np.array(pick.position[:2]) - 1.5 * TASK_WORKSPACE.pixel_size
    points = np.rint((corners - origin) * (1 << _SUBPIXEL_BITS) / TASK_WORKSPACE.pixel_size).astype(np.int32)
    mask = np.zeros((3, 3), np.uint8)
    for triangle in points:
        cv2.fillConvexPoly(mask, triangle, 1, shift=_SUBPIXEL_BITS)
    return bool(mask[1, 1])


def _miss(goal: Goal, name: str, pose: Pose) -> tuple[float, float]:
    """Metres and radians from the nearest target that an object may go to."""
    index = goal.objects.index(name)
    targets = [target for j, target in enumerate(goal.targets) if goal.matches[index][j]]

    def away(target: Pose) -> float:
        return math.hypot(pose.position[0] - target.position[0], pose.position[1] - target.position[1])

    nearest = min(targets, key=away)
    symmetry = goal.symmetries[index]
    return away(nearest), angle_error(pose.yaw - nearest.yaw, symmetry) if symmetry else 0.0
