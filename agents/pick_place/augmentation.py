"""Augmentation of a demonstrated step: planar motions, scattered, stretched, bent and recoloured objects."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array

from .bending import Bend, draw_bend
from .free_objects import FreeObject, Images, inpaint, paste, scatter, stretch
from .plane import UNMOVED, compose, inverse, rigid, transform, warp
from .recoloring import recolor
from .remaining_object import with_remaining_object
from .steps import UNTURNED, Step, symmetry
from .table import bare_table, most_common

_ATTEMPTS = 100
"""Random motions tried before the scene is left as it is."""
_BENDS = 10
"""Random bends tried before an object is left straight."""
_MISPLACED = 8.0
"""Pixels, 25 mm: standard deviation along each axis of what was placed misplaced."""
_TWISTED = math.radians(20)
"""Radians: standard deviation of its rotation in half of such examples; uniform in the others."""
_OBLONG = 1.25
"""Ratio of the two stretch factors from which only half-turn symmetry is left."""


@dataclass(frozen=True)
class Augmentation:
    """Settings of augmentation.

    Attributes:
        yaw: largest rotation of the scene, radians.
        shift: largest translation along each axis, in pixels.
        scale: largest factor by which the scene grows, or shrinks.
        height: largest factor on heights, or divisor.
        scatter: share of examples in which free objects are pasted elsewhere.
        flips: whether to mirror half of the examples.
        stretch: largest factor, or divisor, of lengths along each of two axes.
        shade: largest factor, or divisor, of the brightness of free objects.
        altered: share of scattered examples that are stretched, and share that are shaded.
        altered_scenes: share of examples without rotation that are stretched.
        recolored: share of scattered examples in which things that the step does not involve get random colours.
        bent: share of scattered examples whose object is bent together with its goal.
        misplaced: share of scattered examples of the only free object left that show it beside its goal.
        remaining: share of examples of pushes with a known end that show one more object at the end.
        margin: pixels between pick or place and the border.
    """

    yaw: float = np.pi
    shift: float = 60.0
    scale: float = 1.0
    height: float = 1.0
    scatter: float = 0.7
    flips: bool = False
    stretch: float = 1.0
    shade: float = 1.0
    altered: float = 0.5
    altered_scenes: float = 0.5
    recolored: float = 0.0
    bent: float = 0.0
    misplaced: float = 0.0
    remaining: float = 0.0
    margin: float = 4.0


@dataclass(frozen=True, eq=False)
class Example:
    """One training example.

    Attributes:
        color: (rows, columns, 3) uint8.
        height: (rows, columns) float32 metres.
        pick: (2,) pixel position, drawn from the pick affinity of the step.
        place: (n, 2) pixel positions that go with this pick, one for each symmetry of the object.
        yaw: (n,) radians.
        pick_affinity: (rows, columns) float32 summing to 1.
    """

    color: NDArray[np.uint8]
    height: NDArray[np.float32]
    pick: Array
    place: Array
    yaw: Array
    pick_affinity: NDArray[np.float32]


class _Arrangement(NamedTuple):
    """A step with its free objects pasted elsewhere and reshaped, the goal of the picked object reshaped with it.

    Attributes:
        objects: at their demonstrated positions, the picked one first.
        starts: (2, 3) matrices, one an object, that stretch it and take it to its new position.
        table: the scene without them.
        world: (2, 3) matrix that stretches the table.
        pick: (2,) pixel position, before the scene as a whole is moved.
        place: (n, 2) pixel positions that go with it, one for each symmetry of the object, before that, too.
        yaw: (n,) radians.
        pick_affinity: (rows, columns) float32 of the picked object, not yet stretched or moved.
    """

    objects: list[FreeObject]
    starts: list[Array]
    table: Images
    world: Array
    pick: Array
    place: Array
    yaw: Array
    pick_affinity: NDArray[np.float32]


def augment(step: Step, augmentation: Augmentation, rng: np.random.Generator) -> Example:
    """A random example of a step: another pick on the same object, free objects pasted elsewhere, the scene moved.

    An object still fits its goal if both are bent and stretched in the same way, so one demonstration shows objects of
    many shapes. The motion of the scene is drawn again until pick and place are on the map; after many failures the
    scene is left as it is.
    """
    if step.end is not None and rng.random() < augmentation.remaining:
        step = with_remaining_object(step, rng)
    rows, columns = step.height.shape
    cell = rng.choice(
        step.pick_affinity.size,
        p=step.pick_affinity.reshape(-1).astype(np.float64) / step.pick_affinity.sum(dtype=np.float64),
    )
    pick = np.array([cell % columns, cell // columns]) + rng.random(2)
    # Where nothing is turned, an object cannot be pasted at another angle.
    turned = abs(step.yaw) > UNTURNED
    moved = None
    if step.free_objects and turned and rng.random() < augmentation.scatter:
        moved = _arrange(step, pick, augmentation, rng)
    if moved is None:
        motions, yaw = step.equals()
        place = np.stack([transform(motion, pick) for motion in motions])
    else:
        pick, place, yaw = moved.pick, moved.place, moved.yaw
    matrix = _draw_motion(np.stack([pick, place[0]]), (rows, columns), augmentation, rng, stretched=not turned)
    pick, place = transform(matrix, pick), transform(matrix, place)
    yaw = yaw if np.linalg.det(matrix[:, :2]) > 0 else -yaw
    if moved is None:
        color, height = _moved_scene((step.color, step.height), matrix)
        pick_affinity = warp(step.pick_affinity, matrix)
    else:
        color, height = _moved_scene(moved.table, compose(matrix, moved.world))
        shade = _draw(augmentation.shade, 1, augmentation.altered, rng)[0]
        paste(color, height, moved.objects, [compose(matrix, start) for start in moved.starts], shade)
        pick_affinity = warp(moved.pick_affinity, compose(matrix, moved.starts[0]))
    if not pick_affinity.sum() > 0:
        column, row = np.clip(pick.astype(int), 0, [columns - 1, rows - 1])
        pick_affinity[row, column] = 1
    height *= np.float32(augmentation.height ** rng.uniform(-1, 1))
    return Example(color, height, pick, place, yaw, pick_affinity / pick_affinity.sum())


def _arrange(step: Step, pick: Array, augmentation: Augmentation, rng: np.random.Generator) -> _Arrangement | None:
    """All free objects of a step pasted elsewhere with other shapes; ``None`` if there is no room.

    Args:
        step: with free objects.
        pick: (2,) pixel position on the first of them.
        augmentation: settings.
        rng: chooses shapes and positions.
    """
    motions, yaw = step.equals()
    objects, pick_affinity, table = (
        list(step.free_objects),
        step.pick_affinity,
        inpaint((step.color, step.height), step.free_objects),
    )
    factors = _draw(augmentation.stretch, 2, augmentation.altered, rng)
    alike = list(range(step.symmetry_order))
    bend = _draw_bend(step, rng) if rng.random() < augmentation.bent else None
    if bend:
        objects[0], pick_affinity, pick = bend.free_object(objects[0]), bend.mask(pick_affinity), bend.points(pick)
        table = bend.scene(table, motions[0])
        alike = [0]
    elif step.symmetry_order > 2:
        if max(factors) < _OBLONG * min(factors):
            factors[1] = factors[0]
        else:
            # Of the object's symmetries only the half turn is left, if it was one.
            alike = [0] if step.symmetry_order % 2 else [0, step.symmetry_order // 2]
    shapes = [stretch(free_object, factors) for free_object in objects]
    # The goal is stretched with the object, as if both were stretched once the object is in place.
    world = compose(compose(motions[0], shapes[0]), inverse(motions[0]))
    goal = warp((pick_affinity > 0).astype(np.uint8), motions[0]).astype(bool)
    if rng.random() < augmentation.recolored:
        own = objects[0].color[objects[0].mask].mean(axis=0)
        table = recolor(table, goal, own, rng), table[1]
    free = warp((bare_table(*table) & ~goal).astype(np.uint8), world, border=(1.0,)).astype(bool)
    spots = scatter(objects, shapes, free, rng)
    if not spots:
        return None
    if len(objects) == 1 and rng.random() < augmentation.misplaced:
        middle = transform(motions[0], step.centre)
        twist = rng.uniform(-np.pi, np.pi) if rng.random() < 0.5 else rng.normal(0, _TWISTED)
        spots[0] = compose(rigid(twist, middle, middle + rng.normal(0, _MISPLACED, 2)), motions[0])
    starts = [compose(spot, shape) for spot, shape in zip(spots, shapes, strict=True)]
    place = np.stack([transform(compose(world, motions[index]), pick) for index in alike])
    turned = math.atan2(spots[0][1, 0], spots[0][0, 0])
    return _Arrangement(
        objects, starts, table, world, transform(starts[0], pick), place, yaw[alike] - turned, pick_affinity
    )


@dataclass(frozen=True)
class Published:
    """The augmentation of Transporter Networks (arXiv 2010.14406): one motion about the middle of the map.

    Attributes:
        yaw: standard deviation of the rotation, radians.
        shift: standard deviation of the translation along each axis, pixels.
    """

    yaw: float = math.radians(60)
    shift: float = 160 / 6


def augment_as_published(step: Step, augmentation: Published, rng: np.random.Generator) -> Example:
    """A random example of a step: its own pick and place in a moved scene, with zeros where nothing is known.

    The motion is drawn again until pick and place are on the map; after many failures the scene is left as it is.
    """
    size = np.array([step.height.shape[1], step.height.shape[0]], dtype=np.float64)
    points = np.stack([step.pick, step.place])
    matrix = UNMOVED
    for _ in range(_ATTEMPTS):
        drawn = rigid(rng.normal(0, augmentation.yaw), size / 2, size / 2 + rng.normal(0, augmentation.shift, 2))
        moved = transform(drawn, points)
        if np.all(moved >= 0) and np.all(moved < size):
            matrix = drawn
            break
    pick, place = np.clip(transform(matrix, points), 0, size - 1e-6)
    color, height, pick_affinity = (warp(image, matrix) for image in (step.color, step.height, step.pick_affinity))
    return Example(color, height, pick, place[None], np.array([step.yaw]), pick_affinity)


def _moved_scene(scene: Images, matrix: Array) -> Images:
    """Colour and height of a scene moved by a matrix."""
    color, height = scene
    # What lies beyond the table's edge is filled with what most of the table looks like.
    shade, level = most_common(color, height)
    return warp(color, matrix, border=tuple(shade)), warp(height, matrix, border=(level,))


def _draw(largest: float, count: int, share: float, rng: np.random.Generator) -> Array:
    """(count,) factors up to the largest one or its inverse, in a share of examples; else ones."""
    factors: Array = largest ** rng.uniform(-1, 1, count)
    return factors if rng.random() < share else np.ones(count)


def _draw_bend(step: Step, rng: np.random.Generator) -> Bend | None:
    """A bend after which the first free object has no symmetry; ``None`` if none is found soon."""
    for _ in range(_BENDS):
        bend = draw_bend(step.free_objects[0], step.centre, rng)
        bent = bend.free_object(step.free_objects[0])
        if symmetry(bent.mask, bent.color) == 1:
            return bend
    return None


def _draw_motion(
    points: Array, shape: tuple[int, ...], augmentation: Augmentation, rng: np.random.Generator, *, stretched: bool
) -> Array:
    """(2, 3) matrix that keeps both points on the map; where ``stretched``, by two factors along random axes."""
    size = np.array([shape[1], shape[0]], dtype=np.float64)
    for _ in range(_ATTEMPTS):
        yaw = rng.uniform(-augmentation.yaw, augmentation.yaw)
        scale = augmentation.scale ** rng.uniform(-1, 1)
        mirror = augmentation.flips and rng.random() < 0.5
        middle = points.mean(axis=0)
        target = middle + rng.uniform(-augmentation.shift, augmentation.shift, 2)
        matrix = rigid(yaw, middle, target, scale)
        if stretched:
            axes = rigid(rng.uniform(0, np.pi), middle, middle)
            along = np.diag(_draw(augmentation.stretch, 2, augmentation.altered_scenes, rng))
            linear = matrix[:, :2] @ axes[:, :2] @ along @ axes[:, :2].T
            matrix = np.column_stack([linear, target - linear @ middle])
        if mirror:
            flip = np.array([[-1.0, 0.0, 2 * middle[0]], [0.0, 1.0, 0.0]])
            matrix = np.column_stack([matrix[:, :2] @ flip[:, :2], transform(matrix, flip[:, 2])])
        moved = transform(matrix, points)
        if np.all(moved >= augmentation.margin) and np.all(moved <= size - augmentation.margin):
            return matrix
    return UNMOVED
