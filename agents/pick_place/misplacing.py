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

from .free_objects import FreeObject, sampled_pixels
from .plane import compose, inverse, rigid, transform
from .symmetry import mask_centre

_BESIDE = 8.0
"""Pixels, 25 mm: standard deviation along each axis of the position of an object beside its goal."""
_BESIDE_YAW = math.radians(20)
"""Standard deviation of its orientation in half of such examples; it is uniform in the others."""
_IN_SLOT = 1.0
"""Pixels: standard deviation along each axis of the position of an object in a slot that it does not fit."""
_FITS = 0.9
"""Share of an object that a slot covers from which one cannot see that it lies there wrongly."""
_ATTEMPTS = 5
"""Random slots and orientations tried."""


def beside(centre: Array, rng: np.random.Generator) -> Array:
    """(2, 3) matrix of a random motion from the goal of an object with its middle there at ``centre`` (2,)."""
    yaw = rng.uniform(-np.pi, np.pi) if rng.random() < 0.5 else rng.normal(0, _BESIDE_YAW)
    return rigid(yaw, centre, centre + rng.normal(0, _BESIDE, 2))


def in_wrong_slot(objects: Sequence[FreeObject], table_stretch: Array, rng: np.random.Generator) -> Array | None:
    """Where an object lies turned in its slot, or in the slot of another, and is seen not to fit.

    Args:
        objects: the misplaced one first, which has a slot; of the others those that have one.
        table_stretch: (2, 3) matrix that stretches what they go to.
        rng: chooses the slot and the orientation.

    Returns:
        (2, 3) matrix of the rigid motion there; ``None`` if it would fit in all that are tried.
    """
    own = objects[0]
    for _ in range(_ATTEMPTS):
        other = objects[rng.integers(len(objects))]
        yaw, error = rng.uniform(-np.pi, np.pi), rng.normal(0, _IN_SLOT, 2)
        if other.slot is None:
            continue
        motion = rigid(yaw, _middle(own), transform(other.slot, _middle(other)))
        from_own_to_other = compose(inverse(other.slot), motion)
        fits = _share_within(own, from_own_to_other, other), _share_within(other, inverse(from_own_to_other), own)
        if min(fits) < _FITS:
            target = transform(compose(table_stretch, other.slot), _middle(other)) + error
            return rigid(yaw, _middle(own), target)
    return None


def raised(free_object: FreeObject, heights: NDArray[np.float32], motion: Array) -> FreeObject:
    """An object as high as it lies elsewhere.

    Args:
        free_object: on the table.
        heights: (rows, columns) float32 metres, of the scene without it.
        motion: (2, 3) matrix to where it lies.
    """
    rows, columns = heights.shape
    points = transform(motion, sampled_pixels(free_object)).astype(int)
    column, row = np.clip(points, 0, (columns - 1, rows - 1)).T
    rise = float(np.median(heights[row, column]) - np.median(free_object.table_height[free_object.mask]))
    height = free_object.height.copy()
    height[free_object.mask] += np.float32(rise)
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
