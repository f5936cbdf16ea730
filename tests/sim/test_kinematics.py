import math

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ravens_suite.core.geometry import Array, Pose, euler_quaternion, rotate_vector, yaw_quaternion
from ravens_suite.sim import kinematics as k

angles = st.floats(-math.pi, math.pi)
joints = st.tuples(
    *(st.floats(max(low, -6.0), min(high, 6.0)) for low, high in zip(k.JOINT_LOW, k.JOINT_HIGH, strict=True))
)
table = st.tuples(st.floats(0.25, 0.75), st.floats(-0.5, 0.5))


def reach(tool: Pose, near: Array = k.HOME_JOINTS) -> Array | None:
    return k.inverse(k.tool_to_flange(tool), near)


def pose_errors(solution: Array, wanted: Array) -> tuple[float, float]:
    """Metres and radians between forward(solution) and a 4x4 pose."""
    found = k.forward(solution)
    turn = found[:3, :3].T @ wanted[:3, :3]
    # The antisymmetric part holds the sine, which stays precise for small angles.
    sine = np.linalg.norm([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]) / 2
    return float(np.linalg.norm(found[:3, 3] - wanted[:3, 3])), math.atan2(sine, (np.trace(turn) - 1) / 2)


@settings(max_examples=500, deadline=None)
@given(joints)
def test_forward_of_inverse_is_the_pose_within_limits(angle: tuple[float, ...]) -> None:
    # A nearly straight or folded elbow magnifies rounding, which may carry the lift past a limit that it is at; and so
    # does a nearly singular wrist, after which a straight arm may fall short of the pose by a nanometre.
    inside = k.JOINT_LOW[1] + 1e-3 < angle[1] < k.JOINT_HIGH[1] - 1e-3
    assume(abs(math.sin(angle[2])) > 1e-3 or (inside and abs(math.sin(angle[4])) > 1e-3))
    wanted = k.forward(np.array(angle))
    singular = abs(math.sin(angle[4])) < 1e-6
    solution = k.inverse(Pose.from_matrix(wanted), np.array(angle) if singular else k.HOME_JOINTS)
    assert solution is not None
    distance, turn = pose_errors(solution, wanted)
    assert distance < 1e-6
    assert turn < 1e-6
    assert np.all(solution >= np.array(k.JOINT_LOW)) and np.all(solution <= np.array(k.JOINT_HIGH))


# Stretched out, with a wrist that is singular but for rounding.
@example((-1.0803368339711916, 0.0, 0.0, -1.0, -1.192092896e-07, -0.5))
@settings(max_examples=300, deadline=None)
@given(joints)
def test_inverse_near_the_true_joints_finds_them(angle: tuple[float, ...]) -> None:
    value = np.array(angle)
    solution = k.inverse(Pose.from_matrix(k.forward(value)), value)
    assert solution is not None
    assume(abs(math.sin(angle[4])) > 1e-3 and abs(math.sin(angle[2])) > 1e-3)
    wrist = k.link_poses(value)["wrist_3"].position
    assume(math.hypot(wrist[0], wrist[1]) > k.D4 + 1e-3)
    np.testing.assert_allclose(solution, value, atol=1e-5)


@pytest.mark.parametrize("elbow", [0.0, 1e-9, 1e-4, math.pi])
@pytest.mark.parametrize("wrist", [0.0, 1e-12, 1e-8, 1e-5, -math.pi])
def test_singular_poses_are_solved(elbow: float, wrist: float) -> None:
    value = np.array([-3.0, -1.2, elbow, 0.4, wrist, 0.3])
    wanted = k.forward(value)
    solution = k.inverse(Pose.from_matrix(wanted), k.HOME_JOINTS)
    assert solution is not None
    assert max(pose_errors(solution, wanted)) < 1e-6


@settings(max_examples=300, deadline=None)
@given(table, st.floats(0, 0.13), angles)
def test_the_whole_table_is_reached_with_the_tool_down(point: tuple[float, float], z: float, yaw: float) -> None:
    solution = reach(Pose.planar(*point, z, yaw))
    assert solution is not None
    # The published limits are enough for a tool that points down.
    assert -1.5 * math.pi <= solution[0] <= -0.5 * math.pi
    assert -0.75 * math.pi <= solution[1] <= 0


def test_far_corner_is_out_of_reach_above_its_ceiling() -> None:
    corner = Pose.planar(0.75, 0.5, 0.0)
    assert reach(corner.at(z=0.14)) is not None
    assert reach(corner.at(z=0.16)) is None
    assert k.reachable_raise(corner, 0.32) == pytest.approx(0.14)
    assert k.reachable_raise(Pose.planar(0.5, 0.0, 0.0), 0.32) == 0.32


