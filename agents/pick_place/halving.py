"""Part of the table instead of all of it: half the work of a gradient step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ravens_suite.core.heightmap import Heightmap

from .augmentation import Example

_MARGIN = 24
"""Pixels, 75 mm, that pick and place keep from where the table is cut."""


def part_of(example: Example, shown: int, rng: np.random.Generator) -> Example | None:
    """An example whose map ends where the table is cut across; what lies beyond is not there.

    Args:
        example: of more rows than ``shown``.
        shown: rows of the part.
        rng: draws where it is cut.

    Returns:
        It with ``shown`` rows; ``None`` if its pick and its places are too far apart for that.
    """
    rows = len(example.height)
    least, most = 0, rows - shown
    points = [example.pick, *example.place] if example.place_known else [example.pick]
    for _, row in points:
        # Cut off at the table's own end, nothing is lost.
        if row + _MARGIN > shown:
            least = max(least, min(int(np.ceil(row)) + _MARGIN - shown, rows - shown))
        if row - _MARGIN < rows - shown:
            most = min(most, max(int(row) - _MARGIN, 0))
    if least > most:
        return None
    first = int(rng.integers(least, most + 1))
    kept, up = slice(first, first + shown), np.array([0.0, first])

    def cut(scene: Heightmap | None) -> Heightmap | None:
        return None if scene is None else Heightmap(scene.color[kept], scene.height[kept])

    affinity = example.pick_affinity[kept]
    whole = affinity.sum()
    return replace(
        example,
        color=example.color[kept],
        height=example.height[kept],
        pick=example.pick - up,
        place=example.place - up,
        pick_affinity=affinity / whole if whole > 0 else affinity,
        goal=cut(example.goal),
        first=cut(example.first),
        numbers=None if example.numbers is None else example.numbers[kept],
    )
