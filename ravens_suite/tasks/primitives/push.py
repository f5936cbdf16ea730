"""Straight pushes along the table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from ravens_suite.core.geometry import Pose
from ravens_suite.core.types import Action
from ravens_suite.core.workspace import AGENT_WORKSPACE
from ravens_suite.sim.grippers import Spatula, Tool
from ravens_suite.sim.kinematics import reachable_raise
from ravens_suite.sim.precision import FAST_RESIDUAL, Precision
from ravens_suite.sim.robot import TRAVEL_STEP, Robot
from ravens_suite.tasks.primitives.base import MotionReport, Primitive, Waypoint, expand
from ravens_suite.tasks.primitives.motion import APPROACH_HEIGHT, above, over

_APPROACH_HEIGHT = APPROACH_HEIGHT - 0.01
"""Metres above the ends of a push where the blade comes from and goes to."""

_PUSHING = Precision(stride=2, iterations=20, residual=FAST_RESIDUAL)
"""Half as many physics steps; docs/design_notes.md says what that changes."""


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

    name: ClassVar[str] = "push"
    tool: ClassVar[type[Tool]] = Spatula

    @property
    def precision(self) -> Precision:
        """Longer steps and fewer iterations: a push is simulated all the way, with many contacts."""
        return _PUSHING

    def __call__(self, robot: Robot, action: Action) -> MotionReport:
        """Push from ``pick`` towards ``place``; only their x and y count."""
        start, end = self.ends(action)
        if not (robot.reaches(start) and robot.reaches(end)):
            return MotionReport("unreachable")
        robot.travel(above(start, _APPROACH_HEIGHT))
        raised = reachable_raise(start, _APPROACH_HEIGHT)
        robot.approach(start, raised, start)
        robot.line(start, TRAVEL_STEP)
        robot.line(end, self.step)
        robot.lift(above(end, _APPROACH_HEIGHT))
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

    def rest(self) -> Action:
        """The shortest push, in a corner of the table where nothing is placed."""
        x, y, z = AGENT_WORKSPACE.low
        return Action(*[Pose((x, y, z))] * 2)

    def waypoints(self, robot: Robot, action: Action) -> list[Waypoint]:
        """Over the start, down, along to the end, and up."""
        start, end = self.ends(action)
        tips = ((over(start), False), (start, False), (end, True), (over(end), False))
        return expand(robot, [Waypoint(tip, engaged) for tip, engaged in tips])

    def advance(self, robot: Robot, waypoint: Waypoint) -> None:
        """Move the blade, slowly where it pushes."""
        if waypoint.engaged:
            robot.line(waypoint.tip, self.step)
        else:
            super().advance(robot, waypoint)
