"""Motion primitives: what the two poses of an action make the robot do. Budgets are counted in physics steps."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

from ravens_suite.core.geometry import Pose
from ravens_suite.core.types import Action
from ravens_suite.sim.grippers import Spatula, Suction
from ravens_suite.sim.kinematics import reachable_raise
from ravens_suite.sim.robot import TRAVEL_STEP, Robot

APPROACH_HEIGHT = 0.32
"""Metres above a pick or place pose, along its z axis, where the tool comes from and goes to."""

DESCENT_STEP = 0.001
"""Metres a physics step on the way down, until contact."""

_BELOW = 0.35
"""Metres that a descent may go below its pose: more than any pose is above the table, so contact is certain."""

_REST_STEPS = 8
"""Physics steps between touching down and letting go."""

Outcome = Literal["done", "unreachable", "no contact", "nothing gripped", "not settled"]


@dataclass(frozen=True)
class MotionReport:
    """What came of an action.

    Attributes:
        outcome: ``done``; ``unreachable`` (nothing moved); ``no contact`` (the descent met nothing); ``nothing
            gripped`` (what it met cannot be picked up); ``not settled`` (done, but something still moved when the
            budget of physics steps was used up).
        grasped: whether a body was carried.
    """

    outcome: Outcome
    grasped: bool = False


class Primitive(ABC):
    """Turns an action into motion."""

    name: str
    tool: type[Suction] | type[Spatula]

    @abstractmethod
    def __call__(self, robot: Robot, action: Action) -> MotionReport:
        """Carry out an action; an action that cannot be reached moves nothing."""


@dataclass(frozen=True)
class PickPlace(Primitive):
    """Suction pick and place (Transporter Networks, section 3).

    Attributes:
        carry_height: metres above the pick and the place pose between which the object is carried.
        carry_step: metres a physics step while something is carried; half of it up and down when it is carried low.
    """

    carry_height: float = APPROACH_HEIGHT
    carry_step: float = TRAVEL_STEP

    name = "pick and place"
    tool = Suction

    @property
    def carries_low(self) -> bool:
        """Whether loads are dragged close to the table: nothing of it may be skipped, and nothing may jerk."""
        return self.carry_height < APPROACH_HEIGHT

    def __call__(self, robot: Robot, action: Action) -> MotionReport:
        """Pick at one pose and place at the other; contact decides the heights."""
        pick, place = action.pick, action.place
        if not (robot.reaches(pick) and robot.reaches(place)):
            return MotionReport("unreachable")
        gripper = robot.suction
        touched = self._descend(robot, pick, APPROACH_HEIGHT, DESCENT_STEP)
        grasped = touched and gripper.activate()
        if not grasped:
            robot.lift(_above(pick, APPROACH_HEIGHT))
            return MotionReport("nothing gripped" if touched else "no contact")
        self._carry(robot, pick, place)
        let_go(robot)
        robot.lift(_above(place, APPROACH_HEIGHT))
        return MotionReport("done", grasped=True)

    def _carry(self, robot: Robot, pick: Pose, place: Pose) -> None:
        if self.carries_low:
            # A jerk upwards would pull the neighbours of a held bead together.
            robot.line(_above(pick, self.carry_height), self.carry_step / 2)
            robot.line(_above(place, self.carry_height), self.carry_step, gentle=True)
            robot.line(place.raised(-_BELOW), self.carry_step / 2, robot.stopped)
        else:
            robot.lift(_above(pick, self.carry_height), self.carry_step)
            self._descend(robot, place, self.carry_height, DESCENT_STEP)

    def _descend(self, robot: Robot, pose: Pose, height: float, step: float) -> bool:
        above = reachable_raise(pose, height)
        robot.travel(pose.raised(above))
        robot.travel(pose.raised(robot.lowest_free(pose, above)))
        return robot.touching() or robot.line(pose.raised(-_BELOW), step, robot.touching)


@dataclass(frozen=True)
class Push(Primitive):
    """Straight push along the table with a spatula, at constant speed.

    Attributes:
        height: metres of the blade's edge above z = 0 during the push.
        step: metres a physics step during the push: so slow that what it lets go of slides on by less than 4 cm.
        run_up: metres by which the push starts before its start pose.
        stop_short: metres by which it ends before its end pose.
    """

    height: float = 0.005
    step: float = 0.00125
    run_up: float = 0.02
    stop_short: float = 0.05

    name = "push"
    tool = Spatula

    def __call__(self, robot: Robot, action: Action) -> MotionReport:
        """Push from the pick pose towards the place pose; only their x and y count."""
        start, end = self.ends(action)
        if not (robot.reaches(start) and robot.reaches(end)):
            return MotionReport("unreachable")
        robot.travel(_above(start, APPROACH_HEIGHT - 0.01))
        above = reachable_raise(start, APPROACH_HEIGHT - 0.01)
        robot.travel(start.raised(robot.lowest_free(start, above)))
        robot.line(start, TRAVEL_STEP)
        robot.line(end, self.step)
        robot.lift(_above(end, APPROACH_HEIGHT - 0.01))
        return MotionReport("done")

    def ends(self, action: Action) -> tuple[Pose, Pose]:
        """Tip poses between which the blade pushes, its width across the way."""
        (x0, y0, _), (x1, y1, _) = action.pick.position, action.place.position
        length = math.hypot(x1 - x0, y1 - y0)
        dx, dy = ((x1 - x0) / length, (y1 - y0) / length) if length > 0 else (1.0, 0.0)
        reach = max(length - self.stop_short, -self.run_up)
        yaw = math.atan2(dy, dx)
        start = Pose.planar(x0 - self.run_up * dx, y0 - self.run_up * dy, self.height, yaw)
        return start, Pose.planar(x0 + reach * dx, y0 + reach * dy, self.height, yaw)


def let_go(robot: Robot) -> None:
    """Stop pressing, then release."""
    robot.tool.command(robot.scene.pose(robot.tool.name))
    robot.scene.step(_REST_STEPS)
    robot.suction.release()


def _above(pose: Pose, height: float) -> Pose:
    """The pose raised along its z axis, as far as the arm reaches."""
    return pose.raised(reachable_raise(pose, height))
