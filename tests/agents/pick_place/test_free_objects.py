"""Free objects of demonstrations: which are found, and how they are pasted elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ravens_suite.agents.pick_place.augmentation import Augmentation, augment
from ravens_suite.agents.pick_place.free_objects import FreeObject, inpaint, paste, scatter
from ravens_suite.agents.pick_place.plane import rigid, transform
from ravens_suite.agents.pick_place.steps import Step, step_from_maps, with_later_objects
from ravens_suite.agents.pick_place.table import bare_table
from ravens_suite.core.geometry import Pose
from ravens_suite.core.heightmap import Heightmap
from ravens_suite.core.workspace import AGENT_WORKSPACE

_HALF = 8
_TABLE, _SHADOW, _SHADES = 51, 27, ((255, 87, 89), (89, 169, 79), (78, 121, 167))
_STAND = (80, 30)
"""Column and row of what all objects are taken to."""
_STILL = np.eye(2, 3)


def _scene(*spots: tuple[int, int], stand: bool = True) -> Heightmap:
    """Squares of different colours, 16 pixels wide at (column, row), each with a shadow to its right, and a stand."""
    color = np.full((320, 160, 3), _TABLE, np.uint8)
    height = np.zeros((320, 160), np.float32)
    areas = [(slice(row - _HALF, row + _HALF), slice(max(column - _HALF, 0), column + _HALF)) for column, row in spots]
    for rows, columns in areas:
        color[rows, columns.stop : columns.stop + 4] = _SHADOW
    if stand:
        area = (slice(_STAND[1] - 20, _STAND[1] + 20), slice(_STAND[0] - 20, _STAND[0] + 20))
        color[area], height[area] = 150, 0.01
    for shade, area in zip(_SHADES, areas, strict=False):
        color[area], height[area] = shade, 0.04
    return Heightmap(color, height)


def _pose(column: int, row: int) -> Pose:
    x, y = AGENT_WORKSPACE.to_metres(row, column)
    return Pose((x, y, 0.0))


def _demonstration(*spots: tuple[int, int]) -> list[Step]:
    """All objects are taken to the stand, one after the other."""
    states = [(*[_STAND] * done, *spots[done:]) for done in range(len(spots) + 1)]
    return with_later_objects(
        [
            step_from_maps(_scene(*states[done]), _scene(*states[done + 1]), _pose(*spot), _pose(*_STAND))
            for done, spot in enumerate(spots)
        ]
    )


def _count(color: np.ndarray, shade: tuple[int, int, int]) -> int:
    return int((color == shade).all(axis=-1).sum())


def test_objects_that_are_moved_later_are_free_as_well() -> None:
    steps = _demonstration((40, 120), (100, 200), (60, 280))
    assert [len(step.free_objects) for step in steps] == [3, 2, 1]
    assert all(step.free_objects[-1] is steps[-1].free_objects[0] for step in steps)
    for free_object in steps[0].free_objects:
        assert free_object.mask.sum() == (2 * _HALF) ** 2


def test_objects_that_touch_are_not_free() -> None:
    steps = _demonstration((40, 120), (40 + 2 * _HALF, 120), (60, 280))
    assert [len(step.free_objects) for step in steps] == [0, 2, 1]


def test_what_moves_together_is_not_free() -> None:
    """As a bead of a rope, which takes its neighbours along."""
    before, after = _scene((40, 120), (40 + 2 * _HALF, 120)), _scene(_STAND, (60, 280))
    step = step_from_maps(before, after, _pose(40, 120), _pose(*_STAND))
    assert (step.pick_affinity > 0).sum() == (2 * _HALF) ** 2
    assert step.free_objects == ()


def test_the_table_without_objects_is_bare() -> None:
    (first, *_) = _demonstration((40, 120), (100, 200), (60, 280))
    table = inpaint(first.scene, first.free_objects)
    empty = _scene()
    np.testing.assert_array_equal(table.color, empty.color)
    np.testing.assert_array_equal(table.height, empty.height)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_scattered_objects_are_whole_and_apart(seed: int) -> None:
    """No object covers another, nor the stand, and shadows lie on the table only."""
    rng = np.random.default_rng(seed)
    (first, *_) = _demonstration((40, 120), (100, 200), (60, 280))
    table = inpaint(first.scene, first.free_objects)
    stand = _count(table.color, (150, 150, 150))
    starts = scatter(first.free_objects, [_STILL] * 3, bare_table(table), rng)
    assert len(starts) == 3
    paste(table, first.free_objects, starts)
    assert _count(table.color, (150, 150, 150)) == pytest.approx(stand, rel=0.01)
    for shade in _SHADES:
        assert _count(table.color, shade) == pytest.approx((2 * _HALF) ** 2, rel=0.08)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_an_example_picks_its_own_object(seed: int) -> None:
    steps = _demonstration((40, 120), (100, 200), (60, 280))
    for shade, step in zip(_SHADES, steps, strict=True):
        example = augment(step, Augmentation(scatter=1), np.random.default_rng(seed))
        held = example.pick_affinity > example.pick_affinity.max() / 4
        assert (example.color[held] == shade).all(axis=-1).mean() > 0.95


def test_only_the_last_free_object_is_shown_misplaced() -> None:
    """Among others, such examples would teach to pick up objects that are in place already."""
    steps = [replace(step, yaw=0.5) for step in _demonstration((40, 120), (100, 200), (60, 280))]
    differ = []
    for step in steps:
        none, all_of_them = (
            augment(step, Augmentation(scatter=1, misplaced=share), np.random.default_rng(0)) for share in (0, 1)
        )
        differ.append(not np.array_equal(none.pick, all_of_them.pick))
    assert [len(step.free_objects) for step in steps] == [3, 2, 1] and differ == [False, False, True]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_nothing_is_scattered_onto_the_goal(seed: int) -> None:
    """The goal is bare table here, which would do for an object to lie on."""
    spots, goal = [(40, 120), (100, 200), (60, 280)], (110, 100)
    states = [_scene(*[goal] * done, *spots[done:], stand=False) for done in range(4)]
    steps = [step_from_maps(*states[i : i + 2], _pose(*spots[i]), _pose(*goal)) for i in range(3)]
    step = with_later_objects(steps)[0]
    assert len(step.free_objects) == 3
    example = augment(step, Augmentation(scatter=1, yaw=0, shift=0), np.random.default_rng(seed))
    moved = rigid(example.yaw[0], example.pick, example.place[0])
    column, row = transform(moved, example.pick).astype(int)
    # A shadow may fall there.
    assert example.color[row - 3 : row + 4, column - 3 : column + 4].max() == _TABLE


def test_what_stays_beside_a_free_object_stays_whole() -> None:
    """What is known of the table near it was seen when its neighbour had gone."""
    fixed = (60 + 2 * _HALF + 5, 280)
    states = [_scene((40, 120), fixed, (60, 280)), _scene(_STAND, fixed, (60, 280)), _scene(_STAND, _STAND, (60, 280))]
    states.append(_scene(_STAND, _STAND, _STAND))
    picks = [(40, 120), fixed, (60, 280)]
    steps = [step_from_maps(*states[i : i + 2], _pose(*picks[i]), _pose(*_STAND)) for i in range(3)]
    steps[1] = replace(steps[1], free_objects=())
    first = with_later_objects(steps)[0]
    assert len(first.free_objects) == 2
    table = inpaint(first.scene, first.free_objects)
    assert _count(table.color, _SHADES[1]) == (2 * _HALF) ** 2


def test_what_comes_back_is_one_object() -> None:
    there, back = (40, 120), (100, 200)
    states = [_scene(there), _scene(back), _scene(there), _scene(_STAND)]
    ways = [(there, back), (back, there), (there, _STAND)]
    steps = [step_from_maps(*states[i : i + 2], _pose(*ways[i][0]), _pose(*ways[i][1])) for i in range(3)]
    assert [len(step.free_objects) for step in with_later_objects(steps)] == [1, 1, 1]


def test_what_lies_partly_off_the_map_is_not_free() -> None:
    before, after = _scene((4, 120)), _scene(_STAND)
    assert step_from_maps(before, after, _pose(6, 120), _pose(_STAND[0] + 2, _STAND[1])).free_objects == ()


def test_objects_stay_where_the_table_has_no_room() -> None:
    (first, *_) = _demonstration((40, 120), (100, 200), (60, 280))
    rows, columns = np.mgrid[:320, :160]
    assert scatter(first.free_objects, [_STILL] * 3, (rows + columns) % 12 > 0, np.random.default_rng(0)) == []


def test_an_object_that_ends_on_its_old_spot_is_free() -> None:
    """The rest of the spot, and bare table elsewhere, tell what was beneath it."""
    spot, goal = (60, 200), (60 + _HALF, 200 + _HALF)
    step = step_from_maps(_scene(spot), _scene(goal), _pose(*spot), _pose(*goal))
    table = inpaint(step.scene, step.free_objects)
    np.testing.assert_array_equal(table.color, _scene().color)
    np.testing.assert_array_equal(table.height, _scene().height)


def test_an_object_that_hardly_moves_is_not_free() -> None:
    spot, goal = (60, 200), (62, 200)
    assert step_from_maps(_scene(spot), _scene(goal), _pose(*spot), _pose(*goal)).free_objects == ()


def test_an_object_is_cut_off_at_the_edge_of_the_map() -> None:
    free_object: FreeObject = _demonstration((40, 120))[0].free_objects[0]
    empty = _scene()
    paste(empty, [free_object], [np.array([[1.0, 0, -40], [0, 1, 0]])])
    assert _count(empty.color, _SHADES[0]) == 2 * _HALF * _HALF
