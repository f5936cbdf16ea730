"""Picks that came to nothing, and places, are remembered until something changes where they are."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ravens_suite.agents.common.sentences import form_of
from ravens_suite.agents.pick_place.history import (
    NEAR,
    NEVER_SAID,
    UNKNOWN,
    Counts,
    DemonstrationStatistics,
    History,
    Move,
    count_moves,
    least_move,
    returns_by_form,
)
from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap

CORNERS = [(0.2, 0.3), (159.7, 319.6), (0.0, 319.9), (80.5, 160.5)]


def table(*raised: tuple[int, int]) -> Heightmap:
    """A bare table with a block of 5 x 5 pixels at some (column, row)."""
    color, height = np.full((320, 160, 3), 90, np.uint8), np.zeros((320, 160), np.float32)
    for column, row in raised:
        height[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3] = 0.05
    return Heightmap(color, height)


def after(
    pick: tuple[float, float], before: Heightmap, then: Heightmap, place: tuple[float, float] = (80.0, 160.0)
) -> History:
    """The memory once a pick has been tried."""
    memory = History()
    memory.observe(before)
    memory.record(Move(before, np.array(pick), np.array(place)))
    memory.observe(then)
    return memory


@pytest.mark.parametrize("pick", CORNERS)
def test_a_pick_that_changes_nothing_is_remembered(pick: tuple[float, float]) -> None:
    memory = after(pick, table(), table())
    assert len(memory.failed_picks) == 1
    np.testing.assert_array_equal(memory.failed_picks[0], pick)


@pytest.mark.parametrize("pick", CORNERS)
def test_a_pick_that_changes_its_surroundings_is_not(pick: tuple[float, float]) -> None:
    column, row = (int(value) for value in pick)
    assert not after(pick, table((column, row)), table()).failed_picks


def test_what_changes_far_away_does_not_count() -> None:
    assert len(after((40.0, 40.0), table(), table((120, 250))).failed_picks) == 1


def test_a_few_odd_pixels_do_not_count() -> None:
    noisy = table()
    noisy.height[38:40, 38:42] = 0.05
    assert len(after((40.0, 40.0), table(), noisy).failed_picks) == 1


def test_picks_add_up_until_one_has_an_effect() -> None:
    memory = History()
    for pick in ((40.0, 40.0), (80.0, 200.0)):
        memory.observe(table())
        memory.record(Move(table(), np.array(pick), np.zeros(2)))
    memory.observe(table())
    assert len(memory.failed_picks) == 2
    memory.record(Move(table(), np.array([100.0, 100.0]), np.zeros(2)))
    memory.observe(table((100, 100)))
    assert not memory.failed_picks


def test_a_new_episode_forgets() -> None:
    memory = after((40.0, 40.0), table(), table())
    memory.reset()
    memory.observe(table())
    assert not memory.failed_picks


START, GOAL, ELSEWHERE = (40, 40), (100, 200), (120, 60)


@pytest.mark.parametrize("goal", [GOAL, (159, 319), (0, 0)])
def test_what_was_placed_is_settled_until_something_changes_there(goal: tuple[int, int]) -> None:
    memory = after(START, table(START), table(goal), goal)
    assert [tuple(place) for place in memory.occupied_places] == [goal]
    memory.record(Move(table(goal), np.array(ELSEWHERE), np.array(START)))
    memory.observe(table(goal, ELSEWHERE))
    assert [tuple(place) for place in memory.occupied_places] == [goal]
    memory.record(Move(table(goal, ELSEWHERE), np.array(ELSEWHERE), np.array(START)))
    memory.observe(table(goal, START))
    assert [tuple(place) for place in memory.occupied_places] == [goal, START]
    memory.observe(table(START))
    assert [tuple(place) for place in memory.occupied_places] == [START]
    memory.reset()
    assert not memory.occupied_places


def test_where_nothing_arrived_nothing_settles() -> None:
    assert not after(START, table(START), table(ELSEWHERE), GOAL).occupied_places


def test_what_is_placed_beside_is_settled_once() -> None:
    memory = after(START, table(START, ELSEWHERE), table(GOAL, ELSEWHERE), GOAL)
    beside = (GOAL[0] + 6, GOAL[1])
    memory.record(Move(table(GOAL, ELSEWHERE), np.array(ELSEWHERE), np.array(beside)))
    memory.observe(table(GOAL, beside))
    assert [tuple(place) for place in memory.occupied_places] == [beside]


def test_where_a_pick_that_came_to_nothing_would_have_gone_nothing_settles() -> None:
    assert not after(START, table(START), table(START), GOAL).occupied_places


def moves(*steps: tuple[tuple[int, int], tuple[int, int]]) -> list[Move]:
    """An episode in which blocks go from pick to place, all there from the beginning."""
    lying = {pick for pick, _ in steps} - {place for _, place in steps}
    result = []
    for pick, place in steps:
        result.append(Move(table(*sorted(lying)), np.array(pick, dtype=float), np.array(place, dtype=float)))
        lying = lying - {pick} | {place}
    return result


def demonstration_statistics(episodes: list[list[Move]]) -> DemonstrationStatistics:
    """Of the moves of several episodes."""
    return DemonstrationStatistics.of(Counts(*np.sum([count_moves(each) for each in episodes], axis=0).tolist()))


def test_share_of_picks_that_take_up_what_has_settled() -> None:
    one, two = (START, GOAL), (ELSEWHERE, (30, 250))
    assert demonstration_statistics([moves(one)]).repick == 0.5
    assert demonstration_statistics([moves(one, two)]).repick == 0.25
    assert demonstration_statistics([moves(one, two)] * 9).repick == pytest.approx(0.5 / 10)
    assert demonstration_statistics([moves(one, (GOAL, ELSEWHERE))]).repick == 0.75
    assert demonstration_statistics([moves(one, two), moves(one, (GOAL, ELSEWHERE))]).repick == 0.5


def test_share_of_places_that_are_used_again() -> None:
    one, two = (START, GOAL), (ELSEWHERE, (GOAL[0] + NEAR - 1, GOAL[1]))
    assert demonstration_statistics([moves(one)]).sharing == 0.5
    assert demonstration_statistics([moves(one, two)]).sharing == 0.75
    assert demonstration_statistics([moves(one, (ELSEWHERE, (30, 250)))]).sharing == 0.25
    assert demonstration_statistics([moves(one), moves(one)]).sharing == 0.5


def test_the_least_move_is_near_the_shortest_that_many_demonstrations_show() -> None:
    assert least_move([]) == 0
    assert least_move([20.0]) < 1, "one move says little of how short they can be"
    assert least_move([20.0, 90.0, 50.0] * 200) == pytest.approx(0.8 * 20 * 600 / 625)


def test_beside_a_place_is_not_at_it() -> None:
    beside = (GOAL[0] + NEAR + 1, GOAL[1])
    assert demonstration_statistics([moves((START, GOAL), (beside, ELSEWHERE))]).repick == 0.25


def told(sentence: str, *moves: tuple[tuple[int, int], tuple[int, int]]) -> list[tuple[str, Array, Array]]:
    return [(sentence, np.array(pick, dtype=float), np.array(place, dtype=float)) for pick, place in moves]


def test_what_was_laid_belongs_to_the_sentence_under_which_it_was_laid() -> None:
    memory = History()
    memory.hear("pack the red boxes")
    memory.record(Move(table(START), np.array(START), np.array(GOAL)))
    assert memory.takes_up_again(np.array([GOAL[0] + 9, GOAL[1]]))
    assert not memory.takes_up_again(np.array([GOAL[0] + 11, GOAL[1]]))
    memory.hear("pack the red boxes")
    assert memory.takes_up_again(np.array(GOAL))
    memory.hear("pack the blue boxes")
    assert not memory.takes_up_again(np.array(GOAL))


def test_how_often_sentences_of_a_form_take_up_again_what_they_laid() -> None:
    onward, back = (ELSEWHERE, (30, 250)), (GOAL, ELSEWHERE)
    returns = returns_by_form(
        [
            *[told("pack the red boxes", (START, GOAL), onward), told("pack the green boxes", (START, GOAL), onward)]
            * 6,
            told("move the red ring", (START, GOAL), back),
            told("put it there", (START, GOAL)),
            [*told("first", (START, GOAL)), *told("then", back)],
        ]
    )
    assert returns[form_of("pack the blue boxes")] == pytest.approx(0.5 / 13)
    assert returns[form_of("move the blue ring")] == 0.75
    assert {float(returns[form_of(said)]) for said in ("put it there", "first", "then")} == {0.5}
    assert returns[form_of("never said")] == NEVER_SAID


def test_what_was_laid_under_a_sentence_that_still_stands_is_not_settled() -> None:
    memory = History()
    memory.observe(table(START))
    memory.hear("put the red star in its slot")
    memory.record(Move(table(START), np.array(START), np.array(GOAL)))
    memory.observe(table(GOAL))
    memory.hear("put the red star in its slot")
    assert not memory.settled_places and len(memory.occupied_places) == 1
    memory.hear("put the blue star in its slot")
    assert [tuple(place) for place in memory.settled_places] == [GOAL]


def test_without_sentences_all_is_settled() -> None:
    assert len(after(START, table(START), table(GOAL), GOAL).settled_places) == 1


def test_half_of_all_cases_is_not_unknown() -> None:
    here, there, beyond = np.array([20.0, 20.0]), np.array([120.0, 60.0]), np.array([60.0, 250.0])
    # Of two further moves under the sentence one takes up what was laid.
    found = returns_by_form([[("pack all", here, there), ("pack all", there, beyond), ("pack all", here, there)]])
    assert found[form_of("pack all")] != UNKNOWN


def test_what_is_laid_again_as_it_lay_is_known_with_all_its_ways_until_it_is_taken_away() -> None:
    memory, quarter = History(), math.pi / 2

    def move(
        pick: tuple[int, int], place: tuple[int, int], yaw: float | None, *, fails: bool = False
    ) -> list[tuple[float, ...]]:
        memory.record(Move(table(pick), np.array(pick, float), np.array(place, float)), yaw)
        memory.observe(table(pick) if fails or pick == place else table(place))
        return [each.yaws for each in memory.laid_again]

    assert move((40, 40), (90, 90), 0.0) == [], "it went elsewhere"
    assert move((90, 90), (91, 90), quarter) == [], "it was turned"
    assert move((90, 90), (91, 90), None) == [], "nothing turns here"
    assert move((90, 90), (90, 90), 0.1) == [(0.0,)]
    assert move((140, 90), (140, 92), 0.0) == [(0.0,), (0.0,)], "another one, 49 pixels away"
    assert move((90, 90), (90, 90), 2 * quarter, fails=True) == [(0.0,), (0.0,)], "it was not turned: nothing changed"
    assert move((98, 90), (82, 94), quarter) == [(0.0,), (-quarter, 0.0)], "picked beside its middle, and turned"
    assert move((82, 94), (82, 94), 0.0)[1] == (-quarter, 0.0), "a way counts once"
    assert move((82, 94), (82, 96), quarter)[1] == (-2 * quarter, -quarter, 0.0)
    assert move((82, 96), (110, 96), 0.1) == [(0.0,)], "to the slot beside it, 28 pixels away, unturned"
    assert move((110, 96), (138, 95), 1.0) == [], "something else lies there now"
    assert memory.laid_again_at(np.array([140.0, 92.0])) is None


def test_of_two_things_laid_again_the_nearer_one_is_meant() -> None:
    memory = History()
    for place in ((90.0, 90.0), (110.0, 90.0)):
        memory.record(Move(table(), np.array(place), np.array(place)), 0.0)
        memory.observe(table())
    found = memory.laid_again_at(np.array([104.0, 90.0]))
    assert found is not None and found.place.tolist() == [110.0, 90.0]
