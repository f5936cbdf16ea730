"""Objects that lie loose on the bare table: found in demonstrations, taken off, and laid elsewhere.

Where such an object lies, and what else lies where, has no part in the task, so that a demonstration with all of them
somewhere else is as good as the one that was given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.values.geometry import Array
from ravens_suite.values.heightmap import Heightmap

from .plane import rigid, transform, warp
from .table import HEIGHT_TOLERANCE, SHADE_TOLERANCE, bare_table

Images: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.float32]]
"""Colour (rows, columns, 3) and height (rows, columns), metres, of a scene."""

_GAP = 3
"""Pixels about an object that must be bare table for it to count as loose."""
_SHADOW = 8
"""Pixels about an object within which its shadow falls."""
_BARE = 0.97
"""Share of bare table among the pixels an object lay on, for it to count as loose."""
_ALONE = 0.9
"""Share of bare table beside an object for it to count as whole, not as part of a rope or pile that moves with it."""
_ATTEMPTS = 100
"""Draws of a random spot before the table counts as full."""


@dataclass(frozen=True, eq=False)
class LooseObject:
    """An object that lay on the bare table, and the table beneath it, which is known from after it was taken away.

    Attributes:
        window: rows and columns of the map that it and its shadow fill, of the size of what follows.
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


def loose_object(before: Heightmap, after: Heightmap, mask: NDArray[np.bool_], motion: Array) -> LooseObject | None:
    """The object apart from the table; ``None`` where it lay on or against something else, or partly off the map.

    Args:
        before: the table before the action.
        after: the table after it.
        mask: (rows, columns) bool, the object's pixels before.
        motion: (2, 3) matrix from pick to place.
    """
    around = _grown(mask, _GAP)
    arrived = warp(mask.astype(np.uint8), motion).astype(bool)
    bare_before, bare = bare_table(before.color, before.height), bare_table(after.color, after.height)
    beside = around & ~_grown(mask, 1)
    alone = bare[around].mean() >= _BARE and bare_before[beside].mean() >= _ALONE
    if not alone or _at_the_edge(mask) or (around & arrived).any():
        return None
    wide = _grown(mask, _SHADOW)
    shadow = wide & ~mask & bare_before
    rows, columns = np.nonzero(wide)
    window = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
    return LooseObject(
        window,
        mask=mask[window].copy(),
        shadow=shadow[window].copy(),
        color=before.color[window].copy(),
        height=before.height[window].copy(),
        bare=(wide & bare)[window].copy(),
        table_color=after.color[window].copy(),
        table_height=after.height[window].copy(),
    )


def lies_alike(loose: LooseObject, images: Images) -> bool:
    """Whether an object lies in a scene as it does in its own, apart from all others."""
    around = _grown(loose.mask, _GAP)
    color, height = images[0][loose.window], images[1][loose.window]
    same = np.abs(color.astype(np.int16) - loose.color).max(axis=-1) <= SHADE_TOLERANCE
    same &= np.abs(height - loose.height) <= HEIGHT_TOLERANCE
    return bool(same[around].mean() >= _BARE)


def without(images: Images, objects: Sequence[LooseObject]) -> Images:
    """A scene whose objects were taken off, with their shadows."""
    color, height = images[0].copy(), images[1].copy()
    bare = bare_table(*images)
    for loose in objects:
        # Farther from the object there may be others, which were gone when the table beneath was seen.
        at = loose.bare & (_grown(loose.mask, _GAP) | bare[loose.window])
        color[loose.window][at] = loose.table_color[at]
        height[loose.window][at] = loose.table_height[at]
    return color, height


def scatter(
    objects: Sequence[LooseObject], table: Images, taken: NDArray[np.bool_], rng: np.random.Generator
) -> list[Array]:
    """Random free spots for objects.

    Args:
        objects: what is to lie on the table.
        table: without them.
        taken: (rows, columns) bool, where nothing may lie.
        rng: decides where they lie.

    Returns:
        (2, 3) matrices that take each object to its spot; none where room is short.
    """
    free = bare_table(*table) & ~taken
    starts = []
    for loose in objects:
        start = _draw_spot(loose, free, rng)
        if start is None:
            return []
        starts.append(start)
        window, source, inside = _landed(loose, start, free.shape)
        free[window] &= ~(inside & loose.mask[source])
    return starts


def _draw_spot(loose: LooseObject, free: NDArray[np.bool_], rng: np.random.Generator) -> Array | None:
    """(2, 3) matrix that takes an object to a random spot that is all free, (rows, columns) bool; or none."""
    rows, columns = np.nonzero(loose.mask)
    first = np.array([loose.window[1].start, loose.window[0].start]) + 0.5
    outline = np.stack([columns, rows], axis=-1)[:: max(1, len(rows) // 200)] + first
    size = np.array([free.shape[1], free.shape[0]], dtype=np.float64)
    centre: Array = np.mean(outline, axis=0)
    for _ in range(_ATTEMPTS):
        matrix = rigid(rng.uniform(-np.pi, np.pi), centre, rng.uniform(0, 1, 2) * size)
        spots = transform(matrix, outline)
        if np.all(spots >= 0) and np.all(spots < size):
            column, row = spots.astype(int).T
            if free[row, column].all():
                return matrix
    return None


def lay(
    color: NDArray[np.uint8], height: NDArray[np.float32], objects: Sequence[LooseObject], motions: Sequence[Array]
) -> None:
    """Draw objects into a scene where their motions, (2, 3) matrices, take them."""
    bare = bare_table(color, height)
    landed = [_landed(loose, motion, bare.shape) for loose, motion in zip(objects, motions, strict=True)]
    # Shadows first, and on the table only: they must not cover other objects.
    for shadows in (True, False):
        for loose, (window, source, inside) in zip(objects, landed, strict=True):
            at = inside & (loose.shadow[source] & bare[window] if shadows else loose.mask[source])
            color[window][at] = loose.color[source][at]
            height[window][at] = loose.height[source][at]


class Landed(NamedTuple):
    """Where an object comes to lie on the map.

    Attributes:
        window: rows and columns of the map, (n, m).
        source: row and column, (n, m) each, of the object's window that every pixel there shows.
        inside: (n, m) bool, where it shows any.
    """

    window: tuple[slice, slice]
    source: tuple[NDArray[np.int64], NDArray[np.int64]]
    inside: NDArray[np.bool_]


def _landed(loose: LooseObject, motion: Array, shape: tuple[int, ...]) -> Landed:
    """What a motion, (2, 3) matrix, does with an object on a map of some shape."""
    first = np.array([loose.window[1].start, loose.window[0].start])
    rows, columns = loose.mask.shape
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
