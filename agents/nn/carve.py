"""New shapes from old ones: a part of an object is cut off, and the same part of the silhouette it is to cover.

Where objects go onto silhouettes of their own outlines, what is learnt from a few shapes must hold for others. Any cut
makes another shape, which fits what is left of its silhouette.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.values.geometry import Array
from ravens_suite.values.heightmap import Heightmap

from .plane import warp
from .table import HEIGHT_TOLERANCE, SHADE_TOLERANCE

if TYPE_CHECKING:
    from .loose import LooseObject

_INNER, _OUTER = 1, 2
"""Pixels inside and outside of an outline that may show either of what it parts."""
_RING = 5
"""Pixels about a silhouette in which its surroundings show."""
_SAME = 0.85
"""Share of a silhouette, and of its surroundings, that must look alike."""
_LEAST, _MOST = 0.1, 0.45
"""Shares of an object that may be cut off."""
_ATTEMPTS = 20


class Surroundings(NamedTuple):
    """What a silhouette lies on.

    Attributes:
        color: (3,) float64.
        height: metres.
    """

    color: Array
    height: float


def surroundings(before: Heightmap, mask: NDArray[np.bool_], motion: Array) -> Surroundings | None:
    """What the silhouette that an object goes onto lies on; ``None`` where there is no silhouette.

    Args:
        before: the table before the action.
        mask: (rows, columns) bool, the object's pixels.
        motion: (2, 3) matrix from pick to place.
    """
    goal = warp(mask.astype(np.uint8), motion)
    inside = cv2.erode(goal, _square(_INNER)).astype(bool)
    outside = cv2.dilate(goal, _square(_OUTER + _RING)).astype(bool) & ~cv2.dilate(goal, _square(_OUTER)).astype(bool)
    if not inside.any() or not outside.any():
        return None
    shade, around = (np.median(before.color[part], axis=0) for part in (inside, outside))
    level = float(np.median(before.height[outside]))
    uniform = _share(before.color[inside], shade) >= _SAME and _share(before.color[outside], around) >= _SAME
    flat = np.mean(np.abs(before.height[outside] - level) <= HEIGHT_TOLERANCE) >= _SAME
    distinct = np.abs(shade - around).max() > SHADE_TOLERANCE
    return Surroundings(around, level) if uniform and flat and distinct else None


def draw_cut(mask: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_] | None:
    """Pixels of an object beyond a random line, as many as may be cut off."""
    rows, columns = np.nonzero(mask)
    for _ in range(_ATTEMPTS):
        angle = rng.uniform(0, 2 * math.pi)
        along = columns * math.cos(angle) + rows * math.sin(angle)
        cut = along > rng.uniform(along.min(), along.max())
        if _LEAST <= cut.mean() <= _MOST:
            result = np.zeros_like(mask)
            result[rows[cut], columns[cut]] = True
            return result
    return None


def cut_object(loose: LooseObject, cut: NDArray[np.bool_]) -> LooseObject:
    """A loose object without some pixels (rows, columns) of the map."""
    mask = loose.mask & ~cut[loose.window]
    near = cv2.dilate(mask.astype(np.uint8), _square(_RING)).astype(bool)
    return replace(loose, mask=mask, shadow=loose.shadow & near)


def fill_silhouette(
    images: tuple[NDArray[np.uint8], NDArray[np.float32]], cut: NDArray[np.bool_], motion: Array, on: Surroundings
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A scene in which the part of a silhouette that belongs to what was cut off looks like its surroundings."""
    goal = cv2.dilate(warp(cut.astype(np.uint8), motion), _square(1)).astype(bool)
    color, height = images[0].copy(), images[1].copy()
    color[goal] = np.rint(on.color).astype(np.uint8)
    height[goal] = on.height
    return color, height


def _share(colors: NDArray[np.uint8], shade: Array) -> float:
    return float(np.mean(np.abs(colors - shade).max(axis=-1) <= SHADE_TOLERANCE))


def _square(pixels: int) -> NDArray[np.uint8]:
    return np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)
