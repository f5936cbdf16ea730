"""Small solids as triangle meshes, and their text as OBJ files. Lengths in millimetres until they are written.

Nothing but NumPy is needed, so the same files come out whatever versions of mesh libraries are installed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
Axis = Literal["x", "y", "z"]

SECTIONS = 12
"""Corners of a circle unless others are asked for: software renderers pay for triangles, not for pixels."""


@dataclass(frozen=True)
class Solid:
    """A closed surface.

    Attributes:
        corners: ``(T, 3, 3)`` float64, millimetres: T triangles, counter-clockwise seen from outside.
    """

    corners: NDArray[np.float64]

    def __add__(self, other: Solid) -> Solid:
        """Both solids in one mesh; they may overlap."""
        return Solid(np.concatenate([self.corners, other.corners]))

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Solid:
        """The solid shifted by millimetres."""
        return Solid(self.corners + np.array([x, y, z]))

    def along(self, axis: Axis) -> Solid:
        """The solid turned so that its z axis becomes ``axis``."""
        turned = {"x": (2, 0, 1), "y": (1, 2, 0), "z": (0, 1, 2)}[axis]  # cyclic: a turn, not a mirror
        return Solid(self.corners[:, :, turned])

    def flipped(self) -> Solid:
        """The solid turned half way about x."""
        return Solid(self.corners * np.array([1.0, -1.0, -1.0]))


def box(size: Sequence[float]) -> Solid:
    """A cuboid about the origin."""
    x, y = size[0] / 2, size[1] / 2
    return extrude([(-x, -y), (x, -y), (x, y), (-x, y)], size[2])


def cylinder(radius: float, low: float, high: float, *, chamfer: float = 0.0, sections: int = SECTIONS) -> Solid:
    """A cylinder about the z axis from ``low`` to ``high``; ``chamfer`` bevels its top."""
    top = [(radius, high - chamfer), (radius - chamfer, high)] if chamfer else [(radius, high)]
    return lathe([(0, low), (radius, low), *top, (0, high)], sections)


def lathe(profile: Sequence[Point], sections: int, *, closed: bool = False) -> Solid:
    """A surface of revolution about z.

    Args:
        profile: (radius, z) points with the solid on their left when they are drawn with the radius to the right.
        sections: corners of a circle.
        closed: whether the last point joins the first (a ring) rather than both ends lying on the axis.
    """
    angles = np.arange(sections) * (2 * math.pi / sections)
    radius, z = np.array(profile, dtype=np.float64).T
    grid = np.stack(
        [np.outer(radius, np.cos(angles)), np.outer(radius, np.sin(angles)), np.outer(z, np.ones(sections))], axis=-1
    )
    ahead = np.roll(grid, -1, axis=1)
    below, above = (grid, np.roll(grid, -1, axis=0)) if closed else (grid[:-1], grid[1:])
    below_ahead, above_ahead = (ahead, np.roll(ahead, -1, axis=0)) if closed else (ahead[:-1], ahead[1:])
    first = np.stack([below, below_ahead, above_ahead], axis=2).reshape(-1, 3, 3)
    second = np.stack([below, above_ahead, above], axis=2).reshape(-1, 3, 3)
    bands = _without_slivers(np.concatenate([first, second]))
    return Solid(bands if closed else _with_plain_lids(bands, grid))


def extrude(outline: Sequence[Point], height: float, hole: Sequence[Point] = ()) -> Solid:
    """A prism of a counter-clockwise outline with at most one clockwise hole, centred about z = 0."""
    flat = np.array([list(triangle) for triangle in _triangulate(_bridged(outline, hole))])
    z = np.full((*flat.shape[:2], 1), height / 2)
    top = np.concatenate([flat, z], axis=-1)
    bottom = np.concatenate([flat, -z], axis=-1)[:, ::-1]
    return Solid(np.concatenate([top, bottom, *(_wall(ring, height) for ring in (outline, hole) if len(ring))]))


def obj(solid: Solid, comment: str) -> str:
    """Text of an OBJ file in metres, with equal corners merged and a fixed number of decimals."""
    numbers: dict[str, int] = {}
    faces = []
    for triangle in solid.corners / 1000:
        keys = [
            " ".join(f"{value + 0.0:.6f}".replace("-0.000000", "0.000000") for value in corner) for corner in triangle
        ]
        faces.append("f " + " ".join(str(numbers.setdefault(key, len(numbers) + 1)) for key in keys))
    return "\n".join([f"# {comment}", *(f"v {key}" for key in numbers), *faces, ""])


def arc(center: Point, radius: float, start: float, end: float, count: int, *, stretch: float = 1.0) -> list[Point]:
    """``count`` points of an arc, both ends included; degrees, counter-clockwise when ``end`` is larger.

    ``stretch`` multiplies the radius along y.
    """
    angles = [math.radians(start + (end - start) * i / (count - 1)) for i in range(count)]
    return [(center[0] + radius * math.cos(a), center[1] + stretch * radius * math.sin(a)) for a in angles]


def _wall(ring: Sequence[Point], height: float) -> NDArray[np.float64]:
    points = np.array(ring, dtype=np.float64)
    low = np.column_stack([points, np.full(len(points), -height / 2)])
    high = low + np.array([0, 0, height])
    low_next, high_next = np.roll(low, -1, axis=0), np.roll(high, -1, axis=0)
    return np.concatenate([np.stack([low, low_next, high_next], 1), np.stack([low, high_next, high], 1)])


def _bridged(outline: Sequence[Point], hole: Sequence[Point]) -> list[Point]:
    """The outline with its hole cut open along the shortest line between corners of both."""
    if not hole:
        return list(outline)
    i, j = min(
        ((i, j) for i in range(len(outline)) for j in range(len(hole))),
        key=lambda ij: math.dist(outline[ij[0]], hole[ij[1]]),
    )
    return [*outline[: i + 1], *hole[j:], *hole[: j + 1], *outline[i:]]


def _triangulate(polygon: list[Point]) -> list[tuple[Point, Point, Point]]:
    """Ear clipping (Meisters 1975): always the ear with the widest smallest angle, which avoids slivers."""
    rest, triangles = list(polygon), []
    while len(rest) > 3:
        count = len(rest)
        ears = [
            (_smallest_angle(rest[i - 1], rest[i], rest[(i + 1) % count]), -i) for i in range(count) if _is_ear(rest, i)
        ]
        i = -max(ears)[1]
        triangles.append((rest[i - 1], rest[i], rest[(i + 1) % count]))
        del rest[i]
    return [*triangles, (rest[0], rest[1], rest[2])]


def _is_ear(polygon: list[Point], i: int) -> bool:
    a, b, c = polygon[i - 1], polygon[i], polygon[(i + 1) % len(polygon)]
    if _cross(a, b, c) <= 1e-9:
        return False
    others = (point for point in polygon if point not in (a, b, c))
    return not any(min(_cross(a, b, p), _cross(b, c, p), _cross(c, a, p)) > -1e-9 for p in others)


def _cross(a: Point, b: Point, c: Point) -> float:
    """Twice the signed area of a triangle."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _smallest_angle(a: Point, b: Point, c: Point) -> float:
    area, sides = _cross(a, b, c), sorted([math.dist(a, b), math.dist(b, c), math.dist(c, a)])
    return round(area / (sides[1] * sides[2]), 9)  # its sine; rounded so that ties do not hang on the last bit


def _with_plain_lids(corners: NDArray[np.float64], grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Level ends as fans about a corner of their rim, which have two triangles fewer than about the axis.

    Args:
        corners: ``(T, 3, 3)`` triangles of a lathe whose profile begins and ends on the axis.
        grid: ``(P, S, 3)`` circles of the lathe, point by point of its profile.
    """
    for rim, axis in ((grid[1], grid[0, 0]), (grid[-2, ::-1], grid[-1, 0])):
        if np.allclose(rim[:, 2], axis[2]):
            lid = np.stack([np.broadcast_to(rim[0], (len(rim) - 2, 3)), rim[2:], rim[1:-1]], axis=1)
            corners = np.concatenate([corners[~(corners == axis).all(axis=2).any(axis=1)], lid])
    return corners


def _without_slivers(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    kept: NDArray[np.float64] = corners[areas > 1e-9]
    return kept
