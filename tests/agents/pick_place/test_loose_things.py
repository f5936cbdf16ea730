"""Loose things: which are found in the steps of a sentence, and how they are shown elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ravens_suite.agents.pick_place.augmentation import UNCHANGED, Example, augment
from ravens_suite.agents.pick_place.dataset import PickPlaceDataset
from ravens_suite.agents.pick_place.free_objects import sampled_pixels
from ravens_suite.agents.pick_place.loose_things import drift, loose_things, settled_thing
from ravens_suite.agents.pick_place.packing import PackedEpisode, Store
from ravens_suite.agents.pick_place.steps import Step
from ravens_suite.core.heightmap import Heightmap
from ravens_suite.data.store import EpisodeStore
from ravens_suite.rollout.collect import collect
from ravens_suite.training.data import open_demonstrations

_TABLE, _SHADE, _RED, _GREEN = 51, 27, (255, 87, 89), (89, 169, 79)
_LINE = slice(100, 104)
"""Columns of a line that is drawn on the table from end to end."""
_LAST = (_LINE.start - 4, 300)


def _scene(*cells: tuple[int, int]) -> Heightmap:
    """A line on the table, and a chain of red cells of eight pixels at (column, row) each, with shadows around them."""
    color, height = np.full((320, 160, 3), _TABLE, np.uint8), np.zeros((320, 160), np.float32)
    color[:, _LINE] = _GREEN
    for column, row in cells:
        color[row - 3 : row + 11, column - 3 : column + 11] = _SHADE
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


def test_what_stands_there_all_along_is_no_part_of_it_however_small() -> None:
    maps = _sentence()[1]
    for scene in maps:
        scene.height[196:200, 90:96] = 0.03
    found = [*loose_things([_step(maps[0], _START[0], _HALFWAY[0]), _step(maps[1], _HALFWAY[2], _END[2])], maps)]
    assert found[0] is not None and found[1] is None, "a post of 24 pixels touches 192 of the chain"


def test_it_is_found_where_a_part_of_it_lies_at_its_place_at_first() -> None:
    start = [(_LINE.start - 4, 208), (_LINE.start - 12, 208), (_LINE.start - 20, 208), (_LINE.start - 28, 208)]
    halfway = [start[0], (_LINE.start - 4, 200), (_LINE.start - 4, 192), start[1]]
    end = [(_LINE.start - 4, row) for row in (208, 200, 192, 216)]
    maps = [_scene(*start), _scene(*halfway), _scene(*end)]
    steps = [_step(maps[0], start[3], halfway[2]), _step(maps[1], halfway[3], end[3])]
    things = [*loose_things(steps, maps)]
    assert all(thing is not None and thing.mask.sum() == 256 for thing in things)
    steps = [replace(step, loose=thing) for step, thing in zip(steps, things, strict=True)]
    settled = settled_thing(steps, maps)
    assert settled is not None
    mask = np.zeros((320, 160), bool)
    mask[settled.window] = settled.mask
    assert np.array_equal(mask, maps[2].height > 0.01)


def test_what_settles_in_parts_is_none() -> None:
    steps, maps = _sentence()
    assert settled_thing(steps, maps) is None, "there is no loose thing"
    steps = [replace(step, loose=thing) for step, thing in zip(steps, loose_things(steps, maps), strict=True)]
    assert settled_thing(steps, maps) is not None
    maps[2].height[216:224, _LINE.start - 4 : _LINE.start + 4] = 0
    assert settled_thing(steps, maps) is None


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
        # No pixel of where it lay is left: neither its colour nor its shadow, and the line beneath it is whole.
        around = cv2.dilate(red.astype(np.uint8), np.ones((31, 31), np.uint8)) > 0
        expected = np.full((320, 160, 3), _TABLE, np.uint8)
        expected[:, _LINE] = _GREEN
        assert np.array_equal(example.color[~around], expected[~around])
    picks = np.array([example.pick for example in _examples(index, 1.0, 60)])
    assert np.std(picks, axis=0).min() > 20
    near = np.linalg.norm(picks - step.place, axis=1) < 80
    assert 0.3 < near.mean() < 0.95


def test_a_part_of_what_moves_is_none_and_what_never_moves_is_no_part_of_it() -> None:
    steps, maps = _sentence()
    apart = [Heightmap(scene.color, scene.height.copy()) for scene in maps]
    apart[1].height[200:208, 94:96] = 0
    assert [thing is None for thing in loose_things([*steps[:1], _step(apart[1], _HALFWAY[2], _END[2])], apart)] == [
        False,
        True,
    ], "the chain is in two at the second step"
    fixed = [Heightmap(scene.color, scene.height.copy()) for scene in maps]
    for scene in fixed:
        scene.height[180:200, 80:96] = 0.03
    found = [*loose_things([_step(fixed[0], _START[0], _HALFWAY[0]), _step(fixed[1], _HALFWAY[2], _END[2])], fixed)]
    assert found[0] is not None and found[1] is None, "the chain touches what stands there all along"


def test_on_measured_depth_no_hole_is_taken_for_the_table_beneath() -> None:
    steps, maps = _sentence()
    rng = np.random.default_rng(0)
    noisy = []
    for scene in maps:
        color, height = scene.color.copy(), scene.height + rng.normal(0, 5e-4, scene.height.shape).astype(np.float32)
        missing = rng.random(height.shape) < 0.05
        color[missing], height[missing] = 0, 0
        noisy.append(Heightmap(color, height))
    steps = [_step(noisy[0], _START[0], _HALFWAY[0]), _step(noisy[1], _HALFWAY[2], _END[2])]
    thing = next(loose_things(steps, noisy))
    assert thing is not None
    beneath = thing.table_color[thing.mask]
    assert (beneath.min(axis=1) > 0).mean() > 0.99 and (beneath.max(axis=1) < 100).all()


def test_where_there_are_none_nothing_else_is_drawn() -> None:
    step = _sentence()[0][0]
    steps, maps = _sentence()
    loose = replace(step, loose=next(loose_things(steps, maps)))
    one, other = (augment(each, replace(UNCHANGED, adrift=0.0), np.random.default_rng(0)) for each in (step, loose))
    third = augment(step, replace(UNCHANGED, adrift=0.9), np.random.default_rng(0))
    assert np.array_equal(one.pick, other.pick) and np.array_equal(one.pick, third.pick)


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
    points = sampled_pixels(thing)
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


@pytest.mark.parametrize(("task", "found"), [("manipulating-rope", True), ("sweeping-piles", False)])
def test_in_demonstrations_of_a_task(task: str, found: bool, tmp_path: Path) -> None:
    """Also where nothing is said; but not where many things are pushed, each on its own."""
    collect(task, episodes=1, data=tmp_path)
    demonstrations = open_demonstrations(tmp_path, {task: EpisodeStore.of(tmp_path, task, "train").seeds()})
    (episode,) = PickPlaceDataset.from_demonstrations(demonstrations).episodes
    shares = np.mean([step.loose is not None for step in episode])
    assert shares > 0.7 if found else shares == 0
