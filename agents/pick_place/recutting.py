"""Recutting: an object and the slot that it fits into, both cut to another outline.

One demonstration shows a handful of shapes. Stretched and bent, they are still relatives of these. But where an object
goes into a slot of its own outline, any other outline would do as well if both had it. So both are redrawn with a
random one: every pixel is a copy of one of the old object, or of the old slot, at the same distance from the outline
and on the same side of it, shadows and all. All objects of a scene that have a slot are recut together, so that nothing
tells one slot from the others but its outline.

Positions and motions are those of ``plane.py``, float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap

from .free_objects import SHADOW, FreeObject, grown, inpaint, paste, touches_border
from .outlines import Shape, draw_outline, draw_shape
from .plane import IDENTITY, warp
from .slots import Slot, slot_at
from .steps import Step, affinity_weights
from .symmetry import mask_centre, symmetry_order

Mask = NDArray[np.bool_]

_ATTEMPTS = 20
"""Random outlines tried before an object keeps its own."""
_RIM = 2
"""Pixels around an object that may be half of it and half of the table: neither its own nor bare."""
_MARGIN = 4
"""Pixels around a slot from which those around the new one are copied."""
_DIRECTION = 2.0
"""Weight of the direction of the outline where the nearest pixel is looked for; distances to it are in pixels."""


def has_slot(step: Step) -> bool:
    """Whether the object of a step is picked, and goes into a slot of its outline; not where that is tilted."""
    carried = step.tilt is None and step.final_scene is None
    return carried and bool(step.free_objects) and step.free_objects[0].slot is not None


def recut(step: Step, rng: np.random.Generator) -> Step:
    """A step whose objects, and the slots that they fit into, have random outlines.

    Args:
        step: any.
        rng: draws the outlines.

    Returns:
        The unchanged step if its object has no slot, if for one with a slot no outline fits, or if it comes with other
        scenes, which show the old outlines.
    """
    if not has_slot(step) or step.goal is not None or step.first is not None:
        return step
    objects, scene = list(step.free_objects), step.scene
    shapes: list[Shape] = []
    for index, free_object in enumerate(objects):
        found = _recut_with_slot(scene, free_object, shapes, rng)
        if found is not None:
            objects[index], scene, shape = found
            shapes.append(shape)
        elif free_object.slot is not None:
            return step
    mask = _on_map(objects[0], scene)
    return replace(
        step,
        color=scene.color,
        height=scene.height,
        pick_affinity=affinity_weights(mask),
        free_objects=tuple(objects),
        symmetry_order=symmetry_order(mask, scene.color) if step.rotates else 1,
        centre=mask_centre(mask),
    )


def _recut_with_slot(
    scene: Heightmap, free_object: FreeObject, shapes: Sequence[Shape], rng: np.random.Generator
) -> tuple[FreeObject, Heightmap, Shape] | None:
    """An object with a random outline, the scene with it and its slot, and its shape; ``None`` if no outline fits.

    Args:
        scene: with the old object and slot.
        free_object: the old object.
        shapes: of the objects that were recut before.
        rng: draws the outline.
    """
    motion = free_object.slot
    slot = None if motion is None else slot_at(scene, _moved(_on_map(free_object, scene), motion))
    if motion is None or slot is None:
        return None
    for _ in range(_ATTEMPTS):
        shape = draw_shape(rng, shapes)
        outline = draw_outline(shape, free_object.mask, rng)
        if outline is None or (outline & ~_own_ground(free_object)).any():
            continue
        covered = _moved(_on_map(replace(free_object, mask=outline), scene), motion)
        if touches_border(grown(covered, _MARGIN)) or (grown(covered, 1) & ~(grown(slot.mask, 1) | slot.around)).any():
            continue
        table = _recut_slot(inpaint(scene, [free_object]), slot, covered)
        recut_object = _recut_object(free_object, outline)
        paste(table, [recut_object], [IDENTITY])
        return recut_object, table, shape
    return None


def _on_map(free_object: FreeObject, scene: Heightmap) -> Mask:
    """(rows, columns) bool of the map: an object's own pixels."""
    mask = np.zeros(scene.height.shape, bool)
    mask[free_object.window] = free_object.mask
    return mask


