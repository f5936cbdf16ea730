"""What the forecaster sees: heightmaps at half the resolution, what no camera saw, and actions as maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.heightmap import Heightmap
from ravens_suite.core.policy import Action
from ravens_suite.core.workspace import AGENT_WORKSPACE

from ...pick_place.plane import rigid, to_pixels, warp

SCALE = 2
"""Pixels of the heightmap a side of a pixel of a view: 6.25 mm."""
SHAPE = (AGENT_WORKSPACE.shape[0] // SCALE, AGENT_WORKSPACE.shape[1] // SCALE)
"""(rows, columns) of a view: (160, 80)."""
HEIGHT_UNIT = 0.1
"""Metres of height that count as much as the whole range of a colour."""
CHANGED_COLOR, CHANGED_HEIGHT = 0.06, 0.003
"""A pixel has changed where a colour channel (0 to 1) differs by more, or the height by more metres."""
_SPREAD = 1.5
"""Pixels: standard deviation of the spot that marks a pose in a map of actions."""
_REACH = 10
"""Pixels around the pick within which an action is taken to move what lies there: 62 mm."""
_SAME_TOP = 0.012
"""Metres by which heights of one object's top may differ from that at the pick."""
_MISSED = 2.0
"""Pixels from the pick to the nearest thing beyond which an action picks nothing: 12 mm."""
_STANDS_OUT = 0.004
"""Metres above the bare table from which something can be moved."""


@dataclass(frozen=True)
class View:
    """The table from above, at the resolution of the forecaster.

    Attributes:
        color: (160, 80, 3) uint8 RGB, mean of what was seen; zero where no camera saw anything.
        height: (160, 80) float32 metres, mean of what was seen; zero where no camera saw anything.
        seen: (160, 80) bool, where a camera saw at least half of the pixel.
    """

    color: NDArray[np.uint8]
    height: NDArray[np.float32]
    seen: NDArray[np.bool_]

    @staticmethod
    def of(heightmap: Heightmap) -> View:
        """A heightmap of ``AGENT_WORKSPACE``, reduced."""
        # The bare table is 0.25 mm above the lowest height; only what no camera saw is at zero.
        seen = ((heightmap.height > 0) | heightmap.color.any(axis=2)).astype(np.float32)
        share = _reduced(seen)
        least = np.maximum(share, 1e-6)
        color = _reduced(heightmap.color.astype(np.float32)) / least[..., None]
        height = _reduced(heightmap.height * seen) / least
        return View(np.rint(color).clip(0, 255).astype(np.uint8), height.astype(np.float32), share >= 0.5)

    def channels(self) -> NDArray[np.float32]:
        """(5, 160, 80) float32: red, green, blue in 0 to 1, height over ``HEIGHT_UNIT``, and 1 where seen."""
        color = self.color.transpose(2, 0, 1).astype(np.float32) / 255
        return np.concatenate([color, self.height[None] / HEIGHT_UNIT, self.seen[None].astype(np.float32)])


def _reduced(image: NDArray[np.float32]) -> NDArray[np.float32]:
    size = (SHAPE[1], SHAPE[0])
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.float32)


def poses_of(action: Action) -> Array:
    """(2, 3) float64 of an action: column, row in pixels of a view and yaw in radians, of pick and place."""
    rows = []
    for name in ("pick", "place"):
        pose = Pose.from_vector(np.asarray(action[name], dtype=np.float64))
        rows.append([*(to_pixels(pose) / SCALE), pose.yaw])
    return np.array(rows)


def action_channels(poses: Array | None) -> NDArray[np.float32]:
    """(2, 160, 80): a spot of height 1 at the pick, and one at the place; zeros for no action.

    Args:
        poses: (2, 3), see ``poses_of``; ``None`` for no action.
    """
    maps = np.zeros((2, *SHAPE), np.float32)
    if poses is None:
        return maps
    rows, columns = np.arange(SHAPE[0]) + 0.5, np.arange(SHAPE[1]) + 0.5
    for spot, (column, row, _) in zip(maps, poses, strict=True):
        down = np.exp(-((rows - row) ** 2) / (2 * _SPREAD**2))
        across = np.exp(-((columns - column) ** 2) / (2 * _SPREAD**2))
        spot[:] = down[:, None] * across
    return maps


