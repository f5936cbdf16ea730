"""Descriptions of rigid bodies: shapes, colours, mass. Nothing here is simulated yet.

Lengths in metres, mass in kilograms. Every shape has a pose in its body's frame.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array, Pose, Vector
from ravens_suite.core.numbers import is_finite
from ravens_suite.core.palette import Color
from ravens_suite.errors import MeshError, TaskDefinitionError, UnknownNameError
from ravens_suite.sim import meshes
from ravens_suite.sim.own_meshes import read_mesh, unscaled_hull

_REAL = (int, float, np.integer, np.floating)


@dataclass(frozen=True)
class Box:
    """A cuboid of full side lengths ``size`` (x, y, z), metres, centred at ``pose`` in the body's frame."""

    size: Vector
    pose: Pose = Pose()

    def __post_init__(self) -> None:
        """Refuse lengths that are not above 0."""
        object.__setattr__(self, "size", _as_tuple(self.size))
        if not _above_zero(self.size, 3):
            raise TaskDefinitionError(f"size of Box is {self.size!r}: give three lengths above 0, in metres.")
        _check_pose(self)


@dataclass(frozen=True)
class Cylinder:
    """A cylinder along z, centred at ``pose``; ``height`` is its full length."""

    radius: float
    height: float
    pose: Pose = Pose()

    def __post_init__(self) -> None:
        """Refuse lengths that are not above 0."""
        if not _above_zero((self.radius, self.height), 2):
            raise TaskDefinitionError(
                f"radius and height of Cylinder are {self.radius!r} and {self.height!r}: give metres above 0."
            )
        _check_pose(self)


@dataclass(frozen=True)
class Sphere:
    """A ball centred at ``pose``."""

    radius: float
    pose: Pose = Pose()

    def __post_init__(self) -> None:
        """Refuse a radius that is not above 0."""
        if not _above_zero((self.radius,), 1):
            raise TaskDefinitionError(f"radius of Sphere is {self.radius!r}: give metres above 0.")
        _check_pose(self)


@dataclass(frozen=True)
class Hull:
    """The convex hull of a few points (x, y, z), metres in the frame of ``pose``, which is in the body's frame."""

    points: tuple[Vector, ...]
    pose: Pose = Pose()

    def __post_init__(self) -> None:
        """Refuse points that are not of three numbers."""
        points = _as_tuple(self.points)
        if not isinstance(points, tuple) or not all(_are_real(point, 3) for point in map(_as_tuple, points)):
            raise TaskDefinitionError(f"points of Hull are {self.points!r}: give (x, y, z) of each, in metres.")
        object.__setattr__(self, "points", tuple(map(_as_tuple, points)))
        _check_pose(self)


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh. As a collision shape it stands for its convex hull.

    Attributes:
        name: ``"bowl"`` for ``bowl.obj`` of ``ravens_suite.assets``; or the absolute path of a mesh file of yours, with
            its suffix, ``.obj`` or ``.stl``. A file is read once in a process.
        pose: of its frame in the body's.
        scale: metres per unit of the file: 0.001 for one in millimetres.
    """

    name: str | os.PathLike[str]
    pose: Pose = Pose()
    scale: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a name and a scale that are none."""
        if not isinstance(self.name, str | os.PathLike):
            raise MeshError(f"name of Mesh is {self.name!r}: give that of an asset, or the absolute path of a file.")
        if not _are_real((self.scale,), 1):
            raise MeshError(
                f"scale of the mesh {os.fspath(self.name)} must be positive and finite; got {self.scale!r}."
            )
        _check_pose(self)


Shape = Box | Cylinder | Sphere | Hull | Mesh
_SHAPES = (Box, Cylinder, Sphere, Hull, Mesh)


@dataclass(frozen=True)
class Visual:
    """A shape that cameras see, in one colour."""

    shape: Shape
    color: Color

    def __post_init__(self) -> None:
        """Refuse what is no colour."""
        object.__setattr__(self, "color", _as_tuple(self.color))
        if not (_numbers(self.color, 3) and all(0 <= part <= 1 for part in self.color)):
            raise TaskDefinitionError(f"color is {self.color!r}: give red, green and blue, each in 0 to 1.")
        if not isinstance(self.shape, _SHAPES):
            raise TaskDefinitionError(f"shape of Visual is {self.shape!r}: give a Box, Cylinder, Sphere, Hull or Mesh.")


