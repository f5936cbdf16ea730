"""The goal step of one layer: its places count when any of the cubes lies there."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ravens_suite.core.geometry import Pose, angle_error
from ravens_suite.core.goals import PoseGoal, Poses, distance


@dataclass(frozen=True, kw_only=True)
class LayerGoal(PoseGoal):
    """Places of a layer count when a cube lies there, whichever it is.

    Height counts, too: towers have several places above each other. Strict success wants every cube at a place of this
    layer or of those below.

    Attributes:
        below: places of the layers below, world frame.
        height_tolerance: metres.
    """

    below: tuple[Pose, ...] = ()
    height_tolerance: float = 0.015

    def matched(self, index: int, target: int, poses: Poses, *, strict: bool = False) -> bool:
        """Whether cube ``index`` lies at place ``target`` of this layer."""
        name = self.objects[index]
        return name in poses and self._lies_at(poses[name], self.targets[target])

    def progress(self, poses: Poses) -> float:
        """Share of the layer's places that are filled."""
        filled = [place for place in self.targets if self._filled(place, poses)]
        return len(filled) / len(self.targets)

    def met(self, poses: Poses) -> dict[str, bool]:
        """Whether each cube lies at a place of this layer or of one below."""
        return {name: name in poses and self._in_structure(poses[name]) for name in self.objects}

    def moves(self, poses: Poses) -> list[tuple[str, Pose]]:
        """Loose cubes, farthest first, each to its nearest free place; what a layer below has lost comes first."""
        free = [place for place in self.below if not self._filled(place, poses)]
        free = free or [place for place in self.targets if not self._filled(place, poses)]
        loose = {name: poses[name] for name in self.objects if name in poses and not self._in_structure(poses[name])}
        if not free:
            return []
        nearest = {name: min(free, key=lambda place: distance(pose, place)) for name, pose in loose.items()}
        return sorted(nearest.items(), key=lambda move: -distance(loose[move[0]], move[1]))

    def _filled(self, place: Pose, poses: Poses) -> bool:
        return any(name in poses and self._lies_at(poses[name], place) for name in self.objects)

    def _in_structure(self, pose: Pose) -> bool:
        return any(self._lies_at(pose, place) for place in (*self.targets, *self.below))

    def _lies_at(self, pose: Pose, place: Pose) -> bool:
        near = math.hypot(pose.position[0] - place.position[0], pose.position[1] - place.position[1])
        turned = angle_error(pose.yaw - place.yaw, self.symmetries[0])
        return (
            near < self.position_tolerance
            and turned < self.rotation_tolerance
            and abs(pose.position[2] - place.position[2]) < self.height_tolerance
        )
