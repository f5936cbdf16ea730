"""A block on the table and a tilted plate, drawn from above; the block belongs on the plate."""

from __future__ import annotations

import math

import numpy as np

from ravens_suite.agents.pick_place.steps import Step, step_from_maps
from ravens_suite.agents.pick_place.tilts import Tilt, swing, turned
from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.heightmap import Heightmap
from ravens_suite.core.workspace import AGENT_WORKSPACE
from tests.agents import scenes

BLOCK = np.array([[-40, -20], [40, -20], [40, 20], [-40, 20]]) / 1000
PLATE = np.array([[-60, -40], [60, -40], [60, 40], [-60, 40]]) / 1000
START = np.array([0.4, -0.25, 0.4])
GOAL = (0.55, 0.2, 0.1)
"""Metres: the middle of the plate."""
PIXEL = AGENT_WORKSPACE.pixel_size
RED, BROWN = (200, 60, 60), (156, 117, 95)


def normal_of(tilt: float, direction: float) -> Array:
    """(3,) unit vector of a tilt and the direction it leans to, radians."""
    side = math.sin(tilt)
    return np.array([side * math.cos(direction), side * math.sin(direction), math.cos(tilt)])


def draw(normal: Array, yaw: float, *, placed: bool = False) -> Heightmap:
    """The scene before the action, or after it."""
    scene = scenes.Scene(BLOCK, 0.03, RED, START, (), ()).draw(START if not placed else np.array([9.0, 9.0, 0.0]))
    color, height = scene.color.copy(), scene.height.copy()
    outlines = [(PLATE, 0.0, BROWN)] + ([(BLOCK, 0.03, RED)] if placed else [])
    for outline, above, shade in outlines:
        corners = np.column_stack([outline, np.full(len(outline), above)])
        world = turned(normal, yaw).apply(corners) + np.array(GOAL)
        mask = scenes.fill(world[:, :2])
        rows, columns = np.nonzero(mask)
        x, y = AGENT_WORKSPACE.to_metres(rows + 0.5, columns + 0.5)
        middle = swing(normal).apply(np.array([0.0, 0.0, above])) + np.array(GOAL)
        height[mask] = middle[2] - ((x - middle[0]) * normal[0] + (y - middle[1]) * normal[1]) / normal[2]
        color[mask] = shade
    return Heightmap(color, height)


def step(tilt: float, direction: float, yaw: float = 0.7) -> Step:
    """A demonstrated step that picks beside the middle of the block."""
    normal = normal_of(tilt, direction)
    pick = Pose.planar(float(START[0]) + 0.01, float(START[1]) + 0.005, 0.03, 0.0)
    current = Pose.planar(float(START[0]), float(START[1]), 0.03, float(START[2]))
    target = Pose(GOAL) @ turned(normal, yaw) @ Pose((0.0, 0.0, 0.03))
    place = target @ current.inverse() @ pick
    return step_from_maps(draw(normal, yaw), draw(normal, yaw, placed=True), pick, place, tilts=True)


def plane_at(scene: Heightmap, place: Array) -> Tilt:
    """The plane through the brown pixels: its normal, and its height at a place in pixels."""
    rows, columns = np.nonzero((scene.color == BROWN).all(axis=-1))
    keep = scene.height[rows, columns] > 0.01
    rows, columns = rows[keep], columns[keep]
    offsets = np.column_stack([columns + 0.5 - place[0], rows + 0.5 - place[1]]) * AGENT_WORKSPACE.pixel_size
    a, b, c = np.linalg.lstsq(
        np.column_stack([offsets, np.ones(len(rows))]), scene.height[rows, columns].astype(float), rcond=None
    )[0]
    normal = np.array([-a, -b, 1.0])
    return Tilt(normal / np.linalg.norm(normal), float(c))
