"""Goals and sentences of the published language tasks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.core.goals import distance
from ravens_suite.tasks._kits import HELD_OUT, SHAPES
from ravens_suite.tasks._packing import HEIGHT
from ravens_suite.tasks._rope import LENGTH
from ravens_suite.tasks.language import packing_boxes_pairs, separating_piles, stack_block_pyramid_seq
from ravens_suite.tasks.language._shapes import NAMES, place_words
from ravens_suite.tasks.language.align_rope_by_instruction import CORNERS, SEGMENTS

Build = Callable[..., Any]


def color(name: str) -> str:
    return name.split()[0]


# ------------------------------------------------------------------ packing-boxes-pairs


def test_every_colour_named_has_boxes_and_no_other_box_has_it(build: Build) -> None:
    for seed in range(8):
        start = build("packing-boxes-pairs", seed)
        (goal,) = start.goals
        said = start.task.said[0]["blocks"].removesuffix(" blocks").split(" and ")
        assert {color(name) for name in goal.objects} == set(said)
        assert len(said) == min(2, len(goal.objects))
        boxes = [name for name in start.scene.objects() if " box " in name]
        others = set(boxes) - set(goal.objects)
        assert len(others) == packing_boxes_pairs.DISTRACTORS
        assert not {color(name) for name in others} & set(said)


def test_a_box_on_top_of_another_does_not_count(build: Build) -> None:
    (goal,) = build("packing-boxes-pairs", 1).goals
    packed = dict(zip(goal.objects, goal.targets, strict=True))
    lying = {name: pose.at(z=HEIGHT / 2) for name, pose in packed.items()}
    assert goal.progress(lying) == 1
    name = goal.objects[0]
    assert goal.progress({**lying, name: packed[name].at(z=HEIGHT * 1.5)}) < 1


# -------------------------------------------------------------- stack-block-pyramid-seq


def test_the_places_of_the_pyramid_are_said(build: Build) -> None:
    start = build("stack-block-pyramid-seq", 3)
    blocks = [color(goal.objects[0]) for goal in start.goals]
    said = [start.task.current_instruction(step) for step in range(6)]
    assert len(set(blocks)) == 6
    assert said[0] == f"put the {blocks[0]} block on the lightest brown plate"
    assert said[2] == f"put the {blocks[2]} block on the darkest brown plate"
    assert said[4] == f"put the {blocks[4]} block on the {blocks[1]} and {blocks[2]} blocks"
    assert said[5] == f"put the {blocks[5]} block on the {blocks[3]} and {blocks[4]} blocks"
    shades = [sum(visual.color) for visual in start.scene.body("stand").visuals]
    assert shades == sorted(shades, reverse=True)
    ys = [visual.shape.pose.position[1] for visual in start.scene.body("stand").visuals]
    assert ys == pytest.approx([y for _, y, _ in stack_block_pyramid_seq.PLACES[:3]])


# ------------------------------------------------------------------ towers-of-hanoi-seq


def test_the_moves_of_the_tower_are_said(build: Build) -> None:
    start = build("towers-of-hanoi-seq", 0)
    small, middle, large = (name for name in start.scene.objects() if name.endswith("ring"))
    moved = [(words["ring"], words["rod"]) for words in start.task.said]
    first, spare, last = "lighter brown side", "middle of the stand", "darker brown side"
    assert moved == [
        (small, last),
        (middle, spare),
        (small, spare),
        (large, last),
        (small, first),
        (middle, last),
        (small, last),
    ]
    assert [goal.objects[0] for goal in start.goals] == [ring for ring, _ in moved]


# --------------------------------------------------------------------- separating-piles


def test_the_squares_are_apart_and_one_of_them_is_meant(build: Build) -> None:
    meant = set()
    for seed in range(6):
        start = build("separating-piles", seed)
        squares = [name for name in start.scene.objects() if name.endswith("square")]
        assert distance(*(start.scene.pose(name) for name in squares)) >= separating_piles.LEAST_DISTANCE
        (goal,) = start.goals
        named = start.task.said[0]["square"]
        assert goal.zone == start.scene.pose(named)
        assert len({color(name) for name in (*squares, goal.objects[0])}) == 3
        meant.add(squares.index(named))
    assert meant == {0, 1}


# ------------------------------------------------------------------ assembling-kits-seq


def test_each_object_goes_to_its_own_slot(build: Build) -> None:
    for seed, split in itertools.product(range(5), ("train", "test")):
        start = build("assembling-kits-seq", seed, split)
        shapes = {NAMES[shape] for shape in (SHAPES if split == "train" else HELD_OUT)}
        assert len({words["slot"] for words in start.task.said}) == 5
        assert len({color(goal.objects[0]) for goal in start.goals}) == 5
        for goal, words in zip(start.goals, start.task.said, strict=True):
            shape = words["object"].split(" ", 1)[1]
            assert goal.objects == (words["object"],)
            assert shape in shapes
            assert words["slot"].removesuffix(" slot").endswith(shape)
            slots = {name: start.scene.pose(name) for name in start.scene.objects() if name.startswith("slot")}
            assert min(distance(pose, goal.targets[0]) for pose in slots.values()) < 0.02


def test_words_for_places_are_as_seen_with_the_robot_at_the_top() -> None:
    assert place_words([(0.5, 0.0)]) == [""]
    assert place_words([(0.4, 0.0), (0.6, 0.1)]) == ["top", "bottom"]
    assert place_words([(0.5, -0.2), (0.55, 0.0), (0.5, 0.2)]) == ["left", "middle", "right"]


@given(st.lists(st.tuples(st.floats(0.25, 0.75), st.floats(-0.5, 0.5)), min_size=2, max_size=5, unique=True))
def test_of_several_places_at_most_one_is_at_each_end(spots: list[tuple[float, float]]) -> None:
    words = place_words(spots)
    for end in ("top", "bottom", "left", "right"):
        assert words.count(end) <= 1
    assert "" not in words


# ----------------------------------------------------------------------- packing-shapes


def test_one_shape_of_five_is_packed_in_one_action(build: Build) -> None:
    for split, allowed in (("train", SHAPES), ("test", HELD_OUT)):
        start = build("packing-shapes", 2, split)
        kinds = [name.split(" ", 1)[1] for name in start.scene.objects() if name != "container"]
        assert len(set(kinds)) == 5
        assert set(kinds) <= {NAMES[shape] for shape in allowed}
        (goal,) = start.goals
        assert goal.objects[0].split(" ", 1)[1] == start.task.said[0]["shape"]
    assert start.task.max_steps == 1


# ------------------------------------------------------------ align-rope-by-instruction


def test_the_rope_belongs_between_the_two_corners_that_are_said(build: Build) -> None:
    sides = set()
    for seed in range(10):
        start = build("align-rope-by-instruction", seed)
        (goal,), said = start.goals, start.task.said[0]
        square = start.scene.pose("square")
        ends = [goal.targets[0], goal.targets[-1]]
        for corner in said.values():
            x, y = CORNERS[corner]
            place = square.apply(np.array([x * LENGTH / 2, y * LENGTH / 2, 0.0]))
            assert min(math.dist(place[:2], end.position[:2]) for end in ends) < 0.01
        sides.add(frozenset(said.values()))
    assert sides <= {frozenset(segment) for segment in SEGMENTS}
    assert len(sides) >= 3


# --------------------------------------------------------------------------- the oracle


@pytest.mark.parametrize(
    "name",
    [
        "packing-boxes-pairs-unseen",
        "stack-block-pyramid-seq-unseen",
        "towers-of-hanoi-seq-unseen",
        "separating-piles-unseen",
        "assembling-kits-seq-unseen",
        "packing-shapes",
        "align-rope-by-instruction",
    ],
)
def test_the_oracle_does_what_is_said(rollout: Callable[..., Any], name: str) -> None:
    end = rollout(name, 0, "test")
    assert end.success
    assert end.score == pytest.approx(1)
