import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from ravens_suite.core.palette import PALETTE
from ravens_suite.errors import ConfigError
from ravens_suite.sim import objects
from ravens_suite.sim.bodies import Mesh, triangles
from ravens_suite.tasks._kits import SLOTS, SYMMETRIES
from ravens_suite.tasks.assembling_kits import COLORS, AssemblingKits

TASK, EASY = "assembling-kits", "assembling-kits-easy"
CELL = 0.0005


def shapes(start: Any) -> list[int]:
    """Shape ids of the objects, slot by slot, read off their meshes."""
    ids = []
    for color in COLORS:
        (mesh,) = start.scene.body(f"{color} object").collisions
        assert isinstance(mesh, Mesh)
        ids.append(int(mesh.name.removeprefix("kit_")))
    return ids


def outline(shape: int, turn: float = 0.0) -> Any:
    """Mask of a shape turned about its origin, on a grid of half millimetres."""
    mesh = objects.kit_object(shape, PALETTE["red"]).visuals[0].shape
    flat = triangles(mesh)[..., :2] @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    mask = np.zeros((200, 200), np.uint8)
    for triangle in np.rint(flat / CELL + 100).astype(np.int32):
        cv2.fillConvexPoly(mask, triangle, 1)
    return mask.astype(bool)


def overlap(a: Any, b: Any) -> float:
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize("shape", range(20))
def test_a_shape_looks_the_same_after_its_symmetry_and_not_before(shape: int) -> None:
    still, symmetry = outline(shape), SYMMETRIES[shape]
    if symmetry == 0:
        assert min(overlap(still, outline(shape, angle)) for angle in (0.3, 1.0, 2.0)) > 0.95
        return
    assert overlap(still, outline(shape, symmetry)) > 0.95
    for angle in np.arange(math.radians(20), symmetry - math.radians(19), math.radians(5)):
        assert overlap(still, outline(shape, angle)) < 0.95, f"also the same after {math.degrees(angle):.0f} degrees"


def test_five_objects_and_their_silhouettes(build: Callable[..., Any]) -> None:
    for seed in range(4):
        start = build(TASK, seed)
        (goal,) = start.goals
        ids, scene = shapes(start), start.scene
        assert start.task.max_steps == 10
        assert goal.objects == tuple(f"{color} object" for color in ("purple", "blue", "green", "yellow", "red"))
        assert goal.matches == tuple(tuple(a == b for b in ids) for a in ids)
        assert goal.symmetries == tuple(SYMMETRIES[shape] for shape in ids)
        assert goal.position_tolerance == 0.01
        assert math.degrees(goal.rotation_tolerance) == pytest.approx(15)
        board = scene.pose("board")
        for i, (target, slot) in enumerate(zip(goal.targets, SLOTS, strict=True)):
            silhouette = scene.pose(f"silhouette {i + 1}")
            assert (board.inverse() @ target).position[:2] == pytest.approx(slot)
            assert silhouette.position[:2] == pytest.approx(target.position[:2])
            assert silhouette.yaw == pytest.approx(target.yaw)
            assert not scene.body(f"silhouette {i + 1}").collisions
        for color in COLORS:
            assert scene.body(f"{color} object").visuals[0].color == PALETTE[color]
            assert scene.body(f"{color} object").mass == 0.1


@pytest.mark.parametrize(
    ("name", "split", "allowed"),
    [
        (TASK, "train", set(range(14))),
        (TASK, "val", set(range(14, 20))),
        (TASK, "test", set(range(14, 20))),
        (EASY, "train", set(range(20)) - {3, 11}),
        (EASY, "test", {3, 11}),
    ],
)
def test_held_out_shapes_never_appear_in_training(
    build: Callable[..., Any], name: str, split: str, allowed: set[int]
) -> None:
    seen: set[int] = set()
    for seed in range(12):
        ids = shapes(build(name, seed, split))
        if allowed == {3, 11}:
            assert len(set(ids)) == 1
        seen |= set(ids)
    assert seen <= allowed
    assert len(seen) >= min(len(allowed), 6) - 1


def test_the_easy_variant_has_twice_the_yaw_tolerance(build: Callable[..., Any]) -> None:
    (goal,) = build(EASY, 0).goals
    assert math.degrees(goal.rotation_tolerance) == pytest.approx(30)


def test_an_unknown_variant_is_named() -> None:
    with pytest.raises(ConfigError, match="easy"):
        AssemblingKits(variant="hard")  # type: ignore[arg-type]


def test_the_scene_is_the_same_for_the_same_seed(build: Callable[..., Any]) -> None:
    first, second, other = build(TASK, 3), build(TASK, 3), build(TASK, 4)
    assert first.scene.poses() == second.scene.poses()
    assert first.scene.poses() != other.scene.poses()


@pytest.mark.parametrize(
    ("name", "seed", "split", "motion"),
    [
        (TASK, 0, "train", "fast"),
        (TASK, 1, "test", "fast"),
        (TASK, 2, "train", "simulated"),
        (EASY, 1, "test", "fast"),
    ],
)
def test_the_oracle_fills_the_kit(rollout: Callable[..., Any], name: str, seed: int, split: str, motion: str) -> None:
    end = rollout(name, seed, split, motion)
    assert end.success
    assert end.score == pytest.approx(1)
    assert end.steps == 5
    for color in COLORS:
        assert end.poses[f"{color} object"].position[2] == pytest.approx(0.015, abs=3e-3)
