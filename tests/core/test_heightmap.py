"""The fused heightmap equals a plain reference, to the pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ravens_suite.core.cameras import Camera, look_at, published_cameras
from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap, View, camera_rays, empty_table, fuse, fuse_observation
from ravens_suite.core.types import DEPTH_UNIT, quantize_depth
from ravens_suite.core.workspace import AGENT_WORKSPACE, Workspace
from ravens_suite.errors import ConfigError, InvalidCameraError, InvalidPoseError

SMALL = Workspace(low=(0.25, -0.25, 0.0), high=(0.75, 0.25, 0.28), pixel_size=0.03125)
BELOW = Workspace(low=(0.2, -0.6, -0.01), high=(0.8, 0.6, 0.27), pixel_size=0.05)
"""One that the ground beside the sheet is inside of."""


def view(camera: Camera) -> View:
    return View.of(camera.image_size, camera.intrinsics, camera.pose.matrix())


def matrices(cameras: Sequence[Camera]) -> tuple[Array, Array]:
    """(N, 3, 3) intrinsics and (N, 4, 4) poses."""
    return np.stack([c.intrinsics for c in cameras]), np.stack([c.pose.matrix() for c in cameras])


def reference(
    color: NDArray[np.uint8], depth: NDArray[np.float32], cameras: Sequence[Camera], workspace: Workspace
) -> Heightmap:
    """Point by point, lowest first, one view after the other."""
    rows, columns = workspace.shape
    heights, colors = [], []
    for image, shades, camera in zip(depth, color, cameras, strict=True):
        rays = camera_rays(view(camera), workspace)
        points = []
        for index, d in enumerate(image.reshape(-1)):
            column, row, z = (d * rays.direction[axis, index] + rays.origin[axis] for axis in range(3))
            size = np.float32(workspace.high[2] - workspace.low[2])
            if d > 0 and 0 <= column < columns and 0 <= row < rows and 0 <= z < size:
                points.append((z, index, math.floor(row), math.floor(column)))
        height = np.zeros((rows, columns), np.float32)
        shade = np.zeros((rows, columns, 3), np.uint8)
        for z, index, row, column in sorted(points):
            height[row, column] = z
            shade[row, column] = shades.reshape(-1, 3)[index]
        heights.append(height)
        colors.append(shade)
    stack = np.stack(colors).astype(np.int64)
    seen = (stack.sum(axis=-1) > 0).sum(axis=0)
    mean = np.rint(stack.sum(axis=0) / np.maximum(seen, 1)[..., None]).astype(np.uint8)
    return Heightmap(mean, np.max(heights, axis=0))


@st.composite
def cameras(draw: st.DrawFn) -> Camera:
    x, y = (draw(st.floats(-0.3, 1.2)) for _ in range(2))
    z = draw(st.floats(0.4, 1.0))
    target = (draw(st.floats(0.3, 0.7)) + 0.011, draw(st.floats(-0.2, 0.2)) + 0.013, 0.0)
    size = (draw(st.integers(4, 14)), draw(st.integers(4, 14)))
    return Camera("random", look_at((x, y, z), target, (0.0, 1e-3, 1.0)), size, size[0] * draw(st.floats(0.7, 3.0)))


@settings(max_examples=60, deadline=None)
@given(views=st.lists(cameras(), min_size=1, max_size=3), seed=st.integers(0, 2**31), flat=st.booleans())
def test_equal_to_the_plain_reference(views: list[Camera], seed: int, flat: bool) -> None:
    rng = np.random.default_rng(seed)
    size = views[0].image_size
    views = [Camera(v.name, v.pose, size, v.focal_length) for v in views]
    depth = quantize_depth(rng.uniform(-0.05, 1.3, (len(views), *size)))
    if flat:
        depth[:] = depth[:, :1, :1]
    color = rng.integers(0, 3 if flat else 256, (*depth.shape, 3)).astype(np.uint8)
    ours, plain = fuse(color, depth, *matrices(views), SMALL), reference(color, depth, views, SMALL)
    np.testing.assert_array_equal(ours.height, plain.height)
    np.testing.assert_array_equal(ours.color, plain.color)


@settings(max_examples=60, deadline=None)
@given(
    views=st.lists(cameras(), min_size=1, max_size=3),
    seed=st.integers(0, 2**31),
    shares=st.lists(st.floats(0, 1), min_size=5, max_size=5),
    workspace=st.sampled_from([SMALL, AGENT_WORKSPACE, BELOW]),
)
def test_what_differs_from_the_empty_table_makes_no_difference_to_exactness(
    views: list[Camera], seed: int, shares: list[float], workspace: Workspace
) -> None:
    """Depths as expected, a few steps off, of things on the table, not measured, and NaN, side by side."""
    rng = np.random.default_rng(seed)
    size = views[0].image_size
    views = [Camera(v.name, v.pose, size, v.focal_length) for v in views]
    expected = np.stack([empty_table(view(camera), workspace).depth.reshape(size) for camera in views])
    steps = quantize_depth(expected + rng.integers(-3, 4, expected.shape) * DEPTH_UNIT)
    things = quantize_depth(expected * rng.uniform(0.5, 1.2, expected.shape))
    choices = np.stack([expected, steps, things, np.zeros_like(expected), np.full_like(expected, np.nan)])
    weights = np.array(shares) + 1e-3
    pick = rng.choice(5, expected.shape, p=weights / weights.sum())
    depth = np.take_along_axis(choices, pick[None], axis=0)[0]
    color = rng.integers(0, 256, (*depth.shape, 3)).astype(np.uint8)
    ours, plain = fuse(color, depth, *matrices(views), workspace), reference(color, depth, views, workspace)
    np.testing.assert_array_equal(ours.height, plain.height)
    np.testing.assert_array_equal(ours.color, plain.color)


def test_a_table_pixel_that_is_hidden_leaves_its_map_pixel_to_the_next_best() -> None:
    views = (Camera("above", look_at((0.5, 0.0, 0.8), (0.5, 0.0, 0.0), (0.0, 1.0, 0.0)), (48, 48), 48.0),)
    table = empty_table(view(views[0]), SMALL)
    shared = np.flatnonzero(np.diff(table.start) > 1)
    assert len(shared) > 0
    depth = table.depth.copy()
    depth[table.winner[shared]] = 0
    color = np.arange(48 * 48 * 3).reshape(1, 48, 48, 3).astype(np.uint8)
    images = depth.reshape(1, 48, 48)
    ours, plain = fuse(color, images, *matrices(views), SMALL), reference(color, images, views, SMALL)
    assert ours.color.reshape(-1, 3)[shared].any(axis=-1).all()
    np.testing.assert_array_equal(ours.height, plain.height)
    np.testing.assert_array_equal(ours.color, plain.color)


def plane_depth(camera: Camera, z: float) -> NDArray[np.float32]:
    """Depth at which every pixel's ray meets a horizontal plane (far where it does not)."""
    v, u = np.mgrid[: camera.image_size[0], : camera.image_size[1]] + 0.5
    rays = np.stack([u, v, np.ones_like(u)], axis=-1) @ np.linalg.inv(camera.intrinsics).T @ camera.pose.rotation().T
    down = np.minimum(rays[..., 2], -1e-9)
    return quantize_depth(np.minimum((z - camera.pose.position[2]) / down, camera.far))


