"""Insert an L-shaped block into a raised fixture that is tilted further in tests than in training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ravens_suite.core.goals import FULL_TURN, Goal, PoseGoal
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.placement import free_pose
from ravens_suite.tasks.sentences import Sentences
from ravens_suite.tasks.six_dof._tilts import POSITION_TOLERANCE, Tilts, check_clear, check_reach, goes_beyond

SIZE = (0.1, 0.1, 0.04)
"""Metres: the footprint that both the block and the fixture are given."""

TILTS = Tilts(most=math.radians(30), beyond=math.radians(45), heights=(0.05, 0.15))

_PICKS = ((0.065, 0.0, 0.02), (0.0, 0.065, 0.02), (-0.015, -0.015, 0.02))
"""Metres, in the block's frame: the outermost points where it can be gripped."""


class BlockInsertionSixDofOod(Task):
    """Put the red L-shaped block into the raised, tilted grey fixture (Transporter Networks, section 4.1).

    As ``block-insertion-six-dof``, but roll and pitch are at most 30 degrees in training and in validation, and in
    tests one of them is 30 to 45 degrees. Strict success wants the full pose.

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = 3
    instruction: ClassVar[str] = "put the red L-shaped block into the raised, tilted grey fixture"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "place the red L-shaped block in the raised, tilted grey fixture",
            "into the raised, tilted grey fixture put the red L-shaped block",
            "the red L-shaped block goes into the raised, tilted grey fixture",
            "the raised, tilted grey fixture is where the red L-shaped block belongs",
        ),
        held_out=(
            "insert the red L-shaped block into the raised, tilted grey fixture",
            "into the raised, tilted grey fixture insert the red L-shaped block",
            "fill the raised, tilted grey fixture with the red L-shaped block",
            "pick up the red L-shaped block, tilt it and lower it into the raised grey fixture",
        ),
    )

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """The fixture, then a block, anywhere free."""
        level = free_pose(scene, SIZE, rng)
        fixture = TILTS.draw(level, rng, beyond=goes_beyond(self.split, ood=True))
        check_reach(fixture, _PICKS)
        check_clear(objects.l_block(), fixture)
        scene.add("fixture", objects.l_fixture(), fixture, "fixed")
        scene.add("block", objects.l_block(), free_pose(scene, SIZE, rng), "movable")
        return [
            PoseGoal(
                objects=("block",),
                targets=(fixture,),
                matches=((True,),),
                symmetries=(FULL_TURN,),
                position_tolerance=POSITION_TOLERANCE,
                full_pose=True,
            )
        ]
