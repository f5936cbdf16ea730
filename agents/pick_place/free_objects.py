"""Free objects: they lie alone on bare table. Found in demonstrations, removed by inpainting, and pasted elsewhere.

The task does not depend on where such an object lies, so a demonstration with all of them moved is as valid as the one
that was recorded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap

from .plane import compose, rigid, transform, warp
from .table import HEIGHT_TOLERANCE, SHADE_TOLERANCE, bare_table, most_common

Images: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.float32]]
"""Colour (rows, columns, 3) and height (rows, columns), metres, of a scene."""

_GAP = 3
"""Pixels around a free object that must be bare table."""
_SHADOW = 8
"""Pixels about an object within which its shadow falls."""
_BARE = 0.97
"""Least share of bare table among the pixels that a free object uncovers."""
_SEEN = 0.25
"""Least share of a free object's old pixels that must be visible afterwards."""
_ALONE = 0.9
"""Least share of bare table beside a free object: less, and it is part of a rope or pile that moves with it."""
_ATTEMPTS = 100
"""Random positions tried before the table counts as full."""


@dataclass(frozen=True, eq=False)
class FreeObject:
    """An object on bare table, and the table beneath it, as seen after the object was removed.

    Attributes:
        window: rows and columns of the map that it and its shadow fill, of the size of what follows; of an object that
            was bent they may reach beyond the map, with negative starts.
        mask: bool, its own pixels.
        shadow: bool, bare table about it.
        color: (..., 3) uint8, with it.
        height: float32 metres, with it.
        bare: bool, where the table beneath is known.
        table_color: (..., 3) uint8, without it.
        table_height: float32 metres, without it.
    """

    window: tuple[slice, slice]
    mask: NDArray[np.bool_]
    shadow: NDArray[np.bool_]
    color: NDArray[np.uint8]
    height: NDArray[np.float32]
    bare: NDArray[np.bool_]
    table_color: NDArray[np.uint8]
    table_height: NDArray[np.float32]


def find_free_object(before: Heightmap, after: Heightmap, mask: NDArray[np.bool_], motion: Array) -> FreeObject | None:
    """The free object of a mask; ``None`` if it lies on or against something else, or partly off the map.

    Args:
        before: the table before the action.
        after: the table after it.
        mask: (rows, columns) bool, the object's pixels before.
        motion: (2, 3) matrix from pick to place.
    """
    around = _grown(mask, _GAP)
    arrived = _grown(warp(mask.astype(np.uint8), motion).astype(bool), 1)
    bare_before, bare = bare_table(before.color, before.height), bare_table(after.color, after.height)
    beside = around & ~_grown(mask, 1)
    # If the object's new place overlaps the old one, the rest of the old place shows the table beneath.
    left = around & ~arrived
    seen = left.sum() >= _SEEN * around.sum() and bare[left].mean() >= _BARE
    if not seen or bare_before[beside].mean() < _ALONE or _at_the_edge(mask):
        return None
    wide = _grown(mask, _SHADOW)
    shadow = wide & ~mask & bare_before
    beneath_color, beneath_height = after.color.copy(), after.height.copy()
    beneath = arrived | (_grown(arrived, _SHADOW) & bare)
    beneath_color[beneath], beneath_height[beneath] = most_common(after.color, after.height)
    rows, columns = np.nonzero(wide)
    window = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
    return FreeObject(
        window,
        mask=mask[window].copy(),
        shadow=shadow[window].copy(),
        color=before.color[window].copy(),
        height=before.height[window].copy(),
        bare=(wide & bare | (mask | shadow) & arrived)[window].copy(),
        table_color=beneath_color[window].copy(),
        table_height=beneath_height[window].copy(),
    )


def lies_as_before(free_object: FreeObject, images: Images) -> bool:
    """Whether a free object looks the same in another scene of its demonstration."""
    around = _grown(free_object.mask, _GAP)
    color, height = images[0][free_object.window], images[1][free_object.window]
    same = np.abs(color.astype(np.int16) - free_object.color).max(axis=-1) <= SHADE_TOLERANCE
    same &= np.abs(height - free_object.height) <= HEIGHT_TOLERANCE
    return bool(same[around].mean() >= _BARE)


def inpaint(images: Images, objects: Sequence[FreeObject]) -> Images:
    """A scene with free objects and their shadows replaced by table."""
    color, height = images[0].copy(), images[1].copy()
    bare = bare_table(*images)
    for free_object in objects:
        # Farther from the object there may be others, which were gone when the table beneath was seen.
        at = free_object.bare & (_grown(free_object.mask, _GAP) | bare[free_object.window])
        color[free_object.window][at] = free_object.table_color[at]
        height[free_object.window][at] = free_object.table_height[at]
    return color, height


