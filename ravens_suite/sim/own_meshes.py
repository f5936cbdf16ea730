"""Reads mesh files of users: Wavefront OBJ and STL, checked before anything of them reaches the physics or an image."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from ravens_suite.core.geometry import Array
from ravens_suite.errors import MeshError
from ravens_suite.sim import meshes
from ravens_suite.sim.polygons import cut_polygons

LONGEST, SHORTEST = 3.0, 5e-4
"""Metres: beyond these limits the longest side of a mesh is taken for a mistake of units."""

_STL_HEADER, _STL_TRIANGLE = 84, np.dtype([("numbers", "<f4", (4, 3)), ("attribute", "<u2")])
"""Bytes before the triangles of a binary STL file, and one of these: its normal, three corners, two bytes more."""


def read_mesh(path: Path, scale: float) -> Array:
    """The triangles of a mesh file.

    Args:
        path: of a ``.obj`` or ``.stl`` file. Polygons of an OBJ file are cut into triangles; normals, textures and
            materials are skipped.
        scale: metres per unit of the file.

    Returns:
        (T, 3, 3) float64: T triangles of three corners in metres, in the order of the file.

    Raises:
        MeshError: there is no such file, it is empty, cut short, or no mesh; a number in it is not finite; or its size
            is none that stands on a table.
    """
    return _checked(unscaled_mesh(path) * scale, path)


def unscaled_mesh(path: Path) -> Array:
    """The triangles of a mesh file of any size.

    Returns:
        (T, 3, 3) float64, as of ``read_mesh``, but in units of the file. Do not write to it. A file that
        has not changed is read once.

    Raises:
        MeshError: as of ``read_mesh``, but for the size.
    """
    return _read(path, *_state(path))


def unscaled_hull(path: Path) -> Array:
    """The convex hull of a mesh file of any size: (T, 3, 3) float64, in units of the file.

    Raises:
        MeshError: as of ``unscaled_mesh``; or the mesh has no volume.
    """
    return _wrap(path, *_state(path))


def _state(path: Path) -> tuple[int, int]:
    """What tells whether a file has changed: time and size."""
    if path.suffix.lower() not in _READERS:
        raise MeshError(f"{path} is not a mesh file that the suite can read: give a file with the suffix .obj or .stl.")
    try:
        status = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    return status.st_mtime_ns, status.st_size


def _unreadable(path: Path, error: OSError) -> MeshError:
    return MeshError(f"Cannot read the mesh {path}: {error.strerror}. Name a file that can be read.")


@lru_cache(maxsize=512)
def _wrap(path: Path, changed: int, size: int) -> Array:
    try:
        surface = meshes.hull(_read(path, changed, size).reshape(-1, 3))
    except MeshError as error:
        raise MeshError(f"The mesh {path} cannot collide. {error}") from error
    surface.setflags(write=False)
    return surface


@lru_cache(maxsize=64)
def _read(path: Path, _changed: int, _size: int) -> Array:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    if not data.strip():
        raise MeshError(f"The mesh {path} is empty: write it anew.")
    try:
        surface = _READERS[path.suffix.lower()](data)
    except (ValueError, IndexError, OverflowError) as error:
        raise MeshError(f"The mesh {path} is damaged or cut short: {error}. Write it anew.") from error
    if len(surface) == 0:
        raise MeshError(f"The mesh {path} has no triangles: write it anew, with faces.")
    if not np.isfinite(surface).all():
        raise MeshError(f"The mesh {path} has a coordinate that is not a finite number: write it anew.")
    surface.setflags(write=False)
    return surface


def _checked(surface: Array, path: Path) -> Array:
    corners = surface.reshape(-1, 3)
    longest = float(np.ptp(corners, axis=0).max())
    far = float(np.abs(corners).max())
    if longest < SHORTEST:
        raise MeshError(f"The mesh {path} is {longest:.3g} m long, less than {SHORTEST} m: {_UNITS}")
    if longest > LONGEST or far > 2 * LONGEST:
        raise MeshError(
            f"The mesh {path} is {longest:.3g} m long and reaches {far:.3g} m from its origin; the most is {LONGEST} m "
            f"and {2 * LONGEST} m: {_UNITS}"
        )
    return surface


_UNITS = "lengths are metres, so give a file in millimetres as Mesh(path, scale=0.001), or move it to its origin."


def _read_obj(data: bytes) -> Array:
    vertices: list[tuple[float, float, float]] = []
    polygons: list[list[int]] = []
    for number, words in _obj_lines(_text(data)):
        try:
            if words[0] == "v":
                x, y, z = (float(word) for word in words[1:4])
                vertices.append((x, y, z))
            elif words[0] == "f":
                polygon = [_vertex(word, len(vertices)) for word in words[1:]]
                if len(polygon) < 3:
                    raise ValueError("a face needs three vertices")
                polygons.append(polygon)
        except ValueError as error:
            raise ValueError(f"line {number}, {' '.join(words)[:60]!r}: {error}") from error
    if polygons and max(map(max, polygons)) >= len(vertices):
        raise ValueError(f"a face names vertex {max(map(max, polygons)) + 1}, but there are {len(vertices)}")
    if not polygons:
        return np.empty((0, 3, 3))
    corners = np.array(vertices, dtype=np.float64)
    surface: Array = corners[np.array(cut_polygons(polygons, corners))]
    return surface


def _text(data: bytes) -> str:
    """The text of a file; letters that are none, as in comments of older programs, play no part in a mesh."""
    if b"\0" in data:
        raise ValueError("it is no text")
    return data.decode("utf-8-sig", errors="replace")


def _obj_lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Number and words of every line that says something; a backslash at its end continues a line."""
    words: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.split("#", 1)[0].rstrip()
        words += content.removesuffix("\\").split()
        if not content.endswith("\\") and words:
            yield number, words
            words = []
    if words:
        raise ValueError("the last line ends in a backslash")


