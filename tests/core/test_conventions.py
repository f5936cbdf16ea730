"""Quaternion orders, camera axes, and poses the other way round."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from ravens_suite.core.conventions import (
    CAMERA_AXES,
    camera_axes,
    intrinsics_from_opencv,
    inverse_matrix,
    wxyz_from_xyzw,
    xyzw_from_wxyz,
)
from ravens_suite.core.geometry import Array, Pose, yaw_quaternion
from ravens_suite.core.projection import project
from ravens_suite.errors import InvalidCameraError, InvalidPoseError, UnknownNameError


@st.composite
def poses(draw: st.DrawFn) -> Array:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec([draw(st.floats(-3, 3)) for _ in range(3)]).as_matrix()
    matrix[:3, 3] = [draw(st.floats(-2, 2)) for _ in range(3)]
    return matrix


def test_the_real_part_of_a_quaternion_goes_to_the_end_and_back() -> None:
    np.testing.assert_array_equal(xyzw_from_wxyz([1, 2, 3, 4]), [2, 3, 4, 1])
    many = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(wxyz_from_xyzw(xyzw_from_wxyz(many)), many)
    x, y, z, w = yaw_quaternion(0.7)
    np.testing.assert_array_equal(xyzw_from_wxyz([w, x, y, z]), [x, y, z, w])


@pytest.mark.parametrize("bad", [1.0, [1, 2, 3], "abcd", [[1, 2], [3, 4]]])
def test_what_is_no_quaternion_is_refused(bad: object) -> None:
    for function in (xyzw_from_wxyz, wxyz_from_xyzw):
        with pytest.raises(InvalidPoseError):
            function(bad)  # type: ignore[arg-type]


def test_axes_are_those_of_their_documentation() -> None:
    """One camera that looks along world x, world z up: forward, left and up are x, y and z."""
    forward, left, up = np.eye(3)
    axes = {
        "opencv": (-left, -up, forward),
        "opengl": (-left, up, -forward),
        "ros": (forward, left, up),
    }
    for source, columns in axes.items():
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = np.stack(columns, axis=1), (1, 2, 3)
        for target, wanted in axes.items():
            changed = camera_axes(pose, source, target)
            np.testing.assert_array_equal(changed[:3, :3], np.stack(wanted, axis=1))
            np.testing.assert_array_equal(changed[:3, 3], (1, 2, 3))


@given(pose=poses(), source=st.sampled_from(CAMERA_AXES), target=st.sampled_from(CAMERA_AXES))
def test_changes_are_undone(pose: Array, source: str, target: str) -> None:
    changed = camera_axes(pose, source, target)
    assert np.isclose(np.linalg.det(changed), 1.0)
    np.testing.assert_array_equal(camera_axes(changed, target, source), pose)
    np.testing.assert_allclose(inverse_matrix(inverse_matrix(pose)), pose, atol=1e-12)
    np.testing.assert_allclose(inverse_matrix(pose) @ pose, np.eye(4), atol=1e-12)
    np.testing.assert_allclose(inverse_matrix(pose), Pose.from_matrix(pose).inverse().matrix(), atol=1e-9)


def test_many_matrices_at_once_and_what_is_none() -> None:
    matrices = np.tile(np.eye(4), (2, 3, 1, 1))
    assert inverse_matrix(matrices).shape == camera_axes(matrices, "opengl").shape == (2, 3, 4, 4)
    with pytest.raises(InvalidPoseError):
        inverse_matrix(np.eye(3))
    with pytest.raises(InvalidPoseError):
        inverse_matrix(2 * np.eye(4))
    with pytest.raises(InvalidPoseError):
        camera_axes(np.eye(3), "opengl")
    with pytest.raises(UnknownNameError, match="opengl"):
        camera_axes(np.eye(4), "opngl")


def test_opencv_counts_pixels_from_the_centre_of_the_first() -> None:
    """A point that OpenCV projects to the centre of a pixel, a whole number, lies at that of ours, a half."""
    calibrated = np.array([[500.0, 0.0, 319.5], [0.0, 510.0, 239.5], [0.0, 0.0, 1.0]])
    point = np.array([0.1, -0.05, 0.8])
    by_opencv = cv2.projectPoints(point[None], np.zeros(3), np.zeros(3), calibrated, None)[0].ravel()
    ours, _ = project(point, intrinsics_from_opencv(calibrated), np.eye(4))
    assert np.allclose(ours, by_opencv + 0.5)
    assert calibrated[0, 2] == 319.5
    assert np.allclose(intrinsics_from_opencv(np.stack([calibrated] * 2))[1, :2, 2], (320.0, 240.0))


@pytest.mark.parametrize("wrong", [np.eye(4), np.zeros((3, 3)), "camera"])
def test_intrinsics_that_are_none_are_refused(wrong: Any) -> None:
    with pytest.raises(InvalidCameraError):
        intrinsics_from_opencv(wrong)
