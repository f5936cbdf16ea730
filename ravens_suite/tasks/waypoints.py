"""The continuous form of every task: way-points of the tool instead of whole pick-and-place or push motions."""

from __future__ import annotations

from dataclasses import dataclass

from ravens_suite.sim.grippers import Suction
from ravens_suite.sim.kinematics import reachable_raise
from ravens_suite.sim.robot import TRAVEL_STEP, Robot, interpolate
from ravens_suite.tasks.primitives import APPROACH_HEIGHT, DESCENT_STEP, MotionReport, PickPlace, Primitive, Push
from ravens_suite.values.geometry import Pose, rotate_vector
from ravens_suite.values.types import Action

SAMPLES_PER_SEGMENT = 2
"""Way-points into which the oracle divides each segment between two key poses."""

WAYPOINTS_PER_ACTION = 16
"""Way-points that a continuous episode may take for each action of the primitive form."""

TRAVEL_HEIGHT = 0.27
"""Metres above the table at which the oracle's way-points travel; actions end at 0.28."""

_LEVEL = 1e-4
"""Metres by which a move must go down to count as a descent."""

_TOUCH_DOWN = 0.01
"""Metres below a contact height that a descending way-point asks for; the descent stops at contact."""


@dataclass(frozen=True)
class Waypoint:
    """One action of a continuous task.

    Attributes:
        tip: where the tip of the tool goes, in a straight line; on its way down it stops at contact.
        engaged: afterwards, suction on or off; with a spatula, whether the way there is a slow push.
    """

    tip: Pose
    engaged: bool


def follow(robot: Robot, waypoint: Waypoint, primitive: Primitive) -> MotionReport:
    """Move the tool to a way-point; one that cannot be reached moves nothing.

    Args:
        robot: the robot.
        waypoint: where to go.
        primitive: of the task; it knows the speeds.
    """
    if not robot.reaches(waypoint.tip):
        return MotionReport("unreachable")
    if isinstance(primitive, Push):
        robot.line(waypoint.tip, primitive.step if waypoint.engaged else TRAVEL_STEP)
        return MotionReport("done")
    gripper = robot.suction
    _move(robot, waypoint.tip, _speed(primitive, gripper))
    if not waypoint.engaged:
        gripper.release()
        return MotionReport("done")
    grasped = gripper.activate()
    return MotionReport("done" if grasped else "nothing gripped", grasped)


def expand(robot: Robot, primitive: Primitive, action: Action) -> list[Waypoint]:
    """The way-points by which the oracle carries out an action of the primitive form, from where the tip is now."""
    keys = _push_keys(primitive, action) if isinstance(primitive, Push) else _pick_place_keys(primitive, action)
    waypoints: list[Waypoint] = []
    start, engaged = robot.tool.tip, False
    for key in keys:
        on_the_way = key.engaged if isinstance(primitive, Push) else engaged
        waypoints += [
            Waypoint(interpolate(start, key.tip, i / SAMPLES_PER_SEGMENT), on_the_way)
            for i in range(1, SAMPLES_PER_SEGMENT)
        ]
        waypoints.append(key)
        start, engaged = key.tip, key.engaged
    return [waypoint for waypoint in waypoints if robot.reaches(waypoint.tip)]


def _pick_place_keys(primitive: Primitive, action: Action) -> list[Waypoint]:
    height = primitive.carry_height if isinstance(primitive, PickPlace) else APPROACH_HEIGHT

    def carried(pose: Pose) -> Pose:
        return pose.raised(height) if height < APPROACH_HEIGHT else _over(pose)

    pick, place = action.pick, action.place
    return [
        Waypoint(_over(pick), False),
        Waypoint(_onto(pick), True),
        Waypoint(carried(pick), True),
        *(Waypoint(above, True) for above in _detour(carried(place), height)),
        Waypoint(carried(place), True),
        Waypoint(_onto(place), False),
        Waypoint(_over(place), False),
    ]


def _push_keys(primitive: Push, action: Action) -> list[Waypoint]:
    start, end = primitive.ends(action)
    return [
        Waypoint(_over(start), False),
        Waypoint(start, False),
        Waypoint(end, True),
        Waypoint(_over(end), False),
    ]


def _over(pose: Pose) -> Pose:
    """Raised along the pose's z axis to the travel height, or as far towards it as the arm reaches."""
    upright = rotate_vector(pose.quaternion, (0.0, 0.0, 1.0))[2]
    return pose.raised(reachable_raise(pose, max((TRAVEL_HEIGHT - pose.position[2]) / upright, 0.0)))


def _detour(start: Pose, height: float) -> list[Pose]:
    """Where to go before a place that starts low because the tilted tool reaches no higher: level, and well above."""
    if height < APPROACH_HEIGHT or start.position[2] > TRAVEL_HEIGHT - _TOUCH_DOWN:
        return []
    return [start.level().at(z=TRAVEL_HEIGHT)]


def _onto(pose: Pose) -> Pose:
    """Lowered a little, so that the descent surely ends in contact."""
    return pose.raised(-min(_TOUCH_DOWN, max(pose.position[2], 0.0)))


def _speed(primitive: Primitive, gripper: Suction) -> float:
    """Metres a physics step: what is carried low goes slowly."""
    if gripper.held is not None and isinstance(primitive, PickPlace):
        return primitive.carry_step
    return TRAVEL_STEP


def _move(robot: Robot, tip: Pose, step: float) -> None:
    """A straight move; downwards it is slow near contact and stops there."""
    if tip.position[2] >= robot.tool.tip.position[2] - _LEVEL:
        robot.line(tip, step, gentle=step < TRAVEL_STEP)
        return
    robot.line(tip, min(step, DESCENT_STEP), robot.touching)
    robot.tool.command(robot.scene.pose(robot.tool.name))
