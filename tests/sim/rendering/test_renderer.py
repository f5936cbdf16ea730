from __future__ import annotations

import _ctypes
import gc
import importlib.util
import logging
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import moderngl
import numpy as np
import pytest
from numpy.typing import NDArray

from ravens_suite.core.cameras import Camera, look_at, published_cameras
from ravens_suite.core.geometry import Pose
from ravens_suite.core.heightmap import View, empty_table
from ravens_suite.core.palette import PALETTE
from ravens_suite.core.projection import project, world_points
from ravens_suite.core.types import quantize_depth
from ravens_suite.core.workspace import PLANE_HEIGHT
from ravens_suite.errors import ConfigError, RendererError, UnknownNameError
from ravens_suite.sim.bodies import Box, Cylinder, Hull, Shape, Sphere, marker, solid
from ravens_suite.sim.rendering import factory, opengl, opengl_context, opengl_geometry
from ravens_suite.sim.rendering.base import BACKGROUND, Images, Lighting, Renderer
from ravens_suite.sim.rendering.factory import make_renderer
from ravens_suite.sim.rendering.opengl_geometry import VISUAL_LIMIT, Geometry
from ravens_suite.sim.scene import Drawable, Scene

SMALL = (96, 128)
TOP = Camera("top", look_at((0.5, 0.0, 1.0), (0.5, 0.0, 0.0), (1.0, 0.0, 0.0)), SMALL, 90.0)
BEYOND = Camera("beyond", look_at((0.0, 0.0, 1.0), (9.0, 0.0, 3.0), (0.0, 0.0, 1.0)), SMALL, 90.0)
NO_SHADOWS = Lighting(shadows=False)


def _egl_error() -> str:
    try:
        make_renderer("moderngl").close()
    except RendererError as error:
        return str(error)
    return ""


EGL_ERROR = _egl_error()
needs_egl = pytest.mark.skipif(bool(EGL_ERROR), reason=f"moderngl cannot run: {EGL_ERROR}")
each_renderer = pytest.mark.parametrize("draw", [pytest.param("moderngl", marks=needs_egl), "tiny"], indirect=True)


@pytest.fixture
def draw(request: pytest.FixtureRequest) -> Iterator[Renderer]:
    made = make_renderer(request.param)
    yield made
    made.close()


@pytest.fixture
def fast() -> Iterator[Renderer]:
    made = make_renderer("moderngl")
    yield made
    made.close()


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.close()


def populate(scene: Scene, seed: int = 0) -> None:
    """Boxes, cylinders, balls and hulls at random poses over the table."""
    rng = np.random.default_rng(seed)
    corner = ((0.0, 0.0, 0.0), (0.07, 0.0, 0.0), (0.0, 0.06, 0.0), (0.0, 0.0, 0.05), (0.03, 0.04, 0.06))
    shapes: list[Shape] = [
        Box((0.08, 0.05, 0.04), Pose((0.01, 0.02, 0.0))),
        Cylinder(0.03, 0.07),
        Sphere(0.03),
        Hull(corner),
    ]
    colors = list(PALETTE.values())
    for index in range(12):
        quaternion = rng.normal(size=4)
        position = rng.uniform((0.3, -0.4, 0.05), (0.7, 0.4, 0.2))
        body = solid(shapes[index % 4], colors[index % len(colors)])
        scene.add(f"body {index}", body, Pose.from_vector([*position, *quaternion]), "fixed")


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


def same_images(a: Images, b: Images) -> bool:
    if (a.segmentation is None) != (b.segmentation is None):
        return False
    labels_equal = a.segmentation is None or b.segmentation is None or np.array_equal(a.segmentation, b.segmentation)
    return labels_equal and np.array_equal(a.color, b.color) and np.array_equal(a.depth, b.depth)


# ------------------------------------------------------------------- both renderers


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


# ------------------------------------------------------------------------- moderngl


@needs_egl
def test_shadows_darken_the_table_only(fast: Renderer, scene: Scene) -> None:
    scene.add("box", solid(Box((0.1, 0.1, 0.1)), PALETTE["red"]), Pose((0.5, 0.0, 0.15)), "fixed")
    light = Lighting((0.0, 1.0, 1.0), 0.5, 0.5)
    lit = fast.render(scene, [TOP], segmentation=True, lighting=replace(light, shadows=False))
    shaded = fast.render(scene, [TOP], segmentation=True, lighting=light)
    assert lit.segmentation is not None
    assert shaded.segmentation is not None
    assert np.array_equal(lit.segmentation, shaded.segmentation)
    assert np.array_equal(lit.depth, shaded.depth)
    rows, columns = np.nonzero((lit.color != shaded.color).any(axis=-1)[0])
    assert (lit.segmentation[0][rows, columns] < 2).all()
    # The light comes from +y, image left: the shadow of the top (0.2 m high) reaches to y = -0.25, 22 px off centre.
    assert 80 <= len(rows) <= 300
    assert columns.min() > 64
    assert abs(columns.max() - (64 + 22.5)) <= 1.5
    assert (shaded.color[0][rows, columns] <= lit.color[0][rows, columns]).all()


