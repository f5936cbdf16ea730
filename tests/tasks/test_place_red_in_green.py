import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from ravens_suite.core.palette import PALETTE
from ravens_suite.envs.environment import RavensEnv
from ravens_suite.tasks.candidates import Candidates
from ravens_suite.tasks.place_red_in_green import DISTRACTORS

TASK = "place-red-in-green"


def test_bowls_blocks_and_ten_distractors(build: Callable[..., Any]) -> None:
    counts: Counter[tuple[int, int]] = Counter()
    for seed in range(12):
        start = build(TASK, seed)
        (goal,) = start.goals
        scene, objects = start.scene, start.scene.objects()
        bowls = [name for name in objects if name.startswith("green bowl")]
        blocks = [name for name in objects if name.startswith("red block")]
        others = [name for name in objects if name not in bowls and name not in blocks]
        counts[len(bowls), len(blocks)] += 1
        assert 1 <= len(blocks) <= len(bowls) <= 3
        assert len(others) == DISTRACTORS
        assert goal.objects == tuple(blocks)
        assert goal.targets == tuple(scene.pose(name) for name in bowls)
        assert goal.position_tolerance == 0.05
        assert set(goal.symmetries) == {0.0}
        assert all(all(row) for row in goal.matches)
        assert {scene.kind(name) for name in bowls} == {"fixed"}
        for name in (*blocks, *others):
            assert scene.kind(name) == "movable"
            assert scene.body(name).mass == (0.01 if "block" in name else 0.1)
        for name in objects:
            assert scene.body(name).visuals[0].color == PALETTE[name.split()[0]]
    assert len(counts) >= 4


def test_distractors_take_the_other_colours_by_turns(build: Callable[..., Any]) -> None:
    for seed in range(4):
        for name in build(TASK, seed).scene.objects()[-DISTRACTORS:]:
            color, kind, number = name.split()
            colors = [other for other in PALETTE if other != ("red" if kind == "block" else "green")]
            assert color == colors[(int(number) - 1) % 9]


def test_further_distractors_may_be_red_boxes_and_no_first_pick_is_judged_by_the_sentence() -> None:
    """Of a scene in which all colours are in use; the option ``distractors`` is no part of the published task."""
    environment = RavensEnv(TASK, split="test", observe=["state"], distractors=8)
    colors = set()
    for seed in range(3):
        environment.reset(seed=seed)
        scene = environment._simulation.scene
        colors |= {scene.body(name).visuals[0].color for name in scene.objects() if name.startswith("distractor ")}
        assert environment.sentences.candidates == Candidates()
    environment.close()
    assert colors <= set(PALETTE.values()) and PALETTE["red"] in colors


def test_two_blocks_in_one_bowl_score(build: Callable[..., Any]) -> None:
    start = next(start for start in (build(TASK, seed) for seed in range(20)) if len(start.goals[0].objects) > 1)
    (goal,) = start.goals
    assert goal.progress(dict.fromkeys(goal.objects, goal.targets[0])) == 1


def test_the_scene_is_the_same_for_the_same_seed(build: Callable[..., Any]) -> None:
    first, second, other = build(TASK, 3), build(TASK, 3), build(TASK, 4)
    assert first.scene.poses() == second.scene.poses()
    assert first.scene.poses() != other.scene.poses()


@pytest.mark.parametrize(
    ("seed", "split", "motion"), [(0, "train", "fast"), (1, "test", "fast"), (2, "train", "simulated")]
)
def test_the_oracle_puts_each_red_block_into_a_bowl_of_its_own(
    rollout: Callable[..., Any], seed: int, split: str, motion: str
) -> None:
    end = rollout(TASK, seed, split, motion)
    assert end.success
    assert end.score == pytest.approx(1)
    blocks = [pose for name, pose in end.poses.items() if name.startswith("red block")]
    bowls = [pose for name, pose in end.poses.items() if name.startswith("green bowl")]
    assert end.steps == len(blocks)
    nearest = {min(bowls, key=lambda bowl: math.dist(bowl.position, block.position)).position for block in blocks}
    assert len(nearest) == len(blocks)
