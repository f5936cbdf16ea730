"""Random free places for objects, found from geometry alone, so that a scene does not depend on any renderer."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.errors import PlacementError
from ravens_suite.sim.bodies import triangles
from ravens_suite.sim.scene import Scene
from ravens_suite.values.geometry import Pose, Vector
from ravens_suite.values.workspace import TASK_WORKSPACE

_SUBPIXEL_BITS = 4


def free_pose(scene: Scene, size: Vector, rng: np.random.Generator, *, yaw: float | None = None) -> Pose:
    """A level pose where a footprint fits between everything placed so far, wherever it is turned.

    The free pixels of the table, less a one-pixel border, are eroded by a square as wide as the footprint's diagonal;
    one of what remains is drawn uniformly (the published benchmark's rule, with footprints in place of a rendered
    mask).

    Args:
        scene: what is there already.
        size: (x, y, z) of the object in metres; its z coordinate will be half its height.
        rng: draws the pixel, then the yaw.
        yaw: fixes the yaw in radians instead of drawing it from [0, 2 pi).

    Raises:
        PlacementError: there is no free place left.
    """
    free = 1 - _occupied(scene)
    free[[0, -1], :] = 0
    free[:, [0, -1]] = 0
    side = max(round(math.hypot(size[0], size[1]) / TASK_WORKSPACE.pixel_size), 1)
    candidates = np.flatnonzero(cv2.erode(free, np.ones((side, side), np.uint8)))
    if len(candidates) == 0:
        raise PlacementError(f"There is no free place left for a footprint of {size[0]:.3f} x {size[1]:.3f} m.")
    row, column = divmod(int(candidates[rng.integers(len(candidates))]), free.shape[1])
    x, y = TASK_WORKSPACE.to_metres(row, column)
    angle = float(rng.uniform(0, 2 * math.pi)) if yaw is None else yaw
    return Pose.planar(x, y, size[2] / 2, angle)


def _occupied(scene: Scene) -> NDArray[np.uint8]:
    """``(rows, columns)`` uint8: 1 where the outline of something placed, seen from above, covers the table."""
    mask = np.zeros(TASK_WORKSPACE.shape, np.uint8)
    scale = (1 << _SUBPIXEL_BITS) / TASK_WORKSPACE.pixel_size
    for name in scene.objects():
        pose = scene.pose(name)
        for visual in scene.body(name).visuals:
            corners = pose.apply(triangles(visual.shape))[..., :2]
            pixels = np.rint((corners - TASK_WORKSPACE.low[:2]) * scale).astype(np.int32)
            for triangle in pixels:
                cv2.fillConvexPoly(mask, triangle, 1, shift=_SUBPIXEL_BITS)
    return mask
