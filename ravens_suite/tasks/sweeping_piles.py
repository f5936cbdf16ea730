"""Sweep a pile of small cubes into a marked square."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import Goal, ZoneGoal, all_to_all, lattice
from ravens_suite.core.palette import PALETTE
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.placement import free_pose
from ravens_suite.tasks.primitives import Primitive, Push
from ravens_suite.tasks.sentences import Sentences

COUNT = 50
"""Number of cubes."""

CUBE = (0.01, 0.01, 0.01)
ZONE = (0.12, 0.12)
"""Metres: a cube, and the marked square."""

PILE_X, PILE_Y = (0.40, 0.60), (-0.10, 0.10)
PILE_Z = 0.01
"""Metres, world frame: where cubes appear."""


class SweepingPiles(Task):
    """Push all cubes into a green square with a spatula (Transporter Networks, section 4.1).

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = 20
    instruction: ClassVar[str] = "sweep the pile of small blocks into the green square"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "push the pile of small blocks into the green square",
            "into the green square sweep the pile of small blocks",
            "the pile of small blocks goes into the green square",
            "the green square is where the small blocks belong",
        ),
        held_out=(
            "gather the small blocks in the green square",
            "in the green square gather the small blocks",
            "shove all small blocks into the green square",
            "clear the small blocks away into the green square",
        ),
    )
    max_bodies: ClassVar[int] = 64
    primitive: ClassVar[Primitive] = Push()

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """The square, then the pile."""
        zone = free_pose(scene, (*ZONE, 0.0), rng)
        scene.add("zone", objects.zone_frame(ZONE), zone, "marker")
        names = tuple(f"cube_{i}" for i in range(COUNT))
        for name in names:
            x, y, yaw = rng.uniform(*PILE_X), rng.uniform(*PILE_Y), rng.uniform(0, 2 * math.pi)
            scene.add(name, objects.small_block(PALETTE["red"]), Pose.planar(x, y, PILE_Z, yaw), "movable")
        return [
            ZoneGoal(
                objects=names,
                targets=(zone,),
                matches=all_to_all(COUNT, 1),
                symmetries=(0.0,) * COUNT,
                rotate=False,
                replace=True,
                zone=zone,
                size=ZONE,
                lattices=(lattice(CUBE),) * COUNT,
            )
        ]
