"""One step of a demonstration as heightmaps and pixel positions, and what it says beyond the two poses.

A demonstration shows one pick of many that would have done. What moved between the two images tells which pixels belong
to the object: all of them are picks, and the place that goes with each follows from the rigid motion.

Positions are in pixels of the heightmap, (column, row), and continuous: pixel ``i`` covers ``[i, i + 1)``. A positive
angle turns the column axis (x) towards the row axis (y).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.values.geometry import Array, Pose
from ravens_suite.values.heightmap import Heightmap
from ravens_suite.values.workspace import AGENT_WORKSPACE

_SHADE_TOLERANCE = 30
"""Grey levels of 255 within which two colours count as the same surface."""
_HEIGHT_TOLERANCE = 0.004
"""Metres of height that count as a change."""
_REACH = 3
"""Pixels from the pick within which the moved object must begin."""
_SMALLEST = 9
"""Pixels below which what moved is not believed to be an object."""
_BARE = 0.97
"""Share of bare table among the pixels an object lay on, for it to count as loose."""
_ALIKE = 0.9
"""Share of an object's pixels that look as before after a turn, for the turn to count as a symmetry."""
_FOLDS = (6, 5, 4, 3, 2)
"""Rotational symmetries that are looked for, the highest first."""
_UNCHANGED = 0.12
"""Share of an object's outline, blurred by a pixel, that may change by a turn that counts as a symmetry."""
_ROUND = 36
"""The symmetry of what shows none of its turns, such as a disc: as good as any."""
_ROUND_TURNS = (math.radians(30), math.radians(45))
"""Turns that a disc survives and no polygon of ``_FOLDS`` does."""
_UNTURNED = 1e-6
"""Radians of the place orientation below which turning plays no part in a step."""


@dataclass(frozen=True, eq=False)
class LooseObject:
    """An object that lay on the bare table, and the table without it, which is known from after it was taken away.

    Attributes:
        mask: (rows, columns) bool, the object's pixels.
        color: (rows, columns, 3) uint8 of the table without it.
        height: (rows, columns) float32 metres of the table without it.
        free: (rows, columns) bool, bare table.
    """

    mask: NDArray[np.bool_]
    color: NDArray[np.uint8]
    height: NDArray[np.float32]
    free: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Step:
    """What one action of a demonstration teaches.

    Attributes:
        color: (rows, columns, 3) uint8, before the action.
        height: (rows, columns) float32 metres, before the action.
        pick: (2,) float64 pixel position.
        place: (2,) float64 pixel position.
        turn: yaw of the place orientation relative to the pick orientation, radians.
        grip: (rows, columns) float32 summing to 1: how well each pixel serves as the pick of the same object.
        loose: the object apart from its surroundings, where it could have lain anywhere else on the table.
        folds: rotational symmetry of the object: it looks the same after each turn by 2 pi / folds about ``centre``.
        centre: (2,) float64 pixel position of the middle of the object.
    """

    color: NDArray[np.uint8]
    height: NDArray[np.float32]
    pick: Array
    place: Array
    turn: float
    grip: NDArray[np.float32]
    loose: LooseObject | None = None
    folds: int = 1
    centre: Array = field(default_factory=lambda: np.zeros(2))

    def equals(self) -> tuple[Array, Array]:
        """Moves that end in the same picture, for an object that looks the same after some turns.

        Returns:
            (folds, 2, 3) matrices from where the object is to where it goes, the demonstrated one first, and (folds,)
            radians that they turn by.
        """
        motion = rigid(self.turn, self.pick, self.place)
        turns = 2 * math.pi * np.arange(self.folds) / self.folds
        return (
            np.stack([compose(motion, rigid(turn, self.centre, self.centre)) for turn in turns]),
            self.turn + turns,
        )


def to_pixels(pose: Pose) -> Array:
    """(2,) continuous pixel position (column, row) of a pose."""
    x, y, _ = pose.position
    low = AGENT_WORKSPACE.low
    return np.array([(x - low[0]) / AGENT_WORKSPACE.pixel_size, (y - low[1]) / AGENT_WORKSPACE.pixel_size])


