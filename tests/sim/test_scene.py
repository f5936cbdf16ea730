"""The scene: bodies that are added together behave as bodies that are added one by one."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from ravens_suite.core.geometry import Pose
from ravens_suite.core.palette import PALETTE
from ravens_suite.errors import TaskDefinitionError
from ravens_suite.sim import objects
from ravens_suite.sim.bodies import Body
from ravens_suite.sim.bullet_shapes import bullet
from ravens_suite.sim.scene import Scene

NAMES = [f"block {i}" for i in range(12)]


@pytest.fixture
def scenes() -> Iterator[tuple[Scene, Scene]]:
    pair = Scene(), Scene()
    yield pair
    for scene in pair:
        scene.close()


def pile() -> tuple[dict[str, Body], dict[str, Pose]]:
    rng = np.random.default_rng(0)
    colors = list(PALETTE.values())
    bodies = {name: objects.small_block(colors[i % len(colors)]) for i, name in enumerate(NAMES)}
    places = np.column_stack([rng.uniform(0.45, 0.5, (12, 2)), np.linspace(0.02, 0.2, 12)])
    return bodies, {name: Pose.planar(x, y, z, 0.3) for name, (x, y, z) in zip(NAMES, places, strict=True)}


def test_bodies_added_at_once_move_as_those_added_one_by_one(scenes: tuple[Scene, Scene]) -> None:
    together, single = scenes
    bodies, poses = pile()
    together.add_alike(bodies, poses, "movable")
    for name in NAMES:
        single.add(name, bodies[name], poses[name], "movable")
    for scene in scenes:
        scene.step(150)
    assert together.labels() == single.labels()
    assert together.poses() == single.poses()
    assert together.touching(NAMES[0]) == single.touching(NAMES[0])
    together.remove(NAMES[3])
    together.step(10)
    assert NAMES[3] not in together.poses()


def test_bodies_added_at_once_must_be_alike(scenes: tuple[Scene, Scene]) -> None:
    scene, _ = scenes
    bodies, poses = pile()
    with pytest.raises(ValueError, match="orientation"):
        scene.add_alike(bodies, {**poses, NAMES[0]: Pose.planar(0.5, 0, 0.1, 1.0)}, "movable")
    with pytest.raises(ValueError, match="shape"):
        scene.add_alike({**bodies, NAMES[0]: objects.rope_bead(PALETTE["red"])}, poses, "movable")
    scene.add_alike({}, {}, "movable")
    assert not scene.poses()
    scene.add_alike(bodies, poses, "movable")
    with pytest.raises(ValueError, match="unique"):
        scene.add_alike(bodies, poses, "movable")


def connected(client: int) -> bool:
    return bool(bullet.getConnectionInfo(client)["isConnected"])


def test_a_scene_that_is_dropped_is_closed() -> None:
    scene = Scene()
    client = scene.client
    assert connected(client)
    del scene
    assert not connected(client)


def test_a_scene_may_be_dropped_in_another_thread_and_closed_twice() -> None:
    kept, scenes = Scene(), [Scene()]
    client = scenes[0].client
    thread = threading.Thread(target=scenes.clear)
    thread.start()
    thread.join()
    assert not connected(client)
    kept.close()
    other = Scene()  # It may get the number of one that was closed, and must not be closed with it.
    kept.close()
    del kept
    assert connected(other.client)
    other.close()


@pytest.mark.parametrize("name", ["", "red\nblock", "block\n"])
def test_a_name_is_one_line_since_observed_names_are_told_apart_by_lines(
    scenes: tuple[Scene, Scene], name: str
) -> None:
    with pytest.raises(TaskDefinitionError, match="cannot be the name of a body"):
        scenes[0].add(name, objects.block(PALETTE["red"]), Pose((0.5, 0.0, 0.02)), "movable")
    assert scenes[0].objects() == []