@settings(max_examples=300, deadline=None)
@given(table, st.floats(0, 0.25), angles, st.floats(-45, 45), st.floats(-45, 45))
def test_limits_forbid_almost_no_tilted_pose(
    point: tuple[float, float], z: float, yaw: float, roll: float, pitch: float
) -> None:
    tool = Pose((*point, z), euler_quaternion(math.radians(roll), math.radians(pitch), yaw))
    for pan, lift, *_ in k._branches(k.tool_to_flange(tool), 0.0):
        if math.cos(pan) < -0.5 and math.sin(lift) < 0:  # facing the table, upper arm above the horizontal
            assert reach(tool) is not None


@pytest.mark.parametrize(
    "position",
    [
        (2.0, 0.0, 0.0),
        (0.0, 0.0, 0.3),
        (0.5, 0.0, 1.5),
        (0.0, 0.05, 0.2),
    ],
)
def test_unreachable_is_none(position: tuple[float, float, float]) -> None:
    assert reach(Pose(position)) is None


@settings(max_examples=60, deadline=None)
@given(table, table, st.floats(0, 0.3), st.floats(0, 0.3), angles)
def test_straight_lines_do_not_jump(
    start: tuple[float, float], end: tuple[float, float], z0: float, z1: float, yaw: float
) -> None:
    a, b = np.array([*start, z0]), np.array([*end, z1])
    steps = math.ceil(float(np.linalg.norm(b - a)) / 0.005) + 1
    previous = reach(Pose.planar(*a, yaw))
    for fraction in np.linspace(0, 1, steps):
        x, y, z = (float(value) for value in a + fraction * (b - a))
        if reach(Pose.planar(x, y, z + 0.02, yaw)) is None or previous is None:
            return  # within 2 cm of the edge of reach the elbow turns arbitrarily fast
        current = reach(Pose.planar(x, y, z, yaw), previous)
        assert current is not None
        assert np.abs(current - previous).max() < 0.2
        previous = current


def test_same_call_gives_same_bits() -> None:
    pose = k.tool_to_flange(Pose.planar(0.4, -0.2, 0.1, 1.0))
    first, second = k.inverse(pose, k.HOME_JOINTS), k.inverse(pose, k.HOME_JOINTS)
    assert first is not None and second is not None
    assert first.tobytes() == second.tobytes()


def test_home_holds_the_tool_straight_down_over_the_table() -> None:
    tool = k.flange_to_tool(Pose.from_matrix(k.forward(k.HOME_JOINTS)))
    np.testing.assert_allclose(tool.rotation(), np.eye(3), atol=1e-12)
    np.testing.assert_allclose(tool.position, (0.3922 + 0.0997, 0.1333, 0.1625 + 0.425 - 0.0996 - 0.12), atol=1e-12)
    assert reach(tool) == pytest.approx(k.HOME_JOINTS, abs=1e-9)


@given(angles, angles)
def test_tool_and_flange_are_inverse_and_turn_alike(roll: float, yaw: float) -> None:
    tool = Pose((0.5, 0.1, 0.2), euler_quaternion(roll, 0.3, yaw))
    np.testing.assert_allclose(k.flange_to_tool(k.tool_to_flange(tool)).matrix(), tool.matrix(), atol=1e-12)
    level = k.tool_to_flange(Pose(quaternion=yaw_quaternion(yaw)))
    straight = k.tool_to_flange(Pose())
    np.testing.assert_allclose(
        level.rotation(), Pose(quaternion=yaw_quaternion(yaw)).rotation() @ straight.rotation(), atol=1e-12
    )
    assert level.position == pytest.approx((0, 0, k.TOOL_LENGTH))
    assert rotate_vector(level.quaternion, (0, 0, 1)) == pytest.approx((0, 0, -1))


@settings(deadline=None)
@given(joints)
def test_links_end_at_the_flange_and_forward_is_vectorised(angle: tuple[float, ...]) -> None:
    value = np.array(angle)
    single = k.forward(value)
    poses = k.link_poses(value)
    assert list(poses) == ["base", *k.LINKS, "flange"]
    np.testing.assert_allclose(poses["flange"].matrix(), single, atol=1e-9)
    np.testing.assert_allclose(poses["wrist_3"].raised(k.D6).position, single[:3, 3], atol=1e-9)
    batch = k.forward(np.stack([k.HOME_JOINTS, value]).reshape(2, 1, 6))
    assert batch.shape == (2, 1, 4, 4)
    np.testing.assert_allclose(batch[1, 0], single, atol=1e-12)
