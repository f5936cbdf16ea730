"""The scripted oracle: it knows every pose, and solves every task by the same rule.

It takes the first object that the goal names, usually the one that is farthest from its target, and moves it there by
the task's primitive. As in the published benchmark, it is random in one way only: it picks at a visible pixel of the
object drawn uniformly, edges included.
"""

from __future__ import annotations

import numpy as np

from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.goals import Goal
from ravens_suite.core.types import Action
from ravens_suite.core.workspace import AGENT_WORKSPACE, FLOOR, Workspace
from ravens_suite.errors import OracleGaveUpError
from ravens_suite.sim.scene import Scene
from ravens_suite.sim.topview import visible_points
from ravens_suite.tasks.primitives import Primitive

_CLOSE_VIEW = Workspace(AGENT_WORKSPACE.low, AGENT_WORKSPACE.high, pixel_size=1 / 630)
"""The view of the published oracle's camera: 630 pixels a metre."""

_FEW_POINTS = 30
"""Visible heightmap pixels of an object below which the oracle looks through the close view."""

_HARDLY_ANY = 8
"""Pixels of the close view, 20 mm^2, below which an object waits while another one can be moved. Of a bead that others
hide a single pixel may be visible, one where the gripper misses it every time."""


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
    chosen: tuple[str, Pose, Array] | None = None
    for name, target in goal.moves(poses):
        points = _on_the_table(visible_points(scene, name))
        if len(points) < _FEW_POINTS:
            points = _on_the_table(visible_points(scene, name, _CLOSE_VIEW))
        if len(points) and (chosen is None or len(points) >= _HARDLY_ANY):
            chosen = name, target, points
        if len(points) >= _HARDLY_ANY:
            break
    if chosen is None:
        raise OracleGaveUpError("Seen from above, no object on the table is visible that is still to be moved.")
    name, target, points = chosen
    x, y, z = (float(value) for value in points[rng.integers(len(points))][:3])
    return primitive.plan(poses[name], target, (x, y, z), goal)


def _on_the_table(points: Array) -> Array:
    """Those of some (P, 3) points that have not fallen through it, where no gripper follows."""
    return points[points[:, 2] > FLOOR]
