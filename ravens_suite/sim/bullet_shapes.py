"""Bullet itself, imported quietly, and its shapes made from descriptions of bodies."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import IDENTITY_QUATERNION, Array, Pose
from ravens_suite.errors import MeshError
from ravens_suite.sim.bodies import (
    Box,
    Cylinder,
    Hull,
    Mesh,
    Shape,
    Sphere,
    Visual,
    check_collisions,
    collision_surface,
    triangles,
)
from ravens_suite.sim.mesh_files import mesh_files


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Drop what C code writes to standard error."""
    saved = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as sink:
            os.dup2(sink.fileno(), 2)
            yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


with _quiet_stderr():  # Bullet announces its build time when it is imported.
    import pybullet as bullet


__all__ = [
    "blank_shape",
    "bullet",
    "collision_points",
    "collision_radius",
    "collision_shape",
    "disconnect",
    "visual_shape",
]


def disconnect(client: int) -> None:
    """Free a Bullet client and everything in it."""
    with contextlib.suppress(bullet.error):
        bullet.disconnect(client)


def collision_shape(shapes: tuple[Shape, ...], client: int) -> int:
    """Bullet's number of a new collision shape; several shapes make a compound.

    Raises:
        MeshError: a shape has no volume, or Bullet cannot be given it.
    """
    check_collisions(shapes)
    if len(shapes) == 1:
        return _single_shape(shapes[0], client)
    runs = [(kind, list(run)) for kind, run in itertools.groupby(shapes, key=_from_file)]
    contents = [_collision_obj(tuple(run)) for from_file, run in runs if from_file]
    with mesh_files(contents) as files:
        names = iter(files)
        specs: list[tuple[dict[str, Any], Pose]] = []
        for from_file, run in runs:
            if from_file:
                specs.append(({"shapeType": bullet.GEOM_MESH, "fileName": next(names)}, Pose()))
            else:
                specs += [_plain_spec(shape) for shape in run]
        with _named_error(shapes):
            handle: int = bullet.createCollisionShapeArray(
                shapeTypes=[spec["shapeType"] for spec, _ in specs],
                halfExtents=[spec.get("halfExtents", [1.0, 1.0, 1.0]) for spec, _ in specs],
                radii=[spec.get("radius", 0.0) for spec, _ in specs],
                lengths=[spec.get("height", 0.0) for spec, _ in specs],
                fileNames=[spec.get("fileName", "") for spec, _ in specs],
                meshScales=[[1.0, 1.0, 1.0]] * len(specs),
                collisionFramePositions=[frame.position for _, frame in specs],
                collisionFrameOrientations=[frame.quaternion for _, frame in specs],
                physicsClientId=client,
            )
    return handle


@contextlib.contextmanager
def visual_shape(visuals: tuple[Visual, ...], client: int) -> Iterator[int]:
    """Bullet's number of a new visual shape, which only its TinyRenderer needs.

    Bullet reads its files when a body of this shape is made, so that has to happen within this context.

    Raises:
        MeshError: a shape is empty, or Bullet cannot be given it.
    """
    count = len(visuals)
    shapes = tuple(visual.shape for visual in visuals)
    with mesh_files([_visual_obj(shape) for shape in shapes]) as files, _named_error(shapes):
        yield bullet.createVisualShapeArray(
            shapeTypes=[bullet.GEOM_MESH] * count,
            halfExtents=[[1.0, 1.0, 1.0]] * count,
            radii=[0.0] * count,
            lengths=[0.0] * count,
            fileNames=files,
            meshScales=[[1.0, 1.0, 1.0]] * count,
            rgbaColors=[[*visual.color, 1.0] for visual in visuals],
            visualFramePositions=[[0.0, 0.0, 0.0]] * count,
            visualFrameOrientations=[IDENTITY_QUATERNION] * count,
            physicsClientId=client,
        )