@needs_egl
def test_shadow_keeps_depth_across_the_edge_of_the_sheet(fast: Renderer, scene: Scene) -> None:
    scene.add("roof", solid(Box((0.8, 1.4, 0.01)), PALETTE["red"]), Pose((0.5, 0.0, 0.3)), "fixed")
    cameras = published_cameras((240, 320))
    lit = fast.render(scene, cameras, segmentation=True, lighting=NO_SHADOWS)
    shaded = fast.render(scene, cameras, segmentation=True)
    assert (lit.color != shaded.color).any(axis=-1).mean() > 0.02
    assert np.abs(lit.depth - shaded.depth).max() < 1.5e-3
    assert (np.abs(lit.depth - shaded.depth) > 1.5e-4).mean() < 1e-3
    assert lit.segmentation is not None
    assert shaded.segmentation is not None
    assert np.mean(lit.segmentation != shaded.segmentation) < 1e-3


@needs_egl
def test_kept_backgrounds_follow_camera_light_table_and_labels(scene: Scene) -> None:
    populate(scene)
    # Two cameras, and one of them in another size, too.
    cameras = [*published_cameras((48, 64))[:2], published_cameras(SMALL)[0]]
    lights = (NO_SHADOWS, Lighting(ambient=0.3))
    colors = ((0.2, 0.2, 0.2), (0.6, 0.5, 0.1))
    views = [
        (color, light, camera, labels)
        for color, light in product(colors, lights)
        for camera in cameras
        for labels in (False, True)
    ]

    def rendered(views: list[Any], *, anew: bool) -> list[Images]:
        made, images = make_renderer("moderngl"), []
        for color, light, camera, labels in views:
            scene.recolor("workspace", scene.body("workspace").colored(color))
            if anew:
                made.close()
                made = make_renderer("moderngl")
            images.append(made.render(scene, [camera], segmentation=labels, lighting=light))
        made.close()
        return images

    kept = rendered([*views, *views[::-1], *views[:4] * 2], anew=False)
    fresh = rendered(views, anew=True)
    assert all(same_images(*pair) for pair in zip(kept, [*fresh, *fresh[::-1], *fresh[:4] * 2], strict=True))


@needs_egl
def test_renderers_share_one_context_until_the_last_closes(scene: Scene) -> None:
    populate(scene)
    gc.collect()  # Environments that other tests left open hold the context too.
    users = sum(device.users for device in opengl._devices.values())
    first, second = make_renderer("moderngl"), make_renderer("moderngl")
    assert len(opengl._devices) == 1
    images = first.render(scene, [TOP], segmentation=True)
    first.close()
    assert same_images(images, second.render(scene, [TOP], segmentation=True))
    second.close()
    assert sum(device.users for device in opengl._devices.values()) == users
    third = make_renderer("moderngl")
    assert same_images(images, third.render(scene, [TOP], segmentation=True))
    third.close()


@needs_egl
def test_a_renderer_that_is_dropped_gives_the_context_back() -> None:
    gc.collect()
    users = sum(device.users for device in opengl._devices.values())
    dropped, kept = make_renderer("moderngl"), make_renderer("moderngl")
    with opengl._devices_lock:  # Python may collect a renderer while its thread holds the lock.
        del dropped
        assert sum(device.users for device in opengl._devices.values()) == users + 2
    kept.close()
    assert sum(device.users for device in opengl._devices.values()) == users