def _vertex(word: str, count: int) -> int:
    """Index, from 0, of the vertex of ``v``, ``v/vt``, ``v//vn`` or ``v/vt/vn``; a negative one counts backwards."""
    number = int(word.split("/", 1)[0])
    if number == 0 or number < -count:
        raise ValueError(f"there is no vertex {number}")
    return number - 1 if number > 0 else count + number


def _read_stl(data: bytes) -> Array:
    count = int.from_bytes(data[_STL_HEADER - 4 : _STL_HEADER], "little")
    expected = _STL_HEADER + count * _STL_TRIANGLE.itemsize
    if len(data) == expected:
        numbers = np.frombuffer(data, dtype=_STL_TRIANGLE, offset=_STL_HEADER)["numbers"]
        surface: Array = numbers[:, 1:].astype(np.float64)
        return surface
    if data.removeprefix(codecs.BOM_UTF8).lstrip()[:5].lower() != b"solid":
        raise ValueError(f"its header tells of {count} triangles in {expected} bytes, but there are {len(data)}")
    return _read_stl_text(_text(data))


def _read_stl_text(text: str) -> Array:
    # Some programs write the words of the format in capitals.
    lines = [line.lower().split() for line in text.splitlines() if line.strip()]
    if lines[-1][0] != "endsolid":
        raise ValueError("there is no endsolid at its end")
    corners = [[float(word) for word in words[1:4]] for words in lines if words[0] == "vertex"]
    loops = [words[0] for words in lines].count("facet")
    if any(len(corner) != 3 for corner in corners) or len(corners) != 3 * loops:
        raise ValueError("not every facet has three corners of three numbers")
    return np.array(corners, dtype=np.float64).reshape(-1, 3, 3)


_READERS: dict[str, Callable[[bytes], Array]] = {".obj": _read_obj, ".stl": _read_stl}
