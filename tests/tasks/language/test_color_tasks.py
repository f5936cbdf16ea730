"""What the tasks about colours have in common: the split of the colours, and sentences that decide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ravens_suite.registry import load_task, task_names
from ravens_suite.rollout.environments import make_environment
from ravens_suite.tasks.language import _base
from ravens_suite.tasks.language._base import ColorTask
from ravens_suite.tasks.language._colors import EVALUATION, RGB, TRAINING, colors_of

FAMILY = [name for name in task_names() if issubclass(load_task(name)[0], ColorTask) and not load_task(name)[1]]
SPLITS = {"seen": {"colors": "seen"}, "unseen": {"colors": "unseen"}, "full": {"colors": "full"}}


def words(scene: Any) -> set[str]:
    return {name.split()[0] for name in scene.objects()} & set(RGB)


def test_the_published_ones_are_there() -> None:
    assert {
        "assembling-kits-seq",
        "packing-boxes-pairs",
        "put-block-in-bowl",
        "separating-piles",
        "stack-block-pyramid-seq",
        "towers-of-hanoi-seq",
    } <= set(FAMILY)


@pytest.mark.parametrize("name", FAMILY)
def test_every_one_has_the_three_sets_of_colours(name: str) -> None:
    assert dict(load_task(name)[0].variants).items() >= SPLITS.items()


@pytest.mark.parametrize("name", FAMILY)
def test_no_body_shows_a_colour_that_the_split_does_not_have(build: Callable[..., Any], name: str) -> None:
    for variant, split, expected in (
        ("seen", "test", TRAINING),
        ("unseen", "train", TRAINING),
        ("unseen", "test", EVALUATION),
        ("full", "train", (*TRAINING, *EVALUATION)),
    ):
        for seed in range(2):
            start = build(f"{name}-{variant}", seed, split)
            assert words(start.scene) <= set(expected)
            for body in start.scene.objects():
                if body.split()[0] in RGB:
                    assert {visual.color for visual in start.scene.body(body).visuals} == {RGB[body.split()[0]]}


TRAINING_ALONE = (
    *("even-blocks-in-matching-zone", "stack-by-size-and-color", "stack-by-size-and-color-in-zones"),
    *("hidden-blocks-in-bowls", "visit-in-order-then-restore", "sweep-without-exceeding"),
)
"""Told tasks that are in the colours of training in every split."""


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("put-block-in-bowl-unseen", tuple), ("separating-piles-unseen", tuple), ("separating-piles-unseen", list)),
        *((name, tuple) for name in TRAINING_ALONE),
    ],
)
def test_nor_does_a_distractor(
    name: str, kind: Callable[[tuple[str, ...]], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in no colour of the scene either, which its sentence might name: all seven are there beside the bowls."""
    monkeypatch.setattr(_base, "colors_of", lambda colors, split: kind(colors_of(colors, split)))
    environment = make_environment(name, "train", {"observe": ["state"], "distractors": 3})
    scene: Any = environment.get_wrapper_attr("_scene")
    for seed in range(3):
        environment.reset(seed=seed)
        colors = {name: {visual.color for visual in scene.body(name).visuals} for name in scene.objects()}
        added = set.union(*(colors.pop(name) for name in list(colors) if name.startswith("distractor")))
        assert added
        assert not added & {RGB[name] for name in set(EVALUATION) - set(TRAINING)}
        assert not added & set.union(*colors.values())
    environment.close()


@pytest.mark.parametrize("name", FAMILY)
def test_training_is_the_same_for_seen_and_unseen(build: Callable[..., Any], name: str) -> None:
    plain, unseen = build(name, 4), build(f"{name}-unseen", 4)
    assert plain.scene.poses() == unseen.scene.poses()
    assert [plain.task.current_instruction(i) for i in range(len(plain.goals))] == [
        unseen.task.current_instruction(i) for i in range(len(unseen.goals))
    ]
