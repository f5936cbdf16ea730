"""Kinematics of the UR5e, in closed form both ways, and of the tool at its flange.

Geometry: the manufacturer's Denavit-Hartenberg parameters ("DH Parameters for calculations of kinematics and dynamics",
Universal Robots). The inverse follows the derivation of Hawkins, "Analytic Inverse Kinematics for the Universal Robots
UR-5/UR-10 Arms" (2013), with two-argument arc tangents in place of arc cosines wherever both sine and cosine are known,
so that it keeps its precision near the wrist singularity.

Frames: the published suite turns the robot's base link by 180 degrees about z. The DH base frame is itself turned by
180 degrees against that link, so it coincides with the world frame: the two turns cancel, and with the shoulder at -pi
the arm reaches along +x. Metres and radians.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from itertools import product

import numpy as np

from ravens_suite.core.geometry import Array, Pose, Vector, rotate_vector, yaw_quaternion

D1, D4, D5, D6 = 0.1625, 0.1333, 0.0997, 0.0996
"""Metres along the joint axes: shoulder height, and the three wrist offsets."""

A2, A3 = -0.425, -0.3922
"""Metres along the x axes: upper arm and forearm (negative by the manufacturer's convention)."""

_DH = (
    (D1, 0.0, math.pi / 2),
    (0.0, A2, 0.0),
    (0.0, A3, 0.0),
    (D4, 0.0, math.pi / 2),
    (D5, 0.0, -math.pi / 2),
    (D6, 0.0, 0.0),
)
"""For each joint: offset d along z, length a along x (metres), twist alpha about x (radians)."""

LINKS = ("shoulder", "upper_arm", "forearm", "wrist_1", "wrist_2", "wrist_3")

HOME_JOINTS: Array = np.array([-1.0, -0.5, 0.5, -0.5, -0.5, 0.0]) * math.pi
"""(6,) float64 radians, from the shoulder to the last wrist: the arm at rest."""
HOME_JOINTS.setflags(write=False)
_HOME: list[float] = HOME_JOINTS.tolist()

JOINT_LOW: tuple[float, ...] = (-1.75 * math.pi, -math.pi, -17.0, -17.0, -17.0, -17.0)
JOINT_HIGH: tuple[float, ...] = (-0.25 * math.pi, 0.0, 17.0, 17.0, 17.0, 17.0)
"""Radians. The published limits are -3pi/2..-pi/2 for the shoulder pan and -3pi/4..0 for its lift. They hold for a tool
that points straight down; both are 45 degrees wider here because a tool tilted by 45 degrees takes the wrist off the
table's near corners, to the side of and behind the shoulder."""

TOOL_LENGTH = 0.12
"""Metres from the flange to the tip of the tool."""

_TIP_IN_FLANGE = Pose((0.0, 0.0, TOOL_LENGTH), (math.sqrt(0.5), -math.sqrt(0.5), 0.0, 0.0))
"""The tip's z points back into the flange. Its x and y are such that the tip has yaw 0 at home."""

_FLANGE_IN_TIP = _TIP_IN_FLANGE.inverse()

_TOLERANCE = 1e-8
"""How far a cosine may exceed 1 by rounding, at a fully stretched or folded arm."""

_LIMIT_TOLERANCE = 1e-7
"""Radians by which rounding may carry an angle past its limit; it is then put on the limit."""

_SINGULAR = 1e-7
"""Below this sine of the fifth joint its neighbours' axes are parallel, and the sixth joint keeps its angle."""


def tool_to_flange(tool: Pose) -> Pose:
    """The flange's pose for a pose of the tool's tip; both in the world frame.

    With the identity quaternion the tool points straight down; the pose's z axis points from the tip to the flange.
    """
    return tool @ _FLANGE_IN_TIP


def flange_to_tool(flange: Pose) -> Pose:
    """The inverse of ``tool_to_flange``."""
    return flange @ _TIP_IN_FLANGE


def forward(joints: Array) -> Array:
    """Pose of the flange.

    Args:
        joints: ``(..., 6)`` float64 radians.

    Returns:
        ``(..., 4, 4)`` float64: homogeneous transforms from the flange's frame (z out of the flange) to the world.
    """
    joints = np.asarray(joints, dtype=np.float64)
    cos, sin = np.cos(joints), np.sin(joints)
    result = np.broadcast_to(np.eye(4), (*joints.shape[:-1], 4, 4))
    for i, (d, a, alpha) in enumerate(_DH):
        step = np.zeros((*joints.shape[:-1], 4, 4))
        c, s, ca, sa = cos[..., i], sin[..., i], math.cos(alpha), math.sin(alpha)
        step[..., 0, 0], step[..., 0, 1], step[..., 0, 2], step[..., 0, 3] = c, -s * ca, s * sa, a * c
        step[..., 1, 0], step[..., 1, 1], step[..., 1, 2], step[..., 1, 3] = s, c * ca, -c * sa, a * s
        step[..., 2, 1], step[..., 2, 2], step[..., 2, 3], step[..., 3, 3] = sa, ca, d, 1.0
        result = result @ step
    return result


def link_poses(joints: Array) -> dict[str, Pose]:
    """Where each link is, for drawing.

    Args:
        joints: ``(6,)`` float64 radians.

    Returns:
        World poses by name: ``base``, the six ``LINKS``, and ``flange``. A link's frame has its origin on the link's
        own joint axis and turns with it about z; the next joint is at (0, 0, d) or (a, 0, 0) in it.
    """
    pose = Pose()
    poses = {"base": pose}
    for name, angle, (d, a, alpha) in zip(LINKS, joints, _DH, strict=True):
        poses[name] = pose @ Pose(quaternion=yaw_quaternion(float(angle)))
        twist = (math.sin(alpha / 2), 0.0, 0.0, math.cos(alpha / 2))
        pose = poses[name] @ Pose((a, 0.0, d), twist)
    poses["flange"] = pose
    return poses


def inverse(flange: Pose, near: Array) -> Array | None:
    """Joint angles that put the flange at a pose.

    Where the wrist is singular (the tool at a right angle to the upright) joint 6 keeps its angle in ``near``.

    Args:
        flange: wanted pose of the flange, world frame.
        near: ``(6,)`` float64 radians; of up to eight branches within the joint limits, the nearest to it is chosen.

    Returns:
        ``(6,)`` float64 radians, or ``None`` when the pose is out of reach.
    """
    start = [float(angle) for angle in near]
    best: list[float] | None = None
    best_distance = math.inf
    for branch in _branches(flange, start[5]):
        joints = _within_limits(branch, start)
        if joints is None:
            continue
        distance = math.dist(joints, start)
        if distance < best_distance:
            best, best_distance = joints, distance
    return None if best is None else np.array(best)


@lru_cache(maxsize=32)
def reachable(flange: Pose) -> bool:
    """Whether the flange can be put at a pose, world frame, within the joint limits."""
    return any(_within_limits(branch, _HOME) is not None for branch in _branches(flange, _HOME[5]))


def reachable_raise(tool: Pose, distance: float, *, step: float = 0.01) -> float:
    """How far a tool pose can be raised along its own z axis, up to a wish.

    Over the table's far corners the arm is nearly stretched out, so the published approach height is out of its reach.

    Args:
        tool: pose of the tip, world frame.
        distance: wanted raise in metres.
        step: resolution in metres.

    Returns:
        The largest of ``distance``, ``distance - step``, ... whose pose can be reached; 0 when none can.
    """
    while distance > 0:
        if reachable(tool_to_flange(tool.raised(distance))):
            return distance
        distance -= step
    return 0.0


def _branches(flange: Pose, free_angle: float) -> Iterator[list[float]]:
    """All closed-form solutions, angles modulo a full turn; ``free_angle`` is joint 6 where the wrist is singular."""
    x_axis, y_axis, z_axis = (rotate_vector(flange.quaternion, axis) for axis in _AXES)
    px, py, pz = (p - D6 * z for p, z in zip(flange.position, z_axis, strict=True))
    radius = math.hypot(px, py)
    if not radius * (1 + _TOLERANCE) >= D4:  # so written that NaN is out of reach too
        return
    direction, offset = math.atan2(py, px), math.asin(min(D4 / radius, 1.0))
    for pan, flip in product((direction + offset, direction + math.pi - offset), (1.0, -1.0)):
        s1, c1 = math.sin(pan), math.cos(pan)
        # The flange's axes seen along the axis of joints 2 to 4, which is (s1, -c1, 0) in the world.
        along_x, along_y, c5 = (axis[0] * s1 - axis[1] * c1 for axis in (x_axis, y_axis, z_axis))
        s5 = math.hypot(along_x, along_y)
        wrist_2 = math.atan2(flip * s5, c5)
        wrist_3 = free_angle if s5 < _SINGULAR else math.atan2(-flip * along_y, flip * along_x)
        s6, c6 = math.sin(wrist_3), math.cos(wrist_3)
        ax, ay, az = (-s6 * x - c6 * y for x, y in zip(x_axis, y_axis, strict=True))  # the axis of joint 5
        total = math.atan2(c1 * ax + s1 * ay, -az)  # the sum of joints 2 to 4
        across, up = c1 * (px - D5 * ax) + s1 * (py - D5 * ay), pz - D5 * az - D1
        for lift, elbow in _two_link(across, up):
            yield [pan, lift, elbow, total - lift - elbow, wrist_2, wrist_3]


_AXES: tuple[Vector, ...] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def _two_link(across: float, up: float) -> list[tuple[float, float]]:
    """(lift, elbow) angles that put the end of the forearm at a point of the arm's plane."""
    cosine = (across * across + up * up - A2 * A2 - A3 * A3) / (2 * A2 * A3)
    if not abs(cosine) <= 1 + _TOLERANCE:
        return []
    bend = math.acos(max(-1.0, min(1.0, cosine)))
    direction = math.atan2(up, across)
    return [(direction - math.atan2(A3 * math.sin(elbow), A2 + A3 * math.cos(elbow)), elbow) for elbow in (bend, -bend)]


def _within_limits(angles: list[float], near: list[float]) -> list[float] | None:
    """Each angle plus the full turns that bring it nearest to ``near`` within its limits; ``None`` if none do."""
    turn = 2 * math.pi
    result = []
    for angle, wanted, low, high in zip(angles, near, JOINT_LOW, JOINT_HIGH, strict=True):
        value = angle + turn * round((wanted - angle) / turn)
        if value > high:
            value -= turn * math.ceil((value - high - _LIMIT_TOLERANCE) / turn)
        elif value < low:
            value += turn * math.ceil((low - value - _LIMIT_TOLERANCE) / turn)
        if not low - _LIMIT_TOLERANCE <= value <= high + _LIMIT_TOLERANCE:
            return None
        result.append(min(max(value, low), high))
    return result
