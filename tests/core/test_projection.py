"""From pixels to points and back."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.core.cameras import Camera, look_at
from ravens_suite.core.geometry import Array
from ravens_suite.core.projection import point_cloud, project, world_points
from ravens_suite.errors import ConfigError, InvalidCameraError, InvalidPoseError


@st.composite
def cameras(draw: st.DrawFn) -> Camera:
    rows, columns = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    position = tuple(draw(st.floats(-2, 2)) for _ in range(3))
    x, y, z = position
    pose = look_at((x, y, z), (x + draw(st.floats(0.1, 1)), y + draw(st.floats(-1, 1)), z - 1))
    principal = draw(st.floats(-columns, 2 * columns)), draw(st.floats(-rows, 2 * rows))
    fx, fy = draw(st.floats(1, 100)), draw(st.floats(1, 100))
    return Camera("random", pose, (rows, columns), fx, focal_length_y=fy, principal_point=principal)


def matrices(camera: Camera) -> tuple[Array, Array]:
    return camera.intrinsics, camera.pose.matrix()


@given(camera=cameras(), seed=st.integers(0, 2**31))
def test_every_pixel_comes_back_from_its_point(camera: Camera, seed: int) -> None:
    depth = np.random.default_rng(seed).uniform(0.1, 5, camera.image_size)
    points = world_points(depth, *matrices(camera))
    pixels, metres = project(points, *matrices(camera))
    rows, columns = np.indices(camera.image_size)
    assert points.shape == (*camera.image_size, 3)
    np.testing.assert_allclose(pixels[..., 0], columns + 0.5, atol=1e-6)
    np.testing.assert_allclose(pixels[..., 1], rows + 0.5, atol=1e-6)
    np.testing.assert_allclose(metres, depth, atol=1e-9)
    np.testing.assert_array_equal(np.floor(pixels), np.stack([columns, rows], axis=-1))


def test_what_was_not_measured_has_no_point() -> None:
    camera = Camera("down", look_at((0.0, 0.0, 1.0), (0.0, 0.0, 0.0)), (1, 5), 5.0)
    points = world_points(np.array([[1.0, 0.0, -1.0, math.nan, math.inf]], np.float32), *matrices(camera))
    assert np.isfinite(points[0, 0]).all()
    assert np.isnan(points[0, 1:]).all()


def test_what_is_behind_the_camera_has_no_pixel() -> None:
    camera = Camera("down", look_at((0.0, 0.0, 1.0), (0.0, 0.0, 0.0)), (10, 20), 5.0)
    pixels, metres = project(np.array([(0.0, 0.0, 0.5), (0.0, 0.0, 1.0), (0.1, 0.0, 1.5)]), *matrices(camera))
    np.testing.assert_allclose(pixels[0], (10, 5))
    assert np.isnan(pixels[1:]).all()
    np.testing.assert_allclose(metres, (0.5, 0.0, -0.5), atol=1e-12)


def test_what_makes_no_points_is_refused() -> None:
    depth, (intrinsics, pose) = np.ones((4, 4)), matrices(Camera("a", look_at((0, 0, 1), (0, 0, 0)), (4, 4), 5.0))
    for wrong in (np.ones((2, 4, 4)), np.ones((4, 4), np.uint16), np.ones(4)):
        with pytest.raises(ConfigError, match="depth has shape"):
            world_points(wrong, intrinsics, pose)
    with pytest.raises(InvalidCameraError):
        world_points(depth, np.zeros((3, 3)), pose)
    with pytest.raises(InvalidPoseError):
        world_points(depth, intrinsics, 2 * pose)
    with pytest.raises(InvalidPoseError):
        project(np.zeros(3), intrinsics, np.full((4, 4), np.nan))
    with pytest.raises(ConfigError, match="points have shape"):
        project(np.zeros((3, 2)), intrinsics, pose)


def test_a_cloud_holds_what_was_measured_with_its_colours() -> None:
    views = [
        Camera("a", look_at((0.5, 0, 1), (0.5, 0, 0)), (4, 6), 5.0),
        Camera("b", look_at((1, 0, 1), (0, 0, 0)), (4, 6)),
    ]
    depth = np.random.default_rng(0).uniform(0.5, 1, (2, 4, 6)).astype(np.float32)
    depth[0, 1, 2], depth[1, 3, 5] = 0.0, np.nan
    color = np.arange(2 * 4 * 6 * 3, dtype=np.uint8).reshape(2, 4, 6, 3)
    observation = {
        "color": color,
        "depth": depth,
        "camera_intrinsics": np.stack([view.intrinsics for view in views]),
        "camera_poses": np.stack([view.pose.matrix() for view in views]),
    }
    points, colors = point_cloud(observation)
    assert points.shape == colors.shape == (2 * 4 * 6 - 2, 3)
    assert colors.dtype == np.uint8
    np.testing.assert_array_equal(points[0], world_points(depth[0], *matrices(views[0]))[0, 0])
    np.testing.assert_array_equal(points[-1], world_points(depth[1], *matrices(views[1]))[3, 4])
    np.testing.assert_array_equal(colors[-1], color[1, 3, 4])
    goal = {f"goal_{key}": value for key, value in observation.items()}
    np.testing.assert_array_equal(point_cloud(goal, "goal_")[0], points)
    with pytest.raises(ConfigError, match="goal_color"):
        point_cloud(observation, "goal_")
    with pytest.raises(ConfigError, match="one observation"):
        point_cloud({**observation, "depth": depth[:, 1:]})
    nothing, no_colors = point_cloud({key: value[:0] for key, value in observation.items()})
    assert nothing.shape == no_colors.shape == (0, 3)
