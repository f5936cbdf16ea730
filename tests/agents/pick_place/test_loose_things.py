"""Loose things: which are found in the steps of a sentence, and how they are shown elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ravens_suite.agents.pick_place.augmentation import UNCHANGED, Example, augment
from ravens_suite.agents.pick_place.loose_things import drift, loose_things
from ravens_suite.agents.pick_place.packing import PackedEpisode, Store
from ravens_suite.agents.pick_place.steps import Step
from ravens_suite.core.heightmap import Heightmap

_TABLE, _RED, _GREEN = 51, (255, 87, 89), (89, 169, 79)
_LINE = slice(100, 104)
"""Columns of a line that is drawn on the table from end to end."""
_LAST = (_LINE.start - 4, 300)


def _scene(*cells: tuple[int, int]) -> Heightmap:
    """A line on the table, and a chain of red cells of eight pixels at (column, row) each."""
    color, height = np.full((320, 160, 3), _TABLE, np.uint8), np.zeros((320, 160), np.float32)
    color[:, _LINE] = _GREEN
    for column, row in cells:
        area = (slice(row, row + 8), slice(column, column + 8))
        color[area], height[area] = _RED, 0.02
    return Heightmap(color, height)


def _step(scene: Heightmap, pick: tuple[int, int], place: tuple[int, int], yaw: float = 0.0) -> Step:
    affinity = np.zeros((320, 160), np.float32)
    affinity[pick[1] : pick[1] + 8, pick[0] : pick[0] + 8] = 1 / 64
    at, to = (np.array([column + 4.0, row + 4.0]) for column, row in (pick, place))
    return Step(scene.color, scene.height, at, at + (to - at), yaw, affinity, instruction="lay it along the line")


_START = [(40, 200), (48, 200), (56, 200)]
_HALFWAY = [(_LINE.start - 4, 208), (_LINE.start - 4, 200), (_LINE.start - 12, 200)]
_END = [(_LINE.start - 4, row) for row in (208, 216, 224)]


def _sentence(end: Sequence[tuple[int, int]] = tuple(_END), yaw: float = 0.0) -> tuple[list[Step], list[Heightmap]]:
    """Two steps that lay the chain along the line."""
    maps = [_scene(*_START), _scene(*_HALFWAY), _scene(*end)]
    steps = [
        _step(maps[0], _START[0], _HALFWAY[0]),
        _step(maps[1], _HALFWAY[2], _END[2], yaw),
    ]
    return steps, maps


def test_what_several_steps_move_is_found_at_each_of_them() -> None:
    steps, maps = _sentence()
    for thing, scene in zip(loose_things(steps, maps), maps, strict=False):
        assert thing is not None
        mask = np.zeros(scene.height.shape, bool)
        mask[thing.window] = thing.mask
        assert np.array_equal(mask, scene.height > 0.01)


@pytest.mark.parametrize("case", ["a cell stays", "turned", "one step", "nothing picked"])
def test_nothing_is_found_where_it_is_not_one_thing_that_moves(case: str) -> None:
    steps, maps = _sentence([*_END[:2], _START[2]] if case == "a cell stays" else _END, 0.5 if case == "turned" else 0)
    if case == "one step":
        steps, maps = steps[:1], [maps[0], maps[2]]
    if case == "nothing picked":
        steps[0] = replace(steps[0], pick=np.array([20.0, 20.0]))
    assert [*loose_things(steps, maps)] == [None] * len(steps)


def _examples(index: int, adrift: float, count: int) -> list[Example]:
    steps, maps = _sentence()
    step = replace(steps[index], loose=[*loose_things(steps, maps)][index])
    # As a data set keeps it.
    step = PackedEpisode.of([step], Store())[0]
    rng = np.random.default_rng(0)
    return [augment(step, replace(UNCHANGED, adrift=adrift), rng) for _ in range(count)]


@pytest.mark.parametrize("index", [0, 1])
def test_it_is_shown_elsewhere_and_its_place_stays(index: int) -> None:
    step = _sentence()[0][index]
    for example in _examples(index, 1.0, 20):
        red = (example.color == _RED).all(axis=-1)
        assert red.sum() == pytest.approx(192, abs=40) and np.array_equal(red, example.height > 0.01)
        column, row = example.pick.astype(int)
        assert red[row - 2 : row + 3, column - 2 : column + 3].any(), "the pick lies on it"
        # Within a cell, each pick has a place of its own.
        assert np.abs(example.place[0] - step.place).max() <= 4 and example.yaw.tolist() == [0.0]
        assert not example.pick_affinity.any(), "which part is best picked there is not known"
        line = example.color[:, _LINE][~red[:, _LINE]]
        assert (line == _GREEN).all(), "the line beneath it is whole"
    picks = np.array([example.pick for example in _examples(index, 1.0, 60)])
    assert np.linalg.norm(picks - step.pick, axis=1).min() > 2 or np.std(picks, axis=0).min() > 20
    near = np.linalg.norm(picks - step.place, axis=1) < 80
    assert 0.3 < near.mean() < 0.95


def test_by_the_share_that_was_asked_for() -> None:
    shown = [bool(example.pick_affinity.any()) for example in _examples(0, 0.5, 200)]
    assert 0.4 < np.mean(shown) < 0.6
    assert all(example.pick_affinity.any() for example in _examples(0, 0.0, 20))


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), place=st.tuples(st.floats(-50, 210), st.floats(-50, 370)))
def test_it_drifts_only_to_where_nothing_stands(seed: int, place: tuple[float, float]) -> None:
    steps, maps = _sentence()
    thing = next(loose_things(steps, maps))
    assert thing is not None
    table = _scene((10, 10), (120, 30), (60, 100), (20, 280))
    motion = drift(thing, table, np.array(place), np.random.default_rng(seed))
    assert motion is not None
    rows, columns = np.nonzero(thing.mask)
    points = np.stack([columns, rows], axis=-1) + thing.origin + 0.5
    moved = points @ motion[:, :2].T + motion[:, 2]
    assert (moved >= 0).all() and (moved < [160, 320]).all()
    assert not (table.height[moved[:, 1].astype(int), moved[:, 0].astype(int)] > 0.01).any()


def test_it_stays_where_there_is_no_room() -> None:
    steps, maps = _sentence()
    thing = next(loose_things(steps, maps))
    assert thing is not None
    narrow = Heightmap(np.zeros((320, 160, 3), np.uint8), np.zeros((320, 160), np.float32))
    narrow.height[1::2] = 0.1
    assert drift(thing, narrow, np.array([80.0, 160.0]), np.random.default_rng(0)) is None
