"""What the forecaster sees, and what is taken for the effect of an action."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ravens_suite.agents.forecasters.progress.episodes import WatchedEpisode, altered
from ravens_suite.agents.forecasters.progress.views import (
    SHAPE,
    View,
    action_channels,
    changed,
    moved_copy,
    poses_of,
    view_error,
)
from ravens_suite.core.heightmap import Heightmap
from tests.agents.scenes import insertion


def _views(seed: int = 0) -> tuple[View, View, NDArray[Any]]:
    """A scene before and after the action that solves it, and the action's poses."""
    rng = np.random.default_rng(seed)
    scene = insertion(rng)
    action = scene.oracle(rng)
    before, after = (View.of(scene.draw(pose)) for pose in (scene.start, scene.after(action)))
    return before, after, poses_of(action.to_dict())


def test_half_the_resolution_is_the_mean_of_what_was_seen() -> None:
    color = np.zeros((320, 160, 3), np.uint8)
    height = np.zeros((320, 160), np.float32)
    color[:2, :2], height[:2, :2] = 100, 0.04
    height[2, 0], color[2, 0] = 0.02, 50  # A quarter of its pixel.
    color[4, :2], height[4, :2] = 80, 0.06  # A half of its pixel.
    view = View.of(Heightmap(color, height))
    assert view.color.shape == (*SHAPE, 3)
    assert view.seen.sum() == 2 and view.seen[0, 0] and view.seen[2, 0]
    assert view.color[2, 0].tolist() == [80] * 3
    assert view.height[2, 0] == pytest.approx(0.06)
    assert view.height[0, 0] == pytest.approx(0.04)


def test_a_spot_marks_each_pose_of_an_action() -> None:
    maps = action_channels(np.array([[10.5, 20.5, 0.0], [70.5, 130.5, 0.0]]))
    assert [np.unravel_index(spot.argmax(), SHAPE) for spot in maps] == [(20, 10), (130, 70)]
    assert maps.max() == pytest.approx(1.0)
    assert not action_channels(None).any()


@pytest.mark.parametrize("seed", range(4))
def test_moving_what_lies_at_the_pick_explains_most_of_what_changes(seed: int) -> None:
    before, after, poses = _views(seed)
    where = changed(before, after)
    copied = moved_copy(before, poses).channels()
    assert where.any()
    assert view_error(copied, after, where) < 0.5 * view_error(before.channels(), after, where)


def test_an_action_on_the_bare_table_moves_nothing() -> None:
    table = View(np.full((*SHAPE, 3), 50, np.uint8), np.full(SHAPE, 2.5e-4, np.float32), np.ones(SHAPE, np.bool_))
    assert moved_copy(table, np.array([[10.0, 20.0, 0.0], [30.0, 50.0, 1.0]])) is table


def test_what_no_camera_saw_counts_as_unchanged() -> None:
    before, after, _ = _views()
    unseen = View(after.color, after.height, np.zeros(SHAPE, np.bool_))
    assert not changed(before, unseen).any()
    assert view_error(before.channels(), after, np.zeros(SHAPE, np.bool_)) == 0


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 1000))
def test_in_an_altered_episode_the_action_still_explains_the_change(seed: int) -> None:
    before, after, poses = _views(seed % 5)
    episode = WatchedEpisode((before, after), poses[None], np.zeros(2, np.float32), np.zeros(2, np.int64))
    moved = altered(episode, np.random.default_rng(seed))
    where = changed(*moved.views)
    column, row = moved.poses[0, :, 0], moved.poses[0, :, 1]
    if (column > 18).all() and (column < 62).all() and (row > 18).all() and (row < 142).all():
        copied = moved_copy(moved.views[0], moved.poses[0]).channels()
        still = view_error(moved.views[0].channels(), moved.views[1], where)
        assert view_error(copied, moved.views[1], where) < 0.8 * still
