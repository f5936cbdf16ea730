"""Rotational symmetry of objects, seen in one image of them."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array

from .plane import rigid, warp
from .table import colors_differ

_ORDERS = (6, 5, 4, 3, 2)
"""Symmetry orders that are looked for."""
_DISC_ORDER = 36
"""Symmetry order given to discs, which look the same after any rotation."""
_DISC_ROTATIONS = (math.radians(30), math.radians(45))
"""Rotations after which a disc looks the same, but no polygon with an order of ``_ORDERS`` does."""
_SAME_COLOR = 0.9
"""Least share of an object's pixels that keep their colour under a rotation that counts as a symmetry."""
_LARGEST_CHANGE = 0.12
"""Largest share of an object's outline, blurred by a pixel, that such a rotation changes."""


def symmetry_order(mask: NDArray[np.bool_], color: NDArray[np.uint8]) -> int:
    """The number of rotations about its centre, within a full turn, after which an object looks the same.

    Args:
        mask: (rows, columns) bool, the object's pixels.
        color: (rows, columns, 3) uint8.

    Returns:
        At least 1; 36 for a disc.
    """
    blurred: NDArray[np.float32] = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.0).astype(np.float32)
    centre = mask_centre(mask)

    def change(yaw: float) -> float:
        motion = rigid(yaw, centre, centre)
        return _outline_change(blurred, motion) if _keeps_colors(mask, color, motion) else math.inf

    if all(change(yaw) < _LARGEST_CHANGE for yaw in _DISC_ROTATIONS):
        return _DISC_ORDER
    changes = {order: change(2 * math.pi / order) for order in _ORDERS}
    least = min(changes.values())
    if least > _LARGEST_CHANGE:
        return 1
    # An object of order four also has order two: of orders that fit about equally well the highest counts.
    return max(order for order, value in changes.items() if value < least + _LARGEST_CHANGE / 3)


def mask_centre(mask: NDArray[np.bool_]) -> Array:
    """(2,) float64 pixel position of the mean of a mask's pixels."""
    rows, columns = np.nonzero(mask)
    return np.array([columns.mean() + 0.5, rows.mean() + 0.5])


def _outline_change(blurred: NDArray[np.float32], motion: Array) -> float:
    """Share of a blurred mask that a motion changes."""
    moved = warp(blurred, motion, flags=cv2.INTER_LINEAR)
    return float(np.abs(blurred - moved).sum() / blurred.sum())


def _keeps_colors(mask: NDArray[np.bool_], color: NDArray[np.uint8], motion: Array) -> bool:
    """Whether pixels that a motion leaves within the mask keep their colours."""
    both = mask & warp(mask.astype(np.uint8), motion).astype(bool)
    differ = colors_differ(color, warp(color, motion)) & both
    count = np.count_nonzero(both)
    return bool(count > 0 and np.count_nonzero(differ) / count < 1 - _SAME_COLOR)
