"""What the sentences could mean: the first candidate is what they do mean, and all are in the scene."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ravens_suite.core.geometry import Pose
from ravens_suite.tasks.candidates import Candidate, Candidates, by_color, chance
from ravens_suite.tasks.sentences import fill

CHOOSING = (
    "align-rope-by-instruction",
    "assembling-kits-seq-unseen",
    "packing-boxes-pairs-unseen",
    "packing-objects-group-unseen",
    "packing-objects-seq-unseen",
    "packing-shapes",
    "put-block-in-bowl-unseen",
    "separating-piles-unseen",
    "stack-block-pyramid-seq-unseen",
    "sweep-without-exceeding",
    "towers-of-hanoi-seq-unseen",
    "visit-in-order-then-restore",
)
PICKED = ("assembling", "packing", "put-block", "stack-block")
"""Beginnings of the names of tasks whose first candidates are what the goal step moves."""


@pytest.mark.parametrize("name", CHOOSING)
def test_the_first_candidate_is_what_the_sentence_means(build: Callable[..., Any], name: str) -> None:
    start = build(name, 1, "test")
    for step, goal in enumerate(start.goals):
        candidates, slots = start.task.candidates(step), start.task.slots(step)
        for group in (candidates.picks, candidates.places):
            assert not group or group[0].words.items() <= slots.items()
            words = [tuple(candidate.words.items()) for candidate in group]
            assert len(set(words)) == len(words)
            for candidate in group:
                assert set(candidate.bodies) <= set(start.scene.names("movable"))
                said = fill(start.task.instruction, {**slots, **candidate.words})
                assert (said == start.task.current_instruction(step)) == (candidate is group[0])
        if name.startswith(PICKED):
            assert set(candidates.picks[0].bodies) == set(goal.objects)
    assert start.task.candidates(0).others
    assert not start.task.candidates(len(start.goals)).others


def test_chance_counts_bodies_and_places() -> None:
    one, two = Candidate({}, bodies=("a", "b")), Candidate({}, bodies=("c", "d", "e"))
    assert chance((one, two)) == pytest.approx(0.4)
    assert chance((one,)) is None
    assert chance((Candidate({}), Candidate({}))) is None
    places = Candidate({}, places=(Pose(),)), Candidate({}, places=(Pose(),) * 3)
    assert chance(places) == pytest.approx(0.25)
    assert Candidates(places=places).others == places[1:]
    assert Candidates(picks=(one, two), places=places).others == (two,)


def test_bodies_are_grouped_by_the_colour_in_their_names() -> None:
    names = ["red block 1", "red bowl 1", "blue block 2", "red block 3", "stand"]
    assert by_color(names, "block") == {"red": ("red block 1", "red block 3"), "blue": ("blue block 2",)}
