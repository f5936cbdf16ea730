"""Windows of episodes to learn from: what is seen, where the tool is, and the next few ends of straight moves.

A way-point between two others on one straight line changes nothing about the path: the tool goes from one to the next
in a straight line. Such way-points are left out (automatic way-point extraction, arXiv 2307.14326). So a long move is
one prediction, none only says "halfway", and the agent learns from what it will see: the ends of its own moves.

Positions are (column, row) in cells of a map of the table; cell ``i`` covers ``[i, i + 1)``. Yaw is in radians, from
the column axis (x) towards the row axis (y).

Poses and way-points are float64; of a pose (7,), position in metres and quaternion (x, y, z, w), world frame.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.heightmap import Heightmap, fuse_observation
from ravens_suite.core.observations import Observation
from ravens_suite.core.workspace import AGENT_WORKSPACE, Workspace
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.episode import EpisodeReader
from ravens_suite.errors import ConfigError

CELL = 0.00625
"""Metres a cell."""
MAP = Workspace(AGENT_WORKSPACE.low, AGENT_WORKSPACE.high, CELL)
"""The table as this agent sees it: 160 x 80 cells."""
IMAGES = ("color", "depth", "camera_intrinsics", "camera_poses")
PROPRIOCEPTION = ("tip_pose", "gripper_state")
HOLDS = 1
"""Index in ``gripper_state`` of whether the tool holds something."""
_ON_THE_WAY = 0.002
"""Metres beside a straight line at which a way-point still lies on it."""
_TURNED = math.radians(2)
"""Radians off the turn of the tool along a straight line."""


@dataclass(frozen=True)
class Window:
    """One step of a demonstration.

    Attributes:
        color: (160, 80, 3) uint8.
        height: (160, 80) float32 metres.
        tip: (4,) float64: column, row, z in metres, yaw.
        gripper: (2,) float32: touches, holds.
        came: (2,) float64 metres: how far the tip has come up, and along the table, since the observation before.
        chunk: (chunk, 5) float64 way-points to come: column, row, z, yaw, gripper.
        valid: (chunk,) bool: whether there are as many.
        step: of its episode.
    """

    color: NDArray[np.uint8]
    height: NDArray[np.float32]
    tip: Array
    gripper: NDArray[np.float32]
    came: Array
    chunk: Array
    valid: NDArray[np.bool_]
    step: int = 0

    @property
    def holds(self) -> bool:
        """Whether the tool holds something."""
        return bool(self.gripper[HOLDS] > 0.5)


def see(observation: Observation) -> Heightmap:
    """The map of an observation."""
    return fuse_observation(observation, workspace=MAP)


def to_cells(pose: Array) -> Array:
    """(4,) column, row, z and yaw of a (7,) pose."""
    x, y, z = pose[:3]
    column, row = (x - MAP.low[0]) / CELL, (y - MAP.low[1]) / CELL
    return np.array([column, row, z, Pose.from_vector(pose).yaw])


def to_pose(point: Array) -> Array:
    """The inverse of ``to_cells``: (7,) with the tool straight down."""
    column, row, z, yaw = (float(value) for value in point)
    return Pose.planar(MAP.low[0] + column * CELL, MAP.low[1] + row * CELL, z, yaw).vector()


def way(before: Array, tip: Array) -> Array:
    """(2,) metres from one (4,) tip to the next: up, and along the table."""
    return np.array([tip[2] - before[2], CELL * math.dist(before[:2], tip[:2])])


def wrap(angle: Array) -> Array:
    """The same angles, of any shape, in radians from -pi to pi."""
    wrapped: Array = (angle + math.pi) % (2 * math.pi) - math.pi
    return wrapped


def read_windows(demonstrations: Demonstrations, chunk: int) -> list[Window]:
    """What is seen at the ends of straight moves of all episodes, in memory: 90 kB each.

    Raises:
        ConfigError: no episode has a step.
    """
    windows = [window for episode in demonstrations for window in episode_windows(episode, chunk)]
    if not windows:
        raise ConfigError("No demonstration has an action to learn from: collect other episodes.")
    return windows


def episode_windows(episode: EpisodeReader, chunk: int) -> list[Window]:
    """What is seen at the beginning of an episode, and after each straight move but the last."""
    steps, recorded = episode.summary.steps, episode.actions()
    if not steps:
        return []
    told = episode.window(0, steps, PROPRIOCEPTION)
    tips = np.stack([to_cells(pose) for pose in told["tip_pose"]])
    points = np.stack([to_cells(pose) for pose in recorded["pose"]])
    actions = np.column_stack([points, recorded["gripper"]])
    grips = bool(told["gripper_state"][:, HOLDS].any())
    kept = np.array(straight_moves(tips[0], actions, grips=grips))
    windows: list[Window] = []
    for step, observation in zip(range(steps), episode.each(IMAGES), strict=False):
        if step and step - 1 not in kept:
            continue
        scene = see(observation)
        ahead = actions[kept[kept >= step]][:chunk]
        rows = np.concatenate([ahead, np.repeat(ahead[-1:], chunk - len(ahead), axis=0)])
        gripper = told["gripper_state"][step]
        came = way(windows[-1].tip if windows else tips[0], tips[step])
        valid = np.arange(chunk) < len(ahead)
        windows.append(Window(scene.color, scene.height, tips[step], gripper, came, rows, valid, step))
    return windows


def straight_moves(start: Array, actions: Array, *, grips: bool) -> list[int]:
    """The way-points at which straight moves end; the path through them is that through all.

    Args:
        start: (4,) column, row, z and yaw of the tip before the first.
        actions: (T, 5) column, row, z, yaw and gripper of every way-point.
        grips: whether the tool is a gripper, which switches at the end of a way; other tools work on the way there.

    Returns:
        Indices, ascending; the last way-point is always among them.
    """
    kept: list[int] = []
    anchor, between = np.append(start, 0.0), list[int]()
    for index in range(len(actions)):
        between.append(index)
        last = index + 1 == len(actions)
        if last or not _one_move(anchor, actions[between], actions[index + 1], grips=grips):
            kept.append(index)
            anchor, between = actions[index], []
    return kept


def _one_move(start: Array, between: Array, end: Array, *, grips: bool) -> bool:
    """Whether a straight move passes all way-points between its ends, with the gripper as it is at each of them."""
    if (between[:, 4] != (start if grips else end)[4]).any():
        return False
    scale = np.array([CELL, CELL, 1.0])
    whole = (end[:3] - start[:3]) * scale
    length = float(whole @ whole)
    passed = (between[:, :3] - start[:3]) * scale
    part = np.clip(passed @ whole / length, 0, 1) if length > 0 else np.zeros(len(between))
    beside = np.linalg.norm(passed - part[:, None] * whole, axis=1)
    turned = np.abs(wrap(between[:, 3] - start[3] - part * wrap(end[3] - start[3])))
    return bool((beside < _ON_THE_WAY).all() and (turned < _TURNED).all())
