"""Free objects: they lie alone on bare table. Found in demonstrations, removed by inpainting, and pasted elsewhere.

The task does not depend on where such an object lies, so a demonstration with all of them moved is as valid as the one
that was recorded.

Positions and motions are those of ``plane.py``, float64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap

from .plane import compose, rigid, transform, warp
from .table import bare_table, colors_differ, height_tolerance, holes, table_appearance

_GAP = 3
"""Pixels around a free object that must be bare table."""
SHADOW = 8
"""Pixels around an object within which its shadow falls."""
_BARE = 0.97
"""Least share of bare table among the pixels that a free object uncovers."""
_SEEN = 0.25
"""Least share of a free object's old pixels that must be visible afterwards."""
_ALONE = 0.9
"""Least share of bare table beside a free object: less, and it is part of a rope or pile that moves with it."""
_KNOWN = 0.5
"""Least share of pixels that a camera must have seen, so that one may tell."""
_ATTEMPTS = 100
"""Random positions tried before the table counts as full."""
_SAMPLES = 200
"""Pixels of an object that are checked for a free position."""


@dataclass(frozen=True, eq=False)
class FreeObject:
    """An object on bare table, and the table beneath it, as seen after the object was removed.

    Attributes:
        window: rows and columns of the map that contain it and its shadow; all images below have this size. The window
            of a bent object may reach beyond the map, with negative starts.
        mask: bool, the object's own pixels.
        shadow: bool, bare table around the object, where its shadow falls.
        color: (..., 3) uint8, with the object.
        height: float32 metres, with the object.
        table_known: bool, where the table beneath is known.
        table_color: (..., 3) uint8, without the object.
        table_height: float32 metres, without the object.
        slot: (2, 3) matrix of the motion into a slot of its outline, where it goes into one.
        numbers: uint8, with the object: of ``count_things``, where things are counted.
    """

    window: tuple[slice, slice]
    mask: NDArray[np.bool_]
    shadow: NDArray[np.bool_]
    color: NDArray[np.uint8]
    height: NDArray[np.float32]
    table_known: NDArray[np.bool_]
    table_color: NDArray[np.uint8]
    table_height: NDArray[np.float32]
    slot: Array | None = None
    numbers: NDArray[np.uint8] | None = None

    @property
    def origin(self) -> NDArray[np.int64]:
        """(2,) int64 pixel position (column, row) of the corner of the window."""
        return np.array([self.window[1].start, self.window[0].start])


def find_free_object(before: Heightmap, after: Heightmap, mask: NDArray[np.bool_], motion: Array) -> FreeObject | None:
    """The free object of a mask.

    Args:
        before: the table before the action.
        after: the table after it.
        mask: (rows, columns) bool, the object's pixels before the action.
        motion: (2, 3) matrix from pick to place.

    Returns:
        ``None`` if it lies on or against something else, or partly off the map.
    """
    around = grown(mask, _GAP)
    arrived = grown(warp(mask.astype(np.uint8), motion).astype(bool), 1)
    bare_before, bare = bare_table(before), bare_table(after)
    beside = around & ~grown(mask, 1)
    # If the object's new place overlaps the old one, the rest of the old place shows the table beneath.
    left = around & ~arrived
    uncovered = left.sum() >= _SEEN * around.sum() and _share(bare, left, holes(after)) >= _BARE
    if not uncovered or _share(bare_before, beside, holes(before)) < _ALONE or touches_border(mask):
        return None
    wide = grown(mask, SHADOW)
    shadow = wide & ~mask & bare_before
    table_color, table_height = after.color.copy(), after.height.copy()
    hidden = arrived | (grown(arrived, SHADOW) & bare)
    table_color[hidden], table_height[hidden] = table_appearance(after)
    rows, columns = np.nonzero(wide)
    window = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
    return FreeObject(
        window,
        mask=mask[window].copy(),
        shadow=shadow[window].copy(),
        color=before.color[window].copy(),
        height=before.height[window].copy(),
        table_known=(wide & bare | (mask | shadow) & arrived)[window].copy(),
        table_color=table_color[window].copy(),
        table_height=table_height[window].copy(),
    )