def test_a_plane_has_its_height_everywhere() -> None:
    views = published_cameras()
    depth = np.stack([plane_depth(camera, 0.05) for camera in views])
    color = np.full((*depth.shape, 3), 70, np.uint8)
    color[0] = 100
    heightmap = fuse(color, depth, *matrices(views))
    assert heightmap.height.shape == (320, 160)
    assert heightmap.height.dtype == np.float32 and heightmap.color.dtype == np.uint8
    middle = heightmap.height[80:240, 20:140]
    assert (np.abs(middle - 0.05) < 2e-4).mean() > 0.95
    assert set(np.unique(heightmap.color)) <= {0, 70, 80, 85, 100}


def test_the_ground_plane_is_left_out() -> None:
    views = published_cameras((120, 160))
    depth = np.stack([plane_depth(camera, -0.001) for camera in views])
    heightmap = fuse(np.full((*depth.shape, 3), 9, np.uint8), depth, *matrices(views))
    assert not heightmap.height.any() and not heightmap.color.any()


@pytest.mark.parametrize(("x", "y"), [(0.4, -0.3), (0.6, 0.2)])
def test_a_point_falls_into_the_pixel_of_its_position(x: float, y: float) -> None:
    views = published_cameras()
    color = np.full((3, 480, 640, 3), 200, np.uint8)
    depth = np.full((3, 480, 640), 10, np.float32)
    for index, camera in enumerate(views):
        px, py, pz = camera.intrinsics @ camera.pose.inverse().apply(np.array([x, y, 0.1]))
        depth[index, int(py / pz), int(px / pz)] = quantize_depth(np.array(pz))
    rows, columns = np.nonzero(fuse(color, depth, *matrices(views)).height)
    expected = AGENT_WORKSPACE.to_pixel(x, y)
    assert len(rows) >= 1
    assert np.abs(rows - expected[0]).max() <= 1 and np.abs(columns - expected[1]).max() <= 1


def test_images_and_parameters_that_do_not_fit_together_are_refused() -> None:
    intrinsics, poses = matrices(published_cameras((12, 16)))
    color, depth = np.zeros((3, 12, 16, 3), np.uint8), np.zeros((3, 12, 16), np.float32)
    for name, arrays in {
        "depth": (color, depth[:, :10], intrinsics, poses),
        "camera_intrinsics": (color, depth, intrinsics[:2], poses),
        "camera_poses": (color, depth, intrinsics, poses[:, :3]),
        "color": (color[..., 0], depth, intrinsics, poses),
    }.items():
        with pytest.raises(ConfigError, match=f"{name} has shape"):
            fuse(*arrays)


