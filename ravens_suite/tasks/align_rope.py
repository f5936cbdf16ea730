"""Lay a rope straight along a marked line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ravens_suite.core.goals import Goal
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks._rope import LENGTH, OneWayGoal, drop_rope, rope_goal
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.placement import free_pose
from ravens_suite.tasks.primitives import PickPlace, Primitive
from ravens_suite.tasks.sentences import Sentences


class AlignRope(Task):
    """Lay the rope along a green strip of its own length, either end first.

    Version history: v0, first version. Since release 0.2 of the package the rope topples, and its beads are joined, as
    in the published benchmark: it takes more actions.
    """

    max_steps: ClassVar[int] = 20
    instruction: ClassVar[str] = "lay the rope along the green line"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "put the rope along the green line",
            "along the green line lay the rope",
            "the rope goes along the green line",
            "stretch the rope out on the green line",
        ),
        held_out=(
            "straighten the rope on the green line",
            "on the green line straighten the rope",
            "make the rope follow the green line",
            "cover the green line with the rope",
        ),
    )
    primitive: ClassVar[Primitive] = PickPlace(carry_height=0.02, carry_step=0.001)

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """A strip, then a rope dropped anywhere free."""
        line = free_pose(scene, (LENGTH, 0.01, 0.0), rng)
        scene.add("line", objects.line_marker(LENGTH), line, "marker")
        return [rope_goal(drop_rope(scene, rng), line, OneWayGoal)]