def lies_as_before(free_object: FreeObject, scene: Heightmap) -> bool:
    """Whether a free object looks the same in another scene of its demonstration."""
    around = grown(free_object.mask, _GAP)
    color, height = scene.color[free_object.window], scene.height[free_object.window]
    same = ~colors_differ(color, free_object.color)
    same &= np.abs(height - free_object.height) <= height_tolerance(scene.height, scene.height)
    missing = holes(Heightmap(color, height), scene.height)
    missing |= holes(Heightmap(free_object.color, free_object.height), scene.height)
    return _share(same, around, missing) >= _BARE


def inpaint(scene: Heightmap, objects: Sequence[FreeObject]) -> Heightmap:
    """A copy of a scene with free objects and their shadows replaced by table."""
    color, height = scene.color.copy(), scene.height.copy()
    bare = bare_table(scene)
    for free_object in objects:
        # The table beneath was seen when other objects had been moved: only bare table is replaced near them.
        at = free_object.table_known & (grown(free_object.mask, _GAP) | bare[free_object.window])
        color[free_object.window][at] = free_object.table_color[at]
        height[free_object.window][at] = free_object.table_height[at]
    return Heightmap(color, height)


def scatter(
    objects: Sequence[FreeObject], shapes: Sequence[Array], free: NDArray[np.bool_], rng: np.random.Generator
) -> list[Array]:
    """Random positions and orientations of objects on free pixels, where they do not overlap.

    Args:
        objects: to be placed.
        shapes: for each object the (2, 3) matrix that stretches it at its old position.
        free: (rows, columns) bool, where objects may lie.
        rng: chooses positions.

    Returns:
        For each object the (2, 3) matrix of the rigid motion from its old to its new position; empty if there is no
        room.
    """
    free = free.copy()
    motions = []
    for free_object, shape in zip(objects, shapes, strict=True):
        motion = _draw_motion(transform(shape, sampled_pixels(free_object)), free, rng)
        if motion is None:
            return []
        motions.append(motion)
        covered = _coverage(free_object, compose(motion, shape), free.shape)
        free[covered.window] &= ~(covered.inside & free_object.mask[covered.source])
    return motions


def stretch(free_object: FreeObject, factors: Array) -> Array:
    """(2, 3) matrix that stretches an object about its middle along the sides of its smallest bounding rectangle.

    Args:
        free_object: where it lies.
        factors: (2,), one for each side.
    """
    points = sampled_pixels(free_object)
    angle = math.radians(cv2.minAreaRect(points.astype(np.float32))[2])
    middle: Array = points.mean(axis=0)
    axes = rigid(angle, middle, middle)
    linear = axes[:, :2] @ np.diag(factors) @ axes[:, :2].T
    return np.column_stack([linear, middle - linear @ middle])


