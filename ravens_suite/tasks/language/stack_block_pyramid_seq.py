"""Stack six blocks into a pyramid, one after the other, as sentences say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ravens_suite.core.geometry import Pose, Vector
from ravens_suite.core.goals import Goal, PoseGoal
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Variants
from ravens_suite.tasks.candidates import Candidate, Candidates
from ravens_suite.tasks.language._base import ColorTask
from ravens_suite.tasks.language._colors import RGB, draw_colors
from ravens_suite.tasks.placement import free_pose
from ravens_suite.tasks.sentences import Sentences

STAND_SIZE = (objects.PYRAMID_PLATE[0], 3 * objects.PYRAMID_PLATE[1], objects.PYRAMID_PLATE[2])
"""Metres: three plates side by side, along y."""

BLOCK_SIZE = (objects.BLOCK_SIDE,) * 3
"""Metres."""

PLACES: tuple[Vector, ...] = (
    (0, -0.05, 0.03),
    (0, 0, 0.03),
    (0, 0.05, 0.03),
    (0, -0.025, 0.08),
    (0, 0.025, 0.08),
    (0, 0, 0.13),
)
"""(x, y, z) metres, in the stand's frame, in the order in which blocks are placed; the heights are nominal."""

PLATES = ("lightest brown plate", "middle brown plate", "darkest brown plate")
"""The words for the first three places."""

UNDERNEATH = {3: (0, 1), 4: (1, 2), 5: (3, 4)}
"""The two places below each of the others."""


class StackBlockPyramidSeq(ColorTask):
    """Put each block where its sentence says: on a plate by its shade, or on the two blocks that it names.

    As the published stack-block-pyramid-seq (CLIPort, appendix A): the order of the places is fixed, colours are not.

    Args:
        split: with ``colors="unseen"``, ``val`` and ``test`` have colours that ``train`` does not have.
        colors: ``seen``, ``unseen`` or ``full``, which has the colours of both.

    Raises:
        ConfigError: ``colors`` is none of these.

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = 12
    instruction: ClassVar[str] = "put the {block} on the {place}"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "place the {block} on the {place}",
            "on the {place} put the {block}",
            "on top of the {place} place the {block}",
            "the {block} goes on the {place}",
            "the place for the {block} is on the {place}",
        ),
        held_out=(
            "set the {block} down on the {place}",
            "on the {place} set down the {block}",
            "pick up the {block} and leave it on the {place}",
            "cover the {place} with the {block}",
        ),
    )
    variants: ClassVar[Variants] = {
        "seen": {"colors": "seen"},
        "unseen": {"colors": "unseen"},
        "full": {"colors": "full"},
    }

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """The stand, then six blocks of different colours, anywhere free."""
        stand = free_pose(scene, STAND_SIZE, rng)
        scene.add("stand", objects.pyramid_stand(), stand, "fixed")
        colors = draw_colors(self.colors, len(PLACES), rng)
        for color in colors:
            scene.add(f"{color} block", objects.block(RGB[color]), free_pose(scene, BLOCK_SIZE, rng), "movable")
        self.said = [{"block": f"{color} block", "place": _place(i, colors)} for i, color in enumerate(colors)]
        self.could_mean = [_candidates(i, colors, stand) for i in range(len(colors))]
        return [
            PoseGoal(
                objects=(f"{color} block",),
                targets=(stand @ Pose(place),),
                matches=((True,),),
                symmetries=(math.pi / 2,),
                share=1 / len(PLACES),
            )
            for color, place in zip(colors, PLACES, strict=True)
        ]


def _candidates(index: int, colors: Sequence[str], stand: Pose) -> Candidates:
    """All blocks, and where a block goes on a plate all plates; what is named first."""
    plates = [i for i in range(len(PLACES)) if i not in UNDERNEATH]
    return Candidates(
        picks=tuple(
            Candidate({"block": f"{color} block"}, bodies=(f"{color} block",))
            for color in sorted(colors, key=lambda color: color != colors[index])
        ),
        places=tuple(
            Candidate({"place": PLATES[i]}, places=(stand @ Pose(PLACES[i]),))
            for i in sorted(plates, key=lambda i: i != index)
        )
        if index in plates
        else (),
    )


def _place(index: int, colors: Sequence[str]) -> str:
    """The words for a place: a plate, or the two blocks underneath."""
    if index not in UNDERNEATH:
        return PLATES[index]
    first, second = UNDERNEATH[index]
    return f"{colors[first]} and {colors[second]} blocks"
