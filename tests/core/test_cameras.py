"""Cameras and poses that cannot be are refused; those that look straight down can be."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ravens_suite.core.cameras import Camera, cameras_from_json, check_intrinsics, look_at, published_cameras
from ravens_suite.core.geometry import Pose, check_rigid, euler_quaternion, yaw_quaternion
from ravens_suite.errors import ConfigError, InvalidCameraError, InvalidPoseError

DOWN = look_at((0.5, 0.0, 1.0), (0.5, 0.0, 0.0))
finite = st.floats(-3, 3)
points = st.tuples(finite, finite, finite)
broken = st.sampled_from([math.nan, math.inf, -math.inf])


# -------------------------------------------------------------------------- look_at


def test_a_camera_that_looks_straight_down_has_x_up_and_y_left() -> None:
    np.testing.assert_allclose(DOWN.rotation() @ (0, -1, 0), (1, 0, 0), atol=1e-9)
    np.testing.assert_allclose(DOWN.rotation() @ (-1, 0, 0), (0, 1, 0), atol=1e-9)
    np.testing.assert_allclose(DOWN.rotation() @ (0, 0, 1), (0, 0, -1), atol=1e-9)


def test_a_camera_that_looks_straight_up_has_x_up() -> None:
    pose = look_at((0.5, 0.0, 0.0), (0.5, 0.0, 1.0), (0.0, 0.0, -2.0))
    np.testing.assert_allclose(pose.rotation() @ (0, -1, 0), (1, 0, 0), atol=1e-9)
    along_x = look_at((0.0, 0.0, 0.5), (1.0, 0.0, 0.5), (1.0, 0.0, 0.0))
    np.testing.assert_allclose(along_x.rotation() @ (0, -1, 0), (0, 0, 1), atol=1e-9)


@given(position=points, target=points, up=st.one_of(points, st.sampled_from([(1.0, 0.0, 0.0), (0.0, 0.0, 1.0)])))
def test_look_at_gives_a_pose_or_says_why_not(
    position: tuple[float, float, float], target: tuple[float, float, float], up: tuple[float, float, float]
) -> None:
    try:
        pose = look_at(position, target, up)
    except InvalidPoseError:
        assert np.linalg.norm(np.subtract(target, position)) < 1e-8 or not any(up)
        return
    check_rigid(pose.matrix())
    axis = np.subtract(target, position) / np.linalg.norm(np.subtract(target, position))
    np.testing.assert_allclose(pose.rotation()[:, 2], axis, atol=1e-6)


@pytest.mark.parametrize(
    ("position", "target", "up", "why"),
    [
        ((0.5, 0.0, 1.0), (0.5, 0.0, 1.0), (0.0, 0.0, 1.0), "no direction"),
        ((0.5, 0.0, math.nan), (0.5, 0.0, 0.0), (0.0, 0.0, 1.0), "position must be three finite"),
        ((0.5, 0.0, 1.0), (0.5, math.inf, 0.0), (0.0, 0.0, 1.0), "target must be three finite"),
        ((0.5, 0.0, 1.0), (0.5, 0.0, 0.0), (0.0, 0.0, 0.0), "up is zero"),
        ((0.5, 0.0), (0.5, 0.0, 0.0), (0.0, 0.0, 1.0), "position must be three"),
    ],
)
def test_look_at_refuses_what_gives_no_direction(position: Any, target: Any, up: Any, why: str) -> None:
    with pytest.raises(InvalidPoseError, match=why):
        look_at(position, target, up)


# ---------------------------------------------------------------------------- poses


@given(numbers=st.lists(finite, min_size=7, max_size=7), place=st.integers(0, 6), value=broken)
def test_no_pose_has_a_number_that_is_not_finite(numbers: list[float], place: int, value: float) -> None:
    numbers[place] = value
    with pytest.raises(InvalidPoseError):
        Pose.from_vector(numbers)
    x, y, z, *_ = numbers
    quaternion = (0.0, 0.0, 0.0, 1.0) if place < 3 else (0.0, 0.0, value, 1.0)
    with pytest.raises(InvalidPoseError):
        Pose((x, y, z), quaternion)
    matrix = np.eye(4)
    matrix.flat[place] = value
    with pytest.raises(InvalidPoseError):
        Pose.from_matrix(matrix)


@pytest.mark.parametrize("quaternion", [(0, 0, 0, 0), (0, 0, 0, 2), (1, 1, 1, 1), (0, 0, 0), "abcd", None])
def test_a_quaternion_far_from_unit_length_is_refused(quaternion: Any) -> None:
    with pytest.raises(InvalidPoseError):
        Pose((0.0, 0.0, 0.0), quaternion)


def test_a_quaternion_rounded_to_three_digits_is_normalised() -> None:
    pose = Pose(quaternion=(0.0, 0.0, 0.707, 0.707))
    assert math.isclose(np.linalg.norm(pose.quaternion), 1, abs_tol=1e-15)
    check_rigid(pose.matrix())


@given(quaternion=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=4, max_size=4))
def test_any_quaternion_but_zero_is_normalised(quaternion: list[float]) -> None:
    assume(any(quaternion))
    pose = Pose.from_vector([0.0, 0.0, 0.0, *quaternion])
    assert math.isclose(np.linalg.norm(pose.quaternion), 1, abs_tol=1e-9)


def test_a_vector_that_is_no_pose_is_refused() -> None:
    for vector in ([0.0] * 7, [0.0] * 6, ["a"] * 7, None):
        with pytest.raises(InvalidPoseError):
            Pose.from_vector(vector)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("matrix", "why"),
    [
        (np.diag([1.0, 1.0, -1.0, 1.0]), "mirrors"),
        (np.diag([2.0, 1.0, 1.0, 1.0]), "orthonormal"),
        (np.zeros((4, 4)), "last row"),
        (np.diag([1.0, 1.0, 1.0, 0.5]), "last row"),
        (np.eye(3), "shape"),
        ([["a"] * 4] * 4, "numbers"),
    ],
)
def test_a_matrix_that_is_no_pose_is_refused(matrix: Any, why: str) -> None:
    with pytest.raises(InvalidPoseError, match=why):
        Pose.from_matrix(matrix)


@given(value=broken)
def test_angles_are_finite(value: float) -> None:
    for make in (yaw_quaternion, lambda angle: Pose.planar(0.0, 0.0, 0.0, angle), lambda a: euler_quaternion(0, a, 0)):
        with pytest.raises(InvalidPoseError, match="finite"):
            make(value)


# -------------------------------------------------------------------------- cameras


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"focal_length": 0.0}, "focal lengths"),
        ({"focal_length": -450.0}, "focal lengths"),
        ({"focal_length": math.nan}, "focal_length"),
        ({"focal_length_y": -1.0}, "focal lengths"),
        ({"focal_length_y": math.inf}, "focal_length_y"),
        ({"principal_point": (2000.0, 240.0)}, "principal point"),
        ({"principal_point": (320.0, -481.0)}, "principal point"),
        ({"principal_point": (math.nan, 240.0)}, "cx"),
        ({"principal_point": 320.0}, "principal_point"),
        ({"near": 0.0}, "near"),
        ({"near": -1.0}, "near"),
        ({"near": 10.0, "far": 1.0}, "near"),
        ({"far": math.inf}, "far"),
        ({"far": 1e6}, "far"),
        ({"image_size": (0, 640)}, "image_size"),
        ({"image_size": (480.5, 640)}, "image_size"),
        ({"image_size": (True, 640)}, "image_size"),
        ({"image_size": 480}, "image_size"),
        ({"pose": np.eye(4)}, "Pose"),
        ({"name": 3}, "name"),
    ],
)
def test_a_camera_that_cannot_be_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidCameraError, match=why):
        replace(published_cameras()[0], **changes)
    assert issubclass(InvalidCameraError, ConfigError) and issubclass(InvalidCameraError, ValueError)


def test_sizes_may_be_whole_numbers_of_numpy() -> None:
    camera = Camera("a", DOWN, (np.int64(48), np.int32(64)), np.float32(50))  # type: ignore[arg-type]
    assert camera == Camera("a", DOWN, (48, 64), 50.0)
    assert json.loads(json.dumps(camera.to_json())) == camera.to_json()


def test_a_camera_has_focal_lengths_and_a_principal_point() -> None:
    plain = Camera("a", DOWN, (48, 64), 50.0)
    assert (plain.fx, plain.fy, plain.cx, plain.cy) == (50, 50, 32, 24)
    assert plain == Camera("a", DOWN, (48, 64), 50.0, focal_length_y=50.0, principal_point=(32.0, 24.0))
    other = Camera("a", DOWN, (48, 64), 50.0, focal_length_y=60.0, principal_point=(30.0, 25.0))
    np.testing.assert_array_equal(other.intrinsics, [[50, 0, 30], [0, 60, 25], [0, 0, 1]])
    again = Camera.from_matrices("a", other.intrinsics, other.pose.matrix(), (48, 64))
    assert replace(again, pose=DOWN) == other
    np.testing.assert_allclose(again.pose.matrix(), DOWN.matrix(), atol=1e-12)


@given(
    fx=st.floats(1, 1e4),
    fy=st.floats(1, 1e4),
    cx=st.floats(-64, 128),
    cy=st.floats(-48, 96),
    near=st.floats(1e-3, 1),
    far=st.floats(1.1, 100),
)
def test_cameras_come_back_from_json(fx: float, fy: float, cx: float, cy: float, near: float, far: float) -> None:
    camera = Camera("a", DOWN, (48, 64), fx, near, far, fy, (cx, cy))
    assert Camera.from_json(json.loads(json.dumps(camera.to_json()))) == camera


def test_the_published_cameras_have_the_json_that_stored_episodes_have() -> None:
    for camera in published_cameras():
        assert list(camera.to_json()) == [
            "name", "position", "quaternion", "image_size", "focal_length", "near", "far"
        ]  # fmt: skip


def test_cameras_are_written_by_hand() -> None:
    above, beside, matrix = cameras_from_json(
        [
            {"position": [0.5, 0, 1], "look_at": [0.5, 0, 0], "fx": 90},
            {
                "name": "beside",
                "position": [0.5, 0, 1],
                "quaternion": list(DOWN.quaternion),
                "cx": 10,
                "cy": 40,
                "fy": 80,
            },
            {"pose": DOWN.matrix().tolist(), "image_size": [48, 64], "near": 0.1, "far": 2},
        ],
        (48, 64),
    )
    assert (above.name, above.image_size, above.fx, above.fy) == ("camera_0", (48, 64), 90, 90)
    assert (beside.pose, beside.cx, beside.cy, beside.fx, beside.fy) == (DOWN, 10, 40, 80, 80)
    assert (matrix.name, matrix.near, matrix.far, matrix.fx) == ("camera_2", 0.1, 2, 45)
    np.testing.assert_allclose(matrix.pose.matrix(), DOWN.matrix(), atol=1e-12)
    assert cameras_from_json([camera.to_json() for camera in published_cameras()]) == published_cameras()


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([], "at least one"),
        ({"position": [0, 0, 1]}, "list"),
        ("front", "list"),
        (["front"], "mapping"),
        ([{"position": [0, 0, 1]}], "position and look_at"),
        ([{"look_at": [0, 0, 1]}], "position and look_at"),
        ([{"position": [0, 0, 1], "look_at": [1, 0, 0], "quaternion": [0, 0, 0, 1]}], "position and look_at"),
        ([{"position": [0, 0, 1], "lookat": [1, 0, 0]}], "'look_at'"),
        ([{"position": [0, 0], "look_at": [1, 0, 0]}], "3 numbers"),
        ([{"position": [0, 0, 1], "quaternion": [0, 0, 0, 0]}], "unit quaternion"),
        ([{"position": [0, 0, 1], "quaternion": 3}], "4 numbers"),
        ([{"position": [0, 0, 1], "look_at": [1, 0, 0], "fx": "wide"}], "focal_length"),
        ([{"position": [0, 0, 1], "look_at": [1, 0, 0], "name": "a"}] * 2, "names of their own"),
        ([{"pose": [[1, 0], [0, 1]]}], "shape"),
        ([{"position": [0, 0, 1], "look_at": [1, 0, 0], "fx": 40, "focal_length": 50}], "not both"),
        ([{"position": [0, 0, 1], "look_at": [1, 0, 0], "image_size": [r, 64]} for r in (48, 50)], "one image size"),
    ],
)
def test_cameras_that_cannot_be_are_refused_with_the_reason(values: Any, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        cameras_from_json(values)


@pytest.mark.parametrize(
    "matrix",
    [
        np.zeros((3, 3)),
        np.eye(4),
        np.diag([0.0, 450.0, 1.0]),
        np.diag([450.0, -450.0, 1.0]),
        np.diag([450.0, 450.0, 0.0]),
        np.diag([math.nan, 450.0, 1.0]),
        [[450, 0, 320], [3, 450, 240], [0, 0, 1]],
        "abc",
    ],
)
def test_intrinsics_that_cannot_be_are_refused(matrix: Any) -> None:
    with pytest.raises(InvalidCameraError, match="ntrinsics"):
        check_intrinsics(matrix)


@pytest.mark.parametrize("place", [(0, 1), (1, 0), (2, 0), (2, 1), (2, 2)])
@given(quaternion=st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: math.hypot(*q) > 0.1))
def test_matrices_of_a_calibration_in_float32_are_taken(place: tuple[int, int], quaternion: list[float]) -> None:
    pose = Pose.from_vector([0.6, -0.1, 0.9, *quaternion])
    intrinsics = np.array([[615.3, 0, 321.2], [0, 615.7, 240.1], [0, 0, 1]], np.float32)
    intrinsics[place] += 1e-7
    camera = Camera.from_matrices("own", intrinsics, pose.matrix().astype(np.float32), (480, 640))
    assert camera.fx == pytest.approx(615.3)
    assert np.abs(camera.pose.rotation() - pose.rotation()).max() < 1e-5
    check_intrinsics(intrinsics)


def test_skew_that_shows_is_refused() -> None:
    intrinsics = np.array([[615.3, 0.5, 321.2], [0, 615.7, 240.1], [0, 0, 1]])
    with pytest.raises(InvalidCameraError, match="skew"):
        Camera.from_matrices("own", intrinsics, np.eye(4), (480, 640))


def test_a_camera_on_the_tool_goes_where_the_tool_goes() -> None:
    given = {"name": "wrist", "mount": "tool", "position": [-0.08, 0, 0.12], "look_at": [0, 0, 0]}
    wrist = Camera.from_json(given, (60, 80))
    assert wrist.mount == "tool"
    assert Camera.from_json(wrist.to_json()) == wrist
    tip = Pose.planar(0.5, 0.1, 0.2, 0.7)
    placed = wrist.placed(tip)
    assert placed.mount is None
    np.testing.assert_allclose(placed.pose.position, (tip @ wrist.pose).position)
    # It looks at the tip, wherever that is.
    ahead = placed.pose.matrix()[:3, 2]
    to_tip = np.subtract(tip.position, placed.pose.position)
    np.testing.assert_allclose(ahead, to_tip / np.linalg.norm(to_tip), atol=1e-9)
    assert wrist.resized((30, 40)).mount == "tool"
    still = Camera.from_json({**given, "mount": None}, (60, 80))
    assert still.placed(tip) == still
    assert "mount" not in still.to_json()
    with pytest.raises(InvalidCameraError, match="mount"):
        Camera.from_json({**given, "mount": "wrist"})
