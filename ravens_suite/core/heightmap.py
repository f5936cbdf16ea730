"""Orthographic colour and height maps of the table, fused from several RGB-D views.

What it computes is the published reconstruction (Transporter Networks, section 3.4): back-project, keep the points in
the workspace, let higher points overwrite lower ones, take the maximum height and the mean colour over cameras. Points
lie on the rays through the centres of pixels, where renderers sample them; the published reconstruction takes the
corners, which moves maps of small images by millimetres (docs/observations.md).

How it is fast: nearly every image pixel sees the empty table or the ground beside it, at a depth that follows from the
camera's pose. What such pixels give is cached for each camera, and one comparison leaves those that see something else,
which are worked out and compete for their map pixels by an indexed maximum, so nothing is ever sorted. The expected
depth decides only how long it takes, never what comes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.cameras import check_intrinsics
from ravens_suite.core.geometry import Array, check_rigid
from ravens_suite.core.observations import missing_keys_message
from ravens_suite.core.types import DEPTH_UNIT, quantize_depth
from ravens_suite.core.workspace import AGENT_WORKSPACE, PLANE_HEIGHT, SHEET_HEIGHT, TASK_WORKSPACE, Workspace
from ravens_suite.errors import ConfigError

_SLACK = 1e-5
"""Metres by which the workspace grows for the cheap depth test, which must never drop what the exact test keeps."""

_CAMERAS = 16
"""Cameras whose rays and empty tables are kept: 8 MB each, for images of 480 x 640."""

_BLOCK = 80_000
"""Image pixels worked on at a time, few enough for their intermediate arrays to stay in the processor's cache."""


@dataclass(frozen=True)
class Heightmap:
    """The table seen from straight above.

    Attributes:
        color: (rows, columns, 3) uint8 RGB; zero where no camera sees anything.
        height: (rows, columns) float32, metres above the workspace's low z; zero where nothing is seen.
    """

    color: NDArray[np.uint8]
    height: NDArray[np.float32]


_FARTHEST = 10.0
"""Metres, the depth at which the suite's cameras stop: what they are expected to see beyond the ground."""


@dataclass(frozen=True)
class View:
    """One pinhole camera as a key of the caches.

    Attributes:
        image_size: (rows, columns).
        intrinsics: (3, 3) float64 as bytes.
        pose: (4, 4) float64 as bytes, world from camera.
    """

    image_size: tuple[int, int]
    intrinsics: bytes
    pose: bytes

    @staticmethod
    def of(image_size: tuple[int, int], intrinsics: Array, pose: Array) -> View:
        """From (3, 3) intrinsics in pixels and a (4, 4) pose, world from camera, of any dtype."""
        return View(
            image_size,
            np.ascontiguousarray(intrinsics, dtype=np.float64).tobytes(),
            np.ascontiguousarray(pose, dtype=np.float64).tobytes(),
        )

    def matrices(self) -> tuple[Array, Array, Array]:
        """float64: (3, 3) intrinsics in pixels, (3, 3) rotation and (3,) position in metres, world from camera."""
        pose = np.frombuffer(self.pose).reshape(4, 4)
        return np.frombuffer(self.intrinsics).reshape(3, 3), pose[:3, :3].copy(), pose[:3, 3].copy()


