"""Nudged things: the last scene with a part of a rope beside its place, and the move that takes it back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ravens_suite.agents.pick_place.augmentation import UNCHANGED, augment
from ravens_suite.agents.pick_place.dataset import PickPlaceDataset
from ravens_suite.agents.pick_place.free_objects import FreeObject
from ravens_suite.agents.pick_place.nudging import nudged
from ravens_suite.agents.pick_place.steps import Step
from ravens_suite.agents.transporter.agent import Transporter
from ravens_suite.core.heightmap import Heightmap
from ravens_suite.data.store import EpisodeStore
from ravens_suite.rollout.collect import collect
from ravens_suite.training.data import open_demonstrations
from tests.agents import scenes

_TABLE, _GREEN = 51, (89, 169, 79)
_ROWS, _COLUMNS = slice(120, 124), slice(40, 120)
_WINDOW = (slice(118, 126), slice(32, 128))


def _end(*, drawn: bool = True) -> Heightmap:
    """A straight rope, each of whose columns has a colour of its own, on a line that is drawn on the table."""
    color, height = np.full((320, 160, 3), _TABLE, np.uint8), np.zeros((320, 160), np.float32)
    color[121:123, 20:140] = _GREEN
    if drawn:
        color[_ROWS, _COLUMNS] = [[200, column, 0] for column in range(40, 120)]
        height[_ROWS, _COLUMNS] = 0.015
    return Heightmap(color, height)


def _step() -> Step:
    end, table = _end(), _end(drawn=False)
    mask = (end.height > 0.01)[_WINDOW]
    known = np.ones(mask.shape, bool)
    beneath = table.color[_WINDOW], table.height[_WINDOW]
    rope = FreeObject(_WINDOW, mask, ~known, end.color[_WINDOW], end.height[_WINDOW], known, *beneath)
    spot = np.zeros((320, 160), np.float32)
    spot[200, 80] = 1
    pick, place = np.array([80.5, 200.5]), np.array([80.5, 121.5])
    return Step(table.color, table.height, pick, place, 0.0, spot, end=end, settled=rope, moves=1)


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_what_is_picked_was_nudged_farthest_and_goes_back_to_where_it_was(seed: int) -> None:
    step = nudged(_step(), np.random.default_rng(seed))
    assert step is not None
    column, row = step.pick.astype(int)
    rope = step.color[..., 0] == 200
    assert rope[row - 1 : row + 2, column - 1 : column + 2].any()
    assert 5 <= np.linalg.norm(step.pick - step.place) <= 25 * 1.7
    assert _ROWS.start <= step.place[1] <= _ROWS.stop and _COLUMNS.start <= step.place[0] <= _COLUMNS.stop
    # The column of the rope that is picked is the one that belongs to the place.
    near = step.color[row - 1 : row + 2, column - 1 : column + 2, 1][rope[row - 1 : row + 2, column - 1 : column + 2]]
    assert np.abs(near.astype(float) - step.place[0]).min() <= 2
    # No part of it lies farther from its own column than what is picked, along the rope.
    rows, columns = np.nonzero(rope)
    along = np.abs(step.color[rows, columns, 1] - columns - 0.0)
    assert along.max() <= np.linalg.norm(step.pick - step.place) + 3
    assert step.pick_affinity.sum() == pytest.approx(1) and step.pick_affinity[row, column] > 0
    assert (step.end, step.settled, step.loose, step.free_objects) == (None, None, None, ())


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_it_stays_in_one_piece_and_all_else_is_as_it_was(seed: int) -> None:
    step = nudged(_step(), np.random.default_rng(seed))
    assert step is not None
    rope = step.height > 0.01
    assert cv2.connectedComponents(rope.astype(np.uint8))[0] == 2, "no gaps, though it is stretched"
    table = _end(drawn=False)
    assert (step.color[~rope] == table.color[~rope]).all(), "the line beneath it is whole"
    assert (step.height[~rope] == 0).all()
    assert set(np.unique(step.color[rope][:, 1])) <= set(range(40, 120))


def test_it_is_nudged_to_all_sides_at_its_ends_and_between_them() -> None:
    steps = [nudged(_step(), np.random.default_rng(seed)) for seed in range(200)]
    ways = np.array([step.pick - step.place for step in steps if step])
    assert len(ways) == 200
    assert {tuple(way) for way in np.sign(ways)} == {(1, 1), (1, -1), (-1, 1), (-1, -1)}
    places = np.array([step.place[0] for step in steps if step])
    assert np.histogram(places, bins=4, range=(40, 120))[0].min() > 20


def test_it_lies_on_nothing_that_stands() -> None:
    step = _step()
    assert step.end is not None
    step.end.height[126:150, :] = 0.05
    for seed in range(30):
        found = nudged(step, np.random.default_rng(seed))
        assert found is not None and (found.height[126:150] == np.float32(0.05)).all()
    step.end.height[94:118] = 0.05
    step.end.height[118:126, :38] = step.end.height[118:126, 122:] = 0.05
    assert nudged(step, np.random.default_rng(0)) is None, "there is no room"
    assert (
        augment(step, replace(UNCHANGED, nudged=1000.0), np.random.default_rng(0)).pick_affinity.argmax()
        == 200 * 160 + 80
    )


@pytest.mark.parametrize(
    ("added", "moves", "least", "most"), [(0, 2, 0, 0), (3, 3, 35, 65), (3, 27, 1, 25), (99, 1, 90, 100)]
)
def test_so_many_steps_are_added_to_a_demonstration(added: float, moves: int, least: int, most: int) -> None:
    rng = np.random.default_rng(0)
    step = replace(_step(), moves=moves)
    examples = [augment(step, replace(UNCHANGED, nudged=added), rng) for _ in range(100)]
    assert least <= sum(bool((example.height > 0.01).any()) for example in examples) <= most


@pytest.mark.parametrize(("task", "found"), [("manipulating-rope", True), ("block-insertion", False)])
def test_in_demonstrations_of_a_task(task: str, found: bool, tmp_path: Path) -> None:
    collect(task, episodes=1, data=tmp_path)
    demonstrations = open_demonstrations(tmp_path, {task: EpisodeStore.of(tmp_path, task, "train").seeds()})
    (episode,) = PickPlaceDataset.from_demonstrations(demonstrations).episodes
    for step in episode:
        assert step.end is not None and step.moves == len(episode)
        assert (step.settled is not None) == found
    if found:
        thing = episode[0].settled
        assert thing is not None and thing.mask.sum() > 300, "twenty beads"
        assert nudged(episode[0], np.random.default_rng(0)) is not None


def test_with_few_demonstrations_alone() -> None:
    agent = Transporter()
    for name in ("nudged", "unfinished", "distractors"):
        shares = [getattr(agent.augmentation(demos), name) for demos in (1, 3, 10, 100)]
        assert shares[0] == getattr(agent.config, name) > shares[1] > 0 == shares[2] == shares[3]


@pytest.mark.parametrize("loose", [True, False])
def test_with_ten_examples_are_as_if_there_were_no_last_scene(loose: bool) -> None:
    if loose:
        step = _step()
    else:
        step = scenes.insertion(np.random.default_rng(0)).step(np.random.default_rng(0))
        step = replace(step, end=_end(), moves=1)
    augmentation = Transporter().augmentation(10)
    for seed in range(5):
        one, other = (
            augment(each, augmentation, np.random.default_rng(seed))
            for each in (step, replace(step, end=None, settled=None, moves=0))
        )
        assert np.array_equal(one.color, other.color) and np.array_equal(one.place, other.place)
        assert one.place_known and np.array_equal(one.pick_affinity, other.pick_affinity)
