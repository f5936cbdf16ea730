"""Augmentation of a demonstrated step: planar motions, scattered, stretched, bent and recoloured objects.

Positions and motions are those of ``plane.py``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap

from ..common.counts import count_things
from ..common.sentences import mirrored
from .augmentation_settings import UNCHANGED, Augmentation
from .bending import Bend, draw_bend
from .distractors import draw_distractor
from .free_objects import (
    FreeObject,
    counted,
    inpaint,
    lies_as_before,
    paste,
    paste_numbers,
    scatter,
    stretch,
    uncounted,
)
from .goal_scenes import recolored_goal
from .loose_things import drift
from .misplacing import beside, in_wrong_slot, raised
from .other_scenes import another_scene
from .plane import IDENTITY, compose, inverse, rigid, transform, warp
from .recoloring import recolor
from .recutting import has_slot
from .steps import Step
from .symmetry import symmetry_order
from .table import bare_table, table_appearance
from .tilts import Tilt, moved_normal

__all__ = ["UNCHANGED", "Augmentation", "Example", "augment"]
_ATTEMPTS = 100
"""Random motions tried before the scene is left as it is."""
_BENDS = 10
"""Random bends tried before an object is left straight."""
_BESIDE = 0.5
"""Share of misplaced objects beside their goal, of those that are the last one left and go into a slot."""
_OBLONG = 1.25
"""Ratio of the two stretch factors from which an object keeps no symmetry but that of a half turn."""


@dataclass(frozen=True, eq=False)
class Example:
    """One training example.

    Attributes:
        color: (rows, columns, 3) uint8.
        height: (rows, columns) float32 metres.
        pick: (2,) float64 pixel position, drawn from the pick affinity of the step.
        place: (n, 2) float64 pixel positions that go with this pick, one for each symmetry of the object.
        yaw: (n,) float64 radians, of these place poses relative to the pick pose.
        pick_affinity: (rows, columns) float32 summing to 1, see ``Step``; all zero where no pick is known to be best.
        goal: that of the step, see ``Step``.
        first: the first scene of the demonstration, for an agent that remembers it.
        tilt: of the first place, where the step has one.
        instruction: what was said before the step, where it is known; of a mirrored scene, left is right.
        turn: of the table's own axes in the image, radians from the column axis towards the row axis.
        place_known: whether place and yaw mean anything.
        numbers: (rows, columns) uint8 of ``count_things``, where things are counted: of the scene in which all of them
            were on the map and in their own colours.
    """

    color: NDArray[np.uint8]
    height: NDArray[np.float32]
    pick: Array
    place: Array
    yaw: Array
    pick_affinity: NDArray[np.float32]
    goal: Heightmap | None = None
    first: Heightmap | None = None
    tilt: Tilt | None = None
    instruction: str | None = None
    turn: float = 0.0
    place_known: bool = True
    numbers: NDArray[np.uint8] | None = None


class _Arrangement(NamedTuple):
    """A step whose free objects have new positions and shapes, before the scene as a whole is moved.

    Attributes:
        objects: at their demonstrated positions, the picked one first.
        motions: for each object the (2, 3) matrix that stretches it and takes it to its new position.
        table: the scene without them.
        table_stretch: (2, 3) matrix that stretches the table as the picked object is stretched at its goal.
        pick: (2,) pixel position.
        place: (n, 2) pixel positions that go with it, one for each symmetry of the object.
        yaw: (n,) radians.
        pick_affinity: (rows, columns) float32 of the picked object at its demonstrated position.
        goal: the finished scene, bent and coloured as the table is.
        first: the first scene without the objects that still lie as they did there, bent and coloured likewise.
        unmoved: those objects, by their indices.
        picks_known: whether the pick affinity says what is best picked.
        distractor: whether the last object is one.
        numbers: (rows, columns) uint8 of the table, bent as it is, where things are counted.
    """

    objects: list[FreeObject]
    motions: list[Array]
    table: Heightmap
    table_stretch: Array
    pick: Array
    place: Array
    yaw: Array
    pick_affinity: NDArray[np.float32]
    goal: Heightmap | None
    first: Heightmap | None
    unmoved: list[int]
    picks_known: bool = True
    distractor: bool = False
    numbers: NDArray[np.uint8] | None = None


def augment(step: Step, augmentation: Augmentation, rng: np.random.Generator) -> Example:
    """A random example of a step: another pick on the same object, free objects pasted elsewhere, the scene moved.

    An object still fits its goal if both are bent and stretched in the same way, so one demonstration shows objects of
    many shapes. The motion of the scene is drawn again until pick and place are on the map; after many failures the
    scene is left as it is.
    """
    step, place_known = another_scene(step, augmentation, rng)
    # Before anything leaves the map, or gets a size or a colour by which it would be of another kind.
    numbers = count_things(step.color, step.height) if augmentation.counts else None
    rows, columns = step.height.shape
    pick = _draw_pick(step.pick_affinity, rng)
    # Where the step does not rotate, an object cannot be pasted at another angle.
    arrangement = None
    if step.free_objects and step.rotates and rng.random() < augmentation.scatter:
        arrangement = _arrange(step, pick, augmentation, rng, numbers)
    adrift = augmentation.adrift > 0 and step.loose is not None and rng.random() < augmentation.adrift
    if adrift:
        arrangement = _set_adrift(step, pick, rng, numbers)
    if arrangement is None:
        motions, yaw = step.equivalent_motions()
        place = np.stack([transform(motion, pick) for motion in motions])
    else:
        pick, place, yaw = arrangement.pick, arrangement.place, arrangement.yaw
    tilt = step.tilt and Tilt(step.tilt.normal, float(step.tilt.height_at(place[0] - step.place)))
    ends = np.stack([pick, place[0]])
    matrix = _draw_motion(ends, (rows, columns), augmentation, rng, stretched=not step.rotates)
    pick, place = transform(matrix, pick), transform(matrix, place)
    yaw = yaw if np.linalg.det(matrix[:, :2]) > 0 else -yaw
    goal, first = step.goal, step.first
    if arrangement is None:
        scene = _moved_scene(step.scene, matrix)
        goal = goal and _moved_scene(goal, matrix)
        first = first and _moved_scene(first, matrix)
        pick_affinity = warp(step.pick_affinity, matrix)
        numbers = None if numbers is None else warp(numbers, matrix)
    else:
        table_matrix = compose(matrix, arrangement.table_stretch)
        scene = _moved_scene(arrangement.table, table_matrix)
        goal = arrangement.goal and _moved_scene(arrangement.goal, table_matrix)
        # A goal shows loose objects as bright as they are.
        shade = 1.0 if goal else _draw_factors(augmentation.shade, 1, augmentation.altered, rng)[0]
        moved = [compose(matrix, motion) for motion in arrangement.motions]
        own = len(moved) - arrangement.distractor
        paste(scene, arrangement.objects[:own], moved[:own], shade)
        if arrangement.distractor:
            # Darker or brighter, it could have the colour of the goal.
            paste(scene, arrangement.objects[own:], moved[own:])
        if arrangement.first is not None:
            first = _moved_scene(arrangement.first, table_matrix)
            unmoved = arrangement.unmoved
            paste(first, [arrangement.objects[i] for i in unmoved], [moved[i] for i in unmoved], shade)
        pick_affinity = warp(arrangement.pick_affinity, compose(matrix, arrangement.motions[0]))
        numbers = None if arrangement.numbers is None else warp(arrangement.numbers, table_matrix)
        paste_numbers(numbers, arrangement.objects, moved)
    if arrangement is not None and not arrangement.picks_known:
        pick_affinity[:] = 0
    elif not pick_affinity.sum() > 0:
        column, row = np.clip(pick.astype(int), 0, [columns - 1, rows - 1])
        pick_affinity[row, column] = 1
    factor = np.float32(augmentation.height ** rng.uniform(-1, 1))
    goal = goal and Heightmap(goal.color, goal.height * factor)
    first = first and Heightmap(first.color, first.height * factor)
    tilt = tilt and Tilt(moved_normal(tilt.normal, matrix), tilt.height)
    pick_affinity /= pick_affinity.sum() or 1
    # A mirrored scene is one whose left and right are exchanged: the table's x axis goes where the matrix takes it.
    said = step.instruction
    said = mirrored(said) if said is not None and np.linalg.det(matrix[:, :2]) < 0 else said
    turn = math.atan2(matrix[1, 0], matrix[0, 0])
    color, height = scene.color, scene.height * factor
    return Example(color, height, pick, place, yaw, pick_affinity, goal, first, tilt, said, turn, place_known, numbers)


def _arrange(
    step: Step,
    pick: Array,
    augmentation: Augmentation,
    rng: np.random.Generator,
    numbers: NDArray[np.uint8] | None = None,
) -> _Arrangement | None:
    """New positions and shapes for all free objects of a step; ``None`` if there is no room.

    Args:
        step: with free objects.
        pick: (2,) pixel position on the first of them.
        augmentation: settings.
        rng: chooses shapes and positions.
        numbers: (rows, columns) uint8 of the step's scene, where things are counted.
    """
    motions, yaw = step.equivalent_motions()
    objects, pick_affinity = counted(step.free_objects, numbers), step.pick_affinity
    numbers = uncounted(numbers, objects)
    table, finished, first = inpaint(step.scene, objects), step.goal, step.first
    unmoved = [i for i, each in enumerate(objects) if first is not None and lies_as_before(each, first)]
    first = first and inpaint(first, [objects[i] for i in unmoved])
    factors = _draw_factors(augmentation.stretch, 2, augmentation.altered, rng)
    symmetries = list(range(step.symmetry_order))
    bend = _draw_bend(step, rng) if rng.random() < augmentation.bent else None
    if bend:
        objects[0], pick_affinity, pick = bend.free_object(objects[0]), bend.mask(pick_affinity), bend.points(pick)
        table = bend.scene(table, motions[0])
        numbers = None if numbers is None else bend.mask(numbers, motions[0])
        finished, first = (scene and bend.scene(scene, motions[0]) for scene in (finished, first))
        symmetries = [0]
    elif step.symmetry_order > 2:
        if max(factors) < _OBLONG * min(factors):
            factors[1] = factors[0]
        else:
            # Only the half turn is left, if it was a symmetry.
            symmetries = [0] if step.symmetry_order % 2 else [0, step.symmetry_order // 2]
    shapes = [stretch(free_object, factors) for free_object in objects]
    # The goal is stretched with the object, as if both were stretched once the object is in place.
    table_stretch = compose(compose(motions[0], shapes[0]), inverse(motions[0]))
    goal = warp((pick_affinity > 0).astype(np.uint8), motions[0]).astype(bool)
    if rng.random() < augmentation.recolored:
        own = objects[0].color[objects[0].mask].mean(axis=0)
        color = recolor(table, goal, own, rng)
        finished, first = (scene and recolored_goal(scene, table, color) for scene in (finished, first))
        table = Heightmap(color, table.height)
    free = warp((bare_table(table) & ~goal).astype(np.uint8), table_stretch, border=(1.0,)).astype(bool)
    count = len(objects)
    # Drawn only where it counts, so that all other examples are those without it. Other pictures would not show it.
    if augmentation.distractors and finished is None and first is None and rng.random() < augmentation.distractors:
        distractor = draw_distractor(objects, table, goal, rng)
        if distractor is not None:
            objects.append(distractor[1])
            shapes.append(shapes[distractor[0]])
    scattered = scatter(objects, shapes, free, rng)
    if not scattered and len(objects) > count:
        objects, shapes = objects[:count], shapes[:count]
        scattered = scatter(objects, shapes, free, rng)
    if not scattered:
        return None
    # Drawn only where it counts, so that all other examples are those without it.
    alone, slotted = count == 1, has_slot(step) and augmentation.misplaced > 0
    if (alone or slotted) and rng.random() < augmentation.misplaced:
        there = None
        if slotted and not (alone and rng.random() < _BESIDE):
            there = in_wrong_slot(objects, shapes[0], table_stretch, rng)
        elif alone:
            there = compose(beside(transform(motions[0], step.centre), rng), motions[0])
        if there is not None:
            scattered[0] = there
            if slotted:
                on_table = compose(inverse(table_stretch), compose(there, shapes[0]))
                objects[0] = raised(objects[0], table.height, on_table)
    rotation = math.atan2(scattered[0][1, 0], scattered[0][0, 0])
    new_motions = [compose(motion, shape) for motion, shape in zip(scattered, shapes, strict=True)]
    return _Arrangement(
        objects=objects,
        motions=new_motions,
        table=table,
        table_stretch=table_stretch,
        pick=transform(new_motions[0], pick),
        place=np.stack([transform(compose(table_stretch, motions[index]), pick) for index in symmetries]),
        yaw=yaw[symmetries] - rotation,
        pick_affinity=pick_affinity,
        goal=finished,
        first=first,
        unmoved=unmoved,
        picks_known=len(objects) == count,
        distractor=len(objects) > count,
        numbers=numbers,
    )


def _set_adrift(
    step: Step, pick: Array, rng: np.random.Generator, numbers: NDArray[np.uint8] | None = None
) -> _Arrangement | None:
    """The loose thing of a step elsewhere; the place of what is picked, (2,) pixel position, stays where it is."""
    assert step.loose is not None
    table = inpaint(step.scene, [step.loose])
    place = transform(step.motion, pick)
    motion = drift(step.loose, table, place, rng)
    if motion is None:
        return None
    return _Arrangement(
        objects=counted([step.loose], numbers),
        motions=[motion],
        table=table,
        table_stretch=IDENTITY,
        pick=transform(motion, pick),
        place=place[None],
        yaw=np.array([step.yaw]),
        pick_affinity=step.pick_affinity,
        goal=step.goal,
        first=step.first,
        unmoved=[],
        picks_known=False,
        numbers=uncounted(numbers, [step.loose]),
    )


def _moved_scene(scene: Heightmap, matrix: Array) -> Heightmap:
    """A scene moved by a (2, 3) matrix; bare table lies beyond its old border."""
    color, height = table_appearance(scene)
    return Heightmap(warp(scene.color, matrix, border=tuple(color)), warp(scene.height, matrix, border=(height,)))


def _draw_pick(pick_affinity: NDArray[np.float32], rng: np.random.Generator) -> Array:
    """(2,) random pixel position, by the pick affinity (rows, columns)."""
    probabilities = pick_affinity.reshape(-1).astype(np.float64) / pick_affinity.sum(dtype=np.float64)
    pixel = rng.choice(pick_affinity.size, p=probabilities)
    columns = pick_affinity.shape[1]
    return np.array([pixel % columns, pixel // columns]) + rng.random(2)


def _draw_factors(largest: float, count: int, share: float, rng: np.random.Generator) -> Array:
    """(count,) random factors between 1 / largest and largest in a share of examples; else ones."""
    factors: Array = largest ** rng.uniform(-1, 1, count)
    return factors if rng.random() < share else np.ones(count)


def _draw_bend(step: Step, rng: np.random.Generator) -> Bend | None:
    """A random bend after which the first free object has no symmetry; ``None`` if none is found."""
    for _ in range(_BENDS):
        bend = draw_bend(step.free_objects[0], step.centre, rng)
        bent = bend.free_object(step.free_objects[0])
        if symmetry_order(bent.mask, bent.color) == 1:
            return bend
    return None


def _draw_motion(
    points: Array, shape: tuple[int, ...], augmentation: Augmentation, rng: np.random.Generator, *, stretched: bool
) -> Array:
    """(2, 3) matrix of a random motion of the scene.

    Args:
        points: (2, 2) pixel positions that it keeps on the map; the identity if that fails too often.
        shape: rows and columns of the map.
        augmentation: settings.
        rng: chooses the motion.
        stretched: whether it may stretch the scene by two factors along random axes.
    """
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
            factors = np.diag(_draw_factors(augmentation.stretch, 2, augmentation.altered_scenes, rng))
            linear = matrix[:, :2] @ axes[:, :2] @ factors @ axes[:, :2].T
            matrix = np.column_stack([linear, target - linear @ middle])
        if mirror:
            flip = np.array([[-1.0, 0.0, 2 * middle[0]], [0.0, 1.0, 0.0]])
            matrix = np.column_stack([matrix[:, :2] @ flip[:, :2], transform(matrix, flip[:, 2])])
        moved = transform(matrix, points)
        if np.all(moved >= augmentation.margin) and np.all(moved <= size - augmentation.margin):
            return matrix
    return IDENTITY
