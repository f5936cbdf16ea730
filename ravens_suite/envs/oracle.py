"""The scripted oracle: it knows every pose, and solves every task by the same rule.

It takes the object that is farthest from its target, and moves it there by the task's primitive. As in the published
benchmark, it is random in one way only: it picks at a visible pixel of the object drawn uniformly, edges included.
"""

from __future__ import annotations

import math

import numpy as np

from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.goals import Goal, Poses
from ravens_suite.core.types import Action
from ravens_suite.core.workspace import AGENT_WORKSPACE, FLOOR, Workspace
from ravens_suite.errors import OracleGaveUpError
from ravens_suite.sim.scene import Scene
from ravens_suite.sim.topview import visible_points
from ravens_suite.tasks.primitives import Primitive

_CLOSE_VIEW = Workspace(AGENT_WORKSPACE.low, AGENT_WORKSPACE.high, pixel_size=1 / 630)
"""The view of the published oracle's camera: 630 pixels a metre."""

_FEW_POINTS = 30
"""Visible heightmap pixels of an object below which the oracle looks through the close view. Of a half-hidden bead a
single pixel may be visible, one where the gripper misses it every time."""


def oracle_action(scene: Scene, primitive: Primitive, goal: Goal, rng: np.random.Generator) -> Action:
    """The next action towards a goal step.

    Args:
        scene: as it is now.
        primitive: of the task; its ``plan`` gives the poses of the action.
        goal: the goal step being worked on.
        rng: draws the pixel at which an object is picked.

    Raises:
        OracleGaveUpError: no object that is still to be moved can be seen from above.
    """
    poses = scene.poses()
    for name, target in _by_distance(goal, poses):
        points = _on_the_table(visible_points(scene, name))
        if len(points) < _FEW_POINTS:
            points = _on_the_table(visible_points(scene, name, _CLOSE_VIEW))
        if len(points):
            x, y, z = (float(value) for value in points[rng.integers(len(points))][:3])
            return primitive.plan(poses[name], target, (x, y, z), goal)
    raise OracleGaveUpError("Seen from above, no object on the table is visible that is still to be moved.")


def _on_the_table(points: Array) -> Array:
    """Those of some (P, 3) points that have not fallen through it, where no gripper follows."""
    return points[points[:, 2] > FLOOR]


def _by_distance(goal: Goal, poses: Poses) -> list[tuple[str, Pose]]:
    """Objects still to be moved with their nearest allowed target, farthest first."""
    done = [] if goal.replace else goal.reached(poses)
    done_objects, used_targets = {i for i, _ in done}, {j for _, j in done}
    pending: list[tuple[float, str, Pose]] = []
    for i, name in enumerate(goal.objects):
        if name not in poses or i in done_objects:
            continue
        allowed = [target for j, target in enumerate(goal.targets) if goal.matches[i][j] and j not in used_targets]
        if allowed:
            nearest = min(allowed, key=lambda target: _distance(poses[name], target))
            pending.append((_distance(poses[name], nearest), name, nearest))
    pending.sort(key=lambda item: -item[0])
    return [(name, target) for _, name, target in pending]


def _distance(a: Pose, b: Pose) -> float:
    return math.dist(a.position, b.position)
