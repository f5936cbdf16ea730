"""Stack six blocks into a pyramid of three, two and one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ravens_suite.core.geometry import Pose, Vector
from ravens_suite.core.goals import Goal, PoseGoal, all_to_all
from ravens_suite.core.palette import PALETTE
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.placement import free_pose
from ravens_suite.tasks.sentences import Sentences

STAND_SIZE = (objects.PYRAMID_PLATE[0], 3 * objects.PYRAMID_PLATE[1], objects.PYRAMID_PLATE[2])
"""Metres: three plates side by side, along y."""

BLOCK_SIZE = (objects.BLOCK_SIDE,) * 3
"""Metres."""

LAYERS: tuple[tuple[tuple[str, ...], tuple[Vector, ...], float], ...] = (
    (("purple", "blue", "green"), ((0, -0.05, 0.03), (0, 0, 0.03), (0, 0.05, 0.03)), 1 / 2),
    (("yellow", "orange"), ((0, -0.025, 0.08), (0, 0.025, 0.08)), 1 / 3),
    (("red",), ((0, 0, 0.13),), 1 / 6),
)
"""From the foot: colours, places (x, y, z) in metres in the stand's frame (nominal heights), share of the reward."""


class StackBlockPyramid(Task):
    """Stack the blocks on the three brown plates, one layer after the other (Transporter Networks, section 4.1).

    Within a layer any block may go to any place.

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = 12
    instruction: ClassVar[str] = "stack the blocks into a pyramid on the stand"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "build a pyramid of the blocks on the stand",
            "on the stand stack the blocks into a pyramid",
            "the blocks become a pyramid on the stand",
            "put the blocks on the stand as a pyramid",
        ),
        held_out=(
            "pile the blocks up on the stand in the form of a pyramid",
            "in the form of a pyramid pile the blocks up on the stand",
            "erect a pyramid of blocks on the stand",
            "make the stand carry a pyramid of all blocks",
        ),
    )

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """The stand, then six blocks, anywhere free."""
        stand = free_pose(scene, STAND_SIZE, rng)
        scene.add("stand", objects.pyramid_stand(), stand, "fixed")
        goals = []
        for colors, places, share in LAYERS:
            for color in colors:
                pose = free_pose(scene, BLOCK_SIZE, rng)
                scene.add(f"{color} block", objects.block(PALETTE[color]), pose, "movable")
            goals.append(
                PoseGoal(
                    objects=tuple(f"{color} block" for color in colors),
                    targets=tuple(stand @ Pose(place) for place in places),
                    matches=all_to_all(len(colors), len(places)),
                    symmetries=(math.pi / 2,) * len(colors),
                    share=share,
                )
            )
        return goals
