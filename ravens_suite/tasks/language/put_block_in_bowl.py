"""Put the blocks of one colour into bowls of another, both named by a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ravens_suite.core.goals import Goal, PoseGoal, all_to_all
from ravens_suite.errors import PlacementError
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Variants
from ravens_suite.tasks.candidates import Candidate, Candidates, by_color
from ravens_suite.tasks.language._base import ColorTask
from ravens_suite.tasks.language._colors import RGB, draw_colors
from ravens_suite.tasks.placement import free_pose
from ravens_suite.tasks.sentences import Sentences

BOWL_SIZE = (0.12, 0.12, objects.BOWL_HEIGHT)
BLOCK_SIZE = (objects.BLOCK_SIDE,) * 3
"""Metres: footprints, and heights."""

MOST_BOWLS = 3
"""Bowls of the named colour at most; there are at most as many blocks that belong in them."""

DISTRACTORS = 6
"""Blocks and bowls of colours that the sentence does not name."""

DISTRACTOR_ATTEMPTS = 200
"""Draws for all distractors together: where a bowl no longer fits, a block still may."""

POSITION_TOLERANCE = 0.05
"""Metres between the middles of a block and of the bowl it lies in."""


class PutBlockInBowl(ColorTask):
    """Put every block of the colour that the sentence names into a bowl of the other colour that it names.

    As the published put-blocks-in-bowls (CLIPort, section 4): two blocks may share a bowl. Distractors are in none of
    the two colours, and only in colours of the split; the published ones show colours that testing holds back.

    Args:
        split: with ``colors="unseen"``, ``val`` and ``test`` have colours that ``train`` does not have.
        colors: ``seen``, ``unseen`` or ``full``, which has the colours of both.

    Raises:
        ConfigError: ``colors`` is none of these.

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = MOST_BOWLS + 1
    instruction: ClassVar[str] = "put the {blocks} in a {bowl}"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "place the {blocks} into a {bowl}",
            "take the {blocks} and put them in a {bowl}",
            "in a {bowl} put the {blocks}",
            "the {blocks} go into a {bowl}",
            "into a {bowl} go the {blocks}",
            "a {bowl} is where the {blocks} belong",
        ),
        held_out=(
            "drop the {blocks} into a {bowl}",
            "into a {bowl} drop the {blocks}",
            "fill a {bowl} with the {blocks}",
            "pick up the {blocks} and leave them in a {bowl}",
            "find a {bowl} and move the {blocks} there",
        ),
    )
    variants: ClassVar[Variants] = {
        "seen": {"colors": "seen"},
        "unseen": {"colors": "unseen"},
        "full": {"colors": "full"},
    }

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """Bowls, at most as many blocks, and six distractors."""
        block_color, bowl_color, *others = draw_colors(self.colors, len(self.colors), rng)
        bowls = [f"{bowl_color} bowl {i + 1}" for i in range(rng.integers(1, MOST_BOWLS + 1))]
        blocks = [f"{block_color} block {i + 1}" for i in range(rng.integers(1, len(bowls) + 1))]
        targets = []
        for name in bowls:
            targets.append(free_pose(scene, BOWL_SIZE, rng))
            scene.add(name, objects.bowl(RGB[bowl_color]), targets[-1], "fixed")
        for name in blocks:
            scene.add(name, objects.block(RGB[block_color]), free_pose(scene, BLOCK_SIZE, rng), "movable")
        _add_distractors(scene, others, rng)
        self.limit = len(blocks) + 1
        self.said = [{"blocks": f"{block_color} blocks", "bowl": f"{bowl_color} bowl"}]
        self.could_mean = [_candidates(scene, block_color, bowl_color)]
        return [
            PoseGoal(
                objects=tuple(blocks),
                targets=tuple(targets),
                matches=all_to_all(len(blocks), len(bowls)),
                symmetries=(0.0,) * len(blocks),
                position_tolerance=POSITION_TOLERANCE,
            )
        ]


def _candidates(scene: Scene, block_color: str, bowl_color: str) -> Candidates:
    """The blocks of every colour, and the bowls of every colour; those that are named first."""
    blocks, bowls = (by_color(scene.objects(), kind) for kind in ("block", "bowl"))
    return Candidates(
        picks=tuple(
            Candidate({"blocks": f"{color} blocks"}, bodies=names)
            for color, names in sorted(blocks.items(), key=lambda item: item[0] != block_color)
        ),
        places=tuple(
            Candidate({"bowl": f"{color} bowl"}, places=tuple(scene.placed(name) for name in names))
            for color, names in sorted(bowls.items(), key=lambda item: item[0] != bowl_color)
        ),
    )


def _add_distractors(scene: Scene, colors: Sequence[str], rng: np.random.Generator) -> None:
    """Blocks and bowls, each with probability one half, in some colours by turns; all of them can be moved."""
    placed, reason = 0, None
    for _ in range(DISTRACTOR_ATTEMPTS):
        if placed == DISTRACTORS:
            return
        is_block = bool(rng.random() > 0.5)
        try:
            pose = free_pose(scene, BLOCK_SIZE if is_block else BOWL_SIZE, rng)
        except PlacementError as error:
            reason = error
            continue
        color = colors[placed % len(colors)]
        body = objects.block(RGB[color]) if is_block else objects.bowl(RGB[color], objects.BOWL_MASS)
        placed += 1
        scene.add(f"{color} {'block' if is_block else 'bowl'} {placed + MOST_BOWLS}", body, pose, "movable")
    raise PlacementError(f"Only {placed} of {DISTRACTORS} distractors found a place.") from reason
