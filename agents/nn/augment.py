"""Random planar motions of a demonstrated step, which leave colours and the meaning of the action alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ravens_suite.values.geometry import Array

from .steps import Step, rigid, transform, warp

_ATTEMPTS = 100


@dataclass(frozen=True)
class Augmentation:
    """How far a step may be changed.

    Attributes:
        turn: largest rotation of the scene, radians.
        shift: largest translation along each axis, in pixels.
        scale: largest factor by which the scene grows, or shrinks.
        height: largest factor on heights, or divisor.
        flips: whether to mirror half of the examples.
        margin: pixels that pick and place stay away from the border.
    """

    turn: float = np.pi
    shift: float = 60.0
    scale: float = 1.0
    height: float = 1.0
    flips: bool = False
    margin: float = 4.0


@dataclass(frozen=True, eq=False)
class Example:
    """One training example, of the same form as ``Step``.

    Attributes:
        color: (rows, columns, 3) uint8.
        height: (rows, columns) float32 metres.
        pick: (2,) pixel position, drawn from ``grip``.
        place: (2,) pixel position that goes with this pick.
        turn: radians.
        grip: (rows, columns) float32 summing to 1.
    """

    color: NDArray[np.uint8]
    height: NDArray[np.float32]
    pick: Array
    place: Array
    turn: float
    grip: NDArray[np.float32]


def augment(step: Step, rules: Augmentation, rng: np.random.Generator) -> Example:
    """A random example of a step: another pick on the same object, in a moved scene.

    The motion is drawn again until pick and place are on the map; after many failures the scene is left as it is.
    """
    rows, columns = step.height.shape
    cell = rng.choice(step.grip.size, p=step.grip.reshape(-1).astype(np.float64) / step.grip.sum(dtype=np.float64))
    pick = np.array([cell % columns, cell // columns]) + rng.random(2)
    place = transform(rigid(step.turn, step.pick, step.place), pick)
    matrix = _draw_motion(np.stack([pick, place]), (rows, columns), rules, rng)
    pick, place = transform(matrix, np.stack([pick, place]))
    turn = step.turn if np.linalg.det(matrix[:, :2]) > 0 else -step.turn
    grip = warp(step.grip, matrix).astype(np.float32)
    if not grip.sum() > 0:
        grip[min(int(pick[1]), rows - 1), min(int(pick[0]), columns - 1)] = 1
    # What lies beyond the table's edge is filled with what most of the table looks like.
    shade = tuple(float(value) for value in np.median(step.color[::4, ::4].reshape(-1, 3), axis=0))
    level = float(np.median(step.height[::4, ::4]))
    height = warp(step.height, matrix, border=(level,)).astype(np.float32)
    height *= np.float32(rules.height ** rng.uniform(-1, 1))
    color = warp(step.color, matrix, border=shade)
    return Example(color.astype(np.uint8), height, pick, place, turn, grip / grip.sum())


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
