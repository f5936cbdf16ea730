"""One step of a demonstration: heightmap, pick and place pixels, and the object found by comparing two images.

A demonstration shows one of many picks that would have worked. The difference between the images before and after the
action shows which pixels belong to the object. Each of them is a valid pick; its place follows from the rigid motion.

Positions and motions are those of ``plane.py``, float64.
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

from .free_objects import FreeObject, find_free_object, lies_as_before
from .moved_object import disc, moved_object, standing_object
from .plane import compose, rigid, to_pixels, warp
from .slots import slot_at
from .symmetry import mask_centre, symmetry_order
from .table import changed_pixels
from .tilts import Tilt, flattened, tilt_of, twist

NO_ROTATION = 1e-6
"""Radians: a place orientation within this of the pick orientation means that the step does not turn its object."""
PICK_RADIUS = 1.5
"""Pixels around the demonstrated pick that count as valid picks where no object is found."""


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
            demonstration moves later; else empty. For a push, only if ``final_scene`` is known.
        symmetry_order: n, if the object looks the same after each rotation by 2 pi / n about ``centre``.
        centre: (2,) float64 pixel position of the middle of the object.
        final_scene: the last scene of a demonstration whose steps all go to one place, if the object was pushed there
            and is free; else ``None``.
        goal: the finished scene, where the demonstration has a picture of it. Without one, at a step before which
            something new was said, the scene in which that has been carried out; an agent is not shown it.
        tilt: of the place, where it is tilted and the agent places so; then ``yaw`` is the twist (``tilts.py``).
        instruction: what was said before the action, where it is known.
        first: the first scene of the demonstration, for an agent that remembers it.
        loose: what is picked with all that hangs together with it, if several steps move it (``loose_things.py``).
        end: the last scene of the demonstration, if one more free object may be shown in it, or ``settled``. Never of a
            push, with a tilted place, or where a goal or the first scene is known, or the instruction changes.
        settled: the loose thing of the demonstration as it lies in that scene.
        moves: number of steps of the demonstration, where that scene is known.
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
    final_scene: Heightmap | None = None
    goal: Heightmap | None = None
    tilt: Tilt | None = None
    instruction: str | None = None
    first: Heightmap | None = None
    loose: FreeObject | None = None
    end: Heightmap | None = None
    settled: FreeObject | None = None
    moves: int = 0

    @property
    def scene(self) -> Heightmap:
        """Colour and height before the action."""
        return Heightmap(self.color, self.height)

    @property
    def rotates(self) -> bool:
        """Whether the step turns its object."""
        return abs(self.yaw) > NO_ROTATION

    @property
    def motion(self) -> Array:
        """(2, 3) matrix from the object to its goal: rigid, and as seen from above where the goal is tilted."""
        if self.tilt is None:
            return rigid(self.yaw, self.pick, self.place)
        return flattened(self.tilt.normal, self.yaw, self.pick, self.place)

    def equivalent_motions(self) -> tuple[Array, Array]:
        """Motions with the same result, one for each symmetry of the object.

        Returns:
            (symmetry_order, 2, 3) matrices from the object to its goal, the demonstrated one first, and
            (symmetry_order,) radians by which they rotate.
        """
        motion = self.motion
        yaws = 2 * math.pi * np.arange(self.symmetry_order) / self.symmetry_order
        return (
            np.stack([compose(motion, rigid(yaw, self.centre, self.centre)) for yaw in yaws]),
            self.yaw + yaws,
        )


def step_from_maps(
    before: Heightmap,
    after: Heightmap,
    pick: Pose,
    place: Pose,
    end: Heightmap | None = None,
    *,
    tilts: bool = False,
) -> Step:
    """The step of a demonstration.

    Args:
        before: the table before the action.
        after: the table after it.
        pick: end-effector pose of the pick, or where a push starts; world frame.
        place: end-effector pose of the place, or where a push ends; world frame.
        end: the table when the demonstration ends, if all its steps go to one place.
        tilts: whether to look at height and tilt of the place; else it counts as upright, on what is seen there.
    """
    turn = place @ Pose(quaternion=pick.inverse().quaternion)
    if tilts and (tilt := tilt_of(turn, place.position[2])) is not None:
        return _tilted_step(before, after, to_pixels(pick), to_pixels(place), twist(turn), tilt)
    yaw = turn.yaw
    source, target = to_pixels(pick), to_pixels(place)
    motion = rigid(yaw, source, target)
    mask = moved_object(before, after, source, motion)
    if mask is None:
        spot = disc(before.height.shape, source, PICK_RADIUS)
        step = Step(before.color, before.height, source, target, yaw, affinity_weights(spot), centre=mask_centre(spot))
        if end is None or step.rotates:
            return step
        pushed = _free_objects(before, after, standing_object(before, source), motion)
        return replace(step, free_objects=pushed, final_scene=end) if pushed else step
    step = Step(before.color, before.height, source, target, yaw, affinity_weights(mask), centre=mask_centre(mask))
    return replace(
        step,
        free_objects=_free_objects(before, after, mask, motion),
        symmetry_order=symmetry_order(mask, before.color) if step.rotates else 1,
    )


def _tilted_step(before: Heightmap, after: Heightmap, source: Array, target: Array, yaw: float, tilt: Tilt) -> Step:
    """The step of a demonstration whose place is tilted.

    Its object stood on the table: seen from above, it is not rigid, so it is not found again where it went.
    """
    motion = flattened(tilt.normal, yaw, source, target)
    standing = standing_object(before, source)
    found = standing is not None and bool((changed_pixels(before, after) & standing).sum() > standing.sum() / 2)
    mask = standing if standing is not None and found else disc(before.height.shape, source, PICK_RADIUS)
    return Step(
        before.color,
        before.height,
        source,
        target,
        yaw,
        affinity_weights(mask),
        free_objects=_free_objects(before, after, mask, motion) if found else (),
        symmetry_order=symmetry_order(mask, before.color) if found else 1,
        centre=mask_centre(mask),
        tilt=tilt,
    )


def with_later_objects(steps: Sequence[Step]) -> list[Step]:
    """The steps of one demonstration; each also lists the free objects that later steps move."""
    joined = []
    for index, step in enumerate(steps):
        found = list(step.free_objects)
        occupied = np.zeros(step.height.shape, dtype=bool)
        for free_object in found:
            occupied[free_object.window] |= free_object.mask
        later_objects = (each for later in steps[index + 1 :] for each in later.free_objects)
        for free_object in later_objects if found else ():
            # An object that comes back to its old position is moved by two steps, but is one object.
            new = not (occupied[free_object.window] & free_object.mask).any()
            if new and lies_as_before(free_object, step.scene):
                found.append(free_object)
                occupied[free_object.window] |= free_object.mask
        joined.append(replace(step, free_objects=tuple(found)))
    return joined


def affinity_weights(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Pick affinity of an object: the square of each pixel's distance to its edge.

    Args:
        mask: (rows, columns) bool, the object's pixels.

    Returns:
        (rows, columns) float32 summing to 1.
    """
    distance = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    weights: NDArray[np.float32] = np.square(distance, dtype=np.float32)
    weights /= weights.sum()
    return weights


def _free_objects(
    before: Heightmap, after: Heightmap, mask: NDArray[np.bool_] | None, motion: Array
) -> tuple[FreeObject, ...]:
    """The object of a mask, if there is one and it is free."""
    free_object = None if mask is None else find_free_object(before, after, mask, motion)
    if mask is None or free_object is None:
        return ()
    slot = slot_at(before, warp(mask.astype(np.uint8), motion).astype(bool))
    return (free_object if slot is None else replace(free_object, slot=motion),)
