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
from ravens_suite.sim.robot import TRAVEL_STEP, Robot, interpolate
from ravens_suite.tasks.primitives import motion

WAYPOINTS_PER_ACTION = 16
"""Way-points that a continuous episode may take for each action of the primitive form."""

SAMPLES_PER_SEGMENT = 2
"""Way-points into which the oracle divides each segment between two key poses."""

Outcome = Literal["done", "unreachable", "no contact", "nothing gripped", "not settled"]


@dataclass(frozen=True)
class MotionReport:
    """What came of an action.

    Attributes:
        outcome: ``done``; ``unreachable`` (nothing moved); ``no contact`` (the descent met nothing); ``nothing
            gripped`` (what it met cannot be picked up); ``not settled`` (done, but something still moved when the
            budget of physics steps was used up).
        grasped: whether a body was carried.
        complete: whether a whole motion is over; a way-point may leave it half done.
    """

    outcome: Outcome
    grasped: bool = False
    complete: bool = True


@dataclass(frozen=True)
class Waypoint:
    """One action of a continuous task.

    Attributes:
        tip: where the tip of the tool goes, in a straight line; on its way down (steeper than 1 in 2) it stops at
            contact.
        engaged: afterwards, suction on or off; with a spatula, whether the way there is a slow push.
    """

    tip: Pose
    engaged: bool


@dataclass(frozen=True)
class KeyPose:
    """A way-point that the oracle passes, and how it gets there.

    Attributes:
        waypoint: where to.
        engaged: of the way-points on the way.
        samples: way-points that the way is divided into, the last of which is this one.
    """

    waypoint: Waypoint
    engaged: bool = False
    samples: int = SAMPLES_PER_SEGMENT


class Primitive(ABC):
    """Turns the poses of an action into motion.

    Attributes:
        name: for tables.
        tool: at the arm's flange.
        poses: names of the poses of an action. The action space, the checks of an action, the arrays of a recorded
            episode and the drawings follow from them.
    """

    name: ClassVar[str]
    tool: ClassVar[type[Tool]]
    poses: ClassVar[tuple[str, ...]] = ("pick", "place")

    @abstractmethod
    def __call__(self, robot: Robot, action: Action) -> MotionReport:
        """Carry out an action; an action that cannot be reached moves nothing."""

    def plan(self, current: Pose, target: Pose, point: Vector, goal: Goal) -> Action:
        """The oracle's action that takes a body from its pose to its target.

        By default the first pose is at the point, and the last one where the body's pose becomes the target.

        Args:
            current: world pose of the body.
            target: world pose where the goal wants it.
            point: (x, y, z) metres, a visible point of the body, drawn at random.
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

    def waypoints(self, robot: Robot, action: Action) -> list[Waypoint]:
        """The way-points by which the oracle carries out an action in the continuous form, from where the tip is now.

        By default down to each pose in turn, and up again.
        """
        keys = [
            KeyPose(Waypoint(tip, False))
            for name in self.poses
            for tip in (motion.over(action[name]), action[name], motion.over(action[name]))
        ]
        return expand(robot, keys)

    def follow(self, robot: Robot, waypoint: Waypoint) -> MotionReport:
        """Move the tool to a way-point; one that cannot be reached moves nothing.

        By default a straight move that stops at contact on its way down.
        """
        if not robot.reaches(waypoint.tip):
            return MotionReport("unreachable", complete=False)
        motion.move(robot, waypoint.tip, TRAVEL_STEP)
        return MotionReport("done")


def expand(robot: Robot, keys: Sequence[KeyPose]) -> list[Waypoint]:
    """Key poses with way-points between them, from where the tip is now; those out of reach are left out."""
    waypoints: list[Waypoint] = []
    start = robot.tool.tip
    for key in keys:
        tip = key.waypoint.tip
        on_the_way = [interpolate(start, tip, i / key.samples) for i in range(1, key.samples)]
        waypoints += [*(Waypoint(pose, key.engaged) for pose in on_the_way), key.waypoint]
        start = tip
    return [waypoint for waypoint in waypoints if robot.reaches(waypoint.tip)]


def _shifted(target: Vector, point: Vector, current: Vector) -> Vector:
    x, y, z = (t + p - c for t, p, c in zip(target, point, current, strict=True))
    return (x, y, z)
