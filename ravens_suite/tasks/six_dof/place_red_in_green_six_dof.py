"""Put the red blocks into raised, tilted green bowls, among other blocks and bowls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import Goal, PoseGoal, all_to_all
from ravens_suite.core.palette import PALETTE
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Variants
from ravens_suite.tasks.placement import free_pose
from ravens_suite.tasks.sentences import Sentences
from ravens_suite.tasks.six_dof._tilts import (
    ROTATION_TOLERANCE,
    TiltedTask,
    Tilts,
    check_clear,
    check_reach,
)

BOWL_SIZE = (0.12, 0.12, objects.BOWL_HEIGHT)
BLOCK_SIZE = (objects.BLOCK_SIDE,) * 3
"""Metres: footprints, and heights."""

MOST_BOWLS = 2
"""Green bowls at most; there are at most as many red blocks."""

OTHERS = ("blue block", "yellow block", "orange bowl", "purple bowl")
"""What else lies on the table, level."""

POSITION_TOLERANCE = 0.03
"""Metres between the middles of a block and of its place in the bowl."""

TILTS = Tilts(most=math.radians(20), beyond=math.radians(30), heights=(0.05, 0.12))

_SEAT = Pose((0.0, 0.0, objects.BOWL_FLOOR + (objects.BLOCK_SIDE - objects.BOWL_HEIGHT) / 2))
"""Of a block on the floor of a bowl, in the bowl's frame."""

_HALF = objects.BLOCK_SIDE / 2
_PICKS = ((_HALF, _HALF, _HALF), (-_HALF, _HALF, _HALF), (_HALF, -_HALF, _HALF), (-_HALF, -_HALF, _HALF))


class PlaceRedInGreenSixDof(TiltedTask):
    """Put every red block into a green bowl of its own, flat on the tilted floor (after MIRA, arXiv 2212.06088).

    Strict success wants height and tilt, too.

    Args:
        split: the same scenes in kind for all, unless ``ood``.
        ood: whether tests are beyond training: roll or pitch is 20 to 30 degrees there, else at most 20.

    Raises:
        ConfigError: ``ood`` is neither true nor false.

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = 6
    instruction: ClassVar[str] = "put the red blocks into the tilted green bowls"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "place the red blocks in the tilted green bowls",
            "into the tilted green bowls put the red blocks",
            "the red blocks go into the tilted green bowls",
            "the tilted green bowls are where the red blocks belong",
            "lay every red block flat on the floor of a tilted green bowl",
        ),
        held_out=(
            "set the red blocks down in the tilted green bowls",
            "in the tilted green bowls set down the red blocks",
            "pick up the red blocks, tilt them and leave them in the tilted green bowls",
            "each red block gets a tilted green bowl of its own",
            "find a tilted green bowl for every red block and lower the block into it",
        ),
    )
    variants: ClassVar[Variants] = {"ood": {"ood": True}}

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """Tilted green bowls, at most as many red blocks, and what else lies there."""
        bowls = [f"green bowl {i + 1}" for i in range(rng.integers(1, MOST_BOWLS + 1))]
        blocks = tuple(f"red block {i + 1}" for i in range(rng.integers(1, len(bowls) + 1)))
        seats = []
        for name in bowls:
            level = free_pose(scene, BOWL_SIZE, rng)
            bowl = TILTS.draw(level, rng, beyond=self.beyond)
            body = objects.bowl(PALETTE["green"])
            seats.append(bowl @ _SEAT)
            check_reach(seats[-1], _PICKS)
            check_clear(body, bowl)
            scene.add(name, body, bowl, "fixed")
        for name in blocks:
            scene.add(name, objects.block(PALETTE["red"]), free_pose(scene, BLOCK_SIZE, rng), "movable")
        for name in OTHERS:
            color, kind = name.split()
            size = BLOCK_SIZE if kind == "block" else BOWL_SIZE
            shade = PALETTE[color]
            other = objects.block(shade) if kind == "block" else objects.bowl(shade, objects.BOWL_MASS)
            scene.add(name, other, free_pose(scene, size, rng), "movable")
        return [
            PoseGoal(
                objects=blocks,
                targets=tuple(seats),
                matches=all_to_all(len(blocks), len(seats)),
                symmetries=(0.0,) * len(blocks),
                position_tolerance=POSITION_TOLERANCE,
                rotation_tolerance=ROTATION_TOLERANCE,
                full_pose=True,
            )
        ]
