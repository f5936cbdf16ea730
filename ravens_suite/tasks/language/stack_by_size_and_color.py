"""Relations: stack each small block on the big one of its colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import Goal, ZoneGoal, lattice
from ravens_suite.core.seeding import Split
from ravens_suite.errors import ConfigError
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Variants
from ravens_suite.tasks.language._base import LanguageTask
from ravens_suite.tasks.language._colors import RGB, TRAINING, draw_colors
from ravens_suite.tasks.language._goals import OnTop, Together
from ravens_suite.tasks.language._zones import add_square
from ravens_suite.tasks.placement import free_pose, kept_free
from ravens_suite.tasks.sentences import Sentences

BIG, SMALL = 0.06, 0.04
"""Metres: sides of the cubes."""

ZONE = (0.15, 0.15)
"""Metres: the squares of the variant with zones."""

MOST_DISTRACTORS = 2
"""Small blocks at most whose colour no big block has."""

IN_ZONES = "put each big block into the square of its color, and each small block on the big block of its color"
"""What the variant with zones says."""

IN_ZONES_SENTENCES = Sentences(
    training=(
        "into the square of its color put each big block, and on each big block put the small block of its color",
        "each big block goes into the square of its color, and each small block on the big block of the same color",
        "move the big blocks to the squares of their colors, then stack each small block on the big one of its color",
        "on the big block of its color, which belongs in the square of that color, put each small block",
    ),
    held_out=(
        "in every square build a tower of its color, the big block below and the small one on top",
        "fill each square with the big block of its color, and cover that with the small block of its color",
        "sort the big blocks into the squares by color and crown each of them with its small block",
        "with a big block of its color fill each square, and set the matching small block on top",
    ),
)


class StackBySizeAndColor(LanguageTask):
    """Put every small block on the big block of its colour; a small block without one is left alone.

    As LoHoRavens' stack-smaller-over-bigger-with-same-color, where heights count, too: 1 cm in the plane and 1.5 cm in
    height, relative to where the big block is.

    Args:
        split: the same scenes in kind for all.
        zones: whether the big blocks must first be put into squares of their colours.

    Raises:
        ConfigError: ``zones`` is neither true nor false.

    Version history: v0, first version.
    """

    colors: tuple[str, ...] = TRAINING
    max_steps: ClassVar[int] = 13
    instruction: ClassVar[str] = "put each small block on the big block of its color"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "stack every small block on the big block of the same color",
            "on the big block of its color put each small block",
            "each small block goes on the big block of its color",
            "on each big block put the small block of its color",
        ),
        held_out=(
            "cover every big block with the small block that has its color",
            "with the small block of its color cover every big block",
            "build towers of two blocks of one color, the big one below",
            "place small blocks on top of big blocks so that their colors match",
        ),
    )
    variants: ClassVar[Variants] = {"in-zones": {"zones": True}}

    def __init__(self, split: Split = "train", zones: bool = False) -> None:
        super().__init__(split)
        if not isinstance(zones, bool):
            raise ConfigError(f"zones must be true or false; got {zones!r}.")
        self._zones = zones
        if zones:
            self.instruction, self.sentences = IN_ZONES, IN_ZONES_SENTENCES  # type: ignore[misc]

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """Squares where there are any, then a big and a small block of each colour, and small ones of others."""
        count = int(rng.integers(3, 6)) if self._zones else int(rng.integers(5, 8))
        colors = draw_colors(TRAINING, len(TRAINING), rng)
        used, others = colors[:count], colors[count:]
        zones = {color: add_square(scene, color, ZONE[:1], rng)[0] for color in used} if self._zones else {}
        with kept_free(scene, list(zones.values()), (*ZONE, 0.0)):
            for color in used:
                _add_block(scene, f"big {color} block", BIG, rng)
                _add_block(scene, f"small {color} block", SMALL, rng)
            for color in others[: int(rng.integers(MOST_DISTRACTORS + 1))]:
                _add_block(scene, f"small {color} block", SMALL, rng)
        self.limit = 2 * count + 3 if self._zones else count + 2
        pairs = [(f"small {color} block", f"big {color} block") for color in used]
        if not zones:
            self.said = [{}]
            return [OnTop.of(pairs, (BIG + SMALL) / 2, math.pi / 2)]
        self.said = [{}, {}]
        placed = Together.of([_in_zone(color, zone, 1 / count) for color, zone in zones.items()], share=0.5)
        return [placed, OnTop.of(pairs, (BIG + SMALL) / 2, math.pi / 2, share=0.5)]


def _add_block(scene: Scene, name: str, side: float, rng: np.random.Generator) -> None:
    """A cube of the colour in its name, anywhere free."""
    size = (side, side, side)
    body = objects.box(size, RGB[name.split()[1]], objects.BLOCK_MASS)
    scene.add(name, body, free_pose(scene, size, rng), "movable")


def _in_zone(color: str, zone: Pose, share: float) -> ZoneGoal:
    """The big block of a colour in its square."""
    return ZoneGoal(
        objects=(f"big {color} block",),
        targets=(zone.at(z=BIG / 2),),
        matches=((True,),),
        symmetries=(math.pi / 2,),
        share=share,
        zone=zone,
        size=ZONE,
        lattices=(lattice((BIG, BIG, BIG)),),
    )
