"""Geometry of the heightmap plane: pixel positions, motions as matrices, and images moved by them.

Positions are continuous, (column, row), in pixels of the heightmap (3.125 mm): pixel ``i`` covers ``[i, i + 1)``.
Columns run along the world's x and rows along its y. A positive angle rotates x towards y.

Positions and matrices are float64.
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

IDENTITY = np.eye(2, 3)
"""The (2, 3) matrix of no motion."""


def to_pixels(pose: Pose) -> Array:
    """(2,) float64 pixel position of a pose in the world frame."""
    x, y, _ = pose.position
    low = AGENT_WORKSPACE.low
    return np.array([(x - low[0]) / AGENT_WORKSPACE.pixel_size, (y - low[1]) / AGENT_WORKSPACE.pixel_size])


def to_pose(position: Array, heightmap: Heightmap, yaw: float) -> Pose:
    """The pose at a pixel position, at the height of the map there; the inverse of ``to_pixels``.

    Args:
        position: (2,) pixels; its height is read from the nearest pixel of the map.
        heightmap: of the scene.
        yaw: of the pose about the vertical axis, radians.

    Returns:
        A pose in the world frame, metres.
    """
    rows, columns = heightmap.height.shape
    row, column = min(max(int(position[1]), 0), rows - 1), min(max(int(position[0]), 0), columns - 1)
    x, y = AGENT_WORKSPACE.to_metres(float(position[1]), float(position[0]))
    return Pose.planar(x, y, AGENT_WORKSPACE.low[2] + float(heightmap.height[row, column]), yaw)


def rigid(yaw: float, source: Array, target: Array, scale: float = 1.0) -> Array:
    """(2, 3) matrix of the motion that rotates, scales, and takes ``source`` (2,) to ``target`` (2,)."""
    c, s = scale * math.cos(yaw), scale * math.sin(yaw)
    linear = np.array([[c, -s], [s, c]])
    return np.column_stack([linear, target - linear @ source])


def transform(matrix: Array, points: Array) -> Array:
    """(..., 2) positions after the motion of a (2, 3) matrix."""
    result: Array = points @ matrix[:, :2].T + matrix[:, 2]
    return result


def compose(second: Array, first: Array) -> Array:
    """(2, 3) matrix of the motion ``first`` followed by ``second``."""
    linear = second[:, :2] @ first[:, :2]
    return np.column_stack([linear, transform(second, first[:, 2])])


def inverse(matrix: Array) -> Array:
    """(2, 3) matrix of the inverse motion."""
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
    """An image moved by a (2, 3) matrix.

    Args:
        image: (rows, columns) or (rows, columns, channels).
        matrix: where each position goes; with ``inverse``, where each position of the result comes from.
        inverse: see ``matrix``.
        flags: OpenCV's interpolation; nearest neighbours make no new colours or heights.
        border: value outside the image.

    Returns:
        Same shape and dtype as the image.
    """
    centred = matrix.copy()
    centred[:, 2] += matrix[:, :2] @ np.array([0.5, 0.5]) - 0.5
    flags |= cv2.WARP_INVERSE_MAP if inverse else 0
    size = (image.shape[1], image.shape[0])
    moved: NDArray[Any] = cv2.warpAffine(
        image, centred, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=border
    )
    return moved
