"""How actions move the robot: as whole motions (``primitive``) or as way-points of the tool (``waypoint``)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array
from ravens_suite.core.goals import Goal
from ravens_suite.core.observations import ControlName
from ravens_suite.core.types import Action
from ravens_suite.core.workspace import AGENT_WORKSPACE, WAYPOINT_WORKSPACE, Workspace
from ravens_suite.envs.actions import as_mapping, checked_flag, checked_pose
from ravens_suite.envs.oracle import oracle_action
from ravens_suite.errors import ConfigError, OracleGaveUpError
from ravens_suite.sim.robot import Robot
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.primitives import LEVEL_OUT_OF_REACH, WAYPOINTS_PER_ACTION, MotionReport, Waypoint


@dataclass(frozen=True)
class Executed:
    """What an action did.

    Attributes:
        report: outcome of the motion.
        clipped: whether a position lay outside the workspace and was moved to its border.
        action: what was carried out, by name as in the action space: poses (7,) float64, world frame, with positions in
            metres inside the workspace and quaternions (x, y, z, w) as they were given.
        scores: whether the scene may be scored now; not while a body hangs in the gripper.
    """

    report: MotionReport
    clipped: bool
    action: dict[str, NDArray[Any]]
    scores: bool = True


class Control(ABC):
    """A kind of actions, and how the oracle gives them.

    Attributes:
        action_space: of the environment.
        task: says which primitive moves the robot, and the step limit.
        robot: in the scene of the episode.
    """

    action_space: gymnasium.spaces.Dict

    def __init__(self, task: Task, robot: Robot) -> None:
        self.task = task
        self.robot = robot

    @property
    @abstractmethod
    def max_steps(self) -> int:
        """Actions after which an episode is truncated."""

    @abstractmethod
    def execute(self, action: Any) -> Executed:
        """Check an action, then carry it out.

        Args:
            action: as described by ``action_space``.

        Raises:
            InvalidActionError: an entry is missing or malformed; nothing has moved.
        """

    @abstractmethod
    def oracle(self, goal: Goal, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """The scripted oracle's next action, as ``execute`` takes it.

        Its poses are (7,) float64: position in metres and quaternion (x, y, z, w), world frame.

        Args:
            goal: the goal step being worked on.
            rng: draws the pixel at which an object is picked.

        Raises:
            OracleGaveUpError: there is nothing that it could move.
        """

    @abstractmethod
    def rest(self) -> dict[str, NDArray[Any]]:
        """An action that moves no body, as ``execute`` takes it; its poses are (7,) float64, world frame."""

    def reset(self) -> None:  # noqa: B027 (most controls have nothing to forget)
        """Forget the last episode."""

    def plan(self) -> Any:
        """What is left of the oracle's plan, for ``restore_plan``; None where it plans one action at a time."""
        return None

    def restore_plan(self, plan: Any) -> None:  # noqa: B027 (see above)
        """Go on by what ``plan`` gave."""


