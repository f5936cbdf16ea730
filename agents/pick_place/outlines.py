"""Random outlines of objects: ellipses, polygons and strokes, several together, some with symmetries.

A shape is first drawn on a canvas of 96 x 96 pixels. It reaches to about 32 pixels from the middle.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array

from .plane import compose, rigid, warp
from .symmetry import mask_centre

Shape = NDArray[np.bool_]

_SIDE = 96
"""Pixels along the canvas; those below are such pixels, too."""
_MOST_PARTS = 4
_NOTCHED = 0.3
"""Share of outlines from which a part is cut out."""
_MIRRORED = 0.5
"""Share of outlines with mirror symmetry, as most things that people make have it."""
_TURNED = 0.3
"""Share of outlines that look the same, or nearly so, after some turns, as polygons, stars and discs do."""
_FOLDS = (2, 7)
"""Least number of such turns within a full one, and one more than the greatest."""
_DETAILED = 0.5
"""Share of these with a detail that tells the turns apart."""
_TWINS = 0.3
"""Share of shapes that look like another one but for a detail, where there is another."""
_DETAIL = (6.0, 14.0)
"""Least and greatest radius of a detail."""
_LEAST_DETAIL = 0.02
"""Least share of a shape that a detail changes."""
_LEAST_TELLING = 0.07
"""The same where it tells turns apart: with less a shape would count as symmetric still (``symmetry.py``)."""
_AT_RIM = 0.7
"""Share of details at the rim; the others are anywhere within."""
_DETAILS = 10
"""Random details tried before a shape stays without one."""
_THIN = 11
"""Pixels across the thinnest part; what is thinner is left out."""
_STROKE = (12, 22)
"""Least and greatest width of a stroke."""
_CLOSED = 0.2
"""Share of strokes that end where they begin."""
_SIZES = (0.8, 1.15)
"""Least and greatest radius of a new outline, beside that of the old one."""
_LEAST = 60
"""Pixels that an outline has at least: 6 square centimetres."""


def draw_shape(rng: np.random.Generator, others: Sequence[Shape] = ()) -> Shape:
    """A random shape.

    Args:
        rng: draws it.
        others: shapes beside which it will be seen; some look like one of these but for a detail.

    Returns:
        (96, 96) bool, in one piece; empty where nothing thick is left of what was drawn.
    """
    if others and rng.random() < _TWINS:
        twin = _with_detail(others[int(rng.integers(len(others)))], _LEAST_DETAIL, rng)
        if twin is not None:
            return twin
    canvas = np.zeros((_SIDE, _SIDE), np.uint8)
    for _ in range(rng.integers(1, _MOST_PARTS + 1)):
        _draw_part(canvas, 1, rng)
    if rng.random() < _NOTCHED:
        _draw_part(canvas, 0, rng)
    if rng.random() < _MIRRORED:
        canvas |= canvas[:, ::-1]
    if rng.random() >= _TURNED:
        return _thick_piece(canvas)
    shape = _thick_piece(_turned(canvas, int(rng.integers(*_FOLDS))))
    detailed = _with_detail(shape, _LEAST_TELLING, rng) if rng.random() < _DETAILED else None
    return shape if detailed is None else detailed


def draw_outline(shape: Shape, old: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_] | None:
    """A shape in place of an object, turned at random.

    Args:
        shape: (96, 96) bool, of ``draw_shape``.
        old: (rows, columns) bool, the object.
        rng: draws size and orientation.

    Returns:
        (rows, columns) bool, in one piece, with about the middle and the radius of the old one; ``None`` if it came out
        too small.
    """
    if not shape.any():
        return None
    middle, target = mask_centre(shape), mask_centre(old)
    scale = _radius(old, target) / _radius(shape, middle) * rng.uniform(*_SIZES)
    turn = rigid(rng.uniform(0, 2 * math.pi), middle, np.zeros(2), scale)
    side = max(*old.shape, _SIDE)
    drawn = np.zeros((side, side), np.float32)
    drawn[:_SIDE, :_SIDE] = shape
    drawn = cv2.GaussianBlur(drawn, (0, 0), max(0.4 / scale, 0.1))
    moved = warp(drawn, compose(rigid(0.0, np.zeros(2), target), turn), flags=cv2.INTER_LINEAR)
    outline: NDArray[np.bool_] = moved[: old.shape[0], : old.shape[1]] > 0.5
    pieces = cv2.connectedComponents(outline.astype(np.uint8), connectivity=4)[0] - 1
    return outline if pieces == 1 and outline.sum() >= _LEAST else None


def _thick_piece(canvas: NDArray[np.uint8]) -> Shape:
    """The largest piece of what covers a canvas, without thin parts."""
    thick = cv2.morphologyEx(canvas, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_THIN, _THIN)))
    _, labels, pieces, _ = cv2.connectedComponentsWithStats(thick.astype(np.uint8), connectivity=4)
    areas = pieces[1:, cv2.CC_STAT_AREA]
    largest: Shape = labels == (1 + int(areas.argmax()) if len(areas) else -1)
    return largest


def _draw_part(canvas: NDArray[np.uint8], value: int, rng: np.random.Generator) -> None:
    """An ellipse, a polygon or a stroke, in place."""
    middle = _SIDE / 2 + rng.uniform(-_SIDE / 6, _SIDE / 6, 2)
    kind = rng.integers(3)
    if kind == 0:
        axes = _pixels(rng.uniform(_SIDE / 12, _SIDE / 3, 2))
        cv2.ellipse(canvas, _pixels(middle).tolist(), axes.tolist(), float(rng.uniform(0, 180)), 0, 360, value, -1)
    elif kind == 1:
        angles = np.sort(rng.uniform(0, 2 * math.pi, rng.integers(3, 7)))
        radii = rng.uniform(_SIDE / 8, _SIDE / 3, len(angles))
        corners = middle + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        cv2.fillPoly(canvas, [_pixels(corners)], value)
    else:
        points = _SIDE / 2 + rng.uniform(-_SIDE / 3, _SIDE / 3, (rng.integers(2, 5), 2))
        cv2.polylines(canvas, [_pixels(points)], bool(rng.random() < _CLOSED), value, int(rng.integers(*_STROKE)))


def _turned(canvas: NDArray[np.uint8], folds: int) -> NDArray[np.uint8]:
    """What covers a canvas, and all turns of it about the middle."""
    middle = np.full(2, _SIDE / 2)
    turns = [warp(canvas, rigid(2 * math.pi * turn / folds, middle, middle)) for turn in range(1, folds)]
    covered: NDArray[np.uint8] = np.maximum.reduce([canvas, *turns])
    return covered


def _with_detail(shape: Shape, least: float, rng: np.random.Generator) -> Shape | None:
    """A shape with a disc added, or cut out of it; ``None`` if none is found that changes enough of it.

    Args:
        shape: without it.
        least: share of the shape that it changes at least.
        rng: draws it.
    """
    for _ in range(_DETAILS):
        canvas = shape.astype(np.uint8)
        places = np.argwhere(cv2.Laplacian(canvas, cv2.CV_16S) < 0 if rng.random() < _AT_RIM else canvas)
        radius, value = round(rng.uniform(*_DETAIL)), int(rng.integers(2))
        if len(places):
            row, column = places[rng.integers(len(places))].tolist()
            cv2.circle(canvas, (column, row), radius, value, -1)
        changed = _thick_piece(canvas)
        if least <= (changed ^ shape).sum() / max(shape.sum(), 1) < 1 / 2:
            return changed
    return None


def _pixels(values: Array) -> NDArray[np.int32]:
    return np.round(values).astype(np.int32)


def _radius(mask: NDArray[np.bool_], middle: Array) -> float:
    """Pixels from the middle of a mask to its farthest pixel."""
    rows, columns = np.nonzero(mask)
    return float(np.hypot(columns + 0.5 - middle[0], rows + 0.5 - middle[1]).max())
