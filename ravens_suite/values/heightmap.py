"""Orthographic colour and height maps of the table, fused from several RGB-D views.

What it computes is the published reconstruction (Transporter Networks, section 3.4): back-project, keep the points in
the workspace, let higher points overwrite lower ones, take the maximum height and the mean colour over cameras.

How it is fast: the ray of every image pixel is cached, in units of heightmap pixels, with the interval of depths at
which it is inside the workspace. One comparison then drops the bare table, the robot and everything beyond; what is
left is scattered by an indexed maximum, so nothing is ever sorted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.errors import ConfigError
from ravens_suite.values.cameras import Camera
from ravens_suite.values.types import DEPTH_UNIT
from ravens_suite.values.workspace import AGENT_WORKSPACE, Workspace

_SLACK = 1e-5
"""Metres by which the workspace grows for the cheap depth test, which must never drop what the exact test keeps."""


_BLOCK = 80_000
"""Image pixels worked on at a time."""


@dataclass(frozen=True)
class Heightmap:
    """The table seen from straight above.

    Attributes:
        color: (rows, columns, 3) uint8 RGB; zero where no camera sees anything.
        height: (rows, columns) float32, metres above the workspace's low z; zero where nothing is seen.
    """

    color: NDArray[np.uint8]
    height: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class CameraRays:
    """The rays of one camera's pixels in heightmap units.

    A pixel of depth ``d`` metres lies at ``origin + d * direction``, where the axes are (column, row, metres above the
    workspace's low z), all in float32.

    Attributes:
        origin: (3,) float32.
        direction: (3, H * W) float32.
        nearest: (H * W,) float32 metres; no point of smaller depth is in the workspace.
        farthest: (H * W,) float32 metres; no point of greater depth is in the workspace.
        first: the first pixel whose ray meets the workspace.
        last: one past the last such pixel.
    """

    origin: NDArray[np.float32]
    direction: NDArray[np.float32]
    nearest: NDArray[np.float32]
    farthest: NDArray[np.float32]
    first: int
    last: int


@lru_cache(maxsize=16)
def camera_rays(camera: Camera, workspace: Workspace = AGENT_WORKSPACE) -> CameraRays:
    """The rays of a camera; cached, so never change the arrays."""
    rows, columns = camera.image_size
    v, u = np.mgrid[:rows, :columns].reshape(2, -1)
    pixels = np.stack([u, v, np.ones_like(u)]).astype(np.float64)
    direction = camera.pose.rotation() @ (np.linalg.inv(camera.intrinsics) @ pixels)
    offset = np.subtract(camera.pose.position, workspace.low)
    size = np.subtract(workspace.high, workspace.low)
    with np.errstate(divide="ignore", invalid="ignore"):
        low = (-_SLACK - offset)[:, None] / direction
        high = (size + _SLACK - offset)[:, None] / direction
    # A ray parallel to a face gives infinities, or NaN exactly on it: fmin and fmax then keep the other bound.
    nearest = np.fmin(low, high).max(axis=0) - DEPTH_UNIT
    farthest = np.fmax(low, high).min(axis=0) + DEPTH_UNIT
    meeting = np.flatnonzero(nearest <= farthest)
    scale = np.array([1 / workspace.pixel_size, 1 / workspace.pixel_size, 1.0])
    return CameraRays(
        origin=(offset * scale).astype(np.float32),
        direction=np.ascontiguousarray(direction * scale[:, None], dtype=np.float32),
        nearest=np.maximum(nearest, DEPTH_UNIT / 2).astype(np.float32),
        farthest=farthest.astype(np.float32),
        first=int(meeting[0]) if len(meeting) else 0,
        last=int(meeting[-1]) + 1 if len(meeting) else 0,
    )


def fuse(
    color: NDArray[np.uint8],
    depth: NDArray[np.float32],
    cameras: Sequence[Camera],
    workspace: Workspace = AGENT_WORKSPACE,
) -> Heightmap:
    """Fuse N views into one map of the workspace.

    A point is kept where ``low <= point < high`` on all axes. Of the points of one view in one map pixel the highest
    counts, and of equally high ones the last in row-major order. Over views, height is the maximum and colour the
    mean, rounded half to even, of those whose colour is not black. A depth of zero or NaN means "not measured".

    Args:
        color: (N, H, W, 3) uint8 RGB.
        depth: (N, H, W) float32 metres along each optical axis.
        cameras: N cameras, in the order of the images.
        workspace: what the map covers.

    Raises:
        ConfigError: images and cameras do not fit together.
    """
    _check(color, depth, cameras)
    cells = workspace.shape[0] * workspace.shape[1]
    height = np.zeros(cells, dtype=np.float32)
    total = np.zeros((cells, 4), dtype=np.uint16)
    count = np.zeros(cells, dtype=np.float32)
    for view_color, view_depth, camera in zip(color, depth, cameras, strict=True):
        key = _highest(view_depth.reshape(-1), camera, workspace)
        seen = np.flatnonzero(key)
        # The halves of a key, as little-endian words: the image pixel and the bits of the height.
        halves = key.view("<u4").reshape(-1, 2)
        np.maximum(height, halves[:, 1].view(np.float32), out=height)
        # Four bytes a pixel make the gather one word wide; the fourth is then cleared.
        words = cv2.cvtColor(np.ascontiguousarray(view_color), cv2.COLOR_RGB2RGBA).view("<u4").reshape(-1)
        shade = np.zeros(cells, dtype="<u4")
        shade[seen] = words.take(halves[seen, 0] - 1) & 0xFFFFFF
        total += shade.view(np.uint8).reshape(-1, 4)
        count += shade != 0
    mean = np.rint(total[:, :3] / np.maximum(count, 1)[:, None]).astype(np.uint8)
    return Heightmap(mean.reshape(*workspace.shape, 3), height.reshape(workspace.shape))


def _highest(depth: NDArray[np.float32], camera: Camera, workspace: Workspace) -> NDArray[np.int64]:
    """For every map pixel of one view the key of its point: bits of the height, then image pixel + 1; 0 for none.

    Heights are not negative, so their bits ascend as they do, and the greatest key is the highest and then the last
    point. Blocks of the image are small enough for their intermediate arrays to stay in the processor's cache.
    """
    rays = camera_rays(camera, workspace)
    best = np.zeros(workspace.shape[0] * workspace.shape[1], dtype=np.int64)
    for start in range(rays.first, rays.last, _BLOCK):
        block = slice(start, min(start + _BLOCK, rays.last))
        near, direction = depth[block], rays.direction[:, block]
        pixel = np.flatnonzero((near <= rays.farthest[block]) & (near >= rays.nearest[block]))
        if len(pixel) == 0:
            continue
        cell, z, pixel = _inside(near, direction, rays.origin, pixel, workspace)
        key = np.empty((len(z), 2), dtype="<u4")
        np.add(pixel, start + 1, out=key[:, 0], casting="unsafe")
        key[:, 1] = z.view(np.uint32)
        np.maximum.at(best, cell, key.view("<i8").reshape(-1))
    return best


def _inside(
    depth: NDArray[np.float32],
    direction: NDArray[np.float32],
    origin: NDArray[np.float32],
    pixel: NDArray[np.int64],
    workspace: Workspace,
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """(map cell, height, image pixel) of those of the given image pixels whose point is in the workspace."""
    near = depth.take(pixel)
    column, row, z = (_along(direction[axis], origin[axis], pixel, near) for axis in range(3))
    rows, columns = workspace.shape
    limits = ((column, columns), (row, rows), (z, workspace.high[2] - workspace.low[2]))
    if not all(values.min() >= 0 and values.max() < np.float32(limit) for values, limit in limits):
        inside = np.logical_and.reduce([(values >= 0) & (values < np.float32(limit)) for values, limit in limits])
        kept = np.flatnonzero(inside)
        column, row, z, pixel = column.take(kept), row.take(kept), z.take(kept), pixel.take(kept)
    cell = row.astype(np.int64)
    cell *= columns
    cell += column.astype(np.int64)
    return cell, z, pixel


def _along(
    direction: NDArray[np.float32], origin: np.float32, pixel: NDArray[np.int64], depth: NDArray[np.float32]
) -> NDArray[np.float32]:
    """One coordinate of the points of some image pixels."""
    value: NDArray[np.float32] = direction.take(pixel)
    value *= depth
    value += origin
    return value


def _check(color: NDArray[Any], depth: NDArray[Any], cameras: Sequence[Camera]) -> None:
    for camera, image, shades in zip(cameras, depth, color, strict=False):
        if image.shape != camera.image_size or shades.shape != (*camera.image_size, 3):
            raise ConfigError(
                f"Camera {camera.name!r} has images of {camera.image_size}, but depth is {image.shape} and colour "
                f"{shades.shape}. Pass the cameras of the environment that made the images."
            )
    if not len(color) == len(depth) == len(cameras):
        raise ConfigError(
            f"There are {len(color)} colour images, {len(depth)} depth images and {len(cameras)} cameras: "
            "pass one of each a view."
        )
