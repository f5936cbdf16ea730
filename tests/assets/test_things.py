"""Things of several colours: no two lie in one plane, where every renderer would show now one, now the other."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from ravens_suite.assets.things import things
from ravens_suite.sim.bodies import Mesh, triangles

_PARALLEL, _APART = 0.999, 0.0002
"""Cosine between two normals, and metres between two planes, from which on they are not the same."""
_BESIDE = 0.0005
"""Metres before a face, where it is seen from."""
_GRID = np.array([(i, j, 8 - i - j) for i in range(1, 8) for j in range(1, 8 - i)]) / 8
"""Barycentric coordinates of points within a triangle."""


def _faces(mesh: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(T, 3, 3) corners of its triangles and (T, 3) normals."""
    corners = np.asarray(triangles(Mesh(mesh)), dtype=np.float64).reshape(-1, 3, 3)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(normals, axis=1)
    return corners[areas > 1e-9], normals[areas > 1e-9] / areas[areas > 1e-9, None]


def _shared(first: str, second: str, every: NDArray[np.float64]) -> int:
    """Points of the first mesh's surface that lie in a face of the second one which looks the same way, to be seen.

    Args:
        first: name of a mesh.
        second: name of another one of the same thing.
        every: (T, 3, 3) corners of all of the thing's triangles.
    """
    (ours, our_normals), (others, other_normals) = _faces(first), _faces(second)
    found = 0
    for corners, normal in zip(ours, our_normals, strict=True):
        same = (other_normals @ normal > _PARALLEL) & (np.abs((others[:, 0] - corners[0]) @ normal) < _APART)
        for face in others[same]:
            points = (_GRID @ corners)[_inside(_GRID @ corners, face, normal)]
            found += sum(not _within(point + _BESIDE * normal, every) for point in points)
    return found


def _within(point: NDArray[np.float64], every: NDArray[np.float64]) -> bool:
    """Whether a point lies within a solid: the triangles around it fill more than half of what is seen from there."""
    a, b, c = (every - point).transpose(1, 0, 2)
    x, y, z = (np.linalg.norm(side, axis=1) for side in (a, b, c))
    volume = (a * np.cross(b, c)).sum(axis=1)
    base = x * y * z + (a * b).sum(axis=1) * z + (b * c).sum(axis=1) * x + (c * a).sum(axis=1) * y
    return bool(np.arctan2(volume, base).sum() > np.pi)


def _inside(points: NDArray[np.float64], face: NDArray[np.float64], normal: NDArray[np.float64]) -> NDArray[np.bool_]:
    sides = [np.cross(face[(i + 1) % 3] - face[i], points - face[i]) @ normal for i in range(3)]
    result: NDArray[np.bool_] = np.min(sides, axis=0) > 1e-9
    return result


@pytest.mark.parametrize(("name", "parts"), things().items(), ids=lambda value: value if isinstance(value, str) else "")
def test_no_two_colours_lie_in_one_plane(name: str, parts: dict[str, object]) -> None:
    meshes = [f"thing_{name}_{part}" for part in parts]
    every = np.concatenate([_faces(mesh)[0] for mesh in meshes])
    for first, second in permutations(meshes, 2):
        assert not _shared(first, second, every), f"{first} and {second}"
