"""What an action would do to a scene, by moving the picked object's pixels, and how much nearer to the goal that is.

Distance is what would have to be filled or taken away, so that a cube at the foot of a tower counts, and one beside it
does not. What can no longer be filled counts against an action: a cube in the middle of a layer that the goal fills
with two leaves a gap on either side into which none fits, and one that reaches over the edge of its layer covers what
belongs there.

Positions are heightmap pixels, (column, row).
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap

from ..pick_place.plane import rigid, warp
from ..pick_place.table import COLOR_TOLERANCE, HEIGHT_TOLERANCE, table_appearance

_COLOR = 0.01
"""Metres of height that a wrong colour counts as."""
_FACE = 0.006
"""Metres by which heights of the upper face of one object differ."""
_RESTS = 90
"""Percentile of the heights below an object that it rests on."""
_STANDS = 75
"""Percentile of the lower heights around an object that it stands on: of a cube on two others, two sides show them."""
_AROUND = np.ones((7, 7), np.uint8)
"""Within three pixels of an object it is seen what it stands on."""
_FITS = 0.85
"""An object fits where this share of its width is free: it may lie a little beside its place."""
_CORNER = 0.5
"""Share of that width by which the corners of what is filled may lie beyond the largest disc that fits."""
_HOLE = np.ones((3, 3), np.uint8)
"""Holes in the heights that are narrower than this are filled before layers are looked at."""
_MOST_LAYERS = 10
"""Layers of objects above the table that are looked at."""


class Imagined(NamedTuple):
    """A scene after an action.

    Attributes:
        scene: as it would be.
        gain: 1 if all that is moved leaves a wrong place for a right one; -1 for the opposite; less by the share of the
            object's volume for which the goal has no room any more, and by that of the hollow that it covers.
    """

    scene: Heightmap
    gain: float


def imagine(scene: Heightmap, goal: Heightmap, pick: Array, place: Array, yaw: float) -> Imagined:
    """A scene after an action.

    Args:
        scene: before it.
        goal: the finished scene.
        pick: (2,) float64 pixels.
        place: (2,) float64 pixels.
        yaw: radians, of the place pose relative to the pick pose.

    Returns:
        The same scene, without a gain, if nothing stands at the pick or it would be put off the map.
    """
    mask = _upper_face(scene, pick)
    motion = rigid(yaw, pick, place)
    arrived = warp(mask.astype(np.uint8), motion).astype(bool)
    if not mask.any() or not arrived.any():
        return Imagined(scene, 0.0)
    support_color, support_height = _support(scene, mask)
    thickness = float(np.median(scene.height[mask])) - support_height
    color, height = scene.color.copy(), scene.height.copy()
    color[mask], height[mask] = support_color, support_height
    color[arrived] = warp(scene.color, motion)[arrived]
    level = np.percentile(height[arrived], _RESTS)
    # What it covers is never filled, although from above it looks so.
    covered = np.minimum(goal.height[arrived], level) - height[arrived]
    height[arrived] = level + thickness
    after = Heightmap(color, height)
    moved = mask | arrived
    nearer = _distance(scene, goal, moved) - _distance(after, goal, moved)
    volume = np.count_nonzero(mask) * thickness
    width = 2 * float(cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5).max())
    closed = closed_off(after, goal, width, thickness) & ~closed_off(scene, goal, width, thickness)
    lost = float((goal.height - height)[closed].sum(dtype=np.float64) + covered[covered > _FACE].sum(dtype=np.float64))
    return Imagined(after, nearer / (2 * (volume + np.count_nonzero(mask) * _COLOR)) - lost / volume)


def closed_off(scene: Heightmap, goal: Heightmap, width: float, thickness: float) -> NDArray[np.bool_]:
    """(rows, columns) bool: where the goal is higher than the scene, but no object fits in any more.

    An object rests on the highest of what is below it, and may cover a gap. So for every layer it is found where an
    object can be laid that fills it or lies lower, and does not rise above the goal.

    Args:
        scene: what has been built.
        goal: the finished scene.
        width: of the object, pixels: that of the largest disc in it.
        thickness: of the object, metres.
    """
    table = table_appearance(scene)[1]
    # Behind an edge that hides them from all cameras, single pixels have no height; through these holes nothing fits.
    layers, wanted = (
        cv2.morphologyEx(np.floor((each.height - table) / thickness + 0.5), cv2.MORPH_CLOSE, _HOLE)
        for each in (scene, goal)
    )
    lacking: NDArray[np.bool_] = wanted > layers
    if not lacking.any():
        return lacking
    column, row, columns, rows = cv2.boundingRect(lacking.astype(np.uint8))
    there = (slice(row, row + rows), slice(column, column + columns))
    disc, corner = _disc(_FITS * width), _disc(_FITS * width * _CORNER)
    fillable = np.zeros((rows, columns), dtype=bool)
    for layer in range(min(int(wanted[there].max()), _MOST_LAYERS)):
        free = (layers[there] <= layer) & (wanted[there] > layer)
        # Beyond the part that is looked at, nothing is lacking.
        opened = cv2.morphologyEx(
            free.astype(np.uint8), cv2.MORPH_OPEN, disc, borderType=cv2.BORDER_CONSTANT, borderValue=0
        )
        fillable |= (cv2.dilate(opened, corner) > 0) & free
    lacking[there] &= ~fillable
    return lacking


def _disc(width: float) -> NDArray[np.uint8]:
    """A disc of so many pixels, at least one."""
    side = max(2 * round(width / 2 - 0.5) + 1, 1)
    disc: NDArray[np.uint8] = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)).astype(np.uint8)
    return disc


def _upper_face(scene: Heightmap, pick: Array) -> NDArray[np.bool_]:
    """(rows, columns) bool: the connected pixels as high as that of a pick; none where that is table."""
    rows, columns = scene.height.shape
    row, column = min(max(int(pick[1]), 0), rows - 1), min(max(int(pick[0]), 0), columns - 1)
    top = scene.height[row, column]
    # The table is no part of what is so thin, or seen so askew at its rim, that it differs from it by less than a face.
    stands = scene.height > table_appearance(scene)[1] + HEIGHT_TOLERANCE
    if not stands[row, column]:
        return np.zeros(scene.height.shape, dtype=bool)
    _, labels = cv2.connectedComponents(
        (stands & (np.abs(scene.height - top) <= _FACE)).astype(np.uint8), connectivity=4
    )
    face: NDArray[np.bool_] = labels == labels[row, column]
    return face


def _support(scene: Heightmap, mask: NDArray[np.bool_]) -> tuple[Array, float]:
    """(3,) float64 colour and height in metres of what an object stands on, as far as that is seen around it."""
    table_color, table_height = table_appearance(scene)
    top = float(np.median(scene.height[mask]))
    around = (cv2.dilate(mask.astype(np.uint8), _AROUND) > 0) & ~mask & (scene.height < top - _FACE)
    if not around.any():
        return table_color, table_height
    level = float(np.percentile(scene.height[around], _STANDS, method="nearest"))
    if level <= table_height + HEIGHT_TOLERANCE:
        return table_color, table_height
    return np.median(scene.color[around & (np.abs(scene.height - level) <= _FACE)], axis=0), level


def _distance(scene: Heightmap, goal: Heightmap, where: NDArray[np.bool_]) -> float:
    """Metres of height, summed over some pixels, that are to be filled or taken away, with wrong colours."""
    wrong = np.abs(scene.color[where].astype(np.int16) - goal.color[where]).max(axis=-1) > COLOR_TOLERANCE
    heights = np.abs(scene.height[where] - goal.height[where])
    return float(heights.sum(dtype=np.float64) + _COLOR * np.count_nonzero(wrong))