def sampled_pixels(free_object: FreeObject) -> Array:
    """(n, 2) float64 pixel positions of about two hundred of an object's pixels, or of all if there are fewer."""
    rows, columns = np.nonzero(free_object.mask)
    positions = np.stack([columns, rows], axis=-1)[:: max(1, len(rows) // _SAMPLES)]
    return np.asarray(positions + free_object.origin + 0.5, dtype=np.float64)


def paste(scene: Heightmap, objects: Sequence[FreeObject], motions: Sequence[Array], shade: float = 1.0) -> None:
    """Paste moved objects into a scene, in place.

    Args:
        scene: whose arrays are changed.
        objects: pasted in this order, with their shadows.
        motions: for each object the (2, 3) matrix from its old position; it may also scale, stretch or mirror.
        shade: factor on the brightness of the objects.
    """
    bare = bare_table(scene)
    covered = [_coverage(free_object, motion, bare.shape) for free_object, motion in zip(objects, motions, strict=True)]
    # Shadows first, and on bare table only: they must not cover other objects.
    for shadows in (True, False):
        for free_object, (window, source, inside) in zip(objects, covered, strict=True):
            at = inside & (free_object.shadow[source] & bare[window] if shadows else free_object.mask[source])
            # Limited so that no channel overflows, which would change the hue.
            factor = 1.0 if shadows else min(shade, 255 / max(int(free_object.color[free_object.mask].max()), 1))
            scene.color[window][at] = factor * free_object.color[source][at]
            scene.height[window][at] = free_object.height[source][at]


def counted(objects: Sequence[FreeObject], numbers: NDArray[np.uint8] | None) -> list[FreeObject]:
    """Free objects with the numbers, (rows, columns) uint8, that their scene has there."""
    return [each if numbers is None else replace(each, numbers=numbers[each.window].copy()) for each in objects]


def uncounted(numbers: NDArray[np.uint8] | None, objects: Sequence[FreeObject]) -> NDArray[np.uint8] | None:
    """A copy of numbers, (rows, columns) uint8, without those of free objects."""
    if numbers is None:
        return None
    left = numbers.copy()
    for free_object in objects:
        left[free_object.window][grown(free_object.mask, _GAP)] = 0
    return left


def paste_numbers(numbers: NDArray[np.uint8] | None, objects: Sequence[FreeObject], motions: Sequence[Array]) -> None:
    """Paste the numbers of moved objects, in place, as ``paste`` does with what they look like.

    Args:
        numbers: (rows, columns) uint8, if there are any.
        objects: pasted in this order; those that have no numbers, with none.
        motions: for each object the (2, 3) matrix from its old position.
    """
    if numbers is None:
        return
    for free_object, motion in zip(objects, motions, strict=True):
        window, source, inside = _coverage(free_object, motion, numbers.shape)
        at = inside & free_object.mask[source]
        numbers[window][at] = 0 if free_object.numbers is None else free_object.numbers[source][at]


class _Coverage(NamedTuple):
    """The part of the map that the window of a moved object covers.

    Attributes:
        window: rows and columns of the map, n and m of them.
        source: for each of these pixels row and column, (n, m) int64 each, in the object's window.
        inside: (n, m) bool, where that is inside the object's window.
    """

    window: tuple[slice, slice]
    source: tuple[NDArray[np.int64], NDArray[np.int64]]
    inside: NDArray[np.bool_]


def _coverage(free_object: FreeObject, motion: Array, shape: tuple[int, ...]) -> _Coverage:
    """What an object covers of a map of some shape after a motion, (2, 3) matrix."""
    rows, columns = free_object.mask.shape
    corners = transform(motion, free_object.origin + np.array([[0, 0], [columns, 0], [0, rows], [columns, rows]]))
    size = np.array([shape[1], shape[0]])
    low = np.clip(np.floor(corners.min(axis=0)), 0, size).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)), 0, size).astype(int)
    x, y = np.meshgrid(np.arange(low[0], high[0]) + 0.5, np.arange(low[1], high[1]) + 0.5)
    back = np.linalg.inv(motion[:, :2])
    source = np.floor((np.stack([x, y], axis=-1) - motion[:, 2]) @ back.T).astype(np.int64) - free_object.origin
    column, row = source[..., 0], source[..., 1]
    inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    window = (slice(low[1], high[1]), slice(low[0], high[0]))
    return _Coverage(window, (np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1)), inside)


def _draw_motion(points: Array, free: NDArray[np.bool_], rng: np.random.Generator) -> Array | None:
    """(2, 3) matrix of a random rigid motion that takes points (n, 2) to free pixels; ``None`` if none is found."""
    size = np.array([free.shape[1], free.shape[0]], dtype=np.float64)
    centre: Array = np.mean(points, axis=0)
    for _ in range(_ATTEMPTS):
        motion = rigid(rng.uniform(-np.pi, np.pi), centre, rng.uniform(0, 1, 2) * size)
        if on_free_pixels(transform(motion, points), free):
            return motion
    return None


def on_free_pixels(points: Array, free: NDArray[np.bool_]) -> bool:
    """Whether all points (n, 2), float64 pixels, are on a map and on its free pixels, (rows, columns) bool."""
    rows, columns = free.shape
    if not (np.all(points >= 0) and np.all(points < (columns, rows))):
        return False
    column, row = points.astype(int).T
    return bool(free[row, column].all())


def _share(found: NDArray[np.bool_], part: NDArray[np.bool_], missing: NDArray[np.bool_]) -> float:
    """Share of found pixels in a part of a map, without missing ones; 0 if those are most of it."""
    known = part & ~missing
    return float(found[known].mean()) if known.sum() > _KNOWN * part.sum() else 0.0


def touches_border(mask: NDArray[np.bool_]) -> bool:
    """Whether a mask, (rows, columns) bool, has pixels on the border of the map."""
    return bool(mask[[0, -1]].any() or mask[:, [0, -1]].any())


def grown(mask: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    """A mask, (rows, columns) bool, dilated by some pixels in all directions."""
    side = 2 * pixels + 1
    grown: NDArray[np.bool_] = cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)).astype(bool)
    return grown
