"""Picks that came to nothing are remembered until something changes where they were."""

from __future__ import annotations

import numpy as np
import pytest

from ravens_suite.agents.nn.futile import FutilePicks
from ravens_suite.values.heightmap import Heightmap

CORNERS = [(0.2, 0.3), (159.7, 319.6), (0.0, 319.9), (80.5, 160.5)]


def table(*raised: tuple[int, int]) -> Heightmap:
    """A bare table with a block of 5 x 5 pixels at some (column, row)."""
    color, height = np.full((320, 160, 3), 90, np.uint8), np.zeros((320, 160), np.float32)
    for column, row in raised:
        height[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3] = 0.05
    return Heightmap(color, height)


def after(pick: tuple[float, float], before: Heightmap, then: Heightmap) -> FutilePicks:
    """The memory once a pick has been tried."""
    memory = FutilePicks()
    memory.look(before)
    memory.note(before, np.array(pick))
    memory.look(then)
    return memory


@pytest.mark.parametrize("pick", CORNERS)
def test_a_pick_that_changes_nothing_is_remembered(pick: tuple[float, float]) -> None:
    memory = after(pick, table(), table())
    assert len(memory.picks) == 1
    np.testing.assert_array_equal(memory.picks[0], pick)


@pytest.mark.parametrize("pick", CORNERS)
def test_a_pick_that_changes_its_surroundings_is_not(pick: tuple[float, float]) -> None:
    column, row = (int(value) for value in pick)
    assert not after(pick, table((column, row)), table()).picks


def test_what_changes_far_away_does_not_count() -> None:
    assert len(after((40.0, 40.0), table(), table((120, 250))).picks) == 1


def test_a_few_odd_pixels_do_not_count() -> None:
    noisy = table()
    noisy.height[38:40, 38:42] = 0.05
    assert len(after((40.0, 40.0), table(), noisy).picks) == 1


def test_picks_add_up_until_one_has_an_effect() -> None:
    memory = FutilePicks()
    for pick in ((40.0, 40.0), (80.0, 200.0)):
        memory.look(table())
        memory.note(table(), np.array(pick))
    memory.look(table())
    assert len(memory.picks) == 2
    memory.note(table(), np.array([100.0, 100.0]))
    memory.look(table((100, 100)))
    assert not memory.picks


def test_a_new_episode_forgets() -> None:
    memory = after((40.0, 40.0), table(), table())
    memory.reset()
    memory.look(table())
    assert not memory.picks
