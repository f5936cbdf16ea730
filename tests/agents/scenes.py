"""Small scenes drawn straight into heightmaps, with the action that solves them: an environment for agents' tests."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.agents.pick_place.plane import rigid, transform
from ravens_suite.agents.pick_place.steps import Step, step_from_maps
from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.heightmap import Heightmap
from ravens_suite.core.types import Action
from ravens_suite.core.workspace import AGENT_WORKSPACE

PIXEL = AGENT_WORKSPACE.pixel_size
_TABLE, _RED, _GRAY, _BROWN, _GREEN = (51, 51, 51), (255, 87, 89), (186, 176, 172), (156, 117, 95), (89, 169, 79)

_L = np.array([[-15, -15], [65, -15], [65, 15], [15, 15], [15, 65], [-15, 65]]) / 1000


@dataclass(frozen=True)
class Scene:
    """One object to move to one of several target poses.

    Attributes:
        block: (corners, 2) metres in the object's frame.
        block_height: metres.
        block_color: RGB.
        start: (x, y, yaw) in the world.
        targets: such poses that solve the scene.
        decor: (outline in the world, height, colour) of what is fixed, drawn first.
    """

    block: Array
    block_height: float
    block_color: tuple[int, int, int]
    start: Array
    targets: tuple[Array, ...]
    decor: tuple[tuple[Array, float, tuple[int, int, int]], ...]

    def draw(self, pose: Array) -> Heightmap:
        """The heightmap with the object at a pose."""
        color = np.full((*AGENT_WORKSPACE.shape, 3), _TABLE, np.uint8)
        height = np.full(AGENT_WORKSPACE.shape, 2.5e-4, np.float32)
        for outline, top, shade in (*self.decor, (place(self.block, pose), self.block_height, self.block_color)):
            mask = fill(outline)
            color[mask], height[mask] = shade, top
        return Heightmap(color, height)

    def oracle(self, rng: np.random.Generator) -> Action:
        """A random pick on the object, and its place at the nearest target."""
        rows, columns = np.nonzero(fill(place(self.block, self.start)))
        index = rng.integers(len(rows))
        x, y = AGENT_WORKSPACE.to_metres(rows[index] + 0.5, columns[index] + 0.5)
        target = min(self.targets, key=lambda pose: float(np.hypot(*(pose - self.start)[:2])))
        goal = transform(motion(self.start, target), np.array([x, y]))
        return Action(Pose((x, y, 0.0)), Pose.planar(goal[0], goal[1], 0.0, target[2] - self.start[2]))

    def step(self, rng: np.random.Generator) -> Step:
        """A demonstrated step of this scene."""
        action = self.oracle(rng)
        return step_from_maps(self.draw(self.start), self.draw(self.after(action)), action.pick, action.place)

    def after(self, action: Action) -> Array:
        """The object's pose after an action; the start when the pick misses it."""
        pick, goal = np.array(action.pick.position[:2]), np.array(action.place.position[:2])
        if cv2.pointPolygonTest(place(self.block, self.start).astype(np.float32), pick.tolist(), False) < 0:
            return self.start
        yaw = (action.place @ Pose(quaternion=action.pick.inverse().quaternion)).yaw
        moved = transform(rigid(yaw, pick, goal), self.start[:2])
        return np.array([*moved, self.start[2] + yaw])

    def solved(self, action: Action) -> bool:
        """Whether the object ends within 1 cm and 15 degrees of a target."""
        x, y, yaw = self.after(action)
        return any(
            math.hypot(x - tx, y - ty) < 0.01 and abs(math.remainder(yaw - ta, 2 * math.pi)) < math.radians(15)
            for tx, ty, ta in self.targets
        )


def insertion(rng: np.random.Generator) -> Scene:
    """An L block and an L-shaped frame for it."""
    target = draw_pose(rng, 0.1)
    start = apart(rng, target, 0.1)
    outer = np.array([[-27, -27], [77, -27], [77, 27], [27, 27], [27, 77], [-27, 77]]) / 1000
    inner = np.array([[-25, -25], [75, -25], [75, 25], [25, 25], [25, 75], [-25, 75]]) / 1000
    decor = ((place(outer, target), 0.04, _GRAY), (place(inner, target), 2.5e-4, _TABLE))
    return Scene(_L, 0.04, _RED, start, (target,), decor)


def corner(rng: np.random.Generator) -> Scene:
    """A box of random size, and a mark for one of its corners."""
    w, d = rng.uniform(0.05, 0.15, 2)
    target = draw_pose(rng, 0.15)
    start = apart(rng, target, 0.15)
    r, g, b = (np.array(_BROWN) * rng.uniform(0.5, 1.5)).clip(0, 255).astype(int).tolist()
    box = np.array([[-w, -d], [w, -d], [w, d], [-w, d]]) / 2
    long, wide = 0.055, 0.005
    strips = [
        np.array([[0, 0], [long, 0], [long, -wide], [0, -wide]]),
        np.array([[-wide, -wide], [0, -wide], [0, long], [-wide, long]]),
    ]
    corner_offset = np.array([-w / 2, -d / 2])
    decor = tuple((place(strip + corner_offset, target), 5e-4, _GREEN) for strip in strips)
    shift = (d - w) / 2
    targets = [target, target + np.array([0, 0, math.pi])]
    for quarter in (math.pi / 2, -math.pi / 2):
        centre = place(np.array([[shift, -shift]]), target)[0]
        targets.append(np.array([*centre, target[2] + quarter]))
    return Scene(box, rng.uniform(0.01, 0.06), (r, g, b), start, tuple(targets), decor)


def draw_pose(rng: np.random.Generator, size: float) -> Array:
    """(x, y, yaw) with room for a square of a side at any yaw."""
    margin = size * 0.72
    return np.array(
        [
            rng.uniform(0.25 + margin, 0.75 - margin),
            rng.uniform(-0.5 + margin, 0.5 - margin),
            rng.uniform(0, 2 * math.pi),
        ]
    )


def apart(rng: np.random.Generator, other: Array, size: float) -> Array:
    """A pose whose square does not touch that of another."""
    while True:
        pose = draw_pose(rng, size)
        if np.hypot(*(pose - other)[:2]) > size * 1.45:
            return pose


def place(points: Array, pose: Array) -> Array:
    """Points of a body's frame in the world."""
    moved: Array = transform(rigid(pose[2], np.zeros(2), pose[:2]), points)
    return moved


def motion(start: Array, end: Array) -> Array:
    """(2, 3) matrix of the world motion that takes one pose to another."""
    matrix: Array = rigid(end[2] - start[2], start[:2], end[:2])
    return matrix


def fill(outline: Array) -> NDArray[np.bool_]:
    """Heightmap pixels whose middle lies in an outline given in metres."""
    pixels = (outline - np.array(AGENT_WORKSPACE.low[:2])) / PIXEL - 0.5
    mask = np.zeros(AGENT_WORKSPACE.shape, np.uint8)
    cv2.fillPoly(mask, [np.rint(pixels * 256).astype(np.int32)], 1, shift=8)
    return mask.astype(bool)


Maker = Callable[[np.random.Generator], Scene]