def blank_shape(client: int) -> int:
    """Bullet's number of a one-triangle visual shape, for bodies that Bullet does not draw.

    For a body without a visual shape Bullet triangulates all its collision shapes, which for a bowl takes seven times
    as long as making the body.
    """
    handle: int = bullet.createVisualShape(
        bullet.GEOM_MESH, vertices=[[0, 0, 0], [1e-3, 0, 0], [0, 1e-3, 0]], indices=[0, 1, 2], physicsClientId=client
    )
    return handle


@lru_cache(maxsize=512)
def collision_radius(shapes: tuple[Shape, ...]) -> float:
    """Metres from the origin of the body's frame to the farthest corner of its shapes."""
    return float(np.linalg.norm(collision_points(shapes), axis=1).max())


@lru_cache(maxsize=512)
def collision_points(shapes: tuple[Shape, ...]) -> Array:
    """(N, 3) float64 corners of shapes in their body's frame. Do not write to it."""
    return np.unique(np.concatenate([triangles(shape).reshape(-1, 3) for shape in shapes]), axis=0).astype(np.float64)


def _single_shape(shape: Shape, client: int) -> int:
    """Bullet's number of a shape that is no compound; points of a hull reach Bullet without a file."""
    with _named_error((shape,)):
        if _from_file(shape):
            spec, frame = {"shapeType": bullet.GEOM_MESH, "vertices": _hull_points(shape)}, Pose()
        else:
            spec, frame = _plain_spec(shape)
        handle: int = bullet.createCollisionShape(
            **spec,
            collisionFramePosition=frame.position,
            collisionFrameOrientation=frame.quaternion,
            physicsClientId=client,
        )
    return handle


def _from_file(shape: Shape) -> bool:
    """Whether Bullet takes this part of a compound from a file."""
    return isinstance(shape, Hull | Mesh)


def _plain_spec(shape: Shape) -> tuple[dict[str, Any], Pose]:
    """Bullet's arguments for a shape that needs no points, and the shape's frame."""
    match shape:
        case Box(size=size, pose=pose):
            return {"shapeType": bullet.GEOM_BOX, "halfExtents": [length / 2 for length in size]}, pose
        case Cylinder(radius=radius, height=height, pose=pose):
            return {"shapeType": bullet.GEOM_CYLINDER, "radius": radius, "height": height}, pose
        case Sphere(radius=radius, pose=pose):
            return {"shapeType": bullet.GEOM_SPHERE, "radius": radius}, pose
        case _:
            raise TypeError(f"{type(shape).__name__} is no shape of its own for Bullet.")


@lru_cache(maxsize=1024)
def _hull_points(shape: Shape) -> list[list[float]]:
    """Points whose convex hull is a collision shape; in the order in which Bullet reads them from a file."""
    points: list[list[float]] = collision_surface(shape).reshape(-1, 3).tolist()
    return points


@lru_cache(maxsize=1024)
def _collision_obj(shapes: tuple[Shape, ...]) -> bytes:
    """An OBJ file with one object a shape, of which Bullet makes one hull each, in their order."""
    return _obj([collision_surface(shape) for shape in shapes])


@lru_cache(maxsize=1024)
def _visual_obj(shape: Shape) -> bytes:
    return _obj([triangles(shape)])


def _obj(surfaces: Sequence[NDArray[np.float32]]) -> bytes:
    """An OBJ file of (T, 3, 3) triangles; nine digits give every float32 back."""
    lines, start = [], 1
    for number, surface in enumerate(surfaces):
        vertices, index = np.unique(surface.reshape(-1, 3), axis=0, return_inverse=True)
        lines.append(f"o {number}")
        lines += [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in vertices]
        lines += [f"f {a} {b} {c}" for a, b, c in index.reshape(-1, 3) + start]
        start += len(vertices)
    return ("\n".join(lines) + "\n").encode()


@contextlib.contextmanager
def _named_error(shapes: tuple[Shape, ...]) -> Iterator[None]:
    """Bullet's own error, which says nothing, becomes one that names the shapes."""
    try:
        yield
    except bullet.error as error:
        raise MeshError(f"Bullet cannot make a shape of {', '.join(map(str, shapes))} ({error}).") from error
