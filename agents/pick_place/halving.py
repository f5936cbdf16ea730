"""Part of the table instead of all of it: half the work of a gradient step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.heightmap import Heightmap

from .augmentation import Example

_MARGIN = 24
"""Pixels, 75 mm, that pick and place keep from where the table is cut."""
_FLAT = 0.005
"""Metres: what is lower lies flat, such as the outline of a target."""


def part_of(example: Example, shown: int, rng: np.random.Generator) -> Example | None:
    """An example whose map ends where the table is cut across; what lies beyond is not there.

    It is cut where the table is bare: half of a rope looks like a shorter rope, which asks for other actions.

    Args:
        example: of more rows than ``shown``.
        shown: rows of the part.
        rng: draws where it is cut.

    Returns:
        It with ``shown`` rows; ``None`` if its pick and its places are too far apart for that, or it would be cut
        through something everywhere.
    """
    rows = len(example.height)
    points = [example.pick, *example.place] if example.place_known else [example.pick]
    seen = np.array([row for _, row in points])
    firsts = np.arange(rows - shown + 1)
    # Cut off at the table's own end, nothing is lost.
    above = (firsts == 0) | (seen.min() - _MARGIN >= firsts)
    below = (firsts == rows - shown) | (seen.max() + _MARGIN <= firsts + shown)
    whole = ~_cuts_something(example.height)
    firsts = firsts[above & below & whole[firsts] & whole[firsts + shown]]
    if not len(firsts):
        return None
    first = int(rng.choice(firsts))
    kept, up = slice(first, first + shown), np.array([0.0, first])

    def cut(scene: Heightmap | None) -> Heightmap | None:
        return None if scene is None else Heightmap(scene.color[kept], scene.height[kept])

    affinity = example.pick_affinity[kept]
    total = affinity.sum()
    return replace(
        example,
        color=example.color[kept],
        height=example.height[kept],
        pick=example.pick - up,
        place=example.place - up,
        pick_affinity=affinity / total if total > 0 else affinity,
        goal=cut(example.goal),
        first=cut(example.first),
        numbers=None if example.numbers is None else example.numbers[kept],
    )


def _cuts_something(height: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(rows + 1,): whether something stands on both sides of the line above each row, in the same column."""
    stands = height > _FLAT
    cut = np.zeros(len(height) + 1, bool)
    cut[1:-1] = (stands[1:] & stands[:-1]).any(axis=1)
    return cut
