"""Distractors: one more object, in a colour that no demonstration shows, at which nothing is to be placed.

From one demonstration of packing-boxes without an orange box, an agent took orange boxes for the brown container.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.heightmap import Heightmap

from .free_objects import FreeObject
from .recoloring import draw_color
from .table import bare_table


def draw_distractor(
    objects: Sequence[FreeObject], table: Heightmap, goal: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[int, FreeObject] | None:
    """A copy of a free object in a random colour, which resembles neither that of the picked one nor that of the goal.

    Args:
        objects: of the step, the picked one first.
        table: the scene without them.
        goal: (rows, columns) bool, where the picked one goes.
        rng: chooses object and colour.

    Returns:
        The index of what was copied, and the copy, which goes into no slot; ``None`` if no colour was found.
    """
    copied = int(rng.integers(len(objects)))
    taken = [objects[0].color[objects[0].mask].mean(axis=0)]
    there = goal & ~bare_table(table)
    if there.any():
        taken.append(table.color[there].mean(axis=0))
    drawn = draw_color(taken, rng)
    if drawn is None:
        return None
    color = objects[copied].color.copy()
    pixels = color[objects[copied].mask].astype(np.float64)
    # Relative brightness within it stays.
    brightness = pixels.max(axis=1, keepdims=True) / max(pixels.max(), 1.0)
    color[objects[copied].mask] = (brightness * drawn).astype(np.uint8)
    return copied, replace(objects[copied], color=color, slot=None)
