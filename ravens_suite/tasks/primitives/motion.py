"""Motions that several primitives are made of. Budgets are counted in physics steps."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ravens_suite.core.geometry import Pose, rotate_vector
from ravens_suite.sim.kinematics import reachable_raise
from ravens_suite.sim.robot import CLEARANCE, Robot, interpolate

APPROACH_HEIGHT = 0.32
"""Metres above a pose of an action, along its z axis, where the tool comes from and goes to."""

DESCENT_STEP = 0.001
"""Metres a physics step on the way down, until contact."""

TRAVEL_HEIGHT = 0.27
"""Metres above the table at which the oracle's way-points travel; actions end at 0.28."""

REST_STEPS = 8
"""Physics steps between touching down and letting go."""

_COME_FREE = 0.003
"""Metres that the tool rises from what it has let go."""

_STEEP = 0.5
"""Metres up or down for each metre along the table above which a move counts as a lift or a descent: more than a load
carried low climbs on its way, less than the most tilted tool does along its axis."""

_LEAST_WAY = 1e-4
"""Metres along the table that are assumed of a straight lift or descent."""

TOUCH_DOWN = 0.01
"""Metres below a contact height that a descending way-point asks for; the descent stops at contact."""


def above(pose: Pose, height: float = APPROACH_HEIGHT) -> Pose:
    """The pose raised along its z axis by metres, or as far as the arm reaches."""
    return pose.raised(reachable_raise(pose, height))


def over(pose: Pose) -> Pose:
    """Raised along the pose's z axis to the travel height, or as far towards it as the arm reaches."""
    upright = rotate_vector(pose.quaternion, (0.0, 0.0, 1.0))[2]
    return pose.raised(reachable_raise(pose, max((TRAVEL_HEIGHT - pose.position[2]) / upright, 0.0)))


def onto(pose: Pose) -> Pose:
    """Lowered a little, so that the descent surely ends in contact."""
    return pose.raised(-min(TOUCH_DOWN, max(pose.position[2], 0.0)))


def let_go(robot: Robot) -> None:
    """Stop pressing, then release."""
    robot.tool.command(robot.scene.pose(robot.tool.name))
    robot.scene.step(REST_STEPS)
    robot.tool.release()


def let_go_or_relax(robot: Robot) -> None:
    """Release what is held and come free of it, lest it turn under the tool; an empty gripper only stops pressing."""
    if robot.tool.holds:
        let_go(robot)
        robot.line(robot.tool.tip.raised(_COME_FREE), DESCENT_STEP)
    elif robot.touching():
        robot.tool.command(robot.scene.pose(robot.tool.name))


def move(robot: Robot, tip: Pose, step: float) -> None:
    """A straight move through free space; downwards it is slow near contact and stops there.

    With ``motion="fast"`` what is free of contact is skipped, as in the primitive form.
    """
    descends = steepness(robot, tip) < -_STEEP
    while True:
        _skip(robot, tip)
        if descends:
            robot.line(tip, min(step, DESCENT_STEP), robot.touching)
            return
        if not robot.line(tip, step, _skippable(robot) if robot.motion == "fast" else None):
            return


def carry_low(robot: Robot, tip: Pose, step: float) -> None:
    """A move with a load that drags on the table, as ``PickPlace`` carries it: nothing is skipped, nothing jerks."""
    slope = steepness(robot, tip)
    if abs(slope) <= _STEEP:
        robot.line(tip, step, gentle=True)
    else:
        robot.line(tip, step / 2, robot.stopped if slope < 0 else None)


def steepness(robot: Robot, tip: Pose) -> float:
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