def test_an_observation_is_fused_by_its_own_keys() -> None:
    views = published_cameras((12, 16))
    depth = np.stack([plane_depth(camera, 0.05) for camera in views])
    color = np.full((*depth.shape, 3), 70, np.uint8)
    intrinsics, poses = matrices(views)
    seen = {"color": color, "depth": depth, "camera_intrinsics": intrinsics, "camera_poses": poses}
    goal = {f"goal_{key}": value for key, value in seen.items()}
    for heightmap in (fuse_observation(seen), fuse_observation(goal, "goal_")):
        np.testing.assert_array_equal(heightmap.height, fuse(color, depth, intrinsics, poses).height)


def test_an_observation_without_images_is_told_how_to_observe_them() -> None:
    with pytest.raises(ConfigError, match=r"no 'goal_color', .*--observe images goal"):
        fuse_observation({}, "goal_")


def test_images_may_come_as_lists() -> None:
    view = Camera("above", look_at((0.5, 0, 1), (0.5, 0, 0)), (8, 12), 10.0)
    color, depth = np.full((8, 12, 3), 7, np.uint8), np.full((8, 12), 0.9, np.float32)
    matrices = [view.intrinsics], [view.pose.matrix()]
    found = fuse([color], [depth], *matrices)  # type: ignore[arg-type]
    np.testing.assert_array_equal(found.height, fuse(color[None], depth[None], *map(np.array, matrices)).height)
    assert found.height.max() > 0.09


@pytest.mark.parametrize("size", [(96, 96), (240, 320), (480, 640)])
def test_a_plane_has_its_height_whatever_the_image_size(size: tuple[int, int]) -> None:
    views = published_cameras(size)
    depth = np.stack([plane_depth(camera, 0.05) for camera in views])
    height = fuse(np.full((*depth.shape, 3), 70, np.uint8), depth, *matrices(views)).height
    assert np.abs(height[height > 0] - 0.05).max() < 1e-4


def test_depth_and_cameras_that_cannot_be_are_refused() -> None:
    intrinsics, poses = matrices(published_cameras((12, 16)))
    color, depth = np.zeros((3, 12, 16, 3), np.uint8), np.ones((3, 12, 16), np.float32)
    singular, mirrored, lost = intrinsics.copy(), poses.copy(), poses.copy()
    singular[1, 0, 0], mirrored[2, 0], lost[0, 0, 3] = 0, -mirrored[2, 0], np.nan
    for arrays, error in (
        ((color, depth, singular, poses), InvalidCameraError),
        ((color, depth, intrinsics, mirrored), InvalidPoseError),
        ((color, depth, intrinsics, lost), InvalidPoseError),
        ((color, (1000 * depth).astype(np.uint16), intrinsics, poses), ConfigError),
        ((color / 255, depth, intrinsics, poses), ConfigError),
    ):
        with pytest.raises(error):
            fuse(*arrays)
    for unmeasured in (0.0, np.nan, np.inf, -1.0):
        assert not fuse(color, np.full_like(depth, unmeasured), intrinsics, poses).height.any()


@pytest.mark.parametrize("unmeasured", [0.0, np.nan, np.inf, -np.inf, -0.3])
def test_pixels_without_depth_count_as_unseen(unmeasured: float) -> None:
    """A view with holes gives what the same view gives with those pixels pointing elsewhere."""
    rng = np.random.default_rng(4)
    cameras = published_cameras((60, 80))[:1]
    matrices = [np.stack([camera.intrinsics for camera in cameras]), np.stack([c.pose.matrix() for c in cameras])]
    depth = rng.uniform(0.5, 1.1, (1, 60, 80)).astype(np.float32)
    color = rng.integers(1, 256, (1, 60, 80, 3), dtype=np.uint8)
    holes = rng.random(depth.shape) < 0.4
    holed, elsewhere = np.where(holes, np.float32(unmeasured), depth), np.where(holes, np.float32(50.0), depth)
    found, wanted = fuse(color, holed, *matrices), fuse(color, elsewhere, *matrices)
    np.testing.assert_array_equal(found.height, wanted.height)
    np.testing.assert_array_equal(found.color, wanted.color)
    assert found.height.any()


@pytest.mark.parametrize("form", [list, np.array, tuple])
def test_corners_of_a_workspace_come_in_any_form(form: Any) -> None:
    views = np.zeros((3, 8, 8, 3), np.uint8), np.full((3, 8, 8), 0.9, np.float32), *matrices(published_cameras((8, 8)))
    own = Workspace(form([0, -1, 0]), form([1, 1, 1]), np.float32(0.25))
    assert own == Workspace((0.0, -1.0, 0.0), (1.0, 1.0, 1.0), 0.25)
    assert fuse(*views, own).height.shape == (8, 4)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (((0.75, 0.0, 0.0), (0.25, 1.0, 1.0)), "low < high"),
        (((0.0, 0.0), (1.0, 1.0)), "low .*three finite numbers"),
        (((0.0, 0.0, 0.0), (1.0, 1.0, np.nan)), "high .*three finite numbers"),
        (((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), 0.0), "pixel_size .*above 0"),
        (((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), 3.0), "0.333 x 0.333 pixels"),
        (((0.0, 0.0, 0.0), (500.0, 1000.0, 280.0)), "in metres"),
    ],
)
def test_a_workspace_that_cannot_be_is_refused(values: tuple[Any, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Workspace(*values)
