"""Scenes and actions as tensors, at half the resolution of the heightmap (6.25 mm a pixel, 160 x 80 pixels).

A scene is (B, 4, 160, 80) float32: red, green and blue in 0 to 1, and height in decimetres above the lowest point of
the workspace, so that colours and heights have errors of one size. An action is (B, 5) float32: column and row of the
pick, column and row of the place, both in these pixels, and the yaw of the place relative to the pick in radians, by
which a held object turns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ravens_suite.core.geometry import Array, Pose, yaw_quaternion
from ravens_suite.core.heightmap import Heightmap
from ravens_suite.core.workspace import AGENT_WORKSPACE

REDUCTION = 2
"""Pixels of the heightmap along a side of one pixel of a scene."""
PIXEL = AGENT_WORKSPACE.pixel_size * REDUCTION
"""Metres."""
ROWS, COLUMNS = (side // REDUCTION for side in AGENT_WORKSPACE.shape)
CHANNELS = 4
HEIGHT = 3
"""Channel of the height."""
DECIMETRE = 0.1
"""Metres that one unit of the height stands for."""
_UNIT = 0.0001
"""Metres of one step of a packed height: 16 bits hold 6.5 m."""

Packed = tuple[NDArray[np.uint8], NDArray[np.uint16]]
"""A scene in little memory: (160, 80, 3) colours, and (160, 80) heights in tenths of a millimetre."""


def pack(heightmap: Heightmap) -> Packed:
    """A reduced heightmap: means over blocks of 2 x 2 pixels."""
    size = (COLUMNS, ROWS)
    color = cv2.resize(heightmap.color, size, interpolation=cv2.INTER_AREA)
    height = cv2.resize(heightmap.height, size, interpolation=cv2.INTER_AREA)
    return np.asarray(color, dtype=np.uint8), np.rint(height / _UNIT).astype(np.uint16)


def unpack(scenes: list[Packed], device: torch.device | str = "cpu") -> Tensor:
    """(B, 4, 160, 80) float32 of packed scenes."""
    color = torch.from_numpy(np.stack([scene[0] for scene in scenes])).to(device).float() / 255
    height = torch.from_numpy(np.stack([scene[1] for scene in scenes]).astype(np.float32)).to(device)
    return torch.cat([color.permute(0, 3, 1, 2), height[:, None] * (_UNIT / DECIMETRE)], dim=1)


def to_heightmap(scene: Tensor) -> Heightmap:
    """A scene (4, 160, 80), perhaps a predicted one, at the resolution of the heightmap: for pictures, and for agents.

    Returns:
        (320, 160) pixels.
    """
    values = scene.detach().float().cpu().numpy().transpose(1, 2, 0)
    size = (COLUMNS * REDUCTION, ROWS * REDUCTION)
    large = cv2.resize(values, size, interpolation=cv2.INTER_LINEAR)
    color = np.clip(np.rint(large[..., :3] * 255), 0, 255).astype(np.uint8)
    return Heightmap(color, np.maximum(large[..., HEIGHT] * np.float32(DECIMETRE), np.float32(0)))


def to_action(pick: Pose, place: Pose) -> Array:
    """(5,) float64 of two poses in the world frame; what tilts the tool is left out."""
    low = AGENT_WORKSPACE.low
    ends = [((pose.position[axis] - low[axis]) / PIXEL) for pose in (pick, place) for axis in (0, 1)]
    turn = place.yaw - pick.yaw
    return np.array([*ends, math.remainder(turn, 2 * math.pi)])


def to_poses(action: Array, heightmap: Heightmap) -> Mapping[str, Any]:
    """The inverse of ``to_action``, at the heights of a map of full resolution.

    Returns:
        ``pick`` and ``place``, (7,) float64 each: position in metres and quaternion (x, y, z, w), world frame.
    """
    low, high = AGENT_WORKSPACE.limits()
    poses = {}
    for name, at, yaw in (("pick", action[:2], 0.0), ("place", action[2:4], float(action[4]))):
        x, y = np.clip(np.asarray(low[:2]) + at * PIXEL, low[:2], high[:2])
        row, column = AGENT_WORKSPACE.to_pixel(float(x), float(y))
        z = low[2] + float(heightmap.height[row, column])
        poses[name] = np.array([x, y, z, *yaw_quaternion(yaw)])
    return poses
