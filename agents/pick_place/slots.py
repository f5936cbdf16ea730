"""Slots: places that show the outline of what goes there, a hole or a silhouette.

Positions and motions are those of ``plane.py``, float64.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.heightmap import Heightmap

from .free_objects import touches_border
from .table import COLOR_TOLERANCE, height_tolerance, holes, median

Mask = NDArray[np.bool_]

_RING = 4
"""Pixels around a slot that are looked at."""
_ALIKE = 0.85
"""Least share of the pixels of a slot that look alike, and of those around it."""
_KNOWN = 0.5
"""Least share of the pixels of a slot that a camera must have seen, and of those around it."""
_LEAST = 10
"""Pixels that a slot has at least."""
_SAME = 0.75
"""Least share that a slot and what goes there have in common."""


class Slot(NamedTuple):
    """A slot.

    Attributes:
        mask: (rows, columns) bool, its pixels.
        around: (rows, columns) bool, all other pixels of the map that look as the surface around it does, or that no
            camera saw.
    """

    mask: Mask
    around: Mask


def slot_at(scene: Heightmap, covered: Mask) -> Slot | None:
    """The slot where an object goes.

    Args:
        scene: before it is there.
        covered: (rows, columns) bool, the pixels that the object will cover.

    Returns:
        ``None`` where no slot of the object's outline is seen.
    """
    # What no camera saw says neither that there is a slot nor that there is none.
    seen = ~holes(scene)
    inner, near = _grown(covered, -1), _grown(covered, _RING)
    ring = near & ~_grown(covered, 1)
    if inner.sum() < _LEAST or touches_border(near) or min(seen[inner].mean(), seen[ring].mean()) < _KNOWN:
        return None
    inner, ring = inner & seen, ring & seen
    # What stands there, such as a block of the same size, is no slot.
    if float(median(scene.height[inner]) - median(scene.height[ring])) > height_tolerance(scene.height):
        return None
    inside, outside = (_like(scene, part) & seen for part in (inner, ring))
    if inside[inner].mean() < _ALIKE or outside[ring].mean() < _ALIKE or outside[inner].mean() > 1 - _ALIKE:
        return None
    slot = inside & ~outside & near
    if (slot & covered).sum() < _SAME * ((slot | covered) & seen).sum():
        return None
    return Slot(slot | (covered & ~seen), outside | ~(covered | seen))


def _like(scene: Heightmap, part: Mask) -> Mask:
    """(rows, columns) bool: pixels that look as most of a part does."""
    color = np.median(scene.color[part], axis=0)
    height, tolerance = float(median(scene.height[part])), height_tolerance(scene.height)
    alike: Mask = cv2.inRange(scene.color, color - COLOR_TOLERANCE, color + COLOR_TOLERANCE) > 0
    alike &= cv2.inRange(scene.height, height - tolerance, height + tolerance) > 0
    return alike


def _grown(mask: Mask, pixels: int) -> Mask:
    """A mask grown, or with a negative number shrunk, by some pixels in all directions."""
    kernel = np.ones((2 * abs(pixels) + 1,) * 2, np.uint8)
    change = cv2.dilate if pixels > 0 else cv2.erode
    result: Mask = change(mask.astype(np.uint8), kernel).astype(bool)
    return result
