"""The continuous form of every task: way-points of the tool instead of whole pick-and-place or push motions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ravens_suite.core.geometry import Pose, rotate_vector
from ravens_suite.core.types import Action
from ravens_suite.sim.kinematics import reachable_raise
from ravens_suite.sim.robot import CLEARANCE, TRAVEL_STEP, Robot, interpolate
from ravens_suite.tasks.primitives import DESCENT_STEP, MotionReport, PickPlace, Primitive, Push, let_go

SAMPLES_PER_SEGMENT = 2
"""Way-points into which the oracle divides each segment between two key poses."""

WAYPOINTS_PER_ACTION = 16
"""Way-points that a continuous episode may take for each action of the primitive form."""

TRAVEL_HEIGHT = 0.27
"""Metres above the table at which the oracle's way-points travel; actions end at 0.28."""

_COME_FREE = 0.003
"""Metres that the tool rises from what it has let go."""

_STEEP = 0.5
"""Metres up or down for each metre along the table above which a move counts as a lift or a descent: more than a load
carried low climbs on its way, less than the most tilted tool does along its axis."""

_LEAST_WAY = 1e-4
"""Metres along the table that are assumed of a straight lift or descent."""

_TOUCH_DOWN = 0.01
"""Metres below a contact height that a descending way-point asks for; the descent stops at contact."""


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
        if waypoint.engaged:
            robot.line(waypoint.tip, primitive.step)
        else:
            _move(robot, waypoint.tip, TRAVEL_STEP)
        return MotionReport("done")
    _follow_gripping(robot, waypoint.tip, _pick_place(primitive))
    if not waypoint.engaged:
        _let_go_or_relax(robot)
        return MotionReport("done")
    grasped = robot.suction.activate()
    if not grasped:
        _let_go_or_relax(robot)
    return MotionReport("done" if grasped else "nothing gripped", grasped)


def expand(robot: Robot, primitive: Primitive, action: Action) -> list[Waypoint]:
    """The way-points by which the oracle carries out an action of the primitive form, from where the tip is now."""
    keys = _push_keys(primitive, action) if isinstance(primitive, Push) else _pick_place_keys(primitive, action)
    waypoints: list[Waypoint] = []
    start, engaged = robot.tool.tip, False
    for key in keys:
        on_the_way = key.engaged if isinstance(primitive, Push) else engaged
        samples = 1 if on_the_way and _pick_place(primitive).carries_low else SAMPLES_PER_SEGMENT
        waypoints += [Waypoint(interpolate(start, key.tip, i / samples), on_the_way) for i in range(1, samples)]
        waypoints.append(key)
        start, engaged = key.tip, key.engaged
    return [waypoint for waypoint in waypoints if robot.reaches(waypoint.tip)]


def _pick_place(primitive: Primitive) -> PickPlace:
    """How a primitive with a suction gripper carries."""
    return primitive if isinstance(primitive, PickPlace) else PickPlace()


def _pick_place_keys(primitive: Primitive, action: Action) -> list[Waypoint]:
    pick, place, carrying = action.pick, action.place, _pick_place(primitive)

    def carried(pose: Pose) -> Pose:
        return pose.raised(carrying.carry_height) if carrying.carries_low else _over(pose)

    detour = [] if carrying.carries_low else _detour(carried(place))
    return [
        Waypoint(_over(pick), False),
        Waypoint(_onto(pick), True),
        Waypoint(carried(pick), True),
        *(Waypoint(above, True) for above in detour),
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


def _detour(start: Pose) -> list[Pose]:
    """Where to go before a place that starts low because the tilted tool reaches no higher: level, and well above."""
    if start.position[2] > TRAVEL_HEIGHT - _TOUCH_DOWN:
        return []
    return [start.level().at(z=TRAVEL_HEIGHT)]


def _onto(pose: Pose) -> Pose:
    """Lowered a little, so that the descent surely ends in contact."""
    return pose.raised(-min(_TOUCH_DOWN, max(pose.position[2], 0.0)))


def _follow_gripping(robot: Robot, tip: Pose, primitive: PickPlace) -> None:
    """Move the suction gripper, at the speed at which the primitive carries what it may hold."""
    if robot.suction.held is None:
        _move(robot, tip, TRAVEL_STEP)
    elif primitive.carries_low:
        _carry_low(robot, tip, primitive.carry_step)
    else:
        _move(robot, tip, primitive.carry_step)


def _let_go_or_relax(robot: Robot) -> None:
    """Release what is held and come free of it, lest it turn under the tool; an empty gripper only stops pressing."""
    if robot.suction.held is not None:
        let_go(robot)
        robot.line(robot.tool.tip.raised(_COME_FREE), DESCENT_STEP)
    elif robot.touching():
        robot.tool.command(robot.scene.pose(robot.tool.name))


def _move(robot: Robot, tip: Pose, step: float) -> None:
    """A straight move through free space; downwards it is slow near contact and stops there.

    With ``motion="fast"`` what is free of contact is skipped, as in the primitive form.
    """
    descends = _steepness(robot, tip) < -_STEEP
    while True:
        _skip(robot, tip)
        if descends:
            robot.line(tip, min(step, DESCENT_STEP), robot.touching)
            return
        if not robot.line(tip, step, _skippable(robot) if robot.motion == "fast" else None):
            return


def _carry_low(robot: Robot, tip: Pose, step: float) -> None:
    """A move with a load that drags on the table, as ``PickPlace`` carries it: nothing is skipped, nothing jerks."""
    steepness = _steepness(robot, tip)
    if abs(steepness) <= _STEEP:
        robot.line(tip, step, gentle=True)
    else:
        robot.line(tip, step / 2, robot.stopped if steepness < 0 else None)


def _steepness(robot: Robot, tip: Pose) -> float:
    """Metres that a move to a tip pose rises for each metre along the table."""
    (x0, y0, z0), (x1, y1, z1) = robot.tool.tip.position, tip.position
    return (z1 - z0) / max(math.hypot(x1 - x0, y1 - y0), _LEAST_WAY)


def _skippable(robot: Robot) -> Callable[[], bool]:
    """A condition that ends a simulated move once the rest may be skipped: clear of where it began, all still."""
    start = robot.tool.tip.position
    return lambda: math.dist(robot.tool.tip.position, start) >= CLEARANCE and _free(robot)


def _free(robot: Robot) -> bool:
    return not robot.tool.touching() and robot.scene.still(ignore=robot.tool.parts)


def _skip(robot: Robot, tip: Pose) -> None:
    """Put the tool and what it holds as far along a straight move as their bounds keep clear of all others."""
    if robot.motion == "simulated" or not _free(robot):
        return
    scene, start = robot.scene, robot.tool.tip
    count = math.ceil(math.dist(start.position, tip.position) / CLEARANCE)
    others = [scene.bounds(name) for name in scene.colliders() if name not in robot.tool.parts]
    low, high = (np.array(corners) for corners in zip(*others, strict=True))
    reached = start
    for i in range(1, count + 1):
        pose = interpolate(start, tip, i / count)
        moved = [scene.bounds(name, part) for name, part in robot.tool.part_poses(pose).items()]
        if any(np.all((lo < high + CLEARANCE) & (hi > low - CLEARANCE), axis=1).any() for lo, hi in moved):
            break
        reached = pose
    if reached is not start:
        robot.tool.jump(reached)