def to_pose(position: Array, heightmap: Heightmap, turn: float) -> Pose:
    """World pose at a pixel position (column, row), at the height of the map there: the inverse of ``to_pixels``."""
    rows, columns = heightmap.height.shape
    row, column = min(max(int(position[1]), 0), rows - 1), min(max(int(position[0]), 0), columns - 1)
    x, y = AGENT_WORKSPACE.to_metres(float(position[1]), float(position[0]))
    return Pose.planar(x, y, AGENT_WORKSPACE.low[2] + float(heightmap.height[row, column]), turn)


def rigid(turn: float, source: Array, target: Array, scale: float = 1.0) -> Array:
    """(2, 3) matrix of the plane motion that turns, scales, and takes ``source`` to ``target``."""
    c, s = scale * math.cos(turn), scale * math.sin(turn)
    linear = np.array([[c, -s], [s, c]])
    return np.column_stack([linear, target - linear @ source])


def transform(matrix: Array, points: Array) -> Array:
    """(..., 2) points under a (2, 3) matrix."""
    result: Array = points @ matrix[:, :2].T + matrix[:, 2]
    return result


def compose(second: Array, first: Array) -> Array:
    """(2, 3) matrix of ``first``, then ``second``."""
    linear = second[:, :2] @ first[:, :2]
    return np.column_stack([linear, transform(second, first[:, 2])])


def step_from_maps(before: Heightmap, after: Heightmap, pick: Pose, place: Pose) -> Step:
    """The step of a demonstration.

    Args:
        before: the table before the action.
        after: the table after it.
        pick: end-effector pose of the pick, or where a push starts.
        place: end-effector pose of the place, or where a push ends.
    """
    turn = (place @ Pose(quaternion=pick.inverse().quaternion)).yaw
    source, target = to_pixels(pick), to_pixels(place)
    motion = rigid(turn, source, target)
    moved = moved_object(before, after, source, motion)
    found = moved.sum() >= _SMALLEST
    loose = loose_object(before, after, moved, motion) if found else None
    folds = symmetry(moved, before.color) if found and abs(turn) > _UNTURNED else 1
    return Step(before.color, before.height, source, target, turn, grip_weights(moved), loose, folds, _middle(moved))


def symmetry(mask: NDArray[np.bool_], color: NDArray[np.uint8]) -> int:
    """How many turns about its middle an object looks the same after; 1 when there is only one.

    Args:
        mask: (rows, columns) bool, the object's pixels.
        color: (rows, columns, 3) uint8.
    """
    soft: NDArray[np.float32] = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.0).astype(np.float32)
    middle = _middle(mask)

    def change(turn: float) -> float:
        motion = rigid(turn, middle, middle)
        return _change(soft, motion) if _same_shades(mask, color, motion) else math.inf

    if max(change(turn) for turn in _ROUND_TURNS) < _UNCHANGED:
        return _ROUND
    changes = {folds: change(2 * math.pi / folds) for folds in _FOLDS}
    least = min(changes.values())
    if least > _UNCHANGED:
        return 1
    # What looks the same after a quarter turn does so after half a turn.
    return max(folds for folds, value in changes.items() if value < least + _UNCHANGED / 3)


def _change(soft: NDArray[np.float32], motion: Array) -> float:
    """Share of a smooth mask that a motion changes."""
    turned = warp(soft, motion, flags=cv2.INTER_LINEAR)
    return float(np.abs(soft - turned).sum() / soft.sum())


def _same_shades(mask: NDArray[np.bool_], color: NDArray[np.uint8], motion: Array) -> bool:
    both = mask & warp(mask.astype(np.uint8), motion).astype(bool)
    difference = np.abs(color[both].astype(np.int16) - warp(color, motion)[both]).max(axis=-1)
    return len(difference) > 0 and bool((difference > _SHADE_TOLERANCE).mean() < 1 - _ALIKE)


def _middle(mask: NDArray[np.bool_]) -> Array:
    rows, columns = np.nonzero(mask)
    return np.array([columns.mean() + 0.5, rows.mean() + 0.5])


