"""Scenes and actions as tensors, at half the resolution of the heightmap (6.25 mm a pixel, 160 x 80 pixels).

A scene is (B, 4, 160, 80) float32: red, green and blue in 0 to 1, and height in decimetres above the lowest point of
the workspace, so that colours and heights have errors of one size. An action is (B, 5) float32: column and row of the
pick, column and row of the place, both in these pixels, and the yaw of the place relative to the pick in radians, by
which a held object turns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ravens_suite.core.geometry import Array, Pose, yaw_quaternion
from ravens_suite.core.heightmap import Heightmap, fuse_observation
from ravens_suite.core.observations import Observation
from ravens_suite.core.workspace import AGENT_WORKSPACE

REDUCTION = 2
"""Pixels of the heightmap along a side of one pixel of a scene."""
PIXEL = AGENT_WORKSPACE.pixel_size * REDUCTION
"""Metres."""
SCENE_WORKSPACE = replace(AGENT_WORKSPACE, pixel_size=PIXEL)
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


def see(observation: Observation, prefix: str = "") -> Packed:
    """The scene of an observation with images.

    It is fused at its own resolution: of a larger map, images of 240 x 320 would leave many pixels without a point.

    Args:
        observation: with the keys of ``kept_heightmaps.KEYS``.
        prefix: ``goal_`` for the goal scene.

    Returns:
        (160, 80, 3) uint8 colours and (160, 80) uint16 heights, see ``Packed``.
    """
    return pack(fuse_observation(observation, prefix, SCENE_WORKSPACE))


def pack(heightmap: Heightmap) -> Packed:
    """A heightmap of (160, 80) pixels, packed."""
    return heightmap.color, np.rint(heightmap.height / _UNIT).astype(np.uint16)


def unpack(scenes: list[Packed], device: torch.device | str = "cpu") -> Tensor:
    """(B, 4, 160, 80) float32 of packed scenes."""
    color = torch.from_numpy(np.stack([scene[0] for scene in scenes])).to(device).float() / 255
    height = torch.from_numpy(np.stack([scene[1] for scene in scenes]).astype(np.float32)).to(device)
    return torch.cat([color.permute(0, 3, 1, 2), height[:, None] * (_UNIT / DECIMETRE)], dim=1)


def to_heightmap(scene: Tensor) -> Heightmap:
    """A scene (4, 160, 80) float32, perhaps a predicted one, as a heightmap of as many pixels."""
    values = scene.detach().float().cpu().numpy().transpose(1, 2, 0)
    color = np.clip(np.rint(values[..., :HEIGHT] * 255), 0, 255).astype(np.uint8)
    return Heightmap(color, np.maximum(values[..., HEIGHT] * np.float32(DECIMETRE), np.float32(0)))


def enlarged(heightmap: Heightmap) -> Heightmap:
    """The same with (320, 160) pixels, as people are shown it beside other agents' maps."""
    color, height = heightmap.color, heightmap.height
    return Heightmap(color.repeat(REDUCTION, 0).repeat(REDUCTION, 1), height.repeat(REDUCTION, 0).repeat(REDUCTION, 1))


def to_action(pick: Pose, place: Pose) -> Array:
    """(5,) float64 of two poses in the world frame; what tilts the tool is left out."""
    low = AGENT_WORKSPACE.low
    ends = [((pose.position[axis] - low[axis]) / PIXEL) for pose in (pick, place) for axis in (0, 1)]
    turn = place.yaw - pick.yaw
    return np.array([*ends, math.remainder(turn, 2 * math.pi)])


def to_poses(action: Array, scene: Tensor) -> Mapping[str, Any]:
    """The inverse of ``to_action``, at the heights of a scene (4, 160, 80).

    Returns:
        ``pick`` and ``place``, (7,) float64 each: position in metres and quaternion (x, y, z, w), world frame.
    """
    low, high = AGENT_WORKSPACE.limits()
    poses = {}
    for name, at, yaw in (("pick", action[:2], 0.0), ("place", action[2:4], float(action[4]))):
        x, y = np.clip(np.asarray(low[:2]) + at * PIXEL, low[:2], high[:2])
        row, column = min(int(at[1]), ROWS - 1), min(int(at[0]), COLUMNS - 1)
        z = float(low[2]) + float(scene[HEIGHT, row, column]) * DECIMETRE
        poses[name] = np.array([x, y, z, *yaw_quaternion(yaw)])
    return poses
