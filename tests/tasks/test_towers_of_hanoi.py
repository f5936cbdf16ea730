import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from ravens_suite.core.geometry import Pose
from ravens_suite.core.palette import PALETTE
from ravens_suite.core.types import Action
from ravens_suite.tasks._hanoi import shortest_solution
from ravens_suite.tasks.towers_of_hanoi import DISCS

TASK = "towers-of-hanoi"


CARELESS = [
    ((0.4036, 0.3231, 0.0407), (0.6200, 0.2190, 0.0107), -0.0009),
    ((0.3793, 0.3297, 0.0308), (0.4866, 0.2770, 0.0108), -0.0067),
    ((0.5911, 0.1909, 0.0208), (0.4821, 0.2432, 0.0207), -0.0003),
    ((0.4078, 0.2923, 0.0208), (0.6237, 0.1911, 0.0108), 0.0165),
    ((0.5075, 0.2707, 0.0305), (0.4000, 0.3236, 0.0107), 0.0003),
]
"""Pick and place positions in metres and turns in radians, a few millimetres off, for validation seed 9."""


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


def test_a_disc_that_was_put_down_beside_the_middle_of_another_leaves_it_alone(build: Callable[..., Any]) -> None:
    """It used to sink into the other one, and to take it along when it was lifted."""
    start = build(TASK, 9, "val")
    for pick, place, turn in CARELESS:
        medium = start.scene.pose("disc medium").position
        start.task.primitive(start.robot, Action(Pose.planar(*pick, 0.0), Pose.planar(*place, turn)))
        start.scene.settle()
    assert start.scene.pose("disc medium").position == pytest.approx(medium, abs=2e-3)
    assert math.dist(start.scene.pose("disc small").position[:2], start.goals[4].targets[0].position[:2]) < 0.01
