"""Packs a scene for OpenGL: all meshes in one vertex array, every visual shape one row of an instance array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array, Pose, Vector
from ravens_suite.core.palette import Color
from ravens_suite.sim.bodies import Box, Cylinder, Shape, Sphere, Visual, triangles
from ravens_suite.sim.scene import GROUND_NAME, SHEET_NAME, Drawable

VERTEX_LIMIT = 200_000
"""Vertices kept (24 bytes each) before those of past scenes are dropped."""

VISUAL_LIMIT = 1024
"""Visual shapes kept before those of past scenes are dropped."""

_GROUPS = {SHEET_NAME: 1, GROUND_NAME: 2}
"""Order of drawing; bodies are 0."""

_COMMAND_INTEGERS = 5
"""moderngl strides indirect commands by the size of an indexed one; the fifth integer is not used here."""


@dataclass(frozen=True)
class Surface:
    """A level sheet that shadows fall on.

    Attributes:
        height: world z of its top, metres.
        bounds: world (low x, low y, high x, high y), metres.
        color: RGB fractions.
        label: segmentation label.
    """

    height: float
    bounds: tuple[float, float, float, float]
    color: Color
    label: int


@dataclass(frozen=True)
class Instances:
    """A scene, ready for indirect draw calls.

    Attributes:
        rows: (I, 14) float32: position (3), quaternion (4), scale (3), colour (3), label (1).
        commands: (bodies + grounds, 5) uint32: vertices, instances, first vertex, first instance, unused.
        bodies: number of commands that draw bodies; they come first.
        sheets: number of commands that draw the workspace sheet; they come next.
        grounds: number of commands that draw the ground plane; they come last.
        sheet: where shadows fall first; ``None`` when the scene has no workspace sheet.
        ground: where they fall outside of it; ``None`` when the scene has no ground plane.
        background: what the commands for the sheet and the ground draw; two scenes where it is equal have the same.
    """

    rows: NDArray[np.float32]
    commands: NDArray[np.uint32]
    bodies: int
    sheets: int
    grounds: int
    sheet: Surface | None
    ground: Surface | None
    background: tuple[Drawable, ...]


@dataclass(frozen=True)
class _Look:
    """Mesh and numbers of a visual shape in its body's frame. It keeps the shape alive, whose ``id`` is the key."""

    visual: Visual
    mesh: int
    numbers: tuple[float, ...]


