"""Count: move the blocks of those colours that come in an even number, and no others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import Goal, ZoneGoal, all_to_all, lattice
from ravens_suite.core.seeding import Split
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.language._base import LanguageTask
from ravens_suite.tasks.language._colors import RGB, TRAINING, draw_colors
from ravens_suite.tasks.language._goals import Together
from ravens_suite.tasks.language._zones import add_square
from ravens_suite.tasks.placement import free_pose, kept_free
from ravens_suite.tasks.sentences import Sentences

BLOCK_SIZE = (objects.BLOCK_SIDE,) * 3
"""Metres."""

ZONE_SIDES = (0.15, 0.14, 0.13, 0.12)
"""Metres: sides of a zone, of which the first that fits is taken."""

COLOR_COUNTS = (2, 3)
MOST_BLOCKS = 9

SPOTS = tuple((x, y) for x in (-0.03, 0.03) for y in (-0.03, 0.03))
"""Metres, in the zone's frame: where the oracle puts the blocks of a colour, of which there are at most four."""

MOST_SHIFT = 0.05
"""Metres by which a block that must stay may be pushed aside."""


class EvenBlocksInMatchingZone(LanguageTask):
    """Put the blocks of every colour that comes in an even number into the square of their colour.

    Blocks of a colour that comes in an odd number must stay where they are: moving one fails. Counting as in
    LoHoRavens' put-even-blocks-in-same-color-zone, which does not mind what is moved besides.

    Args:
        split: the same scenes in kind for all.

    Version history: v0, first version.
    """

    colors: tuple[str, ...] = TRAINING
    max_steps: ClassVar[int] = MOST_BLOCKS + 2
    instruction: ClassVar[str] = (
        "put the blocks of each color that comes in an even number into the square of their color"
    )
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "move the blocks of each color with an even number of blocks into the square of that color",
            "into the square of their color put the blocks of each color that comes in an even number",
            "count the blocks of each color and put those of even number into the square of their color",
            "blocks whose color comes in an even number go into the square of their color",
        ),
        held_out=(
            "fill each square with the blocks of its color if their number is even",
            "if a color has an even number of blocks, gather them in the square of that color",
            "into the squares of their colors gather the blocks that come in even numbers",
            "leave colors with an odd number of blocks alone and bring all other blocks to the square of their color",
        ),
    )

    def __init__(self, split: Split = "train") -> None:
        super().__init__(split)
        self._fixed: dict[str, Pose] = {}

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """A square for each of two or three colours, then the blocks, anywhere free."""
        colors = draw_colors(TRAINING, int(rng.choice(COLOR_COUNTS)), rng)
        counts = _draw_counts(colors, rng)
        zones = {}
        for color in colors:
            zones[color] = add_square(scene, color, ZONE_SIDES, rng)
        with kept_free(scene, [pose for pose, _ in zones.values()], (ZONE_SIDES[0], ZONE_SIDES[0], 0.0)):
            for color, count in counts.items():
                for i in range(count):
                    pose = free_pose(scene, BLOCK_SIZE, rng)
                    scene.add(f"{color} block {i + 1}", objects.block(RGB[color]), pose, "movable")
        even = [color for color in colors if counts[color] % 2 == 0]
        self._fixed = {
            name: scene.placed(name)
            for color in colors
            if color not in even
            for name in (f"{color} block {i + 1}" for i in range(counts[color]))
        }
        self.said = [{}]
        self.limit = len(scene.objects()) - len(colors) + 2
        return [Together.of([_goal(color, counts[color], *zones[color], 1 / len(even)) for color in even])]

    def failure(self, scene: Scene) -> str:
        """A block was moved whose colour comes in an odd number."""
        for name, start in self._fixed.items():
            (x, y, _), (x0, y0, _) = scene.pose(name).position, start.position
            if math.hypot(x - x0, y - y0) > MOST_SHIFT:
                return f"a {name.split()[0]} block was moved, but their number is odd"
        return ""


def _draw_counts(colors: Sequence[str], rng: np.random.Generator) -> dict[str, int]:
    """Blocks of each colour: they are dealt in turn, and at least one colour has an even number."""
    while True:
        total = int(rng.integers(len(colors) + 1, min(4 * len(colors), MOST_BLOCKS + 1)))
        counts = {color: len(range(i, total, len(colors))) for i, color in enumerate(colors)}
        if any(count % 2 == 0 for count in counts.values()):
            return counts


def _goal(color: str, count: int, zone: Pose, side: float, share: float) -> ZoneGoal:
    """All blocks of a colour in its square."""
    return ZoneGoal(
        objects=tuple(f"{color} block {i + 1}" for i in range(count)),
        targets=tuple(zone @ Pose((x, y, objects.BLOCK_SIDE / 2)) for x, y in SPOTS),
        matches=all_to_all(count, len(SPOTS)),
        symmetries=(math.pi / 2,) * count,
        share=share,
        zone=zone,
        size=(side, side),
        lattices=(lattice(BLOCK_SIZE),) * count,
    )