@dataclass(frozen=True)
class Body:
    """A rigid body.

    Attributes:
        visuals: what cameras see; may be empty (an invisible target).
        collisions: what touches; empty for markers.
        mass: kilograms; 0 means it never moves.
        friction: lateral friction coefficient, at least 0. Two bodies that touch are braked by the product of theirs
            (other simulators take the greater one or the mean); the table's is 1.
    """

    visuals: tuple[Visual, ...]
    collisions: tuple[Shape, ...] = ()
    mass: float = 0.0
    friction: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a mass or a friction below 0, and what is no tuple of parts."""
        for part, kinds, example in (("visuals", (Visual,), "Visual(shape, color)"), ("collisions", _SHAPES, "shape")):
            given = _as_tuple(getattr(self, part))
            if not isinstance(given, tuple) or not all(isinstance(each, kinds) for each in given):
                raise TaskDefinitionError(f"{part} of a body are {given!r}: give a tuple, such as ({example},).")
            object.__setattr__(self, part, given)
        for name, value in (("mass", self.mass), ("friction", self.friction)):
            if not (_numbers((value,), 1) and value >= 0):
                raise TaskDefinitionError(f"{name} of a body is {value!r}: give a number of at least 0.")

    def colored(self, color: Color) -> Body:
        """The same body with every visual in ``color``."""
        return replace(self, visuals=tuple(replace(visual, color=color) for visual in self.visuals))


def solid(shape: Shape, color: Color, mass: float = 0.0, friction: float = 1.0) -> Body:
    """A body of one shape that is both seen and touched."""
    return Body((Visual(shape, color),), (shape,), mass, friction)


def marker(shapes: tuple[Shape, ...], color: Color) -> Body:
    """A body that is only seen."""
    return Body(tuple(Visual(shape, color) for shape in shapes))


def triangles(shape: Shape) -> NDArray[np.float32]:
    """The surface of a shape in its body's frame.

    Returns:
        ``(T, 3, 3)`` float32: T triangles of three corners, counter-clockwise seen from outside. Do not write to it.

    Raises:
        MeshError: a mesh is missing or damaged, or a size or position is not finite.
        UnknownNameError: the suite has no asset of this name.
    """
    # Files may have very many triangles, and each scene its own scale of them: fewer are kept.
    return _of_file(shape) if isinstance(shape, Mesh) and _is_file(shape.name) else _of_shape(shape)


def _surface(shape: Shape) -> NDArray[np.float32]:
    match shape:
        case Box(size=size):
            surface = meshes.cuboid(size)
        case Cylinder(radius=radius, height=height):
            surface = meshes.cylinder(radius, height)
        case Sphere(radius=radius):
            surface = meshes.ball(radius)
        case Hull(points=points):
            surface = meshes.hull(points)
        case Mesh(name=name, scale=scale):
            surface = _mesh(name, scale)
    corners = shape.pose.apply(surface).astype(np.float32)
    if not np.isfinite(corners).all():
        raise MeshError(f"{shape} has a size or a pose that is not finite: give numbers in metres.")
    corners.setflags(write=False)
    result: NDArray[np.float32] = corners
    return result


_of_shape = lru_cache(maxsize=512)(_surface)
_of_file = lru_cache(maxsize=64)(_surface)


def collision_surface(shape: Shape) -> NDArray[np.float32]:
    """Triangles whose convex hull is what a shape collides as, in its body's frame.

    Returns:
        ``(T, 3, 3)`` float32. Do not write to it. Of a mesh file it is the hull itself, however many triangles the file
        has; an asset's own triangles have the hull of the published objects, bit for bit.

    Raises:
        MeshError: the shape has no volume.
    """
    if isinstance(shape, Mesh) and _is_file(shape.name):
        return _file_hull(shape)
    return triangles(shape)


def check_collisions(shapes: tuple[Shape, ...]) -> None:
    """Raise MeshError for a shape that cannot collide, since it has no volume."""
    for shape in shapes:
        if isinstance(shape, Hull | Mesh):  # The others cannot be made without one.
            collision_surface(shape)


@lru_cache(maxsize=512)
def _file_hull(shape: Mesh) -> NDArray[np.float32]:
    triangles(shape)  # Checks its size.
    result: NDArray[np.float32] = shape.pose.apply(unscaled_hull(Path(shape.name)) * shape.scale).astype(np.float32)
    result.setflags(write=False)
    return result


def _is_file(name: str | os.PathLike[str]) -> bool:
    return _is_absolute(os.fspath(name))


@lru_cache(maxsize=512)
def _is_absolute(name: str) -> bool:
    return Path(name).is_absolute()


def _as_tuple(value: Any) -> Any:
    """Lists and arrays as tuples, since descriptions of bodies are compared and are keys; all else as it is."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return tuple(value) if isinstance(value, list) else value


def _are_real(values: Any, count: int) -> bool:
    """Whether these are so many numbers, finite or not."""
    return isinstance(values, tuple) and len(values) == count and all(map(_is_real, values))


def _is_real(value: Any) -> bool:
    """Whether it is a number that a float can hold, finite or not."""
    return isinstance(value, _REAL) and (isinstance(value, float | np.floating) or is_finite(int(value)))


def _numbers(values: Any, count: int) -> bool:
    """Whether these are so many finite numbers."""
    return _are_real(values, count) and all(map(math.isfinite, values))


def _above_zero(values: Any, count: int) -> bool:
    """Whether these are so many finite numbers above 0."""
    return _numbers(values, count) and all(each > 0 for each in values)


def _check_pose(shape: Shape) -> None:
    if not isinstance(shape.pose, Pose):
        raise TaskDefinitionError(
            f"pose of {type(shape).__name__} is {shape.pose!r}: give a Pose, such as Pose((x, y, z))."
        )


def _mesh(name: str | os.PathLike[str], scale: float) -> Array:
    if not 0 < scale < math.inf:
        raise MeshError(f"scale of the mesh {os.fspath(name)} must be positive and finite, in metres; got {scale}.")
    if _is_file(name):
        return read_mesh(Path(name), scale)
    folder, text = resources.files("ravens_suite.assets"), os.fspath(name)
    asset = folder / f"{text}.obj"
    if not asset.is_file():
        known = [file.name.removesuffix(".obj") for file in folder.iterdir() if file.name.endswith(".obj")]
        if Path(text).suffix or os.sep in text:
            raise MeshError(
                f"There is no mesh {text!r} among those of the suite, which have names without a suffix: give a file "
                f"of yours by its absolute path, such as Mesh(Path(__file__).with_name({Path(text).name!r}))."
            )
        raise UnknownNameError("mesh", text, known)
    return meshes.asset(asset) * scale if scale != 1 else meshes.asset(asset)
