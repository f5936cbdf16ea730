"""Lay a rope so that it completes a square."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import Goal
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks._rope import LENGTH, drop_rope, rope_goal
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.placement import free_pose
from ravens_suite.tasks.primitives import PickPlace, Primitive
from ravens_suite.tasks.sentences import Sentences


class ManipulatingRope(Task):
    """Lay the rope along the missing side of a green square, either end first (Transporter Networks, section 4.1).

    Version history: v0, first version. Since release 0.2 of the package the rope topples, and its beads are joined, as
    in the published benchmark: it takes more actions.
    """

    max_steps: ClassVar[int] = 20
    instruction: ClassVar[str] = "lay the rope along the open side of the green square"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "put the rope along the missing side of the green square",
            "along the open side of the green square lay the rope",
            "the rope goes along the open side of the green square",
            "close the green square with the rope",
        ),
        held_out=(
            "complete the green square with the rope",
            "with the rope complete the green square",
            "make the rope the fourth side of the green square",
            "straighten the rope across the open side of the green square",
        ),
    )
    primitive: ClassVar[Primitive] = PickPlace(carry_height=0.02, carry_step=0.001)

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """Three sides of a square, then a rope dropped anywhere free."""
        square = free_pose(scene, (LENGTH, LENGTH, 0.0), rng)
        scene.add("square", objects.square_outline(LENGTH), square, "marker")
        missing_side = square @ Pose((0.0, LENGTH / 2, 0.001))
        return [rope_goal(drop_rope(scene, rng), missing_side)]
