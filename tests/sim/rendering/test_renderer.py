from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ravens_suite.core.cameras import Camera, published_cameras
from ravens_suite.core.geometry import Pose
from ravens_suite.core.heightmap import View, empty_table
from ravens_suite.core.palette import PALETTE
from ravens_suite.core.projection import project, world_points
from ravens_suite.core.types import quantize_depth
from ravens_suite.core.workspace import PLANE_HEIGHT
from ravens_suite.errors import ConfigError, RendererError
from ravens_suite.sim.bodies import Box, Sphere, marker, solid
from ravens_suite.sim.rendering.base import BACKGROUND, Lighting, Renderer
from ravens_suite.sim.rendering.factory import make_renderer
from ravens_suite.sim.scene import Scene
from tests.sim.rendering.views import BEYOND, NO_SHADOWS, SMALL, TOP, each_renderer, needs_egl, populate, same_images


def plane_depth(camera: Camera, height: float) -> NDArray[np.float64]:
    """Depth of the level plane z = ``height`` at every pixel's centre, (H, W) metres along the optical axis."""
    rows, columns = camera.image_size
    v, u = np.mgrid[:rows, :columns] + 0.5
    rays = np.stack(
        [(u - columns / 2) / camera.focal_length, (v - rows / 2) / camera.focal_length, np.ones_like(u)], -1
    )
    down = rays @ camera.pose.rotation()[2]
    result: NDArray[np.float64] = (height - camera.pose.position[2]) / down
    return result


