"""From pixels to points of the world, and back.

Image coordinates (u, v) count pixels from the image's top left corner. Renderers sample a pixel at its centre: column
c, row r is drawn at (c + 0.5, r + 0.5). A point cloud made with (c, r) is half a pixel off: 5 to 6 mm at 96 x 96,
1.2 mm at 480 x 640, for the published cameras.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.cameras import check_intrinsics
from ravens_suite.core.geometry import Array, check_rigid
from ravens_suite.core.numbers import UNREADABLE
from ravens_suite.core.observations import missing_keys_message
from ravens_suite.errors import ConfigError


def world_points(depth: NDArray[Any], intrinsics: Array, pose: Array) -> Array:
    """What every pixel of a depth image sees.

    Args:
        depth: (H, W) metres along the optical axis, of any floating point type.
        intrinsics: (3, 3) pinhole matrix, pixels.
        pose: (4, 4) world from camera, OpenCV axes, metres.

    Returns:
        (H, W, 3) float64 world points, metres; NaN where the depth is NaN, infinite, zero or negative: not measured.

    Raises:
        ConfigError: the depth is no image of floating point numbers.
        InvalidCameraError: the intrinsics are none.
        InvalidPoseError: the pose is none.
    """
    depth = np.asarray(depth)
    if depth.ndim != 2 or depth.dtype.kind != "f":
        raise ConfigError(
            f"depth has shape {depth.shape} and type {depth.dtype}: give one image (H, W) of metres in floating point "
            "numbers; millimetres in whole numbers have to be divided by 1000."
        )
    check_intrinsics(intrinsics)
    check_rigid(pose)
    rows, columns = depth.shape
    metres = np.where(np.isfinite(depth) & (depth > 0), depth, np.nan).astype(np.float64)
    v, u = np.mgrid[:rows, :columns] + 0.5
    rays = np.stack([u, v, np.ones_like(u)], axis=-1) @ np.linalg.inv(intrinsics).T
    matrix = np.asarray(pose, dtype=np.float64)
    result: Array = (rays * metres[..., None]) @ matrix[:3, :3].T + matrix[:3, 3]
    return result


def project(points: NDArray[Any], intrinsics: Array, pose: Array) -> tuple[Array, Array]:
    """Where a camera sees points of the world, whether or not something hides them.

    Args:
        points: (..., 3) world points, metres.
        intrinsics: (3, 3) pinhole matrix, pixels.
        pose: (4, 4) world from camera, OpenCV axes, metres.

    Returns:
        (..., 2) float64 image coordinates (u, v), pixels: ``np.floor`` gives column and row of the pixel. NaN for what
        is not in front of the camera. And (...) float64 metres along the optical axis, negative behind the camera.

    Raises:
        ConfigError: the points are no numbers, or do not have three coordinates each.
        InvalidCameraError: the intrinsics are none.
        InvalidPoseError: the pose is none.
    """
    try:
        points = np.asarray(points, dtype=np.float64)
    except UNREADABLE:
        raise ConfigError(f"points are (..., 3) numbers, metres; got {points!r:.80}.") from None
    if points.ndim == 0 or points.shape[-1] != 3:
        raise ConfigError(f"points have shape {points.shape}, not (..., 3).")
    check_intrinsics(intrinsics)
    check_rigid(pose)
    matrix = np.asarray(pose, dtype=np.float64)
    in_camera = (points - matrix[:3, 3]) @ matrix[:3, :3]  # The inverse of a rotation is its transpose.
    depth: Array = in_camera[..., 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        flat = in_camera / np.where(depth > 0, depth, np.nan)[..., None]
    pixels: Array = flat @ np.asarray(intrinsics, dtype=np.float64)[:2].T
    return pixels, depth


def point_cloud(observation: Mapping[str, Any], prefix: str = "") -> tuple[Array, NDArray[np.uint8]]:
    """What all cameras of an observation measured, as one cloud.

    Args:
        observation: with ``color``, ``depth``, ``camera_intrinsics`` and ``camera_poses`` (``core/observations.py``).
        prefix: ``goal_`` for the goal scene.

    Returns:
        (M, 3) float64 world points, metres, camera after camera and row after row; and (M, 3) uint8, their colours,
        RGB. Pixels without a measured depth are left out.

    Raises:
        ConfigError: an array is missing, or images and cameras do not fit together.
        InvalidCameraError: an intrinsic matrix is none.
        InvalidPoseError: a pose is none.
    """
    keys = [prefix + key for key in ("color", "depth", "camera_intrinsics", "camera_poses")]
    if missing := [key for key in keys if key not in observation]:
        raise ConfigError(missing_keys_message(missing, observation))
    color, depth, intrinsics, poses = (np.asarray(observation[key]) for key in keys)
    if color.shape != (*depth.shape, 3) or depth.ndim != 3 or not len(depth) == len(intrinsics) == len(poses):
        raise ConfigError(
            f"color has shape {color.shape}, depth {depth.shape}, camera_intrinsics {intrinsics.shape} and "
            f"camera_poses {poses.shape}: give those of one observation, (N, H, W, 3), (N, H, W), (N, 3, 3), (N, 4, 4)."
        )
    views = [world_points(*view) for view in zip(depth, intrinsics, poses, strict=True)]
    points = np.stack(views) if views else np.empty(color.shape)
    measured = np.isfinite(points[..., 0])
    return points[measured], color[measured]
