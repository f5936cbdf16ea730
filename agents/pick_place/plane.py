"""The plane of the heightmap: pixel positions, motions, and images that they move.

Positions are in pixels of the heightmap, (column, row), and continuous: pixel ``i`` covers ``[i, i + 1)``. A positive
angle turns the column axis (x) towards the row axis (y).
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.heightmap import Heightmap
from ravens_suite.core.workspace import AGENT_WORKSPACE

UNMOVED = np.eye(2, 3)
"""The (2, 3) matrix of no motion."""


def to_pixels(pose: Pose) -> Array:
    """(2,) continuous pixel position (column, row) of a pose."""
    x, y, _ = pose.position
    low = AGENT_WORKSPACE.low
    return np.array([(x - low[0]) / AGENT_WORKSPACE.pixel_size, (y - low[1]) / AGENT_WORKSPACE.pixel_size])


def to_pose(position: Array, heightmap: Heightmap, yaw: float) -> Pose:
    """World pose at a pixel position (column, row), at the height of the map there: the inverse of ``to_pixels``."""
    rows, columns = heightmap.height.shape
    row, column = min(max(int(position[1]), 0), rows - 1), min(max(int(position[0]), 0), columns - 1)
    x, y = AGENT_WORKSPACE.to_metres(float(position[1]), float(position[0]))
    return Pose.planar(x, y, AGENT_WORKSPACE.low[2] + float(heightmap.height[row, column]), yaw)


def rigid(yaw: float, source: Array, target: Array, scale: float = 1.0) -> Array:
    """(2, 3) matrix of the plane motion that turns, scales, and takes ``source`` to ``target``."""
    c, s = scale * math.cos(yaw), scale * math.sin(yaw)
    linear = np.array([[c, -s], [s, c]])
    return np.column_stack([linear, target - linear @ source])


def transform(matrix: Array, points: Array) -> Array:
    """(..., 2) points under a (2, 3) matrix."""
    result: Array = points @ matrix[:, :2].T + matrix[:, 2]
    return result


def compose(second: Array, first: Array) -> Array:
    """(2, 3) matrix of ``first``, then ``second``."""
    linear = second[:, :2] @ first[:, :2]
    return np.column_stack([linear, transform(second, first[:, 2])])


def inverse(matrix: Array) -> Array:
    """(2, 3) matrix of the way back."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])


def warp(
    image: NDArray[Any],
    matrix: Array,
    *,
    inverse: bool = False,
    flags: int = cv2.INTER_NEAREST,
    border: tuple[float, ...] = (0.0,),
) -> NDArray[Any]:
    """An image moved by a (2, 3) matrix on continuous positions.

    Args:
        image: (rows, columns) or (rows, columns, channels).
        matrix: where each position goes; with ``inverse``, where each position of the result comes from.
        inverse: see ``matrix``.
        flags: OpenCV's interpolation; by nearest pixels no new colours or heights appear.
        border: value outside the image.
    """
    centred = matrix.copy()
    centred[:, 2] += matrix[:, :2] @ np.array([0.5, 0.5]) - 0.5
    flags |= cv2.WARP_INVERSE_MAP if inverse else 0
    size = (image.shape[1], image.shape[0])
    moved: NDArray[Any] = cv2.warpAffine(
        image, centred, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=border
    )
    return moved