def scatter(
    objects: Sequence[FreeObject], shapes: Sequence[Array], free: NDArray[np.bool_], rng: np.random.Generator
) -> list[Array]:
    """Random free positions for objects.

    Args:
        objects: what is to lie on the table.
        shapes: (2, 3) matrices that stretch each object where it is.
        free: (rows, columns) bool, where they may lie.
        rng: decides where they lie.

    Returns:
        (2, 3) matrices of rigid motions that take each stretched object to its position; empty if there is no room.
    """
    free = free.copy()
    starts = []
    for free_object, shape in zip(objects, shapes, strict=True):
        start = _draw_spot(transform(shape, outline(free_object)), free, rng)
        if start is None:
            return []
        starts.append(start)
        window, source, inside = _landed(free_object, compose(start, shape), free.shape)
        free[window] &= ~(inside & free_object.mask[source])
    return starts


def stretch(free_object: FreeObject, factors: Array) -> Array:
    """(2, 3) matrix that stretches an object about its middle, by one factor along and one across it, (2,)."""
    at = outline(free_object)
    angle = math.radians(cv2.minAreaRect(at.astype(np.float32))[2])
    middle: Array = at.mean(axis=0)
    turned = rigid(angle, middle, middle)
    linear = turned[:, :2] @ np.diag(factors) @ turned[:, :2].T
    return np.column_stack([linear, middle - linear @ middle])


def outline(free_object: FreeObject) -> Array:
    """(n, 2) pixel positions of some two hundred of an object's pixels."""
    rows, columns = np.nonzero(free_object.mask)
    first = np.array([free_object.window[1].start, free_object.window[0].start]) + 0.5
    positions: Array = np.stack([columns, rows], axis=-1)[:: max(1, len(rows) // 200)] + first
    return positions


def _draw_spot(at: Array, free: NDArray[np.bool_], rng: np.random.Generator) -> Array | None:
    """(2, 3) matrix that takes positions (n, 2) to a random spot that is all free, (rows, columns) bool; or none."""
    size = np.array([free.shape[1], free.shape[0]], dtype=np.float64)
    centre: Array = np.mean(at, axis=0)
    for _ in range(_ATTEMPTS):
        matrix = rigid(rng.uniform(-np.pi, np.pi), centre, rng.uniform(0, 1, 2) * size)
        spots = transform(matrix, at)
        if np.all(spots >= 0) and np.all(spots < size):
            column, row = spots.astype(int).T
            if free[row, column].all():
                return matrix
    return None


def paste(
    color: NDArray[np.uint8],
    height: NDArray[np.float32],
    objects: Sequence[FreeObject],
    motions: Sequence[Array],
    shade: float = 1.0,
) -> None:
    """Paste objects into a scene at the ends of their motions, (2, 3) matrices, brighter or darker by a factor."""
    bare = bare_table(color, height)
    landed = [_landed(free_object, motion, bare.shape) for free_object, motion in zip(objects, motions, strict=True)]
    # Shadows first, and on the table only: they must not cover other objects.
    for shadows in (True, False):
        for free_object, (window, source, inside) in zip(objects, landed, strict=True):
            at = inside & (free_object.shadow[source] & bare[window] if shadows else free_object.mask[source])
            # No brighter than colours go, so that hues stay.
            factor = 1.0 if shadows else min(shade, 255 / max(int(free_object.color[free_object.mask].max()), 1))
            color[window][at] = factor * free_object.color[source][at]
            height[window][at] = free_object.height[source][at]


class Landed(NamedTuple):
    """Where a pasted object covers the map.

    Attributes:
        window: rows and columns of the map, (n, m).
        source: row and column, (n, m) each, of the object's window that every pixel there shows.
        inside: (n, m) bool, where it shows any.
    """

    window: tuple[slice, slice]
    source: tuple[NDArray[np.int64], NDArray[np.int64]]
    inside: NDArray[np.bool_]


def _landed(free_object: FreeObject, motion: Array, shape: tuple[int, ...]) -> Landed:
    """The part of a map of some shape that an object covers after a motion, (2, 3) matrix."""
    first = np.array([free_object.window[1].start, free_object.window[0].start])
    rows, columns = free_object.mask.shape
    corners = transform(motion, first + np.array([[0, 0], [columns, 0], [0, rows], [columns, rows]]))
    size = np.array([shape[1], shape[0]])
    low = np.clip(np.floor(corners.min(axis=0)), 0, size).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)), 0, size).astype(int)
    across, down = np.meshgrid(np.arange(low[0], high[0]) + 0.5, np.arange(low[1], high[1]) + 0.5)
    back = np.linalg.inv(motion[:, :2])
    came = np.floor((np.stack([across, down], axis=-1) - motion[:, 2]) @ back.T).astype(np.int64) - first
    column, row = came[..., 0], came[..., 1]
    inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    window = (slice(low[1], high[1]), slice(low[0], high[0]))
    return Landed(window, (np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1)), inside)


def _at_the_edge(mask: NDArray[np.bool_]) -> bool:
    return bool(mask[[0, -1]].any() or mask[:, [0, -1]].any())


def _grown(mask: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    side = 2 * pixels + 1
    grown: NDArray[np.bool_] = cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)).astype(bool)
    return grown