@needs_egl
def test_any_thread_may_render(fast: Renderer, scene: Scene) -> None:
    populate(scene)
    images, seen = fast.render(scene, [TOP]), []
    threads = [threading.Thread(target=lambda: seen.append(fast.render(scene, [TOP]))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(same_images(images, other) for other in seen)
    assert len(seen) == 3


def _render_in_child(pipe: Connection, parents: Renderer, scene: Scene) -> None:
    inherited = parents.render(scene, [TOP], segmentation=True)
    own = make_renderer("moderngl")
    images = own.render(scene, [TOP], segmentation=True)
    own.close()
    parents.close()
    parents.close()
    pipe.send((same_images(inherited, images), images))


@needs_egl
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.skipif(
    os.environ.get("LP_NUM_THREADS", "0") != "0", reason="the rasteriser's threads do not survive a fork"
)
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_child_renders_the_same(fast: Renderer, scene: Scene) -> None:
    populate(scene)
    images = fast.render(scene, [TOP], segmentation=True)
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)
    child = context.Process(target=_render_in_child, args=(send, fast, scene), daemon=True)
    child.start()
    assert receive.poll(15), "the child hangs"
    alike, from_child = receive.recv()
    child.join(15)
    assert child.exitcode == 0
    assert alike
    assert same_images(images, from_child)
    assert same_images(images, fast.render(scene, [TOP], segmentation=True))


def _resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@needs_egl
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
def test_memory_does_not_grow_with_changing_scenes(fast: Renderer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opengl_geometry, "VISUAL_LIMIT", 50)
    geometry = Geometry()
    opengl._devices[os.getpid()]._geometry = geometry
    rng = np.random.default_rng(0)
    scene = Scene()

    def new_scene() -> None:
        scene.reset()
        for index in range(4):
            points = tuple((float(x), float(y), float(z)) for x, y, z in rng.uniform(0, 0.05, size=(6, 3)))
            scene.add(f"hull {index}", marker((Hull(points),), PALETTE["cyan"]), Pose((0.5, 0.0, 0.05)), "marker")
        fast.render(scene, [TOP], segmentation=True)

    for _ in range(140):  # Fills the cache of triangles too.
        new_scene()
    gc.collect()
    before = _resident_megabytes()
    for _ in range(160):
        new_scene()
    gc.collect()
    assert _resident_megabytes() - before < 6
    assert len(geometry._looks) <= 50
    scene.close()


def test_geometry_forgets_old_visuals() -> None:
    geometry = Geometry()
    sheet = Pose((0.0, 0.0, 0.1))
    for index in range(VISUAL_LIMIT + 50):
        visual = marker((Box((0.1, 0.1, 0.1 + index)),), PALETTE["red"]).visuals[0]
        instances = geometry.instances([Drawable("box", 5, visual, sheet)])
        assert instances.rows[0, 9] == pytest.approx(0.1 + index)
    assert len(geometry._looks) <= VISUAL_LIMIT
    assert len(geometry.vertices()) == 36


def test_geometry_holds_any_scene() -> None:
    geometry = Geometry()
    visuals = [marker((Sphere(0.1 + index),), PALETTE["red"]).visuals[0] for index in range(2 * VISUAL_LIMIT)]
    drawables = [Drawable("ball", 5, visual, Pose()) for visual in visuals]
    first = geometry.instances(drawables)
    version = geometry.version
    again = geometry.instances(drawables)
    assert geometry.version == version
    assert np.array_equal(first.rows, again.rows)
    assert first.commands[:, 1].sum() == 2 * VISUAL_LIMIT


def test_instances_without_a_table() -> None:
    instances = Geometry().instances([])
    assert instances.bodies == instances.sheets == instances.grounds == 0
    assert instances.ground is None


# --------------------------------------------------------------------------- choice


def test_unknown_renderer() -> None:
    with pytest.raises(UnknownNameError, match="moderngl"):
        make_renderer("modern")


def test_missing_egl_says_how_to_mend(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("libEGL.so.1 not loaded")

    monkeypatch.setattr(opengl, "_devices", {})
    monkeypatch.setattr(moderngl, "create_context", fail)
    factory._warn_once.cache_clear()
    with pytest.raises(RendererError, match=r"libEGL\.so\.1 not loaded.*libegl1 libgl1-mesa-dri.*renderer='tiny'"):
        make_renderer("moderngl")
    with caplog.at_level(logging.WARNING):
        assert make_renderer("auto").name == "tiny"
        assert make_renderer("auto").name == "tiny"
    assert len(caplog.records) == 1


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="reads /proc")
def test_triton_is_loaded_before_opengl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    library = tmp_path / "triton" / "_C" / "libtriton.so"
    library.parent.mkdir(parents=True)
    shutil.copy(_ctypes.__file__, library)
    library.with_name("libtriton.damaged.so").write_bytes(b"no library")
    (tmp_path / "triton" / "__init__.py").touch()
    loaded: list[bool] = []

    def record(*_: object, **__: object) -> None:
        loaded.append(str(library) in Path("/proc/self/maps").read_text())
        raise RuntimeError("enough")

    monkeypatch.delitem(sys.modules, "triton", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(moderngl, "create_context", record)
    with pytest.raises(RendererError, match="enough"):
        opengl_context.make_context()
    assert loaded and all(loaded)


@needs_egl
def test_auto_prefers_moderngl() -> None:
    made = make_renderer()
    assert made.name == "moderngl"
    made.close()


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch")
def test_torch_loads_its_compilers_after_a_picture() -> None:
    """Triton's library, which torch's wheels for GPUs bring along, used to end a process that had drawn with Mesa."""
    program = (
        "import gymnasium, ravens_suite\n"
        "gymnasium.make('ravens_suite/BlockInsertion-v0').reset(seed=0)\n"
        "import torch\n"
        "torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)\n"
        "print('made')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip().splitlines()[-1:]) == (0, ["made"]), done.stderr
