"""A task of your own: put three coloured cubes on a marked line, the red one in the middle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import Goal, PoseGoal, all_to_all
from ravens_suite.core.palette import PALETTE
from ravens_suite.core.seeding import Split
from ravens_suite.sim.bodies import Box, marker, solid
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task, Variants
from ravens_suite.tasks.placement import free_pose

CUBE = (0.04, 0.04, 0.04)
LINE = (0.02, 0.24, 0.001)
PLACES = (-0.08, 0.0, 0.08)


class CubeLine(Task):
    """Blue and yellow may go to either end; every cube must be square to the line.

    Args:
        split: the same scenes in kind for all.
        any_order: whether the red cube may go to an end, too.
    """

    max_steps: ClassVar[int] = 6
    instruction: ClassVar[str] = "put the cubes on the green line, the red one in the middle"
    variants: ClassVar[Variants] = {"any-order": {"any_order": True}}

    def __init__(self, split: Split = "train", any_order: bool = False) -> None:
        super().__init__(split)
        self.any_order = any_order

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """A green line anywhere, then three cubes anywhere free."""
        line = free_pose(scene, LINE, rng)
        scene.add("line", marker((Box(LINE),), PALETTE["green"]), line, "marker")
        names = ("blue cube", "red cube", "yellow cube")
        for name in names:
            body = solid(Box(CUBE), PALETTE[name.split()[0]], mass=0.01)
            scene.add(name, body, free_pose(scene, CUBE, rng), "movable")
        ends, middle = (True, False, True), (False, True, False)
        return [
            PoseGoal(
                objects=names,
                targets=tuple(line @ Pose((0.0, y, 0.02)) for y in PLACES),
                matches=all_to_all(3, 3) if self.any_order else (ends, middle, ends),
                symmetries=(math.pi / 2,) * 3,
            )
        ]

    def current_instruction(self, step: int) -> str:
        """The same words at every step; other ones for the variant."""
        return "put the cubes on the green line" if self.any_order else self.instruction
