"""Random planar motions of a demonstrated step, which leave colours and the meaning of the action alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ravens_suite.values.geometry import Array

from .loose import Images, lay, scatter, without
from .plane import compose, rigid, transform, warp
from .steps import UNTURNED, Step
from .table import most_common

_ATTEMPTS = 100
"""Draws of a random motion before the scene is left as it is."""


@dataclass(frozen=True)
class Augmentation:
    """How far a step may be changed.

    Attributes:
        turn: largest rotation of the scene, radians.
        shift: largest translation along each axis, in pixels.
        scale: largest factor by which the scene grows, or shrinks.
        height: largest factor on heights, or divisor.
        scatter: share of examples in which loose objects lie elsewhere on the table.
        flips: whether to mirror half of the examples.
        margin: pixels that pick and place stay away from the border.
    """

    turn: float = np.pi
    shift: float = 60.0
    scale: float = 1.0
    height: float = 1.0
    scatter: float = 0.7
    flips: bool = False
    margin: float = 4.0


@dataclass(frozen=True, eq=False)
class Example:
    """One training example, of the same form as ``Step``.

    Attributes:
        color: (rows, columns, 3) uint8.
        height: (rows, columns) float32 metres.
        pick: (2,) pixel position, drawn from ``grip``.
        place: (folds, 2) pixel positions that go with this pick, one for each turn that shows the same object.
        turn: (folds,) radians.
        grip: (rows, columns) float32 summing to 1.
    """

    color: NDArray[np.uint8]
    height: NDArray[np.float32]
    pick: Array
    place: Array
    turn: Array
    grip: NDArray[np.float32]


def augment(step: Step, rules: Augmentation, rng: np.random.Generator) -> Example:
    """A random example of a step: another pick on the same object; loose objects lie elsewhere; a moved scene.

    The motion is drawn again until pick and place are on the map; after many failures the scene is left as it is.
    """
    rows, columns = step.height.shape
    cell = rng.choice(step.grip.size, p=step.grip.reshape(-1).astype(np.float64) / step.grip.sum(dtype=np.float64))
    pick = np.array([cell % columns, cell // columns]) + rng.random(2)
    motions, turn = step.equals()
    place = np.stack([transform(motion, pick) for motion in motions])
    images, starts = (step.color, step.height), []
    # What is not turned cannot be shown as if it had lain at another angle.
    if step.loose and abs(step.turn) > UNTURNED and rng.random() < rules.scatter:
        table = without(images, step.loose)
        goal = warp((step.grip > 0).astype(np.uint8), motions[0]).astype(bool)
        starts = scatter(step.loose, table, goal, rng)
    if starts:
        images = table
        turn = turn - math.atan2(starts[0][1, 0], starts[0][0, 0])
        pick = transform(starts[0], pick)
    matrix = _draw_motion(np.stack([pick, place[0]]), (rows, columns), rules, rng)
    pick, place = transform(matrix, pick), transform(matrix, place)
    turn = turn if np.linalg.det(matrix[:, :2]) > 0 else -turn
    grip = warp(step.grip, compose(matrix, starts[0]) if starts else matrix)
    if not grip.sum() > 0:
        grip[min(int(pick[1]), rows - 1), min(int(pick[0]), columns - 1)] = 1
    color, height = _moved_scene(images, matrix)
    if starts:
        lay(color, height, step.loose, [compose(matrix, start) for start in starts])
    height *= np.float32(rules.height ** rng.uniform(-1, 1))
    return Example(color, height, pick, place, turn, grip / grip.sum())


@dataclass(frozen=True)
class Published:
    """The augmentation of Transporter Networks (arXiv 2010.14406): one motion about the middle of the map.

    Attributes:
        turn: standard deviation of the rotation, radians.
        shift: standard deviation of the translation along each axis, pixels.
    """

    turn: float = math.radians(60)
    shift: float = 160 / 6


def augment_as_published(step: Step, rules: Published, rng: np.random.Generator) -> Example:
    """A random example of a step: its own pick and place in a moved scene, with zeros where nothing is known.

    The motion is drawn again until pick and place are on the map; after many failures the scene is left as it is.
    """
    size = np.array([step.height.shape[1], step.height.shape[0]], dtype=np.float64)
    points = np.stack([step.pick, step.place])
    matrix = rigid(0.0, np.zeros(2), np.zeros(2))
    for _ in range(_ATTEMPTS):
        drawn = rigid(rng.normal(0, rules.turn), size / 2, size / 2 + rng.normal(0, rules.shift, 2))
        moved = transform(drawn, points)
        if np.all(moved >= 0) and np.all(moved < size):
            matrix = drawn
            break
    pick, place = np.clip(transform(matrix, points), 0, size - 1e-6)
    color, height, grip = (warp(image, matrix) for image in (step.color, step.height, step.grip))
    return Example(color, height, pick, place[None], np.array([step.turn]), grip)


def _moved_scene(scene: Images, matrix: Array) -> Images:
    """Colour and height of a scene moved by a matrix."""
    color, height = scene
    # What lies beyond the table's edge is filled with what most of the table looks like.
    shade, level = most_common(color, height)
    return warp(color, matrix, border=tuple(shade)), warp(height, matrix, border=(level,))


def _draw_motion(points: Array, shape: tuple[int, int], rules: Augmentation, rng: np.random.Generator) -> Array:
    """(2, 3) matrix that keeps both points on the map."""
    size = np.array([shape[1], shape[0]], dtype=np.float64)
    for _ in range(_ATTEMPTS):
        turn = rng.uniform(-rules.turn, rules.turn)
        scale = rules.scale ** rng.uniform(-1, 1)
        mirror = rules.flips and rng.random() < 0.5
        middle = points.mean(axis=0)
        target = middle + rng.uniform(-rules.shift, rules.shift, 2)
        matrix = rigid(turn, middle, target, scale)
        if mirror:
            flip = np.array([[-1.0, 0.0, 2 * middle[0]], [0.0, 1.0, 0.0]])
            matrix = np.column_stack([matrix[:, :2] @ flip[:, :2], transform(matrix, flip[:, 2])])
        moved = transform(matrix, points)
        if np.all(moved >= rules.margin) and np.all(moved <= size - rules.margin):
            return matrix
    return rigid(0.0, np.zeros(2), np.zeros(2))
