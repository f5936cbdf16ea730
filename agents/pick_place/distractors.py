"""Distractors: one more object, in a random colour unlike that of the goal, at which nothing is to be placed.

From one demonstration of packing-boxes without an orange box, an agent took orange boxes for the brown container.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap

from .free_objects import FreeObject
from .recoloring import random_color
from .table import bare_table

_LEAST, _NEAR = 60.0, 140.0
"""Least distance between its colour and that of the goal, and largest of a colour near it, in RGB from 0 to 255."""
_ATTEMPTS = 100
"""Random colours tried before the example is left without one."""


def draw_distractor(
    objects: Sequence[FreeObject], table: Heightmap, goal: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[int, FreeObject] | None:
    """A copy of a free object in a random colour that is not that of the goal.

    Args:
        objects: of the step, the picked one first.
        table: the scene without them.
        goal: (rows, columns) bool, where the picked one goes.
        rng: chooses object and colour.

    Returns:
        The index of what was copied, and the copy, which goes into no slot; ``None`` if no colour was found.
    """
    copied = int(rng.integers(len(objects)))
    there = goal & ~bare_table(table)
    drawn = _draw_color(table.color[there].mean(axis=0) if there.any() else None, rng)
    if drawn is None:
        return None
    color = objects[copied].color.copy()
    pixels = color[objects[copied].mask].astype(np.float64)
    # Relative brightness within it stays.
    brightness = pixels.max(axis=1, keepdims=True) / max(pixels.max(), 1.0)
    color[objects[copied].mask] = (brightness * drawn).astype(np.uint8)
    return copied, replace(objects[copied], color=color, slot=None)


def _draw_color(goal: Array | None, rng: np.random.Generator) -> Array | None:
    """(3,) float64 colour, 0 to 255, that is not that of the goal (3,); half of the time it is near it."""
    near = goal is not None and rng.random() < 0.5
    for _ in range(_ATTEMPTS):
        drawn = random_color(rng)
        distance = _LEAST if goal is None else float(np.linalg.norm(drawn - goal))
        if distance >= _LEAST and not (near and distance > _NEAR):
            return drawn
    return None
