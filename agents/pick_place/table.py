"""Which pixels of a heightmap are bare table, and which differ between two heightmaps."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap

SHADE_TOLERANCE = 30
"""Grey levels of 255 within which two colours count as the same surface."""
HEIGHT_TOLERANCE = 0.004
"""Metres of height that count as a change."""


def bare_table(color: NDArray[np.uint8], height: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(rows, columns) bool: pixels with the colour and height of most of the map."""
    shade, level = most_common(color, height)
    free: NDArray[np.bool_] = cv2.inRange(color, shade - SHADE_TOLERANCE, shade + SHADE_TOLERANCE) > 0
    free &= cv2.inRange(height, level - HEIGHT_TOLERANCE, level + HEIGHT_TOLERANCE) > 0
    return free


def standing(height: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(rows, columns) bool: pixels that are higher than most of the map, flat markings excluded."""
    above: NDArray[np.bool_] = height > np.median(height[::4, ::4]) + HEIGHT_TOLERANCE
    return above


def most_common(color: NDArray[np.uint8], height: NDArray[np.float32]) -> tuple[Array, float]:
    """(3,) median colour and median height in metres of the map: those of the bare table."""
    few = slice(None, None, 4)
    return np.median(color[few, few].reshape(-1, 3), axis=0), float(np.median(height[few, few]))


def changed(before: Heightmap, after: Heightmap) -> NDArray[np.bool_]:
    """(rows, columns) bool: pixels whose colour or height changed."""
    other: NDArray[np.bool_] = np.abs(before.color.astype(np.int16) - after.color).max(axis=-1) > SHADE_TOLERANCE
    other |= np.abs(before.height - after.height) > HEIGHT_TOLERANCE
    return other
