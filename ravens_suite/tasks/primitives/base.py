"""What a motion primitive is. Everything but the motion itself has a default that fits most primitives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from ravens_suite.core.geometry import Pose, Vector
from ravens_suite.core.goals import Goal
from ravens_suite.core.types import Action
from ravens_suite.sim.grippers import Tool
from ravens_suite.sim.precision import FINE, Precision
from ravens_suite.sim.robot import TRAVEL_STEP, Robot, interpolate
from ravens_suite.tasks.primitives import motion

WAYPOINTS_PER_ACTION = 16
"""Way-points that a continuous episode may take for each action of the primitive form."""

SAMPLES_PER_SEGMENT = 2
"""Way-points into which the oracle divides each straight segment of its path."""

OUT_OF_REACH = Pose((0.5, 0.0, 0.14), (1.0, 0.0, 0.0, 0.0))
"""In the middle of the workspace with the tool upside down: an action there moves nothing."""

LEVEL_OUT_OF_REACH = Pose((0.75, 0.5, 0.28))
"""The highest corner of the workspace, which the tool reaches below 0.16 m only when it points straight down. So an
action there moves nothing, too, where heights count; unlike ``OUT_OF_REACH`` it is one of those who cannot tilt."""

Outcome = Literal["done", "unreachable", "no contact", "nothing gripped", "not settled"]


@dataclass(frozen=True)
class MotionReport:
    """What came of an action.

    Attributes:
        outcome: ``done``; ``unreachable`` (nothing moved); ``no contact`` (the descent met nothing); ``nothing
            gripped`` (what it met cannot be picked up); ``not settled`` (done, but something still moved when the
            budget of physics steps was used up).
        grasped: whether a body was carried; of a way-point, whether the gripper holds one.
        complete: whether a whole motion is over; a way-point may leave it half done.
    """

    outcome: Outcome
    grasped: bool = False
    complete: bool = True


@dataclass(frozen=True)
class Waypoint:
    """One action of a continuous task.

    Attributes:
        tip: pose of the tool's tip to go to in a straight line, world frame. A descent (steeper than 1 in 2) stops at
            contact.
        engaged: for a gripper, whether it grips or lets go once it is there; for other tools, whether they work on the
            way there (a push) or only travel.
    """

    tip: Pose
    engaged: bool


class Primitive(ABC):
    """Turns the poses of an action into motion.

    A new primitive is one subclass: it names its tool and the poses of its actions, and says in ``__call__`` how the
    robot moves. The action space, the checks of an action, the arrays of a recorded episode and the drawings follow
    from ``poses``; the oracle's actions from ``plan``; the continuous form from ``waypoints`` and ``advance``.

    Attributes:
        name: for tables and reports.
        tool: what the arm carries.
        poses: names of the poses of an action, in the order in which the tool visits them.
    """

    name: ClassVar[str]
    tool: ClassVar[type[Tool]]
    poses: ClassVar[tuple[str, ...]] = ("pick", "place")

    @property
    def precision(self) -> Precision:
        """How finely the physics is computed with ``motion="fast"``; by default as with "careful" motion."""
        return FINE

    @abstractmethod
    def __call__(self, robot: Robot, action: Action) -> MotionReport:
        """Carry out an action; one that is out of reach moves nothing and is reported as ``unreachable``."""

    def plan(self, current: Pose, target: Pose, point: Vector, goal: Goal) -> Action:
        """The oracle's action that takes a body from its pose to its target.

        By default the first pose is at the point, and the others where the body's pose becomes the target.

        Args:
            current: pose of the body, world frame.
            target: pose where the goal wants it, world frame.
            point: (x, y, z) in metres, world frame: a visible point of the body, drawn at random.
            goal: the goal step; it says whether the body is to be turned, and whether its full pose counts.
        """
        at = Pose(point)
        if not goal.full_pose:
            current = current.level()
        if goal.rotate:
            end = target @ current.inverse() @ at
        else:
            end = Pose(_shifted(target.position, point, current.position))
        return Action(**{name: at if name == self.poses[0] else end for name in self.poses})

    def rest(self) -> Action:
        """An action that moves no body: by default out of reach. A primitive that ignores tilt needs another."""
        return Action(**dict.fromkeys(self.poses, OUT_OF_REACH))

    def waypoints(self, robot: Robot, action: Action) -> list[Waypoint]:
        """The way-points by which the oracle carries out an action in the continuous form, from where the tip is now.

        By default down to each pose in turn, and up again, with the tool never engaged.
        """
        tips = [
            tip for name in self.poses for tip in (motion.over(action[name]), action[name], motion.over(action[name]))
        ]
        return expand(robot, [Waypoint(tip, False) for tip in tips])

    def follow(self, robot: Robot, waypoint: Waypoint) -> MotionReport:
        """Carry out one way-point: move the tip, then switch the gripper if the tool is one.

        Returns:
            ``unreachable`` if nothing moved; ``nothing gripped`` if the gripper should hold something and does not;
            else ``done``. A motion is complete when the gripper has let go, or after an engaged way-point of another
            tool.
        """
        if not robot.reaches(waypoint.tip):
            return MotionReport("unreachable", complete=False)
        held = robot.tool.holds
        self.advance(robot, waypoint)
        if not robot.tool.can_hold:
            return MotionReport("done", complete=waypoint.engaged)
        grasped = waypoint.engaged and robot.tool.activate()
        if not grasped:
            motion.let_go_or_relax(robot)
        outcome: Outcome = "nothing gripped" if waypoint.engaged and not grasped else "done"
        return MotionReport(outcome, grasped, complete=held and not robot.tool.holds)

    def advance(self, robot: Robot, waypoint: Waypoint) -> None:
        """Move the tip to a way-point that is within reach, at the speed that what is held or pushed can take.

        By default at the speed of free travel, and slowly near contact on a descent, which stops there.
        """
        motion.move(robot, waypoint.tip, TRAVEL_STEP)


def expand(robot: Robot, path: Sequence[Waypoint], carrying_samples: int = SAMPLES_PER_SEGMENT) -> list[Waypoint]:
    """Way-points along a path of straight segments that starts where the tip is now; those out of reach are left out.

    A gripper is switched at the end of a segment, so it stays as it was on the way there; other tools work on the way.

    Args:
        robot: whose tool takes the path.
        path: ends of the segments.
        carrying_samples: way-points in a segment in which a gripper carries something; ``SAMPLES_PER_SEGMENT`` in all
            others.
    """
    waypoints: list[Waypoint] = []
    start, carrying = robot.tool.tip, False
    for end in path:
        samples = carrying_samples if carrying else SAMPLES_PER_SEGMENT
        engaged = carrying if robot.tool.can_hold else end.engaged
        parts = (i / samples for i in range(1, samples))
        waypoints += [*(Waypoint(interpolate(start, end.tip, part), engaged) for part in parts), end]
        start, carrying = end.tip, end.engaged and robot.tool.can_hold
    return [waypoint for waypoint in waypoints if robot.reaches(waypoint.tip)]


def _shifted(target: Vector, point: Vector, current: Vector) -> Vector:
    x, y, z = (t + p - c for t, p, c in zip(target, point, current, strict=True))
    return (x, y, z)