class Geometry:
    """The meshes of all scenes so far in one array, emptied when it is over its limit.

    Attributes:
        version: changes whenever ``vertices()`` does.
    """

    def __init__(self) -> None:
        self.version = 0
        self._vertex_limit = VERTEX_LIMIT
        self._visual_limit = VISUAL_LIMIT
        self._clear()

    def vertices(self) -> NDArray[np.float32]:
        """(V, 6) float32: position and normal of every corner of every triangle."""
        return np.concatenate(self._chunks) if self._chunks else np.zeros((0, 6), dtype=np.float32)

    def instances(self, drawables: Sequence[Drawable]) -> Instances:
        """Pack a scene; meshes not seen before are added."""
        looks = [self._look(drawable.visual) for drawable in drawables]
        if self._count > self._vertex_limit or len(self._looks) > self._visual_limit:
            self._clear()
            looks = [self._look(drawable.visual) for drawable in drawables]
            # A scene that is over the limits by itself must not be packed anew at every render.
            self._vertex_limit = max(VERTEX_LIMIT, 2 * self._count)
            self._visual_limit = max(VISUAL_LIMIT, 2 * len(self._looks))
        groups = [_GROUPS.get(drawable.name, 0) for drawable in drawables]
        order = sorted(range(len(looks)), key=lambda index: (groups[index], looks[index].mesh))
        ordered = [drawables[index] for index in order]
        looks = [looks[index] for index in order]
        groups = [groups[index] for index in order]
        commands, (bodies, sheets, grounds) = self._commands(groups, [look.mesh for look in looks])
        sheet, ground = (_surface(ordered[groups.index(group)]) if group in groups else None for group in (1, 2))
        background = tuple(drawable for drawable, group in zip(ordered, groups, strict=True) if group)
        return Instances(_rows(ordered, looks), commands, bodies, sheets, grounds, sheet, ground, background)

    def _commands(self, groups: list[int], meshes: list[int]) -> tuple[NDArray[np.uint32], list[int]]:
        """One command for each run of instances of one group and mesh, and the number of commands of each group."""
        keys = list(zip(groups, meshes, strict=True))
        starts = [i for i, key in enumerate(keys) if i == 0 or key != keys[i - 1]]
        commands = np.zeros((len(starts), _COMMAND_INTEGERS), dtype=np.uint32)
        for row, start, end in zip(commands, starts, [*starts[1:], len(keys)], strict=False):
            first, count = self._spans[meshes[start]]
            row[:4] = count, end - start, first, start
        run_groups = [groups[start] for start in starts]
        return commands, [run_groups.count(group) for group in range(3)]

    def _look(self, visual: Visual) -> _Look:
        # Keyed by identity: hashing a visual walks all points of a hull, every time.
        look = self._looks.get(id(visual))
        if look is None:
            shape, scale = _unit_shape(visual.shape)
            pose = visual.shape.pose
            numbers = (*pose.position, *pose.quaternion, *scale, *visual.color)
            look = self._looks[id(visual)] = _Look(visual, self._mesh(shape), numbers)
        return look

    def _mesh(self, shape: Shape) -> int:
        if shape not in self._meshes:
            corners = triangles(shape)
            normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
            normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), np.finfo(np.float32).tiny)
            packed = np.concatenate([corners, np.repeat(normals[:, None], 3, axis=1)], axis=2).reshape(-1, 6)
            self._meshes[shape] = len(self._spans)
            self._spans.append((self._count, len(packed)))
            self._chunks.append(packed.astype(np.float32))
            self._count += len(packed)
            self.version += 1
        return self._meshes[shape]

    def _clear(self) -> None:
        self._looks: dict[int, _Look] = {}
        self._meshes: dict[Shape, int] = {}
        self._spans: list[tuple[int, int]] = []
        self._chunks: list[NDArray[np.float32]] = []
        self._count = 0
        self.version += 1


def _rows(drawables: Sequence[Drawable], looks: Sequence[_Look]) -> NDArray[np.float32]:
    """(I, 14) float32 instance rows, see ``Instances``."""
    local = np.array([look.numbers for look in looks], dtype=np.float64).reshape(-1, 13)
    poses = [(*drawable.pose.position, *drawable.pose.quaternion) for drawable in drawables]
    rows = np.empty((len(looks), 14), dtype=np.float32)
    rows[:, :7] = _compose(np.array(poses, dtype=np.float64).reshape(-1, 7), local[:, :7])
    rows[:, 7:13] = local[:, 7:]
    rows[:, 13] = [drawable.label for drawable in drawables]
    return rows


def _surface(drawable: Drawable) -> Surface:
    corners = drawable.pose.apply(triangles(drawable.visual.shape).reshape(-1, 3))
    (low_x, low_y, _), (high_x, high_y, height) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return Surface(height, (low_x, low_y, high_x, high_y), drawable.visual.color, drawable.label)


def _unit_shape(shape: Shape) -> tuple[Shape, Vector]:
    """The mesh a shape is a scaled instance of, without its pose, and the scale."""
    match shape:
        case Box(size=size):
            return Box((1.0, 1.0, 1.0)), size
        case Cylinder(radius=radius, height=height):
            return Cylinder(1.0, 1.0), (radius, radius, height)
        case Sphere(radius=radius):
            return Sphere(1.0), (radius, radius, radius)
        case _:
            return replace(shape, pose=Pose()), (1.0, 1.0, 1.0)


def _compose(outer: Array, inner: Array) -> Array:
    """``(n, 7)`` poses, position and quaternion: ``outer @ inner`` row by row."""
    u, w = outer[:, 3:6], outer[:, 6:7]
    v, s = inner[:, 3:6], inner[:, 6:7]
    t = 2 * np.cross(u, inner[:, :3])
    position = outer[:, :3] + inner[:, :3] + w * t + np.cross(u, t)
    vector = w * v + s * u + np.cross(u, v)
    scalar = w * s - np.sum(u * v, axis=1, keepdims=True)
    return np.concatenate([position, vector, scalar], axis=1)
