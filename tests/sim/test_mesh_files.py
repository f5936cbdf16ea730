"""Nothing that Bullet is given depends on files that may vanish, be cut short or bear a name that it cannot take."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ravens_suite.core.cameras import published_cameras
from ravens_suite.core.geometry import Pose
from ravens_suite.core.palette import PALETTE
from ravens_suite.errors import ConfigError, MeshError
from ravens_suite.sim import mesh_files, objects
from ravens_suite.sim.bodies import Body, Box, Cylinder, Hull, Shape, Sphere, Visual, solid
from ravens_suite.sim.rendering.tiny import TinyRenderer
from ravens_suite.sim.scene import Scene

RED = PALETTE["red"]
SMALL = published_cameras((24, 32))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The temporary folder of the process."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    mesh_files._sweep.cache_clear()
    yield tmp_path
    mesh_files._sweep.cache_clear()


def dropped(scene: Scene) -> Pose:
    """Where a bowl of fifteen parts comes to rest on a kit."""
    scene.reset()
    scene.add("kit", objects.kit_object(3, RED), Pose((0.5, 0.0, 0.02)), "movable")
    scene.add("bowl", objects.bowl(RED, mass=0.1), Pose.planar(0.51, 0.01, 0.1, 0.3), "movable")
    scene.step(120)
    return scene.pose("bowl")


@pytest.mark.parametrize("tiny", [False, True])
def test_no_file_outlives_the_making_of_a_body(folder: Path, tiny: bool) -> None:
    scene = Scene()
    before = dropped(scene)
    assert not list(folder.iterdir())
    images = TinyRenderer().render(scene, SMALL) if tiny else None
    for path in folder.iterdir():  # As a tidy-up of the system would, between two episodes.
        path.unlink()
    assert dropped(scene) == before
    if images is not None:
        np.testing.assert_array_equal(TinyRenderer().render(scene, SMALL).color, images.color)
    scene.close()


def test_a_single_hull_needs_no_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mesh_files, "_parents", lambda: [])
    scene = Scene()
    scene.add("kit", objects.kit_object(3, RED), Pose((0.5, 0.0, 0.02)), "movable")
    with pytest.raises(MeshError, match="TMPDIR"):
        scene.add("bowl", objects.bowl(RED), Pose((0.5, 0.0, 0.0)), "fixed")
    assert "bowl" not in scene
    scene.close()


@pytest.mark.parametrize("number", range(14))
@pytest.mark.parametrize("before", [False, True])
def test_a_signal_at_any_moment_leaves_no_file_behind_and_comes_through(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, before: bool
) -> None:
    calls = iter(range(100))

    def interrupted(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Path, *given: Any, **named: Any) -> Any:
            now = next(calls) == number
            if now and before:
                raise KeyboardInterrupt
            result = method(path, *given, **named)
            if now:
                raise KeyboardInterrupt
            return result

        return call

    for name in ("mkdir", "write_bytes", "read_bytes", "unlink", "rmdir"):
        monkeypatch.setattr(Path, name, interrupted(getattr(Path, name)))
    with pytest.raises(KeyboardInterrupt), mesh_files.mesh_files([b"a", b"b", b"c"]):
        pass
    assert next(calls) > number
    assert not list(folder.iterdir())


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_process_that_ends_takes_nothing_with_it() -> None:
    scene = Scene()
    before = dropped(scene)
    child = os.fork()
    if child == 0:
        dropped(scene)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert dropped(scene) == before
    scene.close()


@pytest.mark.parametrize("name", ["tidy! me", "mond-\N{LATIN SMALL LETTER U WITH DIAERESIS}", "x" * 201])
def test_a_folder_whose_name_bullet_cannot_take_is_passed_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    odd, plain = folder / name, folder / "plain"
    odd.mkdir()
    plain.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(odd))
    monkeypatch.setattr(mesh_files, "_FALLBACKS", (str(plain),))
    with mesh_files.mesh_files([b"v 0 0 0\n"]) as paths:
        assert [Path(path).parent.parent for path in paths] == [plain]
    monkeypatch.setattr(mesh_files, "_FALLBACKS", ())
    with pytest.raises(MeshError, match="has a name that Bullet cannot take"), mesh_files.mesh_files([b""]):
        pass


def test_a_folder_that_is_gone_is_passed_over_and_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "gone"))
    monkeypatch.setattr(mesh_files, "_FALLBACKS", (str(folder),))
    with mesh_files.mesh_files([b"v 0 0 0\n"]) as paths:
        assert Path(paths[0]).read_bytes() == b"v 0 0 0\n"
    monkeypatch.setattr(mesh_files, "_FALLBACKS", ())
    with pytest.raises(MeshError, match="gone: No such file"), mesh_files.mesh_files([b""]):
        pass


def test_a_disk_that_keeps_less_than_was_written_is_noticed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mesh_files, "_FALLBACKS", ())
    monkeypatch.setattr(Path, "write_bytes", lambda path, content: path.touch())
    with pytest.raises(MeshError, match="none can be written"), mesh_files.mesh_files([b"v 0 0 0\n"]):
        pass
    assert not list(folder.iterdir())


@pytest.mark.parametrize("how", [Path.unlink, lambda path: os.truncate(path, 2)])
def test_files_that_change_while_bullet_reads_them_are_noticed(folder: Path, how: object) -> None:
    with (
        pytest.raises(MeshError, match="deleted or changed while Bullet read it"),
        mesh_files.mesh_files([b"v 0 0 0\n", b"v 1 1 1\n"]) as paths,
    ):
        how(Path(paths[1]))  # type: ignore[operator]
    assert not list(folder.iterdir())


def test_a_process_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import os, signal; from ravens_suite.core.geometry import Pose; from ravens_suite.sim import objects; "
        "from ravens_suite.sim.scene import Scene; "
        "Scene().add('bowl', objects.bowl((1.0, 0.0, 0.0)), Pose((0.5, 0.0, 0.0)), 'fixed'); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    run = subprocess.run([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)}, check=False)
    assert run.returncode == -signal.SIGKILL
    assert not list(tmp_path.iterdir())


def test_what_killed_processes_left_is_deleted_and_nothing_else(folder: Path) -> None:
    old, fresh, other = (folder / name for name in ("ravens_suite_meshes_a", "ravens_suite_meshes_b", "mine"))
    for path in (old, fresh, other):
        path.mkdir()
        (path / "0.obj").touch()
        if path != fresh:
            os.utime(path, (1.0, 1.0))
    with mesh_files.mesh_files([b""]):
        pass
    assert {path.name for path in folder.iterdir()} == {fresh.name, other.name}


@pytest.mark.parametrize(
    "shape",
    [
        Hull(((0.0, 0.0, 0.0), (0.1, 0.0, 0.0), (0.0, 0.1, 0.0), (0.1, 0.1, 0.0))),
        Hull(((0.0, 0.0, 0.0),)),
        Hull(((0.0, 0.0, float("nan")), (0.1, 0.0, 0.0), (0.0, 0.1, 0.0), (0.1, 0.1, 0.1))),
        Hull(()),
    ],
    ids=repr,
)
@pytest.mark.parametrize("parts", [1, 2])
def test_a_shape_without_a_volume_is_refused(shape: Shape, parts: int) -> None:
    scene = Scene()
    with pytest.raises(MeshError, match=r"volume|positive and finite"):
        scene.add("odd", Body((), (shape,) * parts, 0.1), Pose((0.5, 0.0, 0.1)), "movable")
    scene.close()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Box((0.1, 0.0, 0.1)),
        lambda: Box((0.1, float("nan"), 0.1)),
        lambda: Cylinder(-0.1, 0.1),
        lambda: Sphere(float("inf")),
    ],
)
def test_a_solid_without_a_volume_is_refused(make: Callable[[], Shape]) -> None:
    with pytest.raises(ConfigError, match="above 0"):
        make()


def test_a_body_without_visuals_is_not_seen_by_the_tiny_renderer() -> None:
    scene = Scene()
    empty = TinyRenderer().render(scene, SMALL)
    scene.add("ghost", Body((), (Box((0.1, 0.1, 0.1)),)), Pose((0.5, 0.0, 0.05)), "fixed")
    np.testing.assert_array_equal(TinyRenderer().render(scene, SMALL).depth, empty.depth)
    scene.add("seen", Body((Visual(Box((0.1, 0.1, 0.1)), RED),)), Pose((0.5, 0.0, 0.05)), "marker")
    assert not np.array_equal(TinyRenderer().render(scene, SMALL).depth, empty.depth)
    scene.close()


def test_a_body_may_be_one_mesh_or_many() -> None:
    points = ((0.0, 0.0, 0.0), (0.05, 0.0, 0.0), (0.0, 0.05, 0.0), (0.0, 0.0, 0.05))
    scene = Scene()
    for index, shapes in enumerate([(Hull(points),), (Hull(points), Sphere(0.01), Hull(points))]):
        scene.add(f"body {index}", Body((), shapes, 0.1), Pose((0.4 + index / 5, 0.0, 0.05)), "movable")
    scene.step(300)
    assert all(abs(pose.position[2]) < 0.02 for pose in scene.poses().values())
    scene.close()


def test_solid_bodies_still_take_a_pose(folder: Path) -> None:
    scene = Scene()
    scene.add("box", solid(Box((0.1, 0.1, 0.1), Pose((0.0, 0.0, 0.05))), RED, 0.1), Pose((0.5, 0.0, 0.0)), "movable")
    scene.step(60)
    assert abs(scene.pose("box").position[2]) < 0.002
    scene.close()
