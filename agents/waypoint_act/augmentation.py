"""Other examples made of recorded ones: scenes turned and shifted, and loads held elsewhere."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np

from ravens_suite.core.geometry import Array

from .chunks import MAP, Window, wrap

_TRIES = 20
_OFFSET = 3.0
"""Cells, standard deviation of where else a load is held, along each axis."""


def turned(window: Window, rng: np.random.Generator) -> Window:
    """The scene, the tool and its way-points turned and shifted together, by as much as leaves them on the table."""
    size = np.array(MAP.shape[::-1], dtype=np.float64)
    for _ in range(_TRIES):
        angle, shift = rng.uniform(-math.pi, math.pi), rng.normal(0, size / 6)
        turn = rotation(angle)
        offset = size / 2 + shift - turn @ (size / 2)
        moved = [_moved(points, turn, offset, angle) for points in (window.tip[None], window.chunk)]
        seen = np.concatenate([moved[0][:, :2], moved[1][window.valid, :2]])
        if ((seen >= 0) & (seen < size)).all():
            break
    else:
        return window
    # OpenCV takes the centre of the first pixel as 0.
    matrix = np.column_stack([turn, offset + turn @ [0.5, 0.5] - 0.5])
    columns, rows = MAP.shape[::-1]
    color = cv2.warpAffine(window.color, matrix, (columns, rows), flags=cv2.INTER_LINEAR)
    height = cv2.warpAffine(window.height, matrix, (columns, rows), flags=cv2.INTER_LINEAR)
    return replace(
        window,
        color=np.asarray(color, dtype=np.uint8),
        height=np.asarray(height, dtype=np.float32),
        tip=moved[0][0],
        chunk=moved[1],
    )


def regrasped(window: Window, rng: np.random.Generator) -> Window:
    """The load held elsewhere: up to its release the tool goes other ways, and the load goes the same.

    Way-points after the release are not valid any more.
    """
    offset, angle = rng.normal(0, _OFFSET, 2), rng.uniform(-math.pi, math.pi)
    released = np.flatnonzero(window.chunk[:, 4] < 0.5)
    count = int(released[0]) + 1 if len(released) else len(window.chunk)
    chunk = window.chunk.copy()
    chunk[:count] = [_held(point, offset, angle) for point in chunk[:count]]
    valid = window.valid & (np.arange(len(chunk)) < count)
    return replace(window, tip=_held(window.tip, offset, angle), chunk=chunk, valid=valid)


def rotation(angle: float) -> Array:
    """(2, 2) float64 for vectors (column, row)."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, -sin], [sin, cos]])


def _moved(points: Array, turn: Array, offset: Array, angle: float) -> Array:
    moved = points.copy()
    moved[:, :2] = points[:, :2] @ turn.T + offset
    moved[:, 3] = wrap(points[:, 3] + angle)
    return moved


def _held(point: Array, offset: Array, angle: float) -> Array:
    """A pose of the tip, shifted and turned in its own frame."""
    moved = point.copy()
    moved[:2] += rotation(float(point[3])) @ offset
    moved[3] = wrap(point[3] + angle)
    return moved
