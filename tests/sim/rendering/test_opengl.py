"""The renderer on OpenGL: shadows, what it keeps between images, its context, threads, forks and memory."""

from __future__ import annotations

import _ctypes
import gc
import importlib.util
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from itertools import product
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import moderngl
import numpy as np
import pytest

from ravens_suite.core.cameras import published_cameras
from ravens_suite.core.geometry import Pose
from ravens_suite.core.palette import PALETTE
from ravens_suite.errors import RendererError
from ravens_suite.sim.bodies import Box, Hull, Sphere, marker, solid
from ravens_suite.sim.rendering import opengl, opengl_context, opengl_geometry
from ravens_suite.sim.rendering.base import Images, Lighting, Renderer
from ravens_suite.sim.rendering.factory import make_renderer
from ravens_suite.sim.rendering.opengl_geometry import VISUAL_LIMIT, Geometry
from ravens_suite.sim.scene import Drawable, Scene
from tests.sim.rendering.views import NO_SHADOWS, SMALL, TOP, needs_egl, populate, same_images


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
def test_a_context_that_is_listed_no_more_is_given_back_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one under its place stays."""
    monkeypatch.setattr(opengl, "_devices", {})
    first = make_renderer("moderngl")
    (earlier,) = opengl._devices.values()
    opengl._devices.clear()
    second = make_renderer("moderngl")
    (later,) = opengl._devices.values()
    first.close()
    assert (earlier.users, list(opengl._devices.values())) == (0, [later])
    opengl._devices.clear()
    second.close()
    assert later.users == 0


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
