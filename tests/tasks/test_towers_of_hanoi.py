import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from ravens_suite.tasks.towers_of_hanoi import DISCS, shortest_solution
from ravens_suite.values.geometry import Pose
from ravens_suite.values.palette import PALETTE

TASK = "towers-of-hanoi"


@pytest.mark.parametrize("count", range(1, 6))
def test_the_solution_is_the_shortest_and_obeys_the_rules(count: int) -> None:
    rods = [list(range(count))[::-1], [], []]
    moves = list(shortest_solution(count, 0, 2))
    assert len(moves) == 2**count - 1
    for start, end in moves:
        disc = rods[start].pop()
        assert not rods[end] or rods[end][-1] > disc
        rods[end].append(disc)
    assert rods == [[], [], list(range(count))[::-1]]


def test_seven_moves_of_equal_share(build: Callable[..., Any]) -> None:
    start = build(TASK, 0)
    assert start.task.max_steps == 14
    assert len(start.goals) == 7
    order = [goal.objects[0].removeprefix("disc ") for goal in start.goals]
    assert order == ["small", "medium", "small", "large", "small", "medium", "small"]
    for goal in start.goals:
        assert goal.share == pytest.approx(1 / 7)
        assert goal.symmetries == (0.0,)
        assert goal.position_tolerance == 0.01
    stand = start.scene.pose("stand")
    rods = [(stand.inverse() @ goal.targets[0]).position for goal in start.goals]
    assert [round(y, 6) for _, y, _ in rods] == [0.12, 0, 0, 0.12, -0.12, 0.12, 0.12]


def test_the_tower_stands_still_on_the_first_rod_small_on_top(build: Callable[..., Any]) -> None:
    for seed in range(3):
        scene = build(TASK, seed).scene
        scene.step(480)
        stand = scene.pose("stand")
        places = [(stand.inverse() @ scene.pose(disc)).position for disc in DISCS]
        for x, y, _ in places:
            assert math.hypot(x, y + 0.12) < 1e-3
        heights = [z for _, _, z in places]
        assert [a - b for a, b in pairwise(heights)] == pytest.approx([0.01, 0.01], abs=2e-3)
        assert heights[-1] == pytest.approx(0.01, abs=2e-3)


def test_the_discs(build: Callable[..., Any]) -> None:
    scene = build(TASK, 0).scene
    for disc, color, radius in zip(DISCS, ("red", "yellow", "green"), (0.03, 0.035, 0.04), strict=True):
        assert {visual.color for visual in scene.body(disc).visuals} == {PALETTE[color]}
        low, high = scene.bounds(disc, Pose())
        assert (high - low)[:2] == pytest.approx(2 * radius, rel=0.1)
        assert (high - low)[2] == pytest.approx(0.01, abs=1e-6)
        assert scene.body(disc).mass == 0.1


def test_the_scene_is_the_same_for_the_same_seed(build: Callable[..., Any]) -> None:
    first, second, other = build(TASK, 3), build(TASK, 3), build(TASK, 4)
    assert first.scene.poses() == second.scene.poses()
    assert first.scene.poses() != other.scene.poses()


@pytest.mark.parametrize(
    ("seed", "split", "motion"), [(4, "train", "fast"), (1, "test", "fast"), (6, "train", "simulated")]
)
def test_the_oracle_moves_the_tower(rollout: Callable[..., Any], seed: int, split: str, motion: str) -> None:
    end = rollout(TASK, seed, split, motion)
    assert end.success
    assert end.score == pytest.approx(1)
    assert end.steps <= 10
    heights = [end.poses[disc].position[2] for disc in DISCS]
    assert np.argsort(heights).tolist() == [2, 1, 0]
