"""How actions reach the robot: whole motions (``primitive``) or way-points of the tool (``waypoint``)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.goals import Goal
from ravens_suite.core.types import Action
from ravens_suite.core.workspace import AGENT_WORKSPACE
from ravens_suite.envs.actions import checked_flag, checked_pose
from ravens_suite.envs.oracle import oracle_action
from ravens_suite.errors import ConfigError, OracleGaveUpError
from ravens_suite.sim.robot import Robot
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.primitives import WAYPOINTS_PER_ACTION, MotionReport, Waypoint


@dataclass(frozen=True)
class Executed:
    """What an action did.

    Attributes:
        report: outcome of the motion.
        clipped: whether a position had to be moved into the workspace.
        scores: whether the scene may be scored now (not while a body hangs in the gripper).
    """

    report: MotionReport
    clipped: bool
    scores: bool = True


class Control(ABC):
    """One way to act on a task's robot."""

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
        """Check an action, then carry it out; raises InvalidActionError before anything moves."""

    @abstractmethod
    def oracle(self, goal: Goal, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """The scripted oracle's next action."""

    def reset(self) -> None:  # noqa: B027 (most controls have nothing to forget)
        """Forget the last episode."""


class PrimitiveControl(Control):
    """The poses of the task's primitive, usually ``pick`` and ``place``, each ``(7,)`` float64.

    Position in metres and quaternion (x, y, z, w), world frame.
    """

    def __init__(self, task: Task, robot: Robot) -> None:
        super().__init__(task, robot)
        self.action_space = gymnasium.spaces.Dict({name: _pose_space() for name in task.primitive.poses})

    @property
    def max_steps(self) -> int:
        """The task's published step limit."""
        return self.task.max_steps

    def execute(self, action: Any) -> Executed:
        """Move as the task's primitive does."""
        poses = {name: checked_pose(action, name) for name in self.task.primitive.poses}
        report = self.task.primitive(self.robot, Action(**{name: checked.pose for name, checked in poses.items()}))
        return Executed(report, any(checked.clipped for checked in poses.values()))

    def oracle(self, goal: Goal, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """One whole motion."""
        return dict(oracle_action(self.robot.scene, self.task.primitive, goal, rng).to_dict())


class WaypointControl(Control):
    """``pose`` ``(7,)`` float64 of the tool's tip, and ``gripper``: 1 for suction on (or a slow push), else 0."""

    def __init__(self, task: Task, robot: Robot) -> None:
        super().__init__(task, robot)
        self.action_space = gymnasium.spaces.Dict({"pose": _pose_space(), "gripper": gymnasium.spaces.Discrete(2)})
        self._plan: list[Waypoint] = []
        self._carrying = False

    @property
    def max_steps(self) -> int:
        """Way-points in place of the task's published step limit."""
        return self.task.max_steps * WAYPOINTS_PER_ACTION

    def reset(self) -> None:
        """Drop the oracle's plan."""
        self._plan = []
        self._carrying = False

    def execute(self, action: Any) -> Executed:
        """Move the tip and switch the gripper."""
        target, engaged = checked_pose(action, "pose"), checked_flag(action, "gripper")
        report = self.task.primitive.follow(self.robot, Waypoint(target.pose, engaged))
        return Executed(report, target.clipped, scores=not self.robot.tool.holds)

    def oracle(self, goal: Goal, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """The next way-point of a whole motion; another one is planned when this is over or has lost its load."""
        if not self._plan or (self._carrying and not self.robot.tool.holds):
            action = oracle_action(self.robot.scene, self.task.primitive, goal, rng)
            self._plan = self.task.primitive.waypoints(self.robot, action)
            if not self._plan:
                raise OracleGaveUpError("The arm reaches no way-point of the action that the oracle has planned.")
        waypoint = self._plan.pop(0)
        self._carrying = waypoint.engaged and self.robot.tool.can_hold
        return {"pose": waypoint.tip.vector(), "gripper": np.array(int(waypoint.engaged))}


def make_control(name: str, task: Task, robot: Robot) -> Control:
    """The control of a name.

    Raises:
        ConfigError: there is none of that name.
    """
    if name == "primitive":
        return PrimitiveControl(task, robot)
    if name == "waypoint":
        return WaypointControl(task, robot)
    raise ConfigError(f"control must be primitive or waypoint; got {name!r}.")


def _pose_space() -> gymnasium.spaces.Box:
    """Position and quaternion. Gymnasium wants lower limits that are 0 or minus the upper one: x is clipped to more."""
    low = np.array([0.0, AGENT_WORKSPACE.low[1], 0.0, -1, -1, -1, -1])
    high = np.array([*AGENT_WORKSPACE.high, 1, 1, 1, 1])
    return gymnasium.spaces.Box(low, high, dtype=np.float64)