def moved_copy(view: View, poses: Array) -> View:
    """The view with what lies at the pick cut out and pasted at the place: what an action does, without physics.

    What lies at the pick is what has about its height, hangs together, and is near. The hole is filled with the median
    around it; what is pasted stands as high above the place as it stood above its surroundings.

    Args:
        view: before the action.
        poses: (2, 3), see ``poses_of``.
    """
    patch = _patch(view, poses[0, :2])
    if not patch.any():
        return view
    ring = cv2.dilate(patch.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool) & ~patch & view.seen
    if not ring.any():
        return view
    color, height = view.color.copy(), view.height.copy()
    ground = float(np.percentile(height[ring], 20))
    color[patch], height[patch] = np.median(color[ring & (height <= ground + _STANDS_OUT)], axis=0), ground
    motion = rigid(float(poses[1, 2] - poses[0, 2]), poses[0, :2], poses[1, :2])
    pasted = warp(patch.astype(np.uint8), motion).astype(bool)
    moved_color, moved_height = warp(view.color, motion, border=(0, 0, 0)), warp(view.height, motion)
    base = float(np.median(height[pasted])) if pasted.any() else 0.0
    color[pasted] = moved_color[pasted]
    height[pasted] = moved_height[pasted] - ground + base
    return View(color, height, view.seen)


def _patch(view: View, pick: Array) -> NDArray[np.bool_]:
    """(160, 80) what lies at the pick; empty for the bare table."""
    rows, columns = np.indices(SHAPE) + 0.5
    distance = np.hypot(columns - pick[0], rows - pick[1])
    stands_out = view.height > float(np.median(view.height)) + _STANDS_OUT
    near = stands_out & (distance <= _REACH) & view.seen
    under = near & (distance <= _MISSED)
    if not under.any():
        return np.zeros(SHAPE, dtype=bool)
    # At an edge a pixel has the mean height of the object and of what is beside it.
    start = np.unravel_index(np.argmax(np.where(under, view.height, -math.inf)), SHAPE)
    alike = near & (np.abs(view.height - view.height[start]) <= _SAME_TOP)
    _, parts = cv2.connectedComponents(alike.astype(np.uint8), connectivity=8)
    top = (parts == parts[start]).astype(np.uint8)
    edge = cv2.dilate(top, np.ones((3, 3), np.uint8)).astype(np.bool_) & near & (view.height <= view.height[start])
    return np.asarray(top.astype(np.bool_) | edge, dtype=np.bool_)


def changed(before: View, after: View) -> NDArray[np.bool_]:
    """(160, 80) bool, where two views differ, among what was seen in both."""
    color = np.abs(before.color.astype(np.float32) - after.color.astype(np.float32)).max(axis=2) / 255
    height = np.abs(before.height - after.height)
    differs: NDArray[np.bool_] = ((color > CHANGED_COLOR) | (height > CHANGED_HEIGHT)) & before.seen & after.seen
    return differs


def view_error(predicted: NDArray[np.float32], after: View, where: NDArray[np.bool_]) -> float:
    """Mean absolute error of a predicted view over some pixels and its four channels; 0 where there are no pixels.

    Args:
        predicted: (4 or 5, 160, 80), see ``View.channels``.
        after: what came.
        where: (160, 80), which pixels count.
    """
    if not where.any():
        return 0.0
    return float(np.abs(predicted[:4] - after.channels()[:4])[:, where].mean())


def views_of(heightmaps: Sequence[Heightmap]) -> list[View]:
    """All heightmaps of an episode, reduced."""
    return [View.of(heightmap) for heightmap in heightmaps]
