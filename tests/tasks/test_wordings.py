"""What the sentences of every task say in every scene: all forms, of all goal steps."""

from __future__ import annotations

import re

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from task_forms import distinct_tasks

from ravens_suite.core.observations import INSTRUCTION_BYTES
from ravens_suite.core.palette import PALETTE
from ravens_suite.core.seeding import SPLITS, Split
from ravens_suite.envs.first_scenes import scene_of_seed
from ravens_suite.registry import environment_id, load_task
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task

PLAIN = {
    "block-insertion-six-dof-ood": "put the red L-shaped block into the raised, tilted grey fixture",
    "build": "build the structure of the goal image from the red cubes",
    "hanging-discs": "hang the red discs on the pegs of the tilted board",
    "place-red-in-green-six-dof": "put the red blocks into the tilted green bowls",
    "stacking-shapes": "stack the blue object and then the yellow one on the outline on the tilted support",
}
"""Of the families that are neither Ravens' own nor of language; recorded data hold these."""

MOVED_AND_PLACE = {
    "block-insertion-six-dof-ood": ("red L-shaped block", "fixture"),
    "build": ("red cube", "goal image"),
    "hanging-discs": ("red disc", "peg"),
    "place-red-in-green-six-dof": ("red block", "bowl"),
    "stacking-shapes": ("object", "tilted support"),
}

COLORS = {**PALETTE, "white": (1.0, 1.0, 1.0), "black": (0.1, 0.1, 0.1)}

_SEVERAL = "blocks|bowls|boxes|cubes|discs|objects|pegs|rings"
_ONE = "block|bowl|box|cube|disc|frame|line|object|peg|plate|ring|rod|slot|square"
_DISAGREE = re.compile(rf"\b(({_SEVERAL}) (that )?(is|goes|belongs)|({_ONE}) (that )?(are|go|belong)(?! the))\b")


def disagrees(sentence: str) -> bool:
    """Whether several things have the verb of one, or one that of several; "into a bowl go the blocks" is right."""
    return bool(_DISAGREE.search(re.sub(r"\bpile of (\w+ )?blocks\b", "pile", sentence)))


def made(name: str, split: Split = "train") -> Task:
    task_class, arguments = load_task(name)
    task: Task = task_class(split=split, **arguments)
    return task


def forms(task: Task, step: int = 0) -> tuple[list[str], list[str]]:
    """What is said in training and what is held out, at a goal step."""
    others = task.current_sentences(step)
    return [task.current_instruction(step), *others.training], [*others.held_out]


def named_colors(sentence: str) -> set[str]:
    return {word.replace("grey", "gray") for word in re.findall(r"[a-z]+", sentence)} & {*COLORS}


def colors_of(scene: Scene) -> set[str]:
    """Names of the colours of all that is seen, each the nearest; and those in the names of bodies."""
    seen = {visual.color for name in scene.objects() for visual in scene.body(name).visuals}
    nearest = {min(COLORS, key=lambda one: float(np.abs(np.subtract(COLORS[one], color)).sum())) for color in seen}
    # Brown is shaded: the box that is aligned, and the plates of a stand.
    nearest |= {"brown"} if {"box", "stand"} & {*scene.objects()} else set()
    return nearest | {word for name in scene.objects() for word in name.split()}


def check_sentences_of(name: str, seed: int, split: Split) -> None:
    task = made(name, split)
    with scene_of_seed(task, seed) as (scene, goals):
        colors = colors_of(scene)
        for step in range(len(goals)):
            training, held_out = forms(task, step)
            assert len({*training, *held_out}) == len(training) + len(held_out)
            names = named_colors(training[0])
            for sentence in (*training, *held_out):
                assert named_colors(sentence) == names <= colors, sentence
                assert not disagrees(sentence), sentence
                assert "{" not in sentence and "  " not in sentence and sentence == sentence.strip()
                assert sentence.isascii() and sentence.isprintable() and len(sentence) <= INSTRUCTION_BYTES
        if name == "hanging-discs":
            assert scene.names("movable") == ["red disc 1", "red disc 2"] and len(goals[0].targets) == 2, "one a peg"
        if name == "place-red-in-green-six-dof":
            assert len(goals[0].objects) <= len(goals[0].targets), "a bowl of its own"


@pytest.mark.parametrize("name", distinct_tasks())
@settings(max_examples=3)
@given(seed=st.integers(0, 10_000), split=st.sampled_from(SPLITS))
def test_every_form_names_what_is_in_the_scene(name: str, seed: int, split: Split) -> None:
    """Two blocks were told of as one: "the red and green blocks is where the blue block belongs"."""
    check_sentences_of(name, seed, split)


@pytest.mark.parametrize("name", sorted(PLAIN))
@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), split=st.sampled_from(SPLITS))
def test_so_do_those_of_tilted_targets_and_of_structures(name: str, seed: int, split: Split) -> None:
    check_sentences_of(name, seed, split)


@pytest.mark.parametrize("name", sorted(PLAIN))
def test_tilted_targets_and_structures_are_told_in_varied_order(name: str) -> None:
    moved, place = MOVED_AND_PLACE[name]
    training, held_out = forms(made(name))
    assert training[0] == PLAIN[name]
    for told in (training, held_out):
        assert {said.index(moved) < said.index(place) for said in told} == {True, False}, told


def test_the_raised_fixture_is_told_of_in_the_same_words_however_far_it_tilts() -> None:
    assert forms(made("block-insertion-six-dof")) == forms(made("block-insertion-six-dof-ood"))


@pytest.mark.parametrize("name", [*sorted(PLAIN), "build-tower", "hanging-discs-ood"])
def test_training_never_gives_what_is_held_out_and_a_space_holds_both(name: str) -> None:
    said: dict[str, set[str]] = {}
    for wording in ("plain", "training", "held-out"):
        environment = gymnasium.make(environment_id(name), split="test", observe=["instruction"], wording=wording)
        given_now = [environment.reset(seed=seed)[0] for seed in range(12)]
        assert all(one in environment.observation_space for one in given_now)
        said[wording] = {str(one["instruction"]) for one in given_now}
        environment.close()
    assert len(said["plain"]) == 1 and len(said["training"]) >= 3 and len(said["held-out"]) >= 3
    assert not said["training"] & said["held-out"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sweep-without-exceeding", ("one gray block", "any of the gray blocks")),
        ("visit-in-order-then-restore", ("red box, then the cyan box",)),
    ],
)
def test_numbers_and_orders_fit_every_form(name: str, words: tuple[str, ...]) -> None:
    """There had to be "any of the gray blocks" in the frame, and "where it was" could be the box before."""
    task = made(name)
    for word in words:
        task.slots = lambda step, word=word: {  # type: ignore[method-assign]
            "blocks": word, "boxes": word, "block": "blue block", "frame": "red frame", "line": "cyan line"
        }  # fmt: skip
        for sentence in (said for told in forms(task) for said in told):
            assert word in sentence and not disagrees(sentence), sentence
            assert not re.search(r"must be|that go\b|came from|lay before|own box|first box|where it was$", sentence)
