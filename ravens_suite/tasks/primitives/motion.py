"""Motions that several primitives are made of.

Poses are those of the tool's tip in the world frame. Time is counted in physics steps of ``sim.precision.TIME_STEP``.
"""

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
"""Metres above the table at which the oracle's way-points travel; poses of whole motions end at 0.28."""

REST_STEPS = 8
"""Physics steps between touching down and letting go."""

_COME_FREE = 0.003
"""Metres that the tool rises from what it has let go."""

_STEEP = 0.5
"""Metres up or down for each metre along the table above which a move counts as a lift or a descent: more than a load
carried low climbs on its way, less than the most tilted tool does along its axis."""

_LEAST_WAY = 1e-4
"""Metres along the table that a straight lift or descent counts as, so that its steepness is finite."""

TOUCH_DOWN = 0.01
"""Metres below the expected contact that a descending way-point asks for; the descent stops at contact."""


def above(pose: Pose, height: float = APPROACH_HEIGHT) -> Pose:
    """The pose raised along its own z axis by ``height`` metres, or as far as the arm reaches."""
    return pose.raised(reachable_raise(pose, height))


def over(pose: Pose) -> Pose:
    """The pose raised along its own z axis to ``TRAVEL_HEIGHT``, or as far towards it as the arm reaches."""
    upright = rotate_vector(pose.quaternion, (0.0, 0.0, 1.0))[2]
    return pose.raised(reachable_raise(pose, max((TRAVEL_HEIGHT - pose.position[2]) / upright, 0.0)))


def onto(pose: Pose) -> Pose:
    """The pose lowered by ``TOUCH_DOWN`` along its own z axis, so that the descent surely ends in contact."""
    return pose.raised(-min(TOUCH_DOWN, max(pose.position[2], 0.0)))


def let_go(robot: Robot) -> None:
    """Stop pressing, wait ``REST_STEPS``, then release."""
    robot.tool.command(robot.scene.pose(robot.tool.name))
    robot.scene.step(REST_STEPS)
    robot.tool.release()


def let_go_or_relax(robot: Robot) -> None:
    """Release what is held and rise 3 mm, lest it turn with the tool; an empty gripper only stops pressing."""
    if robot.tool.holds:
        let_go(robot)
        robot.line(robot.tool.tip.raised(_COME_FREE), DESCENT_STEP)
    elif robot.touching():
        robot.tool.command(robot.scene.pose(robot.tool.name))


def move(robot: Robot, tip: Pose, step: float) -> None:
    """A straight move through free space; a descent (steeper than 1 in 2) is slow near contact and stops there.

    But with "simulated" motion, the part of the way that is free of contact is skipped, as in the primitive form.

    Args:
        robot: to be moved.
        tip: where to.
        step: metres a physics step.
    """
    descends = steepness(robot, tip) < -_STEEP
    while True:
        _skip(robot, tip)
        if descends:
            robot.line(tip, min(step, DESCENT_STEP), robot.touching)
            return
        if not robot.line(tip, step, None if robot.motion == "simulated" else _skippable(robot)):
            return


def carry_low(robot: Robot, tip: Pose, step: float) -> None:
    """A straight move with a load that drags on the table: simulated all the way, with gentle starts and stops.

    Args:
        robot: to be moved.
        tip: where to.
        step: metres a physics step; half of it upwards and downwards.
    """
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
    """Says when the rest of a move may be skipped: the tool is clear of where it began, and all else is still."""
    start = robot.tool.tip.position
    return lambda: math.dist(robot.tool.tip.position, start) >= CLEARANCE and _free(robot)


def _free(robot: Robot) -> bool:
    return not robot.tool.touches() and robot.scene.still(ignore=robot.tool.parts)


def _skip(robot: Robot, tip: Pose) -> None:
    """Put the tool and what it holds at the farthest point of a straight move that their bounds reach freely."""
    if robot.motion == "simulated" or not _free(robot):
        return
    if robot.motion == "fast":
        robot.skip(tip)
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
