"""The end of a demonstration with one thing left over: when it is known, and what examples of it show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ravens_suite.agents.base import Demonstrations
from ravens_suite.agents.nn.augment import Augmentation, augment
from ravens_suite.agents.nn.leftover import left_over
from ravens_suite.agents.nn.plane import to_pixels
from ravens_suite.agents.nn.steps import Step, step_from_maps
from ravens_suite.data.store import EpisodeStore
from ravens_suite.jobs.collect import collect
from ravens_suite.values.geometry import Array, Pose
from ravens_suite.values.heightmap import Heightmap

RED, GREEN = (200, 60, 60), (60, 160, 60)
START, GOAL = Pose((0.4, -0.2, 0.0)), Pose((0.5, 0.2, 0.0))
SIDE, FRAME = 6, 40
"""Pixels: of the square that is pushed, and of the frame it goes to."""


def beside(pose: Pose, columns: float = 0, rows: float = 0) -> Array:
    """(2,) pixel position so far from one of a pose."""
    return to_pixels(pose) + np.array([columns, rows])


def square(middle: Array, side: int) -> tuple[slice, slice]:
    column, row = (int(value) - side // 2 for value in middle)
    return slice(row, row + side), slice(column, column + side)


def table(*standing: Array) -> Heightmap:
    """A frame drawn about the goal, and squares that stand on the table."""
    color = np.full((320, 160, 3), 50, np.uint8)
    height = np.zeros((320, 160), np.float32)
    color[square(to_pixels(GOAL), FRAME)] = GREEN
    color[square(to_pixels(GOAL), FRAME - 6)] = 50
    for middle in standing:
        color[square(middle, SIDE)] = RED
        height[square(middle, SIDE)] = 0.01
    return Heightmap(color, height)


def pushed(end: Heightmap | None, place: Pose = GOAL) -> Step:
    """A push that ends a little short of its place."""
    return step_from_maps(table(to_pixels(START)), table(beside(GOAL, rows=-8)), START, place, end)


END = table(beside(GOAL, rows=-8), beside(GOAL, columns=4))


def test_the_end_is_known_of_a_push_of_what_lay_loose() -> None:
    step = pushed(END)
    assert step.end is not None and (step.end[0] == END.color).all()
    assert len(step.loose) == 1
    assert step.loose[0].mask.sum() == SIDE**2


@pytest.mark.parametrize(
    "step",
    [
        pushed(None),
        # Carried, not pushed: it arrives as it left.
        step_from_maps(table(to_pixels(START)), table(to_pixels(GOAL)), START, GOAL, END),
        # Nothing stands where the push begins.
        step_from_maps(table(to_pixels(GOAL)), table(to_pixels(GOAL)), START, GOAL, END),
        # Part of something longer that stays, such as a rope.
        step_from_maps(
            table(*(beside(START, rows=6 * i) for i in range(8))),
            table(*(beside(START, rows=6 * i) for i in range(2, 8)), beside(GOAL, rows=-8)),
            START,
            GOAL,
            END,
        ),
        pushed(END, Pose.planar(0.5, 0.2, 0.0, 0.3)),
    ],
    ids=["unknown", "carried", "nothing", "part", "turned"],
)
def test_of_other_steps_it_is_not(step: Step) -> None:
    assert step.end is None
    assert left_over(step, np.random.default_rng(0)) is step


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_all_is_done_but_for_what_is_picked(seed: int) -> None:
    step = pushed(END)
    example = left_over(step, np.random.default_rng(seed))
    assert (example.place == step.place).all()
    assert np.linalg.norm(example.pick - step.place) <= np.linalg.norm(step.pick - step.place) + 1e-9
    column, row = example.pick.astype(int)
    assert tuple(example.color[row, column]) == RED
    added = (example.color != END.color).any(axis=-1)
    # Of the square at least half shows where nothing stood; all else is as it was.
    assert SIDE**2 / 2 - SIDE <= added.sum() <= (SIDE + 1) ** 2
    rows, columns = np.nonzero(added)
    assert np.ptp(rows) <= SIDE and np.ptp(columns) <= SIDE
    assert example.grip.sum() == pytest.approx(1, abs=0.2)


def test_it_may_lie_on_what_is_drawn_on_the_table() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(50):
        example = left_over(pushed(END), rng)
        covered += bool(((END.color == GREEN).all(axis=-1) & (example.color == RED).all(axis=-1)).any())
    assert 5 < covered < 45


@pytest.mark.parametrize(("leftover", "shown"), [(0.0, 0), (1.0, 20)])
def test_the_setting_is_a_share_of_examples(leftover: float, shown: int) -> None:
    rules = Augmentation(turn=0, shift=0, leftover=leftover)
    step, rng = pushed(END), np.random.default_rng(1)
    examples = [augment(step, rules, rng) for _ in range(20)]
    # Three squares show, if one hides no more than half of another.
    three = [int((e.color == RED).all(axis=-1).sum()) > 2.5 * SIDE**2 for e in examples]
    assert shown - 2 <= sum(three) <= shown


@pytest.mark.parametrize(
    ("task", "success", "known"),
    [("sweeping-piles", True, True), ("sweeping-piles", False, False), ("manipulating-rope", True, False)],
)
def test_an_end_that_is_known_is_of_a_success_and_of_one_place(
    tmp_path: Path, task: str, success: bool, known: bool
) -> None:
    collect(task, episodes=1, data=tmp_path)
    store = EpisodeStore.of(tmp_path, task, "train")
    episode = replace(store.read(store.seeds()[0]), success=success)
    (steps,) = Demonstrations.from_episodes([episode]).episodes
    ends = [step.end is not None for step in steps]
    assert sum(ends) > len(ends) / 2 if known else not any(ends)
