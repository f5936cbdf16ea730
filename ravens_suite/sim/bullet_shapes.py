"""Bullet itself, imported quietly, and its shapes made from descriptions of bodies."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ravens_suite.core.geometry import IDENTITY_QUATERNION, Array, Pose
from ravens_suite.sim.bodies import Box, Cylinder, Hull, Mesh, Shape, Sphere, Visual, triangles


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


__all__ = ["blank_shape", "bullet", "collision_points", "collision_shape", "visual_shape"]


def collision_shape(shapes: tuple[Shape, ...], client: int) -> int:
    """Bullet's number of a new collision shape; several shapes make a compound."""
    specs = [_collision_spec(shape) for shape in shapes]
    if len(specs) == 1:
        spec, frame = specs[0]
        handle: int = bullet.createCollisionShape(
            **spec,
            collisionFramePosition=frame.position,
            collisionFrameOrientation=frame.quaternion,
            physicsClientId=client,
        )
        return handle
    compound: int = bullet.createCollisionShapeArray(
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
    return compound


def visual_shape(visuals: tuple[Visual, ...], client: int) -> int:
    """Bullet's number of a new visual shape, which only its TinyRenderer needs."""
    count = len(visuals)
    handle: int = bullet.createVisualShapeArray(
        shapeTypes=[bullet.GEOM_MESH] * count,
        halfExtents=[[1.0, 1.0, 1.0]] * count,
        radii=[0.0] * count,
        lengths=[0.0] * count,
        fileNames=[_mesh_file(visual.shape) for visual in visuals],
        meshScales=[[1.0, 1.0, 1.0]] * count,
        rgbaColors=[[*visual.color, 1.0] for visual in visuals],
        visualFramePositions=[[0.0, 0.0, 0.0]] * count,
        visualFrameOrientations=[IDENTITY_QUATERNION] * count,
        physicsClientId=client,
    )
    return handle


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
def collision_points(shapes: tuple[Shape, ...]) -> Array:
    """(N, 3) float64 corners of shapes in their body's frame. Do not write to it."""
    return np.unique(np.concatenate([triangles(shape).reshape(-1, 3) for shape in shapes]), axis=0).astype(np.float64)


def _collision_spec(shape: Shape) -> tuple[dict[str, Any], Pose]:
    """Bullet's arguments for a shape, and the shape's frame; meshes have theirs worked into the points."""
    match shape:
        case Box(size=size, pose=pose):
            return {"shapeType": bullet.GEOM_BOX, "halfExtents": [length / 2 for length in size]}, pose
        case Cylinder(radius=radius, height=height, pose=pose):
            return {"shapeType": bullet.GEOM_CYLINDER, "radius": radius, "height": height}, pose
        case Sphere(radius=radius, pose=pose):
            return {"shapeType": bullet.GEOM_SPHERE, "radius": radius}, pose
        case Hull() | Mesh():
            return {"shapeType": bullet.GEOM_MESH, "fileName": _mesh_file(shape)}, Pose()


@lru_cache(maxsize=1)
def _mesh_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="ravens_suite_")


@lru_cache(maxsize=4096)
def _mesh_file(shape: Shape) -> str:
    """The shape's triangles as an OBJ file, since Bullet takes the parts of a compound only from files."""
    corners = triangles(shape).reshape(-1, 3)
    path = Path(_mesh_folder().name) / f"{hashlib.sha256(corners.tobytes()).hexdigest()[:32]}.obj"
    if not path.exists():
        vertices, index = np.unique(corners, axis=0, return_inverse=True)
        lines = [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in vertices]
        lines += [f"f {a} {b} {c}" for a, b, c in index.reshape(-1, 3) + 1]
        path.write_text("\n".join(lines) + "\n")
    return str(path)