@dataclass(frozen=True, eq=False)
class CameraRays:
    """The rays of one camera's pixels in heightmap units.

    A pixel of depth ``d`` metres lies at ``origin + d * direction``, where the axes are (column, row, metres above the
    workspace's low z), all in float32.

    Attributes:
        origin: (3,) float32.
        direction: (3, H * W) float32.
        farthest: (H * W,) float32 metres; no point of greater depth is in the workspace. Zero where none is at all.
    """

    origin: NDArray[np.float32]
    direction: NDArray[np.float32]
    farthest: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class EmptyTable:
    """What one camera gives to the heightmap when nothing is on the table.

    Keys are those of ``_keys``; the map is flat, with C pixels.

    Attributes:
        depth: (H * W,) float32 metres, the expected depth image.
        key: (C,) int64, the greatest key of each map pixel; 0 where there is none.
        winner: (C,) int64, the image pixel of that key; 0 where there is none.
        pixel: (M,) int64, the image pixels whose expected point is in the workspace, by map pixel.
        start: (C + 1,) int64; map pixel ``c`` has the image pixels ``pixel[start[c] : start[c + 1]]``.
    """

    depth: NDArray[np.float32]
    key: NDArray[np.int64]
    winner: NDArray[np.int64]
    pixel: NDArray[np.int64]
    start: NDArray[np.int64]

    def seen_in(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """(K,) int64, the image pixels whose expected point is in one of the (N,) int64 map pixels ``cells``."""
        first = self.start[cells]
        count = self.start[cells + 1] - first
        skipped = np.repeat(first - (np.cumsum(count) - count), count)
        return self.pixel[skipped + np.arange(len(skipped))]


@lru_cache(maxsize=_CAMERAS)
def camera_rays(camera: View, workspace: Workspace = AGENT_WORKSPACE) -> CameraRays:
    """The rays of a camera; cached, so never change the arrays."""
    direction = _directions(camera)
    offset = np.subtract(camera.matrices()[2], workspace.low)
    size = np.subtract(workspace.high, workspace.low)
    with np.errstate(divide="ignore", invalid="ignore"):
        low = (-_SLACK - offset)[:, None] / direction
        high = (size + _SLACK - offset)[:, None] / direction
    # A ray parallel to a face gives infinities, or NaN exactly on it: fmax then keeps the other bound.
    farthest = np.fmax(low, high).min(axis=0) + DEPTH_UNIT
    farthest[np.fmin(low, high).max(axis=0) > farthest] = 0.0
    scale = np.array([1 / workspace.pixel_size, 1 / workspace.pixel_size, 1.0])
    return CameraRays(
        origin=(offset * scale).astype(np.float32),
        direction=np.ascontiguousarray(direction * scale[:, None], dtype=np.float32),
        farthest=farthest.astype(np.float32),
    )


@lru_cache(maxsize=_CAMERAS)
def empty_table(camera: View, workspace: Workspace = AGENT_WORKSPACE) -> EmptyTable:
    """What a camera sees of the empty table; cached, so never change the arrays."""
    depth = _empty_depth(camera)
    cell, key = _keys(depth, np.arange(len(depth)), camera_rays(camera, workspace), workspace)
    cells = workspace.shape[0] * workspace.shape[1]
    best = np.zeros(cells, dtype=np.int64)
    np.maximum.at(best, cell, key)
    return EmptyTable(
        depth=depth,
        key=best,
        winner=np.maximum(_pixel_after(best) - 1, 0),
        pixel=(_pixel_after(key) - 1)[np.argsort(cell, kind="stable")],
        start=np.concatenate([[0], np.cumsum(np.bincount(cell, minlength=cells))]),
    )


def _empty_depth(camera: View) -> NDArray[np.float32]:
    """(H * W,) depth of the empty table: its dark sheet, and the ground plane, taken as endless, around it."""
    eye = camera.matrices()[2]
    x, y, down = _directions(camera)
    down = np.minimum(down, -1e-9)  # Above the horizon everything is farther than the camera draws.
    depth = (SHEET_HEIGHT - eye[2]) / down
    on_sheet = np.logical_and.reduce(
        [
            (low <= start + depth * along) & (start + depth * along <= high)
            for start, along, low, high in zip(eye, (x, y), TASK_WORKSPACE.low, TASK_WORKSPACE.high, strict=False)
        ]
    )
    depth = np.where(on_sheet, depth, (PLANE_HEIGHT - eye[2]) / down)
    return quantize_depth(np.minimum(depth, _FARTHEST))


def _directions(camera: View) -> NDArray[np.float64]:
    """(3, H * W) world-frame rays, of unit depth, through the centres of pixels."""
    rows, columns = camera.image_size
    v, u = np.mgrid[:rows, :columns].reshape(2, -1) + 0.5
    intrinsics, rotation, _ = camera.matrices()
    result: NDArray[np.float64] = rotation @ (np.linalg.inv(intrinsics) @ np.stack([u, v, np.ones_like(u)]))
    return result


def fuse_observation(
    observation: Mapping[str, Any], prefix: str = "", workspace: Workspace = AGENT_WORKSPACE
) -> Heightmap:
    """The heightmap of an observation with ``images`` (``core/observations.py``).

    Args:
        observation: with ``color``, ``depth``, ``camera_intrinsics`` and ``camera_poses``.
        prefix: ``goal_`` for the goal scene.
        workspace: what the map covers.

    Raises:
        ConfigError: an array is missing, or see ``fuse``, whose errors it raises.
    """
    keys = [prefix + key for key in ("color", "depth", "camera_intrinsics", "camera_poses")]
    if missing := [key for key in keys if key not in observation]:
        raise ConfigError(missing_keys_message(missing, observation))
    color, depth, intrinsics, poses = (observation[key] for key in keys)
    return fuse(color, depth, intrinsics, poses, workspace)


def fuse(
    color: NDArray[np.uint8],
    depth: NDArray[np.float32],
    intrinsics: Array,
    poses: Array,
    workspace: Workspace = AGENT_WORKSPACE,
) -> Heightmap:
    """Fuse N views into one map of the workspace.

    A point is kept where ``low <= point < high`` on all axes. Of the points of one view in one map pixel the highest
    counts, and of equally high ones the last in row-major order. Over views, height is the maximum and colour the
    mean, rounded half to even, of those whose colour is not black. A depth that is not a positive number means "not
    measured".

    Args:
        color: (N, H, W, 3) uint8 RGB.
        depth: (N, H, W) float32 metres along each optical axis.
        intrinsics: (N, 3, 3) float64 pinhole matrices, pixels.
        poses: (N, 4, 4) float64, world from camera, OpenCV axes, metres.
        workspace: what the map covers.

    Raises:
        ConfigError: images and cameras do not fit together, or are of other types.
        InvalidCameraError: an intrinsic matrix is none.
        InvalidPoseError: a pose is none.
    """
    color, depth = np.asarray(color), np.asarray(depth)
    _check(color, depth, intrinsics, poses)
    cells = workspace.shape[0] * workspace.shape[1]
    height = np.zeros(cells, dtype=np.float32)
    total = np.zeros((2, cells), dtype=np.uint32)
    count = np.zeros(cells, dtype=np.uint16)
    for view_color, view_depth, matrix, pose in zip(color, depth, intrinsics, poses, strict=True):
        camera = View.of((len(view_depth), len(view_depth[0])), matrix, pose)
        key = _highest(view_depth.reshape(-1), camera, workspace)
        np.maximum(height, _height(key), out=height)
        shade = _words(view_color).take(_pixel_after(key)) & 0xFFFFFF
        # Red and blue of a word, and green, each with 16 bits to sum in.
        total[0] += shade & 0xFF00FF
        total[1] += shade >> 8 & 0xFF
        count += shade != 0
    red_blue, green = total
    planes = [_means(plane, count) for plane in (red_blue & 0xFFFF, green, red_blue >> 16)]
    mean = cv2.merge([plane.reshape(workspace.shape) for plane in planes])
    return Heightmap(np.asarray(mean, dtype=np.uint8), height.reshape(workspace.shape))


def _means(total: NDArray[np.integer[Any]], count: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Sums of bytes over how many there were, rounded half to even; 0 for none."""
    mean = total.astype(np.float32)
    mean /= np.maximum(count, 1)
    return np.rint(mean, out=mean).astype(np.uint8)


def _words(color: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """(1 + H * W,) an image's pixels after one black pixel, as words: a gather then moves whole words."""
    rows, columns, _ = color.shape
    words = np.empty(1 + rows * columns, dtype="<u4")
    words[0] = 0
    rgba = words[1:].view(np.uint8).reshape(rows, columns, 4)
    cv2.cvtColor(np.ascontiguousarray(color), cv2.COLOR_RGB2RGBA, dst=rgba)
    return words


def _highest(depth: NDArray[np.float32], camera: View, workspace: Workspace) -> NDArray[np.int64]:
    """(rows * columns,) for every map pixel of one view the greatest key of its points; 0 for none.

    Map pixels whose winner still sees the table start with its key; then come the image pixels that see something
    else. Where that leaves less than the empty table has, the other image pixels that still see the table compete.
    """
    table, rays = empty_table(camera, workspace), camera_rays(camera, workspace)
    other = depth != table.depth
    best: NDArray[np.int64] = table.key * ~other.take(table.winner)
    _raise(best, depth, np.flatnonzero(other & (depth <= rays.farthest)), rays, workspace)
    pixel = table.seen_in(np.flatnonzero(best < table.key))
    _raise(best, depth, pixel.take(np.flatnonzero(~other.take(pixel))), rays, workspace)
    return best


def _raise(
    best: NDArray[np.int64],
    depth: NDArray[np.float32],
    pixel: NDArray[np.int64],
    rays: CameraRays,
    workspace: Workspace,
) -> None:
    """Let some image pixels compete for their map pixels: greater keys overwrite those in ``best``."""
    for start in range(0, len(pixel), _BLOCK):
        np.maximum.at(best, *_keys(depth, pixel[start : start + _BLOCK], rays, workspace))


def _keys(
    depth: NDArray[np.float32], pixel: NDArray[np.int64], rays: CameraRays, workspace: Workspace
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Map pixels and keys of those of the given image pixels whose point is in the workspace.

    A key is the bits of the height and then the image pixel + 1. Heights are not negative, so their bits ascend as they
    do, and the greatest key is the highest and then the last point.
    """
    rows, columns = workspace.shape
    near = depth.take(pixel)
    z = _along(2, rays, pixel, near)
    # Heights first: they alone drop most of the robot.
    kept = np.flatnonzero((z >= 0) & (z < np.float32(workspace.high[2] - workspace.low[2])) & (near > 0))
    pixel, near, z = pixel.take(kept), near.take(kept), z.take(kept)
    column, row = _along(0, rays, pixel, near), _along(1, rays, pixel, near)
    kept = np.flatnonzero((column >= 0) & (column < np.float32(columns)) & (row >= 0) & (row < np.float32(rows)))
    pixel, z = pixel.take(kept), z.take(kept)
    cell = row.take(kept).astype(np.int64)
    cell *= columns
    cell += column.take(kept).astype(np.int64)
    key = np.empty((len(z), 2), dtype="<u4")
    np.add(pixel, 1, out=key[:, 0], casting="unsafe")
    key[:, 1] = z.view(np.uint32)
    return cell, key.view("<i8").reshape(-1)


def _pixel_after(key: NDArray[np.int64]) -> NDArray[np.int64]:
    """The image pixels + 1 of keys; 0 for no point."""
    return key & 0xFFFFFFFF


def _height(key: NDArray[np.int64]) -> NDArray[np.float32]:
    """The heights of keys in metres; 0 for no point."""
    return key.view("<u4")[1::2].view(np.float32)


def _along(axis: int, rays: CameraRays, pixel: NDArray[np.int64], depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """One coordinate of the points of some image pixels."""
    value: NDArray[np.float32] = rays.direction[axis].take(pixel)
    value *= depth
    value += rays.origin[axis]
    return value


def _check(color: NDArray[Any], depth: NDArray[Any], intrinsics: Array, poses: Array) -> None:
    views = len(color)
    wanted = {
        "depth": (np.shape(depth), np.shape(color)[:3]),
        "color": (np.shape(color), (*np.shape(depth), 3)),
        "camera_intrinsics": (np.shape(intrinsics), (views, 3, 3)),
        "camera_poses": (np.shape(poses), (views, 4, 4)),
    }
    for name, (found, expected) in wanted.items():
        if found != expected or len(np.shape(depth)) != 3:
            raise ConfigError(
                f"{name} has shape {found}, not {expected}: pass color, depth, camera_intrinsics and camera_poses of "
                "one observation."
            )
    if depth.dtype.kind != "f" or color.dtype != np.uint8:
        raise ConfigError(
            f"depth is {depth.dtype} and color {color.dtype}: give depth in metres, in floating point numbers "
            "(millimetres in whole numbers have to be divided by 1000), and colours as uint8."
        )
    for matrix, pose in zip(intrinsics, poses, strict=True):
        check_intrinsics(matrix)
        check_rigid(pose)
