"""Triangles of simple solids, and of the assets.

Each function returns (T, 3, 3) float64: T triangles of three corners in metres, counter-clockwise seen from outside.
Triangles, corners and their order equal trimesh's to the bit, because physics depends on them. Importing trimesh takes
as long as everything else that a worker process imports, so only convex hulls use it.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources.abc import Traversable

import numpy as np

from ravens_suite.core.geometry import Array, Vector
from ravens_suite.errors import MeshError

_SECTIONS = 24
"""Sides of a cylinder."""

_FLAT = 1e-6
"""Ratio of the least to the greatest extent of some points below which they lie in a plane."""

_CUBE = np.array([(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
_CUBE_FACES = np.array(
    [
        *((1, 3, 0), (4, 1, 0), (0, 3, 2), (2, 4, 0), (1, 7, 3), (5, 1, 4)),
        *((5, 7, 1), (3, 7, 2), (6, 4, 2), (2, 7, 6), (6, 5, 4), (7, 5, 6)),
    ]
)

_A, _B = 0.5257311121191336, 0.85065080835204
_ICOSAHEDRON = np.array(
    [
        *((-_A, _B, 0.0), (_A, _B, 0.0), (-_A, -_B, 0.0), (_A, -_B, 0.0)),
        *((0.0, -_A, _B), (0.0, _A, _B), (0.0, -_A, -_B), (0.0, _A, -_B)),
        *((_B, 0.0, -_A), (_B, 0.0, _A), (-_B, 0.0, -_A), (-_B, 0.0, _A)),
    ]
)
"""Corners at a distance of 1."""

_ICOSAHEDRON_FACES = np.array(
    [
        *((0, 11, 5), (0, 5, 1), (0, 1, 7), (0, 7, 10), (0, 10, 11)),
        *((1, 5, 9), (5, 11, 4), (11, 10, 2), (10, 7, 6), (7, 1, 8)),
        *((3, 9, 4), (3, 4, 2), (3, 2, 6), (3, 6, 8), (3, 8, 9)),
        *((4, 9, 5), (2, 4, 11), (6, 2, 10), (8, 6, 7), (9, 8, 1)),
    ]
)


def cuboid(size: Vector) -> Array:
    """A cuboid of full side lengths ``size`` (x, y, z), metres, about the origin: (12, 3, 3) float64."""
    corners: Array = (_CUBE * size)[_CUBE_FACES]
    return corners


def cylinder(radius: float, height: float) -> Array:
    """A cylinder along z about the origin, in metres: a prism of 24 sides, (96, 3, 3) float64."""
    angles = np.linspace(0, 2 * np.pi, _SECTIONS + 1)[:-1]
    rim = np.stack([np.cos(angles) * radius, np.sin(angles) * radius, np.full(_SECTIONS, -height / 2)], axis=1)
    top = rim * (1, 1, -1)
    next_rim, next_top = np.roll(rim, -1, axis=0), np.roll(top, -1, axis=0)
    middle, top_middle = (np.broadcast_to((0.0, 0.0, z), rim.shape) for z in (-height / 2, height / 2))
    sides = [(rim, middle, next_rim), (rim, next_rim, top), (top, next_rim, next_top), (top, next_top, top_middle)]
    return np.stack([np.stack(side, axis=1) for side in sides], axis=1).reshape(-1, 3, 3)


def ball(radius: float) -> Array:
    """A ball about the origin, in metres: (80, 3, 3) float64, an icosahedron whose 20 faces are cut into four each."""
    a, b, c = (_ICOSAHEDRON[_ICOSAHEDRON_FACES[:, corner]] for corner in range(3))
    ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
    cut = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    corners = np.stack([np.stack(triangle, axis=1) for triangle in cut], axis=1).reshape(-1, 3, 3)
    length = np.sqrt(np.sum(corners**2, axis=-1, keepdims=True))
    result: Array = corners + corners / length * (radius - length)
    return result


def hull(points: Iterable[Vector]) -> Array:
    """The convex hull of some points (x, y, z) in metres: (T, 3, 3) float64.

    Raises:
        MeshError: they are fewer than four, not finite, or all in one plane.
    """
    from trimesh.convex import convex_hull

    given = np.asarray(list(points), dtype=np.float64)
    # Asked first, because trimesh 5.2 lets Qhull shake the points of a flat hull until they have a volume.
    if not _has_volume(given):
        raise MeshError(
            f"The {len(given)} points of a hull have no volume: give at least four finite points, not all in one plane."
        )
    mesh = convex_hull(given)
    corners: Array = np.asarray(mesh.vertices)[np.asarray(mesh.faces)]
    return corners


def _has_volume(points: Array) -> bool:
    """Whether points reach farther than rounding in three directions."""
    if len(points) < 4 or not np.isfinite(points).all():
        return False
    extents = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return bool(extents[-1] > _FLAT * extents[0])


def asset(path: Traversable) -> Array:
    """The triangles of an OBJ file that has vertices and triangles only: (T, 3, 3) float64, in units of the file.

    Raises:
        FileNotFoundError: it does not exist.
    """
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    vertices = np.array([row[1:] for row in rows if row[:1] == ["v"]], dtype=np.float64)
    faces = np.array([row[1:] for row in rows if row[:1] == ["f"]], dtype=np.int64)
    corners: Array = vertices[faces - 1]
    return corners
