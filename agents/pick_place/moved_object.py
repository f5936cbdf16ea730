"""The pixels of the object that an action moved, found by comparing the heightmaps before and after it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap

from .plane import warp
from .table import above_table, bare_table, changed_pixels, colors_differ, holes

_REACH = 3
"""Pixels: largest distance between the pick and the object."""
_SMALLEST_MOVED = 9
"""Pixels: smallest change that counts as a moved object."""
_SMALLEST_STANDING = 4
"""Pixels: smallest standing object; the smallest cubes have about ten."""


def moved_object(before: Heightmap, after: Heightmap, pick: Array, motion: Array) -> NDArray[np.bool_] | None:
    """Pixels of the object that a rigid motion moved.

    They changed, at their old or at their new position, and the motion takes them to pixels of the same colour, or to
    holes of measured depth.

    Args:
        before: the table before the action.
        after: the table after it.
        pick: (2,) pixel position.
        motion: (2, 3) matrix from pick to place.

    Returns:
        (rows, columns) bool, the object before the action; ``None`` if there is no such object, as after a push or
        with a bead of a rope.
    """
    changed = changed_pixels(before, after)
    # Where another object now lies at the old position, the change shows at the new position.
    changed |= warp(changed.astype(np.uint8), motion, inverse=True).astype(bool)
    changed &= ~bare_table(before)
    same = ~colors_differ(before.color, warp(after.color, motion, inverse=True))
    same |= warp(holes(after).astype(np.uint8), motion, inverse=True).astype(bool)
    same &= ~holes(before)
    _, labels = cv2.connectedComponents((changed & same).astype(np.uint8), connectivity=4)
    return _component_near(labels, pick, _SMALLEST_MOVED)


def standing_object(before: Heightmap, pick: Array) -> NDArray[np.bool_] | None:
    """Pixels of what stands at a pick, with all that it touches.

    Args:
        before: the table before the action.
        pick: (2,) pixel position.

    Returns:
        (rows, columns) bool; ``None`` if nothing stands there.
    """
    _, labels = cv2.connectedComponents(above_table(before.height).astype(np.uint8))
    return _component_near(labels, pick, _SMALLEST_STANDING)


def disc(shape: tuple[int, ...], centre: Array, radius: float) -> NDArray[np.bool_]:
    """(rows, columns) bool: pixels within a radius, in pixels, of a position (2,), or of the map's pixel next to it."""
    column, row = np.clip(centre, 0.5, [shape[1] - 0.5, shape[0] - 0.5])
    near = tuple(slice(max(int(at - radius) - 1, 0), int(at + radius) + 1) for at in (row, column))
    inside = np.zeros(shape[:2], dtype=bool)
    rows, columns = (np.arange(length)[part] for length, part in zip(shape, near, strict=False))
    inside[near] = np.hypot(columns + 0.5 - column, rows[:, None] + 0.5 - row) <= radius
    return inside


def _component_near(labels: NDArray[Any], pick: Array, smallest: int) -> NDArray[np.bool_] | None:
    """The labelled component with most pixels near a pick; ``None`` if there is none, or it is too small."""
    found = labels[disc(labels.shape, pick, _REACH) & (labels > 0)]
    if len(found):
        mask: NDArray[np.bool_] = labels == np.bincount(found).argmax()
        if mask.sum() >= smallest:
            return mask
    return None
