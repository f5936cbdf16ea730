"""Random free places for objects, found from geometry alone, so that scenes do not depend on a renderer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array, Pose, Vector
from ravens_suite.core.palette import PALETTE
from ravens_suite.core.workspace import TASK_WORKSPACE
from ravens_suite.errors import PlacementError
from ravens_suite.sim.bodies import Body, Box, marker, triangles
from ravens_suite.sim.scene import Scene

_SUBPIXEL_BITS = 4
_KEPT = "kept free "
"""How names of what ``kept_free`` adds begin."""


def free_pose(scene: Scene, size: Vector, rng: np.random.Generator, *, yaw: float | None = None) -> Pose:
    """A level pose where a footprint fits between everything placed so far, at any yaw.

    The free pixels of ``TASK_WORKSPACE``, less a border of one pixel, are eroded by a square as wide as the footprint's
    diagonal; one of those that remain is drawn uniformly. This is the published benchmark's rule, with outlines seen
    from above in place of a rendered mask.

    Args:
        scene: what is there already.
        size: (x, y, z) of the object in metres.
        rng: draws the pixel, then the yaw.
        yaw: radians; drawn from [0, 2 pi) when left out.

    Returns:
        World pose of the object's middle, half its height above z = 0.

    Raises:
        PlacementError: there is no free place left.
    """
    occupied = _occupied(scene)
    free = 1 - occupied
    free[[0, -1], :] = 0
    free[:, [0, -1]] = 0
    side = max(round(math.hypot(size[0], size[1]) / TASK_WORKSPACE.pixel_size), 1)
    candidates = np.flatnonzero(cv2.erode(free, np.ones((side, side), np.uint8)))
    if len(candidates) == 0:
        raise PlacementError(f"There is no free place left for a footprint of {size[0]:.3f} x {size[1]:.3f} m.")
    if scene.crowding:
        candidates = _nearest(candidates, occupied, scene.crowding)
    row, column = divmod(int(candidates[rng.integers(len(candidates))]), free.shape[1])
    x, y = TASK_WORKSPACE.to_metres(row, column)
    angle = float(rng.uniform(0, 2 * math.pi)) if yaw is None else yaw
    return Pose.planar(x, y, size[2] / 2, angle)


def free_name(scene: Scene, what: str, number: int) -> str:
    """``what`` and a number, ``number`` or the first after it that no body is named by."""
    while f"{what} {number}" in scene:
        number += 1
    return f"{what} {number}"


@contextmanager
def kept_free(scene: Scene, places: Sequence[Pose], size: Vector) -> Iterator[None]:
    """Nothing is placed within these rectangles meanwhile.

    Args:
        scene: that is built.
        places: middles of the rectangles.
        size: (x, y, z) of each in metres.
    """
    first = len([name for name in scene.names("marker") if name.startswith(_KEPT)]) + 1
    names = [f"{_KEPT}{i}" for i in range(first, first + len(places))]
    for name, place in zip(names, places, strict=True):
        scene.add(name, marker((Box((size[0], size[1], 0.001)),), PALETTE["gray"]), place, "marker")
    try:
        yield
    finally:  # A task may place something else where there was no room.
        for name in names:
            scene.remove(name)


def _nearest(candidates: NDArray[np.int64], occupied: NDArray[np.uint8], crowding: float) -> NDArray[np.int64]:
    """The share 1 - ``crowding`` of free pixels that is nearest to what is there; all while the table is empty."""
    if not occupied.any():
        return candidates
    distances = cv2.distanceTransform(1 - occupied, cv2.DIST_L2, cv2.DIST_MASK_PRECISE).ravel()[candidates]
    # Of the same image OpenCV 5.0 gives other last bits from call to call, and so another order of what is equally far.
    # Squares of distances between pixels are whole numbers.
    squares = np.rint(np.square(distances, dtype=np.float64))
    count = max(math.ceil((1 - crowding) * len(candidates)), 1)
    return np.sort(candidates[np.argsort(squares, kind="stable")[:count]])


@dataclass
class _Drawn:
    """The mask of a scene's table, and the bodies drawn into it."""

    bodies: list[tuple[Body, Pose]]
    mask: NDArray[np.uint8]


_DRAWN: WeakKeyDictionary[Scene, _Drawn] = WeakKeyDictionary()
"""By scene: scenes grow body by body, so what was drawn for the last placement need not be drawn again."""


def _occupied(scene: Scene) -> NDArray[np.uint8]:
    """``(rows, columns)`` uint8: 1 where the outline of something placed, seen from above, covers the table."""
    bodies = [(scene.body(name), scene.pose(name)) for name in scene.objects()]
    drawn = _DRAWN.get(scene)
    if drawn is None or drawn.bodies != bodies[: len(drawn.bodies)]:
        drawn = _Drawn([], np.zeros(TASK_WORKSPACE.shape, np.uint8))
    for body, pose in bodies[len(drawn.bodies) :]:
        for visual in body.visuals:
            _draw(drawn.mask, pose.apply(triangles(visual.shape))[..., :2])
    _DRAWN[scene] = _Drawn(bodies, drawn.mask)
    return drawn.mask


def _draw(mask: NDArray[np.uint8], corners: Array) -> None:
    """Fill the triangles of a closed surface with ones; (T, 3, 2) metres, world x and y of their corners."""
    scale = (1 << _SUBPIXEL_BITS) / TASK_WORKSPACE.pixel_size
    points = np.rint((corners - TASK_WORKSPACE.low[:2]) * scale).astype(np.int32)
    first, second = points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]
    # Those that face upwards, or sideways, cover what all of them do.
    for triangle in points[first[:, 0] * second[:, 1] >= first[:, 1] * second[:, 0]]:
        cv2.fillConvexPoly(mask, triangle, 1, shift=_SUBPIXEL_BITS)
