"""Descriptions of rigid bodies: shapes, colours, mass. Nothing here is simulated yet.

Lengths in metres, mass in kilograms. Every shape has a pose in its body's frame.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Pose, Vector
from ravens_suite.core.palette import Color
from ravens_suite.sim import meshes


@dataclass(frozen=True)
class Box:
    """A cuboid of full side lengths ``size``, centred at ``pose``."""

    size: Vector
    pose: Pose = Pose()


@dataclass(frozen=True)
class Cylinder:
    """A cylinder along z, centred at ``pose``; ``height`` is its full length."""

    radius: float
    height: float
    pose: Pose = Pose()


@dataclass(frozen=True)
class Sphere:
    """A ball centred at ``pose``."""

    radius: float
    pose: Pose = Pose()


@dataclass(frozen=True)
class Hull:
    """The convex hull of a few points in the body's frame."""

    points: tuple[Vector, ...]
    pose: Pose = Pose()


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh ``<name>.obj`` of ``ravens_suite.assets``. As a collision shape it stands for its convex hull."""

    name: str
    pose: Pose = Pose()


Shape = Box | Cylinder | Sphere | Hull | Mesh


@dataclass(frozen=True)
class Visual:
    """A shape that cameras see, in one colour."""

    shape: Shape
    color: Color


@dataclass(frozen=True)
class Body:
    """A rigid body.

    Attributes:
        visuals: what cameras see; may be empty (an invisible target).
        collisions: what touches; empty for markers.
        mass: kilograms; 0 means it never moves.
        friction: lateral friction coefficient.
    """

    visuals: tuple[Visual, ...]
    collisions: tuple[Shape, ...] = ()
    mass: float = 0.0
    friction: float = 1.0

    def colored(self, color: Color) -> Body:
        """The same body with every visual in ``color``."""
        return replace(self, visuals=tuple(replace(visual, color=color) for visual in self.visuals))


def solid(shape: Shape, color: Color, mass: float = 0.0, friction: float = 1.0) -> Body:
    """A body of one shape that is both seen and touched."""
    return Body((Visual(shape, color),), (shape,), mass, friction)


def marker(shapes: tuple[Shape, ...], color: Color) -> Body:
    """A body that is only seen."""
    return Body(tuple(Visual(shape, color) for shape in shapes))


@lru_cache(maxsize=512)
def triangles(shape: Shape) -> NDArray[np.float32]:
    """The surface of a shape in its body's frame.

    Returns:
        ``(T, 3, 3)`` float32: T triangles of three corners, counter-clockwise seen from outside. Do not write to it.

    Raises:
        FileNotFoundError: a mesh asset does not exist.
    """
    match shape:
        case Box(size=size):
            surface = meshes.cuboid(size)
        case Cylinder(radius=radius, height=height):
            surface = meshes.cylinder(radius, height)
        case Sphere(radius=radius):
            surface = meshes.ball(radius)
        case Hull(points=points):
            surface = meshes.hull(points)
        case Mesh(name=name):
            surface = meshes.asset(resources.files("ravens_suite.assets") / f"{name}.obj")
    corners = shape.pose.apply(surface).astype(np.float32)
    corners.setflags(write=False)
    result: NDArray[np.float32] = corners
    return result
