"""Polygons of mesh files, cut into triangles."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from ravens_suite.core.geometry import Array

Triangle = tuple[int, int, int]

_FARTHEST = 1e60
"""Units of a file: what is farther, or no number, has no area that could be worked out."""
_QUADRANGLE = 4
_NOTHING = 1e-9
"""Share of a polygon's area below which that of a triangle counts as zero."""


def cut_polygons(polygons: Sequence[Sequence[int]], vertices: Array) -> list[Triangle]:
    """Triangles that cover polygons, one polygon after the other; see ``cut_polygon``.

    Args:
        polygons: indices of their corners, three or more each.
        vertices: (V, 3) float64.
    """
    if not (np.abs(vertices) < _FARTHEST).all():
        return [each for polygon in polygons for each in _fan(polygon)]  # It is refused by its size.
    # Most are quadrangles without a corner that points inwards, which is seen of all of them at once.
    corners = vertices[np.array([each for each in polygons if len(each) == _QUADRANGLE], np.int64).reshape(-1, 4)]
    to_second, to_third, to_fourth = (corners[:, index] - corners[:, 0] for index in (1, 2, 3))
    agree = (np.cross(to_second, to_third) * np.cross(to_third, to_fourth)).sum(axis=1) >= 0
    plain = iter(agree.tolist())
    found: list[Triangle] = []
    for polygon in polygons:
        fans = len(polygon) < _QUADRANGLE or (len(polygon) == _QUADRANGLE and next(plain))
        found += _fan(polygon) if fans else cut_polygon(polygon, vertices)
    return found


def cut_polygon(polygon: Sequence[int], vertices: Array) -> list[Triangle]:
    """Triangles that cover a polygon, and nothing else, in its own turn.

    They are a fan about the first corner where that does. Of a polygon with corners that point inwards, as the face of
    an L, a fan may cover what is outside: such a one is cut ear by ear (Meisters, "Polygons have ears", 1975).

    Args:
        polygon: indices of its corners in turn, three or more; they lie nearly in one plane.
        vertices: (V, 3) float64.
    """
    flat = _flattened(vertices[list(polygon)])
    whole = _doubled_area(flat[0], flat[1:-1], flat[2:])
    if (whole >= -_NOTHING * abs(whole.sum())).all():
        return _fan(polygon)
    return [(polygon[a], polygon[b], polygon[c]) for a, b, c in _ears(flat, _NOTHING * abs(float(whole.sum())))]


def _fan(polygon: Sequence[int]) -> list[Triangle]:
    return [(polygon[0], b, c) for b, c in itertools.pairwise(polygon[1:])]


def _flattened(corners: Array) -> Array:
    """(N, 2) of (N, 3) corners in their own plane, seen from where they go counter-clockwise."""
    corners = corners - corners.mean(axis=0)
    normal = np.cross(corners, np.roll(corners, -1, axis=0)).sum(axis=0)
    length = float(np.linalg.norm(normal))
    normal = normal / length if length > 0 else np.array([0.0, 0.0, 1.0])
    across = np.cross(normal, np.eye(3)[int(np.abs(normal).argmin())])
    across /= np.linalg.norm(across)
    flat: Array = np.stack([corners @ across, corners @ np.cross(normal, across)], axis=1)
    return flat


def _doubled_area(a: Array, b: Array, c: Array) -> Array:
    """Twice the area of triangles of (..., 2) corners, negative where they go clockwise."""
    first, second = b - a, c - a
    area: Array = first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
    return area


def _ears(flat: Array, nothing: float) -> list[Triangle]:
    left, found = list(range(len(flat))), list[Triangle]()
    while len(left) > 3:
        turns = [(left[i - 1], left[i], left[(i + 1) % len(left)]) for i in range(len(left))]
        # One without area, of three corners in a line, covers nothing and may always go.
        ear = next((turn for turn in turns if _is_ear(turn, left, flat, nothing)), turns[0])
        found.append(ear)
        left.remove(ear[1])
    return [*found, (left[0], left[1], left[2])]


def _is_ear(turn: Triangle, left: Sequence[int], flat: Array, nothing: float) -> bool:
    """Whether a corner with its neighbours is a triangle within the polygon that is left."""
    a, b, c = (flat[index] for index in turn)
    area = float(_doubled_area(a, b, c))
    if abs(area) <= nothing:
        return True
    if area < 0:
        return False
    others = flat[[index for index in left if index not in turn]]
    # What lies at a corner itself is another visit of it, as where a polygon runs to a hole and back.
    others = others[~(others[:, None] == np.stack([a, b, c])).all(axis=2).any(axis=1)]
    inside = [_doubled_area(start, end, others) >= -nothing for start, end in ((a, b), (b, c), (c, a))]
    return not bool(np.logical_and.reduce(inside).any())
