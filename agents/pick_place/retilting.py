"""Retilting: what an object is put onto, raised and tilted otherwise than it was demonstrated.

Few demonstrations show few tilts. The points of the heightmap that belong to the target are turned in space about its
middle, and drawn from above again; the place is turned with them. What was hidden before stays unseen, so they are
turned a little only. The tilts of training then reach further than those of the demonstrations.

In the same way what stands at a place is levelled: it then looks the same however it was tilted.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.heightmap import Heightmap
from ravens_suite.core.workspace import AGENT_WORKSPACE

from .free_objects import inpaint
from .steps import Step
from .table import above_table, table_appearance
from .tilts import swing, tilt_of, turned, twist

_PIXEL = AGENT_WORKSPACE.pixel_size
_MOST_TURN = math.radians(20)
"""Largest rotation about a horizontal axis."""
_MOST_TILT = math.radians(55)
"""Largest tilt of a place afterwards."""
_MOST_RAISED = 0.03
"""Metres: largest change of height."""
REACH = 12
"""Pixels, 38 mm: largest distance between the place and its target."""
_ATTEMPTS = 20
"""Random motions tried before the step is left as it is."""
_SPLIT = (-0.25, 0.25)
"""Pixels: each point is drawn at four places, so that few gaps open between points that move apart."""


class Standing(NamedTuple):
    """What stands at a place.

    Attributes:
        mask: (rows, columns) bool.
        points: (P, 3) float64 pixels of each pixel of it: column, row, and height.
        pivot: (3,) float64 pixels, their middle.
    """

    mask: NDArray[np.bool_]
    points: Array
    pivot: Array


class Levelled(NamedTuple):
    """A scene in which what stands at a place was made level.

    Attributes:
        scene: it.
        mask: (rows, columns) bool: where it stood.
        outline: (P, 2) float64 pixels of it, as it lies now.
        swing: from level to how it stands.
        pivot: (3,) float64 pixels about which it was turned.
        middle: (3,) float64 pixels where that lies now.
    """

    scene: Heightmap
    mask: NDArray[np.bool_]
    outline: Array
    swing: Pose
    pivot: Array
    middle: Array

    def there(self, point: Array) -> Array:
        """(3,) float64 pixels in the levelled scene, of a point as it was."""
        moved: Array = self.swing.inverse().apply(point - self.pivot) + self.middle
        return moved

    def back(self, point: Array) -> Array:
        """(3,) float64 pixels as it was, of a point in the levelled scene."""
        moved: Array = self.swing.apply(point - self.middle) + self.pivot
        return moved


def levelled(scene: Heightmap, place: Array, normal: Array) -> Levelled | None:
    """A scene in which what stands at a place is turned until a normal of it points upwards.

    Args:
        scene: before.
        place: (2,) float64 pixels.
        normal: (3,) unit vector, for example as it is read from the depth.

    Returns:
        ``None`` if nothing stands there, or it would reach beyond the map. What would sink into the table is raised.
    """
    standing = _standing(scene, place)
    if standing is None:
        return None
    mask, points, pivot = standing
    turn = swing(normal)
    moved = turn.inverse().apply(points - pivot) + pivot
    raised = max(0.0, table_appearance(scene)[1] / _PIXEL + 1 - float(moved[:, 2].min()))
    moved[:, 2] += raised
    if not _on_map(moved, mask.shape):
        return None
    middle = pivot + np.array([0.0, 0.0, raised])
    return Levelled(_redrawn(scene, scene, mask, moved), mask, moved[:, :2], turn, pivot, middle)


def retilted(step: Step, rng: np.random.Generator) -> Step:
    """A step whose target is tilted and raised otherwise.

    Args:
        step: any.
        rng: chooses the motion.

    Returns:
        The unchanged step if its place is not tilted, its object not free, no target is seen there, or no motion is
        found.
    """
    if step.tilt is None or not step.free_objects:
        return step
    table = inpaint(step.scene, step.free_objects)
    standing = _standing(table, step.place)
    if standing is None:
        return step
    mask, points, pivot = standing
    ground = table_appearance(table)[1] / _PIXEL
    for _ in range(_ATTEMPTS):
        turn, raised = _draw_turn(rng), rng.uniform(-_MOST_RAISED, _MOST_RAISED) / _PIXEL
        middle = pivot + np.array([0.0, 0.0, raised])
        moved = turn.apply(points - pivot) + middle
        place = turn.apply(np.array([*step.place, step.tilt.height / _PIXEL]) - pivot) + middle
        rotation = turn @ turned(step.tilt.normal, step.yaw)
        tilt = tilt_of(rotation, float(place[2]) * _PIXEL)
        if tilt is None or tilt.normal[2] < math.cos(_MOST_TILT):
            continue
        if moved[:, 2].min() > ground and _on_map(moved, mask.shape) and _on_map(place[None], mask.shape):
            scene = _redrawn(step.scene, table, mask, moved)
            return replace(
                step, color=scene.color, height=scene.height, place=place[:2], yaw=twist(rotation), tilt=tilt
            )
    return step


def _standing(table: Heightmap, place: Array) -> Standing | None:
    """What stands on the table at a place, or nearest to it; ``None`` if nothing is near."""
    mask = _target(table, place)
    if mask is None:
        return None
    rows, columns = np.nonzero(mask)
    points = np.column_stack([columns + 0.5, rows + 0.5, table.height[mask] / _PIXEL]).astype(np.float64)
    return Standing(mask, points, np.array([*points[:, :2].mean(axis=0), points[:, 2].mean()]))


def _target(table: Heightmap, place: Array) -> NDArray[np.bool_] | None:
    """(rows, columns) bool: what stands on the table at a place, or nearest to it; ``None`` if nothing is near."""
    standing = above_table(table.height).astype(np.uint8)
    _, labels = cv2.connectedComponents(standing, connectivity=8)
    rows, columns = np.nonzero(standing)
    if len(rows) == 0:
        return None
    distances = np.hypot(columns + 0.5 - place[0], rows + 0.5 - place[1])
    nearest = int(distances.argmin())
    if distances[nearest] > REACH:
        return None
    mask: NDArray[np.bool_] = labels == labels[rows[nearest], columns[nearest]]
    return mask


def _draw_turn(rng: np.random.Generator) -> Pose:
    """A rotation about a random horizontal axis."""
    angle, direction = rng.uniform(0, _MOST_TURN), rng.uniform(0, 2 * math.pi)
    half = math.sin(angle / 2)
    return Pose(quaternion=(half * math.cos(direction), half * math.sin(direction), 0.0, math.cos(angle / 2)))


def _on_map(points: Array, shape: tuple[int, ...]) -> bool:
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    return bool(np.all(low >= 1) and high[0] < shape[1] - 1 and high[1] < shape[0] - 1)


def _redrawn(scene: Heightmap, table: Heightmap, mask: NDArray[np.bool_], points: Array) -> Heightmap:
    """A scene in which the pixels of a mask lie at (P, 3) points, in pixels; the highest is seen."""
    color, height = scene.color.copy(), scene.height.copy()
    color[mask], height[mask] = table_appearance(table)
    own = np.argsort(points[:, 2], kind="stable")
    shades, points = scene.color[mask][own], points[own]
    for row_shift in _SPLIT:
        for column_shift in _SPLIT:
            columns, rows = (points[:, 0] + column_shift).astype(int), (points[:, 1] + row_shift).astype(int)
            heights = (points[:, 2] * _PIXEL).astype(np.float32)
            # The last of several values for one pixel counts, which is the highest.
            higher = heights >= height[rows, columns]
            color[rows[higher], columns[higher]] = shades[higher]
            height[rows[higher], columns[higher]] = heights[higher]
    return Heightmap(color, height)
