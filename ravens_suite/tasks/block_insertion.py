"""Insert an L-shaped block into an L-shaped fixture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from ravens_suite.sim import library
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.placement import free_pose
from ravens_suite.values.goals import FULL_TURN, Goal, PoseGoal
from ravens_suite.values.seeding import Split

SIZE = (0.1, 0.1, 0.04)
"""Metres: the footprint that both the block and the fixture are given."""

Variant = Literal["standard"]


class BlockInsertion(Task):
    """Pick up the red L-shaped block and put it into the grey fixture (Transporter Networks, section 4.1).

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = 3

    def __init__(self, split: Split = "train", variant: Variant = "standard") -> None:
        super().__init__(split)
        self.variant = variant

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """A fixture, then a block, anywhere free."""
        fixture = free_pose(scene, SIZE, rng)
        scene.add("fixture", library.l_fixture(), fixture, "fixed")
        scene.add("block", library.l_block(), free_pose(scene, SIZE, rng), "movable")
        return [PoseGoal(objects=("block",), targets=(fixture,), matches=((True,),), symmetries=(FULL_TURN,))]
