"""One step of a demonstration: heightmap, pick and place pixels, and the object found by comparing two images.

A demonstration shows one of many picks that would have worked. The difference between the images before and after the
action shows which pixels belong to the object. Each of them is a valid pick; its place follows from the rigid motion.

Positions and motions are those of ``plane.py``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.heightmap import Heightmap

from .free_objects import FreeObject, Images, find_free_object, lies_as_before
from .plane import compose, rigid, to_pixels, warp
from .table import SHADE_TOLERANCE, bare_table, changed, standing

_REACH = 3
"""Pixels: largest distance between the pick and the moved object."""
_SMALLEST = 9
"""Pixels: smallest change that counts as a moved object."""
_SPECK = 4
"""Pixels: smallest standing object that can be pushed; the smallest cubes have about ten."""
_ALIKE = 0.9
"""Share of an object's pixels that look as before after a turn, for the turn to count as a symmetry."""
_FOLDS = (6, 5, 4, 3, 2)
"""Rotational symmetries that are looked for, the highest first."""
_UNCHANGED = 0.12
"""Share of an object's outline, blurred by a pixel, that may change by a turn that counts as a symmetry."""
_ROUND = 36
"""Symmetry order given to discs, which look the same after any turn."""
_ROUND_TURNS = (math.radians(30), math.radians(45))
"""Turns that a disc survives and no polygon of ``_FOLDS`` does."""
UNTURNED = 1e-6
"""Radians of the place orientation below which turning plays no part in a step."""


@dataclass(frozen=True, eq=False)
class Step:
    """One action of a demonstration.

    Attributes:
        color: (rows, columns, 3) uint8, before the action.
        height: (rows, columns) float32 metres, before the action.
        pick: (2,) float64 pixel position.
        place: (2,) float64 pixel position.
        yaw: of the place orientation relative to the pick orientation, radians.
        pick_affinity: (rows, columns) float32 summing to 1: how good each pixel is as a pick of the same object.
        free_objects: the moved object, if it lay alone on bare table, and all other such objects that the same
            demonstration moves later; else empty. For a push, only if ``end`` is known.
        symmetry_order: n, if the object looks the same after each turn by 2 pi / n about ``centre``.
        centre: (2,) float64 pixel position of the middle of the object.
        end: the last scene of a demonstration whose steps all go to one place, if the object was pushed there and is
            free; else ``None``.
    """

    color: NDArray[np.uint8]
    height: NDArray[np.float32]
    pick: Array
    place: Array
    yaw: float
    pick_affinity: NDArray[np.float32]
    free_objects: tuple[FreeObject, ...] = ()
    symmetry_order: int = 1
    centre: Array = field(default_factory=lambda: np.zeros(2))
    end: Images | None = None

    def equals(self) -> tuple[Array, Array]:
        """Rigid motions with the same result, one for each symmetry of the object.

        Returns:
            (symmetry_order, 2, 3) matrices from the object to its goal, the demonstrated one first, and
            (symmetry_order,) radians that they turn by.
        """
        motion = rigid(self.yaw, self.pick, self.place)
        yaws = 2 * math.pi * np.arange(self.symmetry_order) / self.symmetry_order
        return (
            np.stack([compose(motion, rigid(yaw, self.centre, self.centre)) for yaw in yaws]),
            self.yaw + yaws,
        )


def step_from_maps(before: Heightmap, after: Heightmap, pick: Pose, place: Pose, end: Heightmap | None = None) -> Step:
    """The step of a demonstration.

    Args:
        before: the table before the action.
        after: the table after it.
        pick: end-effector pose of the pick, or where a push starts.
        place: end-effector pose of the place, or where a push ends.
        end: the table when the demonstration ends, if all its steps go to one place.
    """
    yaw = (place @ Pose(quaternion=pick.inverse().quaternion)).yaw
    source, target = to_pixels(pick), to_pixels(place)
    motion = rigid(yaw, source, target)
    moved = moved_object(before, after, source, motion)
    if moved is None:
        spot = _disc(before.height.shape, source, 1.5)
        step = Step(before.color, before.height, source, target, yaw, affinity_weights(spot), centre=_middle(spot))
        if end is None or abs(yaw) > UNTURNED:
            return step
        pushed = _loose(before, after, standing_object(before, source), motion)
        return replace(step, free_objects=pushed, end=(end.color, end.height)) if pushed else step
    alone = _loose(before, after, moved, motion)
    symmetry_order = symmetry(moved, before.color) if abs(yaw) > UNTURNED else 1
    return Step(
        before.color, before.height, source, target, yaw, affinity_weights(moved), alone, symmetry_order, _middle(moved)
    )


def _loose(
    before: Heightmap, after: Heightmap, mask: NDArray[np.bool_] | None, motion: Array
) -> tuple[FreeObject, ...]:
    """The object of a mask, if it is a free object."""
    free_object = None if mask is None else find_free_object(before, after, mask, motion)
    return () if free_object is None else (free_object,)


