"""Nudged-thing augmentation: the last scene of a demonstration, in which a part of a loose thing lies beside its place.

Demonstrations of a rope that is laid bead by bead hardly show how to mend what lies nearly right, those of two moves
not at all. But in the last image all of it is where it is meant to be. So what is bent away from there has to go back.

Positions are those of ``plane.py``.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array

from .free_objects import FreeObject, inpaint
from .moved_object import disc
from .steps import PICK_RADIUS, Step, affinity_weights
from .table import above_table

_SHORTEST, _LONGEST = 5.0, 25.0
"""Pixels, 16 and 78 mm: how far a part is nudged."""
_NARROWEST, _WIDEST = 8.0, 30.0
"""Pixels: standard deviation of what is nudged along with it."""
_STEEPEST = 0.7
"""Least width by length: narrower, and the thing would be folded over itself."""
_AGAIN, _LESS = 0.5, 0.7
"""Share of things that are nudged at a second part, and largest length of that by the length of the first."""
_MIDDLE = 0.25
"""Least pick affinity, by the largest, of a pixel in the middle of the thing."""
_PARTS = 3
"""Into so many parts along each axis are pixels divided, so that a stretched thing has no gaps."""
_LEAST_SEEN = 0.9
"""Least share of the thing that is still on the map."""
_ATTEMPTS = 20
"""Random nudges tried before the step is left as it is."""


def nudged(step: Step, rng: np.random.Generator) -> Step | None:
    """The last scene of the demonstration with one or two parts of its loose thing beside their places.

    Args:
        step: with ``end`` and ``settled``.
        rng: draws the parts, and where they lie.

    Returns:
        The move that takes the part that is farthest away back to its place; ``None`` if there is no room.
    """
    assert step.end is not None
    assert step.settled is not None
    thing = step.settled
    scene = inpaint(step.end, [thing])
    standing = above_table(scene.height)
    weights = affinity_weights(thing.mask)
    middle = np.argwhere(weights > _MIDDLE * weights.max())[:, ::-1].astype(np.float64) + thing.origin + 0.5
    for _ in range(_ATTEMPTS):
        nudges = _draw_nudges(middle, rng)
        ways = _displacement(middle, nudges)
        farthest = np.linalg.norm(ways, axis=1).argmax()
        place, pick = middle[farthest], middle[farthest] + ways[farthest]
        covered, source = (tuple(each.T) for each in _bent(thing, nudges, standing.shape))
        seen = len(covered[0]) >= _LEAST_SEEN * _PARTS**2 * thing.mask.sum()
        on_map = np.all(pick >= 0) and np.all(pick < standing.shape[::-1])
        if not seen or not on_map or math.dist(pick, place) < _SHORTEST or standing[covered].any():
            continue
        color, height = scene.color.copy(), scene.height.copy()
        color[covered], height[covered] = thing.color[source], thing.height[source]
        spot = disc(standing.shape, pick, PICK_RADIUS)
        return replace(
            step,
            color=color,
            height=height,
            pick=pick,
            place=place,
            pick_affinity=affinity_weights(spot),
            centre=pick,
            loose=None,
            end=None,
            settled=None,
        )
    return None


def _draw_nudges(middle: Array, rng: np.random.Generator) -> list[tuple[Array, Array, float]]:
    """Where a thing is nudged, (2,) pixel position out of (n, 2), by what, (2,) pixels, and how wide, pixels."""
    nudges = []
    longest = _LONGEST
    for _ in range(1 + (rng.random() < _AGAIN)):
        centre = middle[rng.integers(len(middle))]
        length, angle = rng.uniform(min(_SHORTEST, longest), longest), rng.uniform(-math.pi, math.pi)
        width = rng.uniform(max(_NARROWEST, _STEEPEST * length), _WIDEST)
        nudges.append((centre, length * np.array([math.cos(angle), math.sin(angle)]), width))
        longest = _LESS * length
    return nudges


def _displacement(points: Array, nudges: list[tuple[Array, Array, float]]) -> Array:
    """(..., 2) pixels by which nudges move points (..., 2)."""
    moved = np.zeros_like(points)
    for centre, way, width in nudges:
        squares = ((points - centre) ** 2).sum(axis=-1, keepdims=True)
        moved += way * np.exp(-squares / (2 * width**2))
    return moved


def _bent(
    thing: FreeObject, nudges: list[tuple[Array, Array, float]], shape: tuple[int, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The pixels of a map of a shape that a nudged thing covers, (n, 2) int64 rows and columns, and whence.

    The latter are row and column in the thing's window, (n, 2) int64.
    """
    parts = (np.arange(_PARTS) + 0.5) / _PARTS
    within = np.stack(np.meshgrid(parts, parts), axis=-1).reshape(-1, 2)
    source = np.argwhere(thing.mask)
    points = source[:, None, ::-1] + within + thing.origin
    target = np.floor(points + _displacement(points, nudges)).astype(np.int64)[..., ::-1].reshape(-1, 2)
    source = np.repeat(source, len(within), axis=0)
    inside = ((target >= 0) & (target < shape)).all(axis=1)
    return target[inside], source[inside]
