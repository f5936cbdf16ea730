"""Put the red blocks into the green bowls, among other blocks and bowls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ravens_suite.core.goals import Goal, PoseGoal, all_to_all
from ravens_suite.core.palette import PALETTE
from ravens_suite.errors import PlacementError
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.placement import free_pose
from ravens_suite.tasks.sentences import Sentences

BOWL_SIZE = (0.12, 0.12, objects.BOWL_HEIGHT)
BLOCK_SIZE = (objects.BLOCK_SIDE,) * 3
"""Metres: footprints, and heights."""

MOST_BOWLS = 3
"""Green bowls at most; there are at most as many red blocks."""

DISTRACTORS = 10
"""Blocks and bowls of other colours."""

DISTRACTOR_ATTEMPTS = 200
"""Draws for all distractors together: where a bowl no longer fits, a block still may."""

POSITION_TOLERANCE = 0.05
"""Metres between the middles of a block and of the bowl it lies in."""


class PlaceRedInGreen(Task):
    """Put every red block into a green bowl; two may share one (Transporter Networks, section 4.1).

    As published, distractors are blocks of every colour but red and bowls of every colour but green: there are green
    blocks and red bowls, but "red block" and "green bowl" mean the named ones alone. With the option ``distractors``
    of the environment there may be red boxes, too, as no colour is left that the scene does not use.

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = 10
    instruction: ClassVar[str] = "put the red blocks into the green bowls"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "place the red blocks in the green bowls",
            "into the green bowls put the red blocks",
            "the red blocks go into the green bowls",
            "the green bowls are where the red blocks belong",
        ),
        held_out=(
            "drop the red blocks into the green bowls",
            "into the green bowls drop the red blocks",
            "fill the green bowls with the red blocks",
            "pick up the red blocks and leave them in the green bowls",
        ),
    )

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """Green bowls, at most as many red blocks, and ten distractors of other colours."""
        bowls = [f"green bowl {i + 1}" for i in range(rng.integers(1, MOST_BOWLS + 1))]
        blocks = [f"red block {i + 1}" for i in range(rng.integers(1, len(bowls) + 1))]
        targets = []
        for name in bowls:
            targets.append(free_pose(scene, BOWL_SIZE, rng))
            scene.add(name, objects.bowl(PALETTE["green"]), targets[-1], "fixed")
        for name in blocks:
            scene.add(name, objects.block(PALETTE["red"]), free_pose(scene, BLOCK_SIZE, rng), "movable")
        _add_distractors(scene, rng)
        return [
            PoseGoal(
                objects=tuple(blocks),
                targets=tuple(targets),
                matches=all_to_all(len(blocks), len(bowls)),
                symmetries=(0.0,) * len(blocks),
                position_tolerance=POSITION_TOLERANCE,
            )
        ]


def _add_distractors(scene: Scene, rng: np.random.Generator) -> None:
    """Blocks and bowls, each with probability one half, in the palette's other colours by turns."""
    placed, reason = 0, None
    for _ in range(DISTRACTOR_ATTEMPTS):
        if placed == DISTRACTORS:
            return
        is_block = bool(rng.random() > 0.5)
        kind, size, wanted = ("block", BLOCK_SIZE, "red") if is_block else ("bowl", BOWL_SIZE, "green")
        try:
            pose = free_pose(scene, size, rng)
        except PlacementError as error:
            reason = error
            continue
        colors = [color for color in PALETTE if color != wanted]
        color = colors[placed % len(colors)]
        body = objects.block(PALETTE[color]) if is_block else objects.bowl(PALETTE[color], objects.BOWL_MASS)
        placed += 1
        scene.add(f"{color} {kind} {placed}", body, pose, "movable")
    raise PlacementError(f"Only {placed} of {DISTRACTORS} distractors found a place.") from reason