def inner(labels: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Pixels whose eight neighbours have the same label."""
    same = np.zeros(labels.shape, dtype=bool)
    same[:, 1:-1, 1:-1] = True
    for rows in (-1, 0, 1):
        for columns in (-1, 0, 1):
            same &= np.roll(labels, (rows, columns), axis=(1, 2)) == labels
    return same


@each_renderer
def test_the_empty_table_has_the_depth_that_heightmaps_expect(draw: Renderer, scene: Scene) -> None:
    views = published_cameras(SMALL)
    images = draw.render(scene, views)
    for camera, depth in zip(views, images.depth, strict=True):
        table = empty_table(View.of(camera.image_size, camera.intrinsics, camera.pose.matrix()))
        assert (depth.reshape(-1) == table.depth)[table.pixel].mean() > 0.9


@each_renderer
def test_ground_depth_is_analytic(draw: Renderer, scene: Scene) -> None:
    cameras = published_cameras()
    images = draw.render(scene, cameras, segmentation=True)
    assert images.segmentation is not None
    tolerance = 2e-4 if draw.name == "moderngl" else 1e-3
    for index, camera in enumerate(cameras):
        ground = inner(images.segmentation)[index] & (images.depth[index] < camera.far)
        ground &= images.segmentation[index] == scene.labels()["plane"]
        assert ground.sum() > 10_000
        error = np.abs(images.depth[index] - plane_depth(camera, PLANE_HEIGHT))[ground]
        assert error.max() < tolerance
        assert images.depth[index][ground].max() > 1.7


@each_renderer
def test_box_top_depth_label_and_color(draw: Renderer, scene: Scene) -> None:
    scene.add("box", solid(Box((0.1, 0.2, 0.08)), PALETTE["green"]), Pose((0.5, 0.0, 0.06)), "fixed")
    images = draw.render(scene, [TOP], segmentation=True)
    assert images.segmentation is not None
    top = np.abs(images.depth[0] - 0.9) < (2e-4 if draw.name == "moderngl" else 1e-3)
    assert np.array_equal(top, images.segmentation[0] == scene.labels()["box"])
    # 90 px a metre at 1 m, 0.9 m away, image rows along x: 10 x 20 pixels.
    assert np.array_equal(np.unique(np.argwhere(top)[:, 0]), np.arange(43, 53))
    assert np.array_equal(np.unique(np.argwhere(top)[:, 1]), np.arange(54, 74))
    error = np.abs(images.color[0][top] - 255 * np.asarray(PALETTE["green"]))
    assert error.max() < 8


@each_renderer
def test_output_conventions(draw: Renderer, scene: Scene) -> None:
    populate(scene)
    cameras = (TOP, BEYOND)
    images = draw.render(scene, cameras)
    assert images.segmentation is None
    assert images.color.shape == (2, *SMALL, 3)
    assert images.color.dtype == np.uint8
    assert images.depth.shape == (2, *SMALL)
    assert images.depth.dtype == np.float32
    assert images.color.flags.c_contiguous
    assert images.color.flags.owndata
    assert images.depth.flags.owndata
    assert np.array_equal(images.depth, quantize_depth(images.depth))
    labelled = draw.render(scene, cameras, segmentation=True)
    assert labelled.segmentation is not None
    assert labelled.segmentation.dtype == np.int32
    assert np.array_equal(labelled.color, images.color)
    assert np.array_equal(labelled.depth, images.depth)
    assert set(np.unique(labelled.segmentation)) <= set(scene.labels().values())


@each_renderer
def test_background(draw: Renderer, scene: Scene) -> None:
    images = draw.render(scene, [BEYOND], segmentation=True)
    assert images.segmentation is not None
    assert (images.depth[0, 0] == quantize_depth(np.array(BEYOND.far))).all()
    assert (images.segmentation[0, 0] == 0).all()
    assert np.abs(images.color[0, 0] - 255 * np.asarray(BACKGROUND)).max() <= 1


ODD_CAMERAS = [
    replace(camera, focal_length=1.3 * camera.fx, focal_length_y=0.8 * camera.fy, principal_point=(70.3, 37.4))
    for camera in published_cameras(SMALL)
]


@each_renderer
@pytest.mark.parametrize("cameras", [published_cameras(SMALL), ODD_CAMERAS, published_cameras((97, 61))])
def test_depth_gives_points_of_the_world_and_points_their_pixels(
    draw: Renderer, scene: Scene, cameras: list[Camera]
) -> None:
    marks = {"a": (0.4, -0.2, 0.05), "b": (0.6, 0.25, 0.1), "c": (0.35, 0.3, 0.15), "d": (0.5, 0.0, 0.03)}
    for name, point in marks.items():
        scene.add(name, marker((Sphere(0.02),), PALETTE["red"]), Pose(point), "marker")
    images, labels = draw.render(scene, cameras, segmentation=True), scene.labels()
    assert images.segmentation is not None
    seen = 0
    for camera, depth, segmentation in zip(cameras, images.depth, images.segmentation, strict=True):
        points = world_points(depth, camera.intrinsics, camera.pose.matrix())
        ground = (segmentation == 0) & (depth < camera.far)
        assert np.abs(points[ground][:, 2] - PLANE_HEIGHT).max() < 1.5e-4
        for name, point in marks.items():
            rows, columns = np.nonzero(segmentation == labels[name])
            (u, v), _ = project(np.array(point), camera.intrinsics, camera.pose.matrix())
            if 3 <= u <= camera.image_size[1] - 4 and 3 <= v <= camera.image_size[0] - 4:
                seen += 1
                assert abs(columns.mean() + 0.5 - u) < 0.5 and abs(rows.mean() + 0.5 - v) < 0.5
                on_ball = points[rows, columns]
                assert np.abs(np.linalg.norm(on_ball - point, axis=1) - 0.02).max() < 1.5e-3
    assert seen >= 6


@each_renderer
def test_a_crop_is_what_a_shifted_principal_point_sees(draw: Renderer, scene: Scene) -> None:
    populate(scene)
    crop = Camera("crop", TOP.pose, (40, 50), TOP.focal_length, principal_point=(TOP.cx - 30, TOP.cy - 20))
    whole, part = draw.render(scene, [TOP], lighting=NO_SHADOWS), draw.render(scene, [crop], lighting=NO_SHADOWS)
    assert np.mean(whole.depth[:, 20:60, 30:80] != part.depth) < 5e-3
    assert np.mean(whole.color[:, 20:60, 30:80] != part.color) < 5e-3


@each_renderer
def test_left_and_right_are_not_swapped(draw: Renderer, scene: Scene) -> None:
    scene.add("left", solid(Sphere(0.03), PALETTE["red"]), Pose((0.5, 0.2, 0.05)), "fixed")
    scene.add("far", solid(Sphere(0.03), PALETTE["blue"]), Pose((0.7, 0.0, 0.05)), "fixed")
    labels, images = scene.labels(), draw.render(scene, [TOP], segmentation=True)
    assert images.segmentation is not None
    left = np.argwhere(images.segmentation[0] == labels["left"]).mean(axis=0)
    far = np.argwhere(images.segmentation[0] == labels["far"]).mean(axis=0)
    assert left[1] < SMALL[1] / 2 - 10
    assert far[0] < SMALL[0] / 2 - 10


@each_renderer
def test_same_scene_gives_the_same_bits(draw: Renderer, scene: Scene) -> None:
    populate(scene)
    first = draw.render(scene, [TOP], segmentation=True)
    other = Scene()
    populate(other, seed=1)
    draw.render(other, published_cameras((48, 64)), lighting=NO_SHADOWS)
    other.close()
    assert same_images(first, draw.render(scene, [TOP], segmentation=True))


@each_renderer
def test_follows_moves_recolouring_and_removal(draw: Renderer, scene: Scene) -> None:
    body = marker((Box((0.1, 0.1, 0.02)),), PALETTE["red"])
    scene.add("sign", body, Pose((0.5, 0.0, 0.1)), "marker")
    label = scene.labels()["sign"]

    def seen() -> tuple[int, NDArray[np.uint8]]:
        images = draw.render(scene, [TOP], segmentation=True)
        assert images.segmentation is not None
        mask = images.segmentation[0] == label
        return int(mask.sum()), images.color[0][mask]

    assert seen()[0] > 50
    scene.recolor("sign", body.colored(PALETTE["blue"]))
    assert np.abs(np.median(seen()[1], axis=0) - 255 * np.asarray(PALETTE["blue"])).max() < 8
    scene.move("sign", Pose((5.0, 0.0, 0.1)))
    assert seen()[0] == 0
    scene.remove("sign")
    assert seen()[0] == 0


@each_renderer
def test_light_brightens_what_faces_it(draw: Renderer, scene: Scene) -> None:
    scene.add("box", solid(Box((0.2, 0.2, 0.1)), (0.5, 0.5, 0.5)), Pose((0.5, 0.0, 0.05)), "fixed")
    bright = draw.render(scene, [TOP], lighting=Lighting((0, 0, 1), 0.5, 0.5, shadows=False)).color[0, 48, 64]
    dim = draw.render(scene, [TOP], lighting=Lighting((1, 0, 0), 0.5, 0.5, shadows=False)).color[0, 48, 64]
    assert np.abs(bright.astype(int) - 127).max() <= 2
    assert np.abs(dim.astype(int) - 64).max() <= 2


@pytest.mark.parametrize(
    "values", [((0, 0, 0),), ((0, 0, np.nan),), ((0, 0, 1), -0.1), ((0, 0, 1), 0.5, np.inf), ((0, 1),)]
)
def test_a_light_that_cannot_be_is_refused(values: tuple[Any, ...]) -> None:
    with pytest.raises(ConfigError, match="light"):
        Lighting(*values)


@each_renderer
def test_close_twice_and_use_after(draw: Renderer, scene: Scene) -> None:
    draw.render(scene, [TOP])
    draw.close()
    draw.close()
    with pytest.raises(RendererError, match="closed"):
        draw.render(scene, [TOP])


@each_renderer
def test_cameras_must_have_one_size(draw: Renderer, scene: Scene) -> None:
    with pytest.raises(ConfigError, match="image size"):
        draw.render(scene, [TOP, replace(TOP, image_size=(48, 64))])
    with pytest.raises(ConfigError, match="no camera"):
        draw.render(scene, [])


@needs_egl
@pytest.mark.parametrize("seed", [0, 1])
def test_renderers_agree(scene: Scene, seed: int) -> None:
    populate(scene, seed)
    cameras = published_cameras((240, 320))
    fast, slow = make_renderer("moderngl"), make_renderer("tiny")
    a = fast.render(scene, cameras, segmentation=True, lighting=NO_SHADOWS)
    b = slow.render(scene, cameras, segmentation=True, lighting=NO_SHADOWS)
    fast.close()
    assert a.segmentation is not None
    assert b.segmentation is not None
    safe = inner(a.segmentation) & inner(b.segmentation)
    assert safe.mean() > 0.9
    assert np.array_equal(a.segmentation[safe], b.segmentation[safe])
    assert len(np.unique(a.segmentation[safe])) > 12
    # Edges inside of a body have its label on both sides, and a pixel on one may fall on either.
    depth_error = np.abs(a.depth - b.depth)[safe]
    assert (depth_error > 1e-3).mean() < 1e-4
    color_error = np.abs(a.color.astype(int) - b.color)[safe].max(axis=-1)
    assert (color_error > 3).mean() < 1e-3
