"""Misplaced objects: an object where a bad placement left it. No demonstration shows one, so nothing says to mend it.

Positions and motions are those of ``plane.py``, float64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap

from .free_objects import FreeObject, sampled_pixels
from .plane import compose, inverse, rigid, transform
from .symmetry import mask_centre
from .table import holes

_BESIDE = 8.0
"""Pixels, 25 mm: standard deviation along each axis of the position of an object beside its goal."""
_BESIDE_YAW = math.radians(20)
"""Standard deviation of its orientation in half of such examples; it is uniform in the others."""
_IN_SLOT = 1.0
"""Pixels: standard deviation along each axis of the position of an object in a slot that it does not fit."""
_FITS = 0.9
"""Least share of an object, and of what belongs in a slot, that they have in common if one takes it to lie rightly."""
_TOP = 0.9
"""Share of the surface below an object that is lower than what carries it: it may lie across a hole."""
_ATTEMPTS = 5
"""Random slots and orientations tried."""


def beside(centre: Array, rng: np.random.Generator) -> Array:
    """(2, 3) matrix of a random motion from the goal of an object with its middle there at ``centre`` (2,)."""
    yaw = rng.uniform(-np.pi, np.pi) if rng.random() < 0.5 else rng.normal(0, _BESIDE_YAW)
    return rigid(yaw, centre, centre + rng.normal(0, _BESIDE, 2))


def in_wrong_slot(
    objects: Sequence[FreeObject], stretch: Array, table_stretch: Array, rng: np.random.Generator
) -> Array | None:
    """Where an object lies turned in its slot, or in the slot of another, and is seen not to fit.

    Args:
        objects: the misplaced one first, which has a slot; one without is never the other.
        stretch: (2, 3) matrix that stretches it where it lay.
        table_stretch: (2, 3) matrix that stretches what the objects go to.
        rng: chooses the slot and the orientation.

    Returns:
        (2, 3) matrix of the rigid motion there; ``None`` if it would fit wherever it is tried.
    """
    own = objects[0]
    with_slots = [each for each in objects if each.slot is not None]
    for _ in range(_ATTEMPTS):
        other = with_slots[rng.integers(len(with_slots))]
        assert other.slot is not None
        goal = compose(table_stretch, other.slot)
        yaw, target = rng.uniform(-np.pi, np.pi), transform(goal, _middle(other))
        motion = rigid(yaw, _middle(own), target)
        from_own_to_other = compose(inverse(goal), compose(motion, stretch))
        shares = _share_within(own, from_own_to_other, other), _share_within(other, inverse(from_own_to_other), own)
        if min(shares) < _FITS:
            return rigid(yaw, _middle(own), target + rng.normal(0, _IN_SLOT, 2))
    return None


def raised(free_object: FreeObject, heights: NDArray[np.float32], motion: Array) -> FreeObject:
    """An object as high as it lies elsewhere.

    Args:
        free_object: on the table.
        heights: (rows, columns) float32 metres, of the scene without it.
        motion: (2, 3) matrix from where it lay to where it lies in that scene.
    """
    rows, columns = heights.shape
    points = transform(motion, sampled_pixels(free_object)).astype(int)
    column, row = np.clip(points, 0, (columns - 1, rows - 1)).T
    below = float(np.median(free_object.table_height[free_object.mask]))
    height = free_object.height.copy()
    missing = holes(Heightmap(free_object.color, height), heights)
    height[free_object.mask & ~missing] += np.float32(np.quantile(heights[row, column], _TOP) - below)
    return replace(free_object, height=height)


def _middle(free_object: FreeObject) -> Array:
    """(2,) pixel position of the middle of an object."""
    return mask_centre(free_object.mask) + free_object.origin


def _share_within(moved: FreeObject, motion: Array, other: FreeObject) -> float:
    """Share of an object that lies within another one after a motion, (2, 3) matrix."""
    column, row = (np.floor(transform(motion, sampled_pixels(moved))).astype(int) - other.origin).T
    rows, columns = other.mask.shape
    inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    within = other.mask[np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1)]
    return float((inside & within).mean())
