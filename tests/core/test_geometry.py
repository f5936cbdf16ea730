from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.core.cameras import Camera, published_cameras
from ravens_suite.core.geometry import Pose, angle_error, canonical, euler_quaternion, yaw_quaternion
from ravens_suite.core.seeding import SPLITS, generator
from ravens_suite.core.types import DEPTH_UNIT, quantize_depth
from ravens_suite.core.workspace import AGENT_WORKSPACE

coordinates = st.floats(-2, 2)
angles = st.floats(-math.pi, math.pi)
poses = st.builds(
    lambda p, e: Pose(p, euler_quaternion(*e)),
    st.tuples(coordinates, coordinates, coordinates),
    st.tuples(angles, angles, angles),
)


@given(a=poses, b=poses)
def test_composition_is_the_matrix_product(a: Pose, b: Pose) -> None:
    np.testing.assert_allclose((a @ b).matrix(), a.matrix() @ b.matrix(), atol=1e-9)
    np.testing.assert_allclose((a @ a.inverse()).matrix(), np.eye(4), atol=1e-9)
    np.testing.assert_allclose(Pose.from_matrix(a.matrix()).matrix(), a.matrix(), atol=1e-9)
    np.testing.assert_allclose(Pose.from_vector(3 * a.vector() / 3).matrix(), a.matrix(), atol=1e-9)


@given(axis=st.sampled_from([(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.6, 0.0, 0.8), (0.6, -0.8, 0.0)]), angle=angles)
def test_half_turns_come_back_from_matrices(axis: tuple[float, float, float], angle: float) -> None:
    for turn in (angle, math.pi, math.pi - 1e-9, 0.0):
        x, y, z = (math.sin(turn / 2) * value for value in axis)
        pose = Pose((1.0, 2.0, 3.0), (x, y, z, math.cos(turn / 2)))
        np.testing.assert_allclose(Pose.from_matrix(pose.matrix()).matrix(), pose.matrix(), atol=1e-9)


@given(roll=st.floats(-1.5, 1.5), pitch=angles, yaw=angles)
def test_euler_angles_come_back(roll: float, pitch: float, yaw: float) -> None:
    pose = Pose(quaternion=euler_quaternion(roll, pitch, yaw))
    again = Pose(quaternion=euler_quaternion(*pose.roll_pitch, pose.yaw))
    np.testing.assert_allclose(again.rotation(), pose.rotation(), atol=1e-6)
    assert angle_error(pose.yaw - yaw, 2 * math.pi) < 1e-6


@given(angle=st.floats(-50, 50), symmetry=st.floats(0.1, 7))
def test_angle_error_is_the_shortest_way(angle: float, symmetry: float) -> None:
    error = angle_error(angle, symmetry)
    assert 0 <= error <= symmetry / 2 + 1e-9
    assert math.isclose(error, angle_error(-angle, symmetry), abs_tol=1e-6)
    assert math.isclose(error, angle_error(angle + symmetry, symmetry), abs_tol=1e-6)


def test_the_published_cameras_look_where_the_task_sheet_says() -> None:
    front, left, right = published_cameras()
    for camera, axis, up in (
        (front, (-0.7071, 0, -0.7071), (-0.7071, 0, 0.7071)),
        (left, (0.4545, -0.4545, -0.7660), (0.5417, -0.5417, 0.6428)),
        (right, (0.4545, 0.4545, -0.7660), (0.5417, 0.5417, 0.6428)),
    ):
        rotation = camera.pose.rotation()
        np.testing.assert_allclose(rotation[:, 2], axis, atol=1e-3)
        np.testing.assert_allclose(-rotation[:, 1], up, atol=1e-3)
        assert camera.intrinsics[0, 0] == 450
        assert Camera.from_json(camera.to_json()) == camera


@given(row=st.integers(0, 319), column=st.integers(0, 159))
def test_pixels_and_metres_are_inverse(row: int, column: int) -> None:
    assert AGENT_WORKSPACE.shape == (320, 160)
    assert AGENT_WORKSPACE.to_pixel(*AGENT_WORKSPACE.to_metres(row, column)) == (row, column)


def test_splits_and_streams_draw_different_numbers() -> None:
    draws = {
        (split, stream): tuple(generator(7, split, stream).integers(1 << 40, size=3))
        for split in SPLITS
        for stream in ("scene", "oracle")
    }
    assert len(set(draws.values())) == len(draws)
    assert draws["train", "scene"] == tuple(generator(7, "train", "scene").integers(1 << 40, size=3))


@given(depth=st.floats(0, 6))
def test_depth_is_whole_multiples_of_its_unit(depth: float) -> None:
    value = quantize_depth(np.array([depth]))
    assert abs(float(value[0]) - depth) <= DEPTH_UNIT / 2 + 1e-6
    np.testing.assert_array_equal(quantize_depth(value), value)
    assert value.dtype == np.float32


def test_of_the_two_quaternions_of_a_rotation_one_is_canonical() -> None:
    for quaternion in ((0.1, 0.7, 0.1, 0.7), (0.6, -0.8, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (1.0, 0.0, 0.0, 0.0)):
        opposite = tuple(-value for value in quaternion)
        found = canonical(quaternion)
        assert canonical(opposite) == found in (quaternion, opposite)  # type: ignore[arg-type]
        assert [value for value in found if value][-1] > 0
        assert not any(np.signbit(value) for value in found if value == 0)
    for yaw in (math.pi, math.pi - 1e-9):
        np.testing.assert_allclose(canonical(yaw_quaternion(yaw)), (0.0, 0.0, 1.0, 0.0), atol=1e-8)
        np.testing.assert_allclose(canonical(yaw_quaternion(-yaw)), (0.0, 0.0, 1.0, 0.0), atol=1e-8)
