"""Where a robot's table is, and the way to the suite's frame and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.core.conventions import inverse_matrix
from ravens_suite.core.geometry import Pose, yaw_quaternion
from ravens_suite.core.robot_setup import RobotSetup
from ravens_suite.core.workspace import AGENT_WORKSPACE
from ravens_suite.errors import ConfigError, InvalidPoseError

USUAL: dict[str, Any] = {
    "task": "stack-mugs",
    "workspace": {"low": [0.3, -0.4, 0.0], "high": [0.8, 0.4, 0.28]},
    "depth_unit": "metres",
}


def setup(**changes: Any) -> RobotSetup:
    return RobotSetup.from_json({**USUAL, **changes})


@st.composite
def setups(draw: st.DrawFn) -> RobotSetup:
    size = [draw(st.floats(0.05, 0.5)), draw(st.floats(0.05, 1.0)), draw(st.floats(0.02, 0.28))]
    if draw(st.booleans()):
        size[:2] = size[1::-1]
    low = [draw(st.floats(-3, 3)) for _ in range(3)]
    down = Pose.from_vector([0, 0, 0, *[draw(st.floats(-1, 1)) for _ in range(3)], 1.0]).quaternion
    return setup(
        workspace={"low": low, "high": [a + b for a, b in zip(low, size, strict=True)]},
        quaternions=draw(st.sampled_from(["xyzw", "wxyz"])),
        tool_down=draw(st.sampled_from([None, list(down)])),
    )


@given(setup=setups(), seed=st.integers(0, 2**32 - 1))
def test_poses_come_back_and_the_workspace_lies_in_ours(setup: RobotSetup, seed: int) -> None:
    rng = np.random.default_rng(seed)
    quaternion = rng.normal(size=4)
    pose = np.concatenate([rng.uniform(setup.low, setup.high), quaternion / np.linalg.norm(quaternion)])
    ours = setup.to_suite(pose)
    assert (ours[:3] >= np.subtract(AGENT_WORKSPACE.low, 1e-6)).all()
    assert (ours[:3] <= np.add(AGENT_WORKSPACE.high, 1e-6)).all()
    back = setup.from_suite(ours)
    np.testing.assert_allclose(back[:3], pose[:3], atol=1e-9)
    assert abs(back[3:] @ pose[3:]) == pytest.approx(1.0)


@given(setup=setups())
def test_the_tool_that_points_down_is_level_in_the_suite(setup: RobotSetup) -> None:
    down = setup.tool_down or ((0, 0, 0, 1) if setup.quaternions == "xyzw" else (1, 0, 0, 0))
    ours = Pose.from_vector(setup.to_suite([*setup.low, *down]))
    np.testing.assert_allclose(ours.apply(np.array([0.0, 0.0, 1.0])) - ours.position, (0, 0, 1), atol=1e-7)


def test_a_table_elsewhere_is_moved_and_turned_only_where_it_must_be() -> None:
    moved = setup().suite_from_robot
    assert moved.yaw == 0.0
    np.testing.assert_allclose(moved.position, (-0.05, 0.0, 0.0), atol=1e-12)
    turned = setup(workspace={"low": [-0.5, 1.0, 0.7], "high": [0.5, 1.5, 0.9]}).suite_from_robot
    assert turned.yaw == pytest.approx(np.pi / 2)
    np.testing.assert_allclose(turned.apply(np.array([0.0, 1.25, 0.7])), (0.5, 0.0, 0.0), atol=1e-12)


def test_cameras_and_depth_are_read_as_declared() -> None:
    pose = np.eye(4)
    pose[:3, 3] = (0.55, 0.0, 1.0)
    wanted = setup().camera_poses(pose)
    np.testing.assert_allclose(wanted[:3, 3], (0.5, 0.0, 1.0))
    np.testing.assert_allclose(setup(extrinsics="camera_from_world").camera_poses(inverse_matrix(pose)), wanted)
    np.testing.assert_allclose(setup(camera_axes="opengl").camera_poses(pose)[:3, 2], -wanted[:3, 2])
    depth = np.array([[0, 1234, 65535]], dtype=np.uint16)
    np.testing.assert_allclose(setup(depth_unit="millimetres").metres(depth), [[0, 1.234, 65.535]], atol=1e-5)
    assert not setup().metres(np.array([[np.nan, np.inf, -np.inf, -1.0, 0.0, 1e9]])).any()
    color = np.zeros((1, 2, 2, 3), np.uint8)
    color[..., 0] = 200
    seen = setup(colors="bgr").observation(color, np.ones((1, 2, 2)), np.eye(3)[None], np.eye(4)[None])
    assert (seen["color"] == (0, 0, 200)).all()
    with pytest.raises(InvalidPoseError):
        setup().camera_poses(2 * np.eye(4))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"workspace": {"low": [0, 0, 0], "high": [0.6, 0.6, 0.2]}}, "0.6 x 0.6 x 0.2"),
    ({"workspace": {"low": [0, 0, 0], "high": [0.5, 1.0, 0.4]}}, "upper z to 0.28"),
    ({"workspace": {"low": [0, 0, 0.2], "high": [0.5, 1.0, 0.1]}}, "low < high"),
    ({"workspace": {"low": [300, -400, 0], "high": [800, 400, 280]}}, "millimetres"),
    ({"workspace": {"low": [0, 0], "high": [1, 1, 1]}}, "3 finite numbers"),
    ({"workspace": [0, 1]}, "low and high"),
    ({"depth_unit": "cm"}, "metres, millimetres"),
    ({"quaternions": "xywz"}, "xyzw"),
    ({"camera_axes": "opncv"}, "opencv"),
    ({"extrinsics": "inverted"}, "camera_from_world"),
    ({"tool_down": [0, 0, 0]}, "4 finite numbers"),
    ({"tool_down": [0, 0, 0, 0]}, "not be zero|not zero|zero"),
    ({"task": "a/b"}, "letters"),
    ({"task": 3}, "letters"),
    ({"depth_units": "metres"}, "depth_unit"),
    ({"cropped": "no"}, "true or false"),
]


@pytest.mark.parametrize(("change", "words"), WRONG)
def test_a_setup_that_cannot_be_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        setup(**change)


def test_what_is_missing_is_named_with_an_example() -> None:
    with pytest.raises(ConfigError, match=r"task and workspace and depth_unit.*insert-block"):
        RobotSetup.from_json({})
    with pytest.raises(ConfigError, match="mapping"):
        RobotSetup.from_json([])


def test_a_yaw_of_the_tool_keeps_its_sense() -> None:
    pick, place = (setup().to_suite([0.5, 0, 0.1, *yaw_quaternion(yaw)]) for yaw in (0.2, 0.9))
    assert Pose.from_vector(place).yaw - Pose.from_vector(pick).yaw == pytest.approx(0.7)
