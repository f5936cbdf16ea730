import math
from collections.abc import Callable
from typing import Any

import pytest

from ravens_suite.core.geometry import Pose
from ravens_suite.core.palette import PALETTE

TASK = "stack-block-pyramid"
COLORS = ("purple", "blue", "green", "yellow", "orange", "red")


def test_three_layers_from_the_foot_up(build: Callable[..., Any]) -> None:
    start = build(TASK, 0)
    stand = start.scene.pose("stand")
    assert start.task.max_steps == 12
    assert [goal.objects for goal in start.goals] == [
        ("purple block", "blue block", "green block"),
        ("yellow block", "orange block"),
        ("red block",),
    ]
    assert [goal.share for goal in start.goals] == pytest.approx([1 / 2, 1 / 3, 1 / 6])
    places = [[(stand.inverse() @ target).position[1] for target in goal.targets] for goal in start.goals]
    assert [y for layer in places for y in layer] == pytest.approx([-0.05, 0, 0.05, -0.025, 0.025, 0], abs=1e-9)
    for goal in start.goals:
        assert set(goal.symmetries) == {math.pi / 2}
        assert all(all(row) for row in goal.matches), "any block of a layer may go to any of its places"


def test_blocks_are_four_centimetre_cubes_of_the_named_colours(build: Callable[..., Any]) -> None:
    scene = build(TASK, 0).scene
    for color in COLORS:
        body = scene.body(f"{color} block")
        assert body.visuals[0].color == PALETTE[color]
        assert body.collisions[0].size == (0.04, 0.04, 0.04)
        assert body.mass == 0.01
        assert scene.pose(f"{color} block").position[2] == pytest.approx(0.019, abs=1e-3)


def test_a_quarter_turn_counts_and_an_eighth_does_not(build: Callable[..., Any]) -> None:
    goal = build(TASK, 0).goals[2]
    (target,) = goal.targets
    assert goal.progress({"red block": target @ Pose.planar(0, 0, 0, math.pi / 2)}) == 1
    assert goal.progress({"red block": target @ Pose.planar(0, 0, 0, math.pi / 4)}) == 0


def test_the_scene_is_the_same_for_the_same_seed(build: Callable[..., Any]) -> None:
    first, second, other = build(TASK, 3), build(TASK, 3), build(TASK, 4)
    assert first.scene.poses() == second.scene.poses()
    assert first.scene.poses() != other.scene.poses()


@pytest.mark.parametrize(
    ("seed", "split", "motion"), [(0, "train", "fast"), (1, "test", "fast"), (15, "test", "simulated")]
)
def test_the_oracle_stacks_all_six(rollout: Callable[..., Any], seed: int, split: str, motion: str) -> None:
    end = rollout(TASK, seed, split, motion)
    assert end.success
    assert end.score == pytest.approx(1)
    assert end.steps == 6
    heights = [end.poses[f"{color} block"].position[2] for color in COLORS]
    assert heights == pytest.approx([0.025] * 3 + [0.065] * 2 + [0.105], abs=2e-3)
