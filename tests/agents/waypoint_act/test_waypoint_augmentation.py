"""Scenes turned and shifted, and loads held elsewhere."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.agents.waypoint_act.augmentation import regrasped, rotation, turned
from ravens_suite.agents.waypoint_act.chunks import MAP, Window
from ravens_suite.core.geometry import Array


def window(*points: tuple[float, ...], holds: bool = False) -> Window:
    """A scene with a red square of 5 x 5 cells at each way-point."""
    color = np.full((*MAP.shape, 3), 51, np.uint8)
    height = np.zeros(MAP.shape, np.float32)
    for column, row, *_ in points:
        r, c = int(row), int(column)
        color[r - 2 : r + 3, c - 2 : c + 3] = 255, 0, 0
        height[r - 2 : r + 3, c - 2 : c + 3] = 0.04
    gripper = np.array([0, float(holds)], np.float32)
    tip = np.array([40.0, 80.0, 0.3, 0.2])
    return Window(color, height, tip, gripper, np.zeros(2), np.array(points), np.ones(len(points), np.bool_))


@given(st.integers(0, 10_000))
def test_way_points_stay_on_what_they_were_on(seed: int) -> None:
    before = window((30.5, 60.5, 0.03, 0.0, 1.0), (50.5, 100.5, 0.27, 1.0, 0.0))
    after = turned(before, np.random.default_rng(seed))
    for column, row in after.chunk[:, :2]:
        assert after.color[int(row), int(column), 0] > 200 and after.height[int(row), int(column)] > 0.03
    np.testing.assert_allclose(
        np.linalg.norm(np.diff(after.chunk[:, :2], axis=0)), np.linalg.norm(np.diff(before.chunk[:, :2], axis=0))
    )
    turn = np.append(after.chunk[:, 3], after.tip[3]) - np.append(before.chunk[:, 3], before.tip[3])
    np.testing.assert_allclose(np.cos(turn), math.cos(turn[0]), atol=1e-9)
    assert after.chunk[:, [2, 4]].tolist() == before.chunk[:, [2, 4]].tolist()


def test_a_scene_that_fits_on_the_table_in_no_other_way_is_left_as_it_is() -> None:
    before = window((3.5, 3.5, 0.0, 0.0, 0.0), (76.5, 156.5, 0.0, 0.0, 0.0), (3.5, 156.5, 0.0, 0.0, 0.0))
    before = replace(before, tip=np.array([0.01, 0.01, 0.3, 0.0]), chunk=before.chunk * [1.04, 1.02, 1, 1, 1])
    assert turned(before, np.random.default_rng(0)) is before


@given(st.integers(0, 10_000))
def test_a_load_held_elsewhere_goes_the_same_ways(seed: int) -> None:
    before = window(
        (40.0, 80.0, 0.27, 0.2, 1.0), (60.0, 20.0, 0.03, 2.0, 0.0), (60.0, 20.0, 0.27, 2.0, 0.0), holds=True
    )
    after = regrasped(before, np.random.default_rng(seed))
    assert after.color is before.color and after.valid.tolist() == [True, True, False]
    assert not np.allclose(after.tip, before.tip)
    for index in range(2):
        # Where the load comes to lie: the motion of the tip, applied to a point of the load.
        carried = [_carried(w.tip, w.chunk[index], np.array([45.0, 83.0])) for w in (before, after)]
        np.testing.assert_allclose(carried[0], carried[1], atol=1e-9)
    assert after.chunk[:, [2, 4]].tolist() == before.chunk[:, [2, 4]].tolist()


def test_the_same_random_numbers_make_the_same_example() -> None:
    before = window((30.5, 60.5, 0.03, 0.0, 0.0), holds=True)
    for alter in (turned, regrasped):
        one, two = (alter(before, np.random.default_rng(3)) for _ in range(2))
        assert np.array_equal(one.chunk, two.chunk) and np.array_equal(one.color, two.color)


@pytest.mark.parametrize("angle", [0.0, 1.0, -2.5])
def test_a_positive_angle_turns_columns_towards_rows(angle: float) -> None:
    np.testing.assert_allclose(rotation(angle) @ [1, 0], [math.cos(angle), math.sin(angle)])


def _carried(tip: Array, end: Array, point: Array) -> Array:
    turn = rotation(float(end[3] - tip[3]))
    moved: Array = end[:2] + turn @ (point - tip[:2])
    return moved
