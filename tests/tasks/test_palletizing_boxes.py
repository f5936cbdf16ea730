from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import ZoneGoal
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.palletizing_boxes import DROP_ZONE, PALLET

TASK = "palletizing-boxes"
BOXES = 18


def stack(scene: Scene, goal: ZoneGoal, sizes: dict[str, tuple[float, float, float]]) -> None:
    scene.add("pallet", objects.pallet(), PALLET, "fixed")
    for name, target in zip(goal.objects, goal.targets, strict=True):
        scene.add(name, objects.box(sizes[name], (0.5, 0.4, 0.3)), target, "movable")


def sizes_of(goal: ZoneGoal) -> dict[str, tuple[float, float, float]]:
    """Long side along x in layers of two by three, along y in the others."""
    long, short = 0.09, 0.17 / 3
    return {name: (long, short, short) if i // 6 == 1 else (short, long, short) for i, name in enumerate(goal.objects)}


def test_the_targets_are_a_stack_that_stands_still(build: Callable[..., Any]) -> None:
    (goal,) = build(TASK, 0).goals
    scene = Scene()
    stack(scene, goal, sizes_of(goal))
    scene.step(480)
    for name, target in zip(goal.objects, goal.targets, strict=True):
        assert np.linalg.norm(np.subtract(scene.pose(name).position, target.position)) < 1e-3
    assert goal.progress(scene.poses()) == pytest.approx(1)
    scene.close()


def test_three_layers_of_six_each_turned_and_built_from_the_bottom_up(build: Callable[..., Any]) -> None:
    (goal,) = build(TASK, 1).goals
    heights = [target.position[2] for target in goal.targets]
    assert len(goal.objects) == BOXES
    assert heights == sorted(heights)
    assert len({round(height, 6) for height in heights}) == 3
    places = np.array([target.position[:2] for target in goal.targets])
    columns = [len({round(x, 6) for x in layer[:, 0]}) for layer in np.split(places, 3)]
    rows = [len({round(y, 6) for y in layer[:, 1]}) for layer in np.split(places, 3)]
    assert columns == [3, 2, 3]
    assert rows == [2, 3, 2]


def test_the_order_of_building_differs_between_seeds(build: Callable[..., Any]) -> None:
    (first,), (second,), (again,) = (build(TASK, seed).goals for seed in (0, 1, 0))
    assert first.targets != second.targets
    assert first.targets == again.targets


def test_the_next_box_comes_when_the_last_one_is_gone(build: Callable[..., Any]) -> None:
    start = build(TASK, 2)
    scene, task = start.scene, start.task
    assert "box_0" in scene
    assert "box_1" not in scene
    assert not task.after_action(scene)
    assert "box_1" not in scene  # box_0 still lies where boxes come in
    for i in range(BOXES - 1):
        assert DROP_ZONE[0] < scene.pose(f"box_{i}").position[1] < DROP_ZONE[1]
        scene.move(f"box_{i}", Pose((0.2 + 0.1 * (i % 6), 0.2 + 0.15 * (i // 6), 0.03)))
        assert not task.after_action(scene)
        assert f"box_{i + 1}" in scene
    assert task.after_action(scene)  # all have come and the pallet is not full


@pytest.mark.parametrize(("seed", "split"), [(0, "train"), (1, "test")])
def test_the_oracle_fills_the_pallet(rollout: Callable[..., Any], seed: int, split: str) -> None:
    end = rollout(TASK, seed, split)
    assert end.success
    assert end.steps == BOXES
    assert max(pose.position[2] for pose in end.poses.values()) < 0.25


def test_resets_keep_memory(growth: Callable[..., float]) -> None:
    assert growth(TASK, 20) < 5