def _moved(mask: Mask, motion: Array) -> Mask:
    """A mask after a motion, its edge where that of a smooth outline goes."""
    soft: NDArray[np.float32] = warp(mask.astype(np.float32), motion, flags=cv2.INTER_LINEAR)
    return soft > 0.5


def _own_ground(free_object: FreeObject) -> Mask:
    """(rows, columns) bool of its window: where an object of another outline may lie in its place."""
    near = free_object.shadow | grown(free_object.mask, _RIM)
    return free_object.mask | (near & free_object.table_known)


def _recut_object(old: FreeObject, outline: Mask) -> FreeObject:
    """An object with another outline, (rows, columns) bool of its window."""
    shadow = grown(outline, SHADOW) & ~outline & _own_ground(old)
    under = Heightmap(old.table_color, old.table_height)
    drawn = _redrawn(
        Heightmap(old.color, old.height), under, (old.mask, outline), ((old.mask, outline), (old.shadow, shadow))
    )
    return replace(old, mask=outline, shadow=shadow, color=drawn.color, height=drawn.height)


def _recut_slot(scene: Heightmap, slot: Slot, covered: Mask) -> Heightmap:
    """A scene whose slot has the outline of what will cover some pixels, (rows, columns) bool.

    What is neither the slot nor the surface around it stays: pieces beside it, and other slots.
    """
    near = grown(slot.mask | covered, _MARGIN)
    rows, columns = (slice(side.min(), side.max() + 1) for side in np.nonzero(near))
    part = Heightmap(scene.color[rows, columns], scene.height[rows, columns])
    old, new, around = (mask[rows, columns] for mask in (slot.mask, covered, slot.around))
    rim = grown(old, 1)
    drawn = _redrawn(part, part, (old, new), ((old, new), ((rim | around) & ~old, (rim | grown(new, 1)) & ~new)))
    color, height = scene.color.copy(), scene.height.copy()
    color[rows, columns], height[rows, columns] = drawn.color, drawn.height
    return Heightmap(color, height)


def _redrawn(
    original: Heightmap, ground: Heightmap, outlines: tuple[Mask, Mask], parts: Sequence[tuple[Mask, Mask]]
) -> Heightmap:
    """A picture with a new outline, its pixels copied from one with an old outline.

    Each is the copy of one at about the same distance from the outline and on the same side of it.

    Args:
        original: the picture with the old outline.
        ground: what is drawn on.
        outlines: (rows, columns) bool, the old one and the new one.
        parts: (rows, columns) bool, pairs of pixels that may be copied and pixels that are drawn.
    """
    old, new = (_distance_and_direction(outline) for outline in outlines)
    color, height = ground.color.copy(), ground.height.copy()
    for source, target in parts:
        if source.any() and target.any():
            _, nearest = cKDTree(old[source], balanced_tree=False, compact_nodes=False).query(new[target])
            color[target], height[target] = original.color[source][nearest], original.height[source][nearest]
    return Heightmap(color, height)


def _distance_and_direction(outline: Mask) -> NDArray[np.float32]:
    """Where each pixel is relative to an outline.

    Returns:
        (rows, columns, 3) float32: signed distance to it in pixels, positive inside, and the direction in which that
        grows, of length ``_DIRECTION``.
    """
    padded = np.pad(outline, 1).astype(np.uint8)
    inside, outside = (cv2.distanceTransform(each, cv2.DIST_L2, 5)[1:-1, 1:-1] for each in (padded, 1 - padded))
    distance = cv2.subtract(inside, outside)
    smooth = cv2.GaussianBlur(distance, (0, 0), 1.0)
    x, y = (cv2.Sobel(smooth, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    # The last digits of cv2.magnitude depend on where its result lies in memory (findings/): examples would differ.
    steepness = np.sqrt(x * x + y * y) + np.float32(1e-6)
    values: NDArray[np.float32] = np.stack([distance, _DIRECTION * x / steepness, _DIRECTION * y / steepness], axis=-1)
    return values