def with_later_objects(steps: Sequence[Step]) -> list[Step]:
    """The steps of one demonstration; each also lists the free objects that later steps move."""
    joined = []
    for index, step in enumerate(steps):
        found = list(step.free_objects)
        taken = np.zeros(step.height.shape, dtype=bool)
        for free_object in found:
            taken[free_object.window] |= free_object.mask
        for free_object in (free_object for later in steps[index + 1 :] for free_object in later.free_objects if found):
            # What comes back to a spot that it had left is one object, not two.
            if (
                lies_as_before(free_object, (step.color, step.height))
                and not (taken[free_object.window] & free_object.mask).any()
            ):
                found.append(free_object)
                taken[free_object.window] |= free_object.mask
        joined.append(replace(step, free_objects=tuple(found)))
    return joined


def symmetry(mask: NDArray[np.bool_], color: NDArray[np.uint8]) -> int:
    """Symmetry order of an object about its middle; 1 for none.

    Args:
        mask: (rows, columns) bool, the object's pixels.
        color: (rows, columns, 3) uint8.
    """
    soft: NDArray[np.float32] = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.0).astype(np.float32)
    middle = _middle(mask)

    def change(yaw: float) -> float:
        motion = rigid(yaw, middle, middle)
        return _change(soft, motion) if _same_shades(mask, color, motion) else math.inf

    if max(change(yaw) for yaw in _ROUND_TURNS) < _UNCHANGED:
        return _ROUND
    changes = {symmetry_order: change(2 * math.pi / symmetry_order) for symmetry_order in _FOLDS}
    least = min(changes.values())
    if least > _UNCHANGED:
        return 1
    # What looks the same after a quarter turn does so after half a turn.
    return max(symmetry_order for symmetry_order, value in changes.items() if value < least + _UNCHANGED / 3)


def _change(soft: NDArray[np.float32], motion: Array) -> float:
    """Share of a smooth mask that a motion changes."""
    turned = warp(soft, motion, flags=cv2.INTER_LINEAR)
    return float(np.abs(soft - turned).sum() / soft.sum())


def _same_shades(mask: NDArray[np.bool_], color: NDArray[np.uint8], motion: Array) -> bool:
    both = mask & warp(mask.astype(np.uint8), motion).astype(bool)
    difference = np.abs(color[both].astype(np.int16) - warp(color, motion)[both]).max(axis=-1)
    return len(difference) > 0 and bool((difference > SHADE_TOLERANCE).mean() < 1 - _ALIKE)


def _middle(mask: NDArray[np.bool_]) -> Array:
    rows, columns = np.nonzero(mask)
    return np.array([columns.mean() + 0.5, rows.mean() + 0.5])


def moved_object(before: Heightmap, after: Heightmap, pick: Array, motion: Array) -> NDArray[np.bool_] | None:
    """Pixels of the moved object: they changed at its old or new place, and look the same where the motion takes them.

    Args:
        before: the table before the action.
        after: the table after it.
        pick: (2,) pixel position.
        motion: (2, 3) matrix from pick to place.

    Returns:
        (rows, columns) bool; ``None`` if there is no such object (a push, a bead of a rope).
    """
    shades = before.color.astype(np.int16)
    other = changed(before, after)
    # Where the next object has come to lie on the spot of this one, what changed is the place it was taken to.
    other |= warp(other.astype(np.uint8), motion, inverse=True).astype(bool)
    other &= ~bare_table(before.color, before.height)
    arrived = warp(after.color, motion, inverse=True).astype(np.int16)
    same = np.abs(shades - arrived).max(axis=-1) <= SHADE_TOLERANCE
    _, labels = cv2.connectedComponents((other & same).astype(np.uint8), connectivity=4)
    near = _disc(labels.shape, pick, _REACH)
    found = labels[near & (labels > 0)]
    if len(found):
        mask: NDArray[np.bool_] = labels == np.bincount(found).argmax()
        if mask.sum() >= _SMALLEST:
            return mask
    return None


def standing_object(before: Heightmap, pick: Array) -> NDArray[np.bool_] | None:
    """(rows, columns) bool, pixels of what stands at a pick, with all that it touches; ``None`` if that is nothing."""
    _, labels = cv2.connectedComponents(standing(before.height).astype(np.uint8))
    found = labels[_disc(labels.shape, pick, _REACH) & (labels > 0)]
    if len(found):
        mask: NDArray[np.bool_] = labels == np.bincount(found).argmax()
        if mask.sum() >= _SPECK:
            return mask
    return None


def affinity_weights(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Weights over an object's pixels, (rows, columns) float32 summing to 1: the farther from its edge the better."""
    distance = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    weights: NDArray[np.float32] = np.square(distance, dtype=np.float32)
    weights /= weights.sum()
    return weights


def _disc(shape: tuple[int, ...], centre: Array, radius: float) -> NDArray[np.bool_]:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    column, row = np.clip(centre, 0.5, [shape[1] - 0.5, shape[0] - 0.5])
    disc: NDArray[np.bool_] = np.hypot(columns + 0.5 - column, rows + 0.5 - row) <= radius
    return disc