class PrimitiveControl(Control):
    """An action is a whole motion: the poses of the task's primitive, usually ``pick`` and ``place``.

    Each is (7,) float64: position in metres inside ``AGENT_WORKSPACE`` and quaternion (x, y, z, w) of any length but
    zero, world frame. Where there is one pose only, an action may be its array alone.
    """

    def __init__(self, task: Task, robot: Robot) -> None:
        super().__init__(task, robot)
        space = _pose_space(AGENT_WORKSPACE)
        self.action_space = gymnasium.spaces.Dict({name: deepcopy(space) for name in task.primitive.poses})

    @property
    def max_steps(self) -> int:
        """The task's published step limit."""
        return self.task.max_steps

    def execute(self, action: Any) -> Executed:
        """Check every pose of the primitive, then carry out the motion. See ``Control``."""
        names = self.task.primitive.poses
        action = as_mapping(action, names)
        poses = {name: checked_pose(action, name, AGENT_WORKSPACE) for name in names}
        report = self.task.primitive(self.robot, Action(**{name: checked.pose for name, checked in poses.items()}))
        clipped = any(checked.clipped for checked in poses.values())
        return Executed(report, clipped, {name: checked.vector for name, checked in poses.items()})

    def oracle(self, goal: Goal, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """The poses of one whole motion. See ``Control``."""
        poses = oracle_action(self.robot.scene, self.task.primitive, goal, rng).to_dict()
        return {name: _inside(vector, AGENT_WORKSPACE) for name, vector in poses.items()}

    def rest(self) -> dict[str, NDArray[Any]]:
        """The primitive's own. See ``Control``."""
        return dict(self.task.primitive.rest().to_dict())


class WaypointControl(Control):
    """An action is a way-point: the continuous form of a task.

    ``pose`` (7,) float64 is where the tool's tip goes: position in metres inside ``WAYPOINT_WORKSPACE`` and quaternion
    (x, y, z, w) of any length but zero, world frame.
    ``gripper`` is 1 or 0: suction on or off once it is there; for a spatula, whether the way there is a slow push.
    """

    def __init__(self, task: Task, robot: Robot) -> None:
        super().__init__(task, robot)
        gripper = gymnasium.spaces.Discrete(2)
        self.action_space = gymnasium.spaces.Dict({"pose": _pose_space(WAYPOINT_WORKSPACE), "gripper": gripper})
        self.reset()

    @property
    def max_steps(self) -> int:
        """``WAYPOINTS_PER_ACTION`` for each action of the task's published step limit."""
        return step_limit("waypoint", self.task.max_steps)

    def reset(self) -> None:
        """Drop the oracle's plan. See ``Control``."""
        self._plan: list[Waypoint] = []
        self._carrying = False
        self._asked: Waypoint | None = None

    def plan(self) -> tuple[tuple[Waypoint, ...], bool, Waypoint | None]:
        """Way-points that are left, whether the last one carried something, and the one that was asked for last.

        There is none of these after an action. See ``Control``.
        """
        return tuple(self._plan), self._carrying, self._asked

    def restore_plan(self, plan: Any) -> None:
        """See ``Control``."""
        waypoints, self._carrying, *asked = plan  # Of states of earlier builds there is none that was asked for.
        self._plan, self._asked = list(waypoints), asked[0] if asked else None

    def execute(self, action: Any) -> Executed:
        """Move the tip, then switch the gripper. See ``Control``."""
        target, engaged = checked_pose(action, "pose", WAYPOINT_WORKSPACE), checked_flag(action, "gripper")
        self._asked = None
        report = self.task.primitive.follow(self.robot, Waypoint(target.pose, engaged))
        done = {"pose": target.vector, "gripper": np.array(int(engaged))}
        return Executed(report, target.clipped, done, scores=not self.robot.tool.holds)

    def oracle(self, goal: Goal, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """The next way-point of a whole motion: ``pose`` (7,) float64, world frame, and ``gripper`` () int64.

        The next motion is planned when it is over, or its load was lost. Asked again before anything is done, it says
        the same.
        """
        if self._asked is None:
            self._asked = self._next(goal, rng)
        pose = _inside(self._asked.tip.vector(), WAYPOINT_WORKSPACE)
        return {"pose": pose, "gripper": np.array(int(self._asked.engaged))}

    def _next(self, goal: Goal, rng: np.random.Generator) -> Waypoint:
        """Take the next way-point from the plan."""
        if not self._plan or (self._carrying and not self.robot.tool.holds):
            action = oracle_action(self.robot.scene, self.task.primitive, goal, rng)
            self._plan = self.task.primitive.waypoints(self.robot, action)
            if not self._plan:
                raise OracleGaveUpError("The arm reaches no way-point of the action that the oracle has planned.")
        waypoint = self._plan.pop(0)
        self._carrying = waypoint.engaged and self.robot.tool.can_hold
        return waypoint

    def rest(self) -> dict[str, NDArray[Any]]:
        """A way-point that no arm reaches; the gripper stays as it is. See ``Control``."""
        return {"pose": LEVEL_OUT_OF_REACH.vector(), "gripper": np.array(int(self.robot.tool.holds))}


def make_control(name: str, task: Task, robot: Robot) -> Control:
    """A control by its name.

    Args:
        name: ``primitive`` or ``waypoint``.
        task: whose primitive moves the robot.
        robot: that carries the primitive's tool.

    Raises:
        ConfigError: there is none of that name.
    """
    if name == "primitive":
        return PrimitiveControl(task, robot)
    if name == "waypoint":
        return WaypointControl(task, robot)
    raise ConfigError(f"control must be primitive or waypoint; got {name!r}.")


def step_limit(control: ControlName, max_steps: int) -> int:
    """Actions of an episode at most: a task's own ``max_steps``, or as many way-points for each of them."""
    return max_steps * (WAYPOINTS_PER_ACTION if control == "waypoint" else 1)


def _pose_space(workspace: Workspace) -> gymnasium.spaces.Box:
    """(7,) float64: every position in it is carried out as it is, without being clipped."""
    low, high = workspace.limits()
    return gymnasium.spaces.Box(np.append(low, [-1.0] * 4), np.append(high, [1.0] * 4), dtype=np.float64)


def _inside(vector: Array, workspace: Workspace) -> Array:
    """A pose of the oracle as an action: what lies beside the table is moved to its border, as ``execute`` does.

    Rounding may have left a part of the unit quaternion just above 1.
    """
    low, high = workspace.limits()
    return np.concatenate([np.clip(vector[:3], low, high), np.clip(vector[3:], -1.0, 1.0)])
