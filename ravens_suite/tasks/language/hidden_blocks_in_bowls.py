"""Hidden things: put blocks into bowls of their colours, of which some lie unseen under bigger ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.goals import Goal, PoseGoal, Poses, distance
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.language._base import LanguageTask
from ravens_suite.tasks.language._colors import RGB, TRAINING, draw_colors
from ravens_suite.tasks.placement import free_pose, kept_free
from ravens_suite.tasks.sentences import Sentences

BIG, SMALL = 0.06, objects.BLOCK_SIDE
"""Metres: sides of the cubes that hide others, and of those that belong in bowls."""

BOWL_SIZE = (0.12, 0.12, objects.BOWL_HEIGHT)
"""Metres: footprint and height of a bowl."""

COUNTS = (4, 5, 6, 7)
"""Numbers of blocks, small and big together."""

IN_BOWL = 0.05
"""Metres between the middles of a block and of its bowl."""

OFF_TOWER = 0.06
"""Metres by which a big block must be moved off what it hides."""

UNCOVERING = 0.05
"""Share of the reward for moving the big blocks away. A goal step is complete within 0.01, so with less of a share
one of them could be left where it is."""


class HiddenBlocksInBowls(LanguageTask):
    """Put every small block into the bowl of its colour; each big block hides a small one from above.

    The cameras at the sides see what is hidden, a heightmap from above does not. After LoHoRavens' tasks with hidden
    blocks; the big blocks only have to be moved off, where those there have to go to places that nobody is told.

    Args:
        split: the same scenes in kind for all.

    Version history: v0, first version.
    """

    colors: tuple[str, ...] = TRAINING
    max_steps: ClassVar[int] = COUNTS[-1] + 2
    instruction: ClassVar[str] = (
        "move the big blocks aside and put each small block, seen or hidden, into the bowl of its color"
    )
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "uncover the small blocks under the big ones, then put each small block into the bowl of its color",
            "put each small block into the bowl of its color, also those hidden under big blocks",
            "into the bowl of its color put each small block, also those hidden under big blocks",
            "small blocks go into the bowls of their colors, and big blocks that hide them go aside",
        ),
        held_out=(
            "find the small blocks below the big ones and drop each of them into the bowl of its color",
            "take the big blocks off the small ones, which belong in the bowls of their colors",
            "in the bowls of their colors belong all small blocks, even those that lie under big ones",
            "clear the big blocks away and sort all small blocks into bowls by color",
        ),
    )

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """A bowl for each small block, then the blocks: pairs of a small one under a big one, and maybe one alone."""
        count = int(rng.choice(COUNTS))
        colors = draw_colors(TRAINING, count, rng)
        small = colors[: (count + 1) // 2]
        covers = colors[(count + 1) // 2 :]
        bowls: dict[str, Pose] = {}
        for color in small:
            bowls[color] = free_pose(scene, BOWL_SIZE, rng)
            scene.add(f"{color} bowl", objects.bowl(RGB[color]), bowls[color], "fixed")
        towers: list[Pose] = []
        for i, color in enumerate(small):
            side = BIG if i < len(covers) else SMALL
            foot = free_pose(scene, (side, side, SMALL), rng)
            scene.add(f"small {color} block", objects.block(RGB[color]), foot, "movable")
            if i < len(covers):
                big = objects.box((BIG, BIG, BIG), RGB[covers[i]], objects.BLOCK_MASS)
                scene.add(f"big {covers[i]} block", big, foot.at(z=SMALL + BIG / 2), "movable")
                towers.append(foot)
        self.limit = count + 2
        self.said = [{}, {}]
        names = tuple(f"small {color} block" for color in small)
        return [
            OffTower(
                objects=tuple(f"big {color} block" for color in covers),
                targets=_spare_places(scene, len(covers), rng),
                matches=tuple(tuple(i == j for j in range(len(covers))) for i in range(len(covers))),
                symmetries=(0.0,) * len(covers),
                share=UNCOVERING,
                towers=tuple(towers),
            ),
            PoseGoal(
                objects=names,
                targets=tuple(bowls[color] for color in small),
                matches=tuple(tuple(i == j for j in range(len(small))) for i in range(len(small))),
                symmetries=(0.0,) * len(small),
                position_tolerance=IN_BOWL,
                share=1 - UNCOVERING,
            ),
        ]


@dataclass(frozen=True, kw_only=True)
class OffTower(Goal):
    """Each object counts once it is no longer where it stood.

    Attributes:
        towers: where each object stood, world frame.
    """

    towers: tuple[Pose, ...]

    def counted(self, poses: Poses) -> Array:
        """(len(objects),) float64: 1 for each object that was moved away, else 0."""
        away = [
            name in poses and distance(poses[name].at(z=0.0), tower.at(z=0.0)) > OFF_TOWER
            for name, tower in zip(self.objects, self.towers, strict=True)
        ]
        return np.array(away, dtype=np.float64)

    def weights(self) -> Array:
        """(len(objects),) float64: every object counts the same."""
        return np.full(len(self.objects), 1 / len(self.objects))

    def reached(self, poses: Poses) -> list[tuple[int, int]]:
        """Objects that were moved away."""
        return [(i, i) for i, part in enumerate(self.counted(poses)) if part]


def _spare_places(scene: Scene, count: int, rng: np.random.Generator) -> tuple[Pose, ...]:
    """Free places for so many big blocks, apart from each other; for the oracle."""
    size = (BIG, BIG, BIG)
    places: list[Pose] = []
    for _ in range(count):
        with kept_free(scene, places, size):
            places.append(free_pose(scene, size, rng))
    return tuple(places)
