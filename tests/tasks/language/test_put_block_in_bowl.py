from collections.abc import Callable
from typing import Any

import pytest

from ravens_suite.errors import ConfigError
from ravens_suite.registry import load_task
from ravens_suite.tasks.language._colors import EVALUATION, RGB, TRAINING
from ravens_suite.tasks.language.put_block_in_bowl import DISTRACTORS

TASK = "put-block-in-bowl"


def colors(scene: Any) -> set[str]:
    return {name.split()[0] for name in scene.objects()}


def test_the_sentence_names_every_block_and_every_bowl_of_its_colours(build: Callable[..., Any]) -> None:
    for seed in range(12):
        start = build(TASK, seed)
        (goal,), scene = start.goals, start.scene
        block, bowl = goal.objects[0].split()[0], start.task.said[0]["bowl"].split()[0]
        assert start.task.current_instruction(0).removeprefix(f"put the {block} blocks in a") in (
            f" {bowl} bowl",
            f"n {bowl} bowl",
        )
        assert block != bowl
        bodies = [name.split() for name in scene.objects()]
        assert sorted(" ".join(words) for words in bodies if words[:2] == [block, "block"]) == sorted(goal.objects)
        bowls = [name for name in scene.objects() if name.startswith(f"{bowl} bowl")]
        assert goal.targets == tuple(scene.pose(name) for name in bowls)
        assert 1 <= len(goal.objects) <= len(bowls) <= 3
        assert len(bodies) == len(goal.objects) + len(bowls) + DISTRACTORS
        assert block not in {words[0] for words in bodies if words[1] == "bowl"}
        assert bowl not in {words[0] for words in bodies if words[1] == "block"}
        assert start.task.step_limit() == len(goal.objects) + 1
        for name in scene.objects():
            assert scene.body(name).visuals[0].color == RGB[name.split()[0]]


@pytest.mark.parametrize(
    ("variant", "split", "expected"),
    [
        ("seen", "test", TRAINING),
        ("unseen", "train", TRAINING),
        ("unseen", "val", EVALUATION),
        ("unseen", "test", EVALUATION),
        ("full", "train", (*TRAINING, *EVALUATION)),
    ],
)
def test_colours_are_those_of_the_split(
    build: Callable[..., Any], variant: str, split: str, expected: tuple[str, ...]
) -> None:
    shown = set().union(*(colors(build(f"{TASK}-{variant}", seed, split).scene) for seed in range(8)))
    assert shown <= set(expected)
    assert len(shown) >= 7


def test_seen_and_unseen_have_the_same_scenes_for_training(build: Callable[..., Any]) -> None:
    assert build(f"{TASK}-seen", 3).scene.poses() == build(f"{TASK}-unseen", 3).scene.poses()
    assert build(TASK, 3).scene.poses() == build(f"{TASK}-seen", 3).scene.poses()


def test_an_unknown_set_of_colours_is_refused() -> None:
    with pytest.raises(ConfigError, match="colors must be one of seen, unseen, full; got 'pale'"):
        load_task(TASK)[0](colors="pale")


@pytest.mark.parametrize(("seed", "split"), [(0, "train"), (1, "test")])
def test_the_oracle_puts_each_block_into_a_bowl(rollout: Callable[..., Any], seed: int, split: str) -> None:
    end = rollout(f"{TASK}-unseen", seed, split)
    assert end.success
    assert end.score == pytest.approx(1)