def loose_object(before: Heightmap, after: Heightmap, mask: NDArray[np.bool_], motion: Array) -> LooseObject | None:
    """The object apart from the table; ``None`` where it lay on or against something else than bare table.

    Args:
        before: the table before the action.
        after: the table after it.
        mask: (rows, columns) bool, the object's pixels before.
        motion: (2, 3) matrix from pick to place.
    """
    around = cv2.dilate(mask.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)
    arrived = warp(mask.astype(np.uint8), motion).astype(bool)
    if (around & arrived).any():
        return None
    color, height = before.color.copy(), before.height.copy()
    color[around], height[around] = after.color[around], after.height[around]
    free = bare_table(color, height)
    if free[around].mean() < _BARE:
        return None
    return LooseObject(mask, color, height, free)


def bare_table(color: NDArray[np.uint8], height: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Pixels that look and lie like most of the map."""
    shade, level = np.median(color.reshape(-1, 3), axis=0), np.median(height)
    alike = np.abs(color - shade).max(axis=-1) <= _SHADE_TOLERANCE
    free: NDArray[np.bool_] = alike & (np.abs(height - level) <= _HEIGHT_TOLERANCE)
    return free


def moved_object(before: Heightmap, after: Heightmap, pick: Array, motion: Array) -> NDArray[np.bool_]:
    """Pixels of what the action moved: changed where they were or go, and the same again where the motion takes them.

    Where no such object shows (a push, a rope bead), the pixels right at the pick.

    Args:
        before: the table before the action.
        after: the table after it.
        pick: (2,) pixel position.
        motion: (2, 3) matrix from pick to place.

    Returns:
        (rows, columns) bool.
    """
    shades = before.color.astype(np.int16)
    changed = np.abs(shades - after.color).max(axis=-1) > _SHADE_TOLERANCE
    changed |= np.abs(before.height - after.height) > _HEIGHT_TOLERANCE
    # Where the next object has come to lie on the spot of this one, what changed is the place it was taken to.
    changed |= warp(changed.astype(np.uint8), motion, inverse=True).astype(bool)
    changed &= ~bare_table(before.color, before.height)
    arrived = warp(after.color, motion, inverse=True).astype(np.int16)
    same = np.abs(shades - arrived).max(axis=-1) <= _SHADE_TOLERANCE
    _, labels = cv2.connectedComponents((changed & same).astype(np.uint8), connectivity=4)
    near = _disc(labels.shape, pick, _REACH)
    found = labels[near & (labels > 0)]
    if len(found):
        mask: NDArray[np.bool_] = labels == np.bincount(found).argmax()
        if mask.sum() >= _SMALLEST:
            return mask
    return _disc(labels.shape, pick, 1.5)


def grip_weights(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Weights over an object's pixels, (rows, columns) float32 summing to 1: the farther from its edge the better."""
    distance = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    weights: NDArray[np.float32] = np.square(distance, dtype=np.float32)
    weights /= weights.sum()
    return weights


def warp(
    image: NDArray[Any],
    matrix: Array,
    *,
    inverse: bool = False,
    flags: int = cv2.INTER_NEAREST,
    border: tuple[float, ...] = (0.0,),
) -> NDArray[Any]:
    """An image moved by a (2, 3) matrix on continuous positions.

    Args:
        image: (rows, columns) or (rows, columns, channels).
        matrix: where each position goes; with ``inverse``, where each position of the result comes from.
        inverse: see ``matrix``.
        flags: OpenCV's interpolation; by nearest pixels no new colours or heights appear.
        border: value outside the image.
    """
    centred = matrix.copy()
    centred[:, 2] += matrix[:, :2] @ np.array([0.5, 0.5]) - 0.5
    flags |= cv2.WARP_INVERSE_MAP if inverse else 0
    size = (image.shape[1], image.shape[0])
    moved: NDArray[Any] = cv2.warpAffine(
        image, centred, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=border
    )
    return moved


def _disc(shape: tuple[int, ...], centre: Array, radius: float) -> NDArray[np.bool_]:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    column, row = np.clip(centre, 0.5, [shape[1] - 0.5, shape[0] - 0.5])
    disc: NDArray[np.bool_] = np.hypot(columns + 0.5 - column, rows + 0.5 - row) <= radius
    return disc
