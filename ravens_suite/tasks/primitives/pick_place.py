"""Suction pick and place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ravens_suite.core.geometry import Pose
from ravens_suite.core.types import Action
from ravens_suite.sim.grippers import Suction, Tool
from ravens_suite.sim.kinematics import reachable_raise
from ravens_suite.sim.robot import TRAVEL_STEP, Robot
from ravens_suite.tasks.primitives.base import (
    LEVEL_OUT_OF_REACH,
    SAMPLES_PER_SEGMENT,
    MotionReport,
    Primitive,
    Waypoint,
    expand,
)
from ravens_suite.tasks.primitives.motion import (
    APPROACH_HEIGHT,
    DESCENT_STEP,
    TOUCH_DOWN,
    TRAVEL_HEIGHT,
    above,
    carry_low,
    let_go,
    move,
    onto,
    over,
)

_BELOW = 0.35
"""Metres that a descent may go below its pose. No pose is as high above the table, so the descent ends in contact."""


@dataclass(frozen=True)
class PickPlace(Primitive):
    """Suction pick and place (Transporter Networks, section 3).

    Attributes:
        carry_height: metres above the pick and the place pose between which the object is carried.
        carry_step: metres a physics step while something is carried; half of it up and down when it is carried low.
    """

    carry_height: float = APPROACH_HEIGHT
    carry_step: float = TRAVEL_STEP

    name: ClassVar[str] = "pick and place"
    tool: ClassVar[type[Tool]] = Suction

    @property
    def carries_low(self) -> bool:
        """Whether loads are dragged along the table: then all of the motion is simulated, and it must not jerk."""
        return self.carry_height < APPROACH_HEIGHT

    def __call__(self, robot: Robot, action: Action) -> MotionReport:
        """Pick at ``pick`` and place at ``place``; both descents stop at contact, so heights need not be exact."""
        pick, place = action.pick, action.place
        if not (robot.reaches(pick) and robot.reaches(place)):
            return MotionReport("unreachable")
        touched = self._descend(robot, pick, APPROACH_HEIGHT, DESCENT_STEP)
        grasped = touched and robot.tool.activate()
        if not grasped:
            robot.lift(above(pick, APPROACH_HEIGHT))
            return MotionReport("nothing gripped" if touched else "no contact")
        self._carry(robot, pick, place)
        let_go(robot)
        robot.lift(above(place, APPROACH_HEIGHT))
        return MotionReport("done", grasped=True)

    def _carry(self, robot: Robot, pick: Pose, place: Pose) -> None:
        if self.carries_low:
            # A jerk upwards would pull the neighbours of a held bead together.
            robot.line(above(pick, self.carry_height), self.carry_step / 2)
            robot.line(above(place, self.carry_height), self.carry_step, gentle=True)
            robot.line(place.raised(-_BELOW), self.carry_step / 2, robot.stopped)
        else:
            robot.lift(above(pick, self.carry_height), self.carry_step)
            self._descend(robot, place, self.carry_height, DESCENT_STEP)

    def _descend(self, robot: Robot, pose: Pose, height: float, step: float) -> bool:
        raised = reachable_raise(pose, height)
        robot.travel(pose.raised(raised))
        below = pose.raised(-_BELOW)
        robot.approach(pose, raised, below)
        return robot.touching() or robot.line(below, step, robot.touching)

    def rest(self) -> Action:
        """Out of reach, and level: an action also of those that cannot tilt the tool."""
        return Action(LEVEL_OUT_OF_REACH, LEVEL_OUT_OF_REACH)

    def waypoints(self, robot: Robot, action: Action) -> list[Waypoint]:
        """Over the pick, onto it, up, over the place, onto it, and up."""
        return expand(robot, list(self._path(action)), 1 if self.carries_low else SAMPLES_PER_SEGMENT)

    def _path(self, action: Action) -> Iterator[Waypoint]:
        pick, place = action.pick, action.place
        yield Waypoint(over(pick), False)
        yield Waypoint(onto(pick), True)
        yield Waypoint(self._carried(pick), True)
        start = self._carried(place)
        if not self.carries_low and start.position[2] <= TRAVEL_HEIGHT - TOUCH_DOWN:
            # The tilted tool reaches no higher there: it comes from well above, level.
            yield Waypoint(start.level().at(z=TRAVEL_HEIGHT), True)
        yield Waypoint(start, True)
        yield Waypoint(onto(place), False)
        yield Waypoint(over(place), False)

    def _carried(self, pose: Pose) -> Pose:
        return pose.raised(self.carry_height) if self.carries_low else over(pose)

    def advance(self, robot: Robot, waypoint: Waypoint) -> None:
        """Move the gripper, at the speed at which the primitive carries what it may hold."""
        if not robot.tool.holds:
            move(robot, waypoint.tip, TRAVEL_STEP)
        elif self.carries_low:
            carry_low(robot, waypoint.tip, self.carry_step)
        else:
            move(robot, waypoint.tip, self.carry_step)
