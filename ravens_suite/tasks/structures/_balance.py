"""Whether cubes on each other stand: from the forces that they can exert, so that it does not depend on a simulator."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product

import numpy as np

from ravens_suite.core.geometry import Array

Cube = tuple[float, float, int]
"""x and y of its middle, and its layer; lengths in any unit."""

_SHIFTS = ((1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0))


@lru_cache(maxsize=1024)
def stands(cubes: tuple[Cube, ...], width: float, slack: float) -> bool:
    """Whether equal cubes stay where they are, however they lean within a small distance.

    They do if cubes can press on those below, at the corners of what they share, so that the forces and moments on each
    are balanced. Friction and the ground under layer 0 hold anything.

    Args:
        cubes: in any order; those of layer 0 are on the ground.
        width: of each.
        slack: by which all middles may be off along an axis.
    """
    contacts = [(i, below, point) for i, cube in enumerate(cubes) for below, point in _rests_on(cube, cubes, width)]
    matrix = np.zeros((3 * len(cubes), len(contacts)))
    for column, (upper, lower, point) in enumerate(contacts):
        arm = np.array([1.0, *point])
        matrix[3 * upper : 3 * upper + 3, column] += arm
        if lower is not None:
            matrix[3 * lower : 3 * lower + 3, column] -= arm
    places = np.array([cube[:2] for cube in cubes])
    return all(_balanced(matrix, places + slack * np.array(shift)) for shift in _SHIFTS)


def _rests_on(cube: Cube, cubes: tuple[Cube, ...], width: float) -> Iterator[tuple[int | None, tuple[float, float]]]:
    """The cubes below one, or ``None`` for the ground, each with a corner of what the two share."""
    x, y, layer = cube
    if layer == 0:
        yield from ((None, corner) for corner in product(_shared(x, x, width), _shared(y, y, width)))
    for i, other in enumerate(cubes):
        if other[2] == layer - 1 and max(abs(x - other[0]), abs(y - other[1])) < width:
            yield from ((i, corner) for corner in product(_shared(x, other[0], width), _shared(y, other[1], width)))


def _shared(first: float, second: float, width: float) -> tuple[float, float]:
    return max(first, second) - width / 2, min(first, second) + width / 2


def _balanced(matrix: Array, places: Array) -> bool:
    """Whether forces that only press carry equal weights at these places."""
    from scipy.optimize import linprog  # Takes a third of a second, and most scenes do not ask.

    wanted = np.column_stack([np.ones(len(places)), places]).ravel()
    found = linprog(np.zeros(matrix.shape[1]), A_eq=matrix, b_eq=wanted, method="highs")
    return bool(found.status == 0)
