"""Differences to published scores."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.benchmark.comparison import difference, published_agents, published_for
from ravens_suite.benchmark.published import best_published, published_scores


def test_newcombes_own_example() -> None:
    # Newcombe (1998), table II, contrast (a): 56/70 against 48/80 gives 0.0524 to 0.3339 by method 10.
    found = difference(100 * 56 / 70, 70, 100 * 48 / 80, 80)
    assert (found.low, found.high) == (pytest.approx(5.24, abs=0.01), pytest.approx(33.39, abs=0.01))
    assert found.verdict == "better"


@given(st.floats(0, 100), st.integers(1, 1000), st.floats(0, 100))
def test_an_interval_holds_its_difference_and_stays_in_range(ours: float, episodes: int, theirs: float) -> None:
    found = difference(ours, episodes, theirs)
    assert -100 - 1e-9 <= found.low <= found.points + 1e-9
    assert found.points - 1e-9 <= found.high <= 100 + 1e-9
    assert found.low < found.high


def test_equal_perfect_scores_are_level_not_certain() -> None:
    found = difference(100, 20, 100)
    assert found.verdict == "level"
    assert found.low < -10


def test_every_published_agent_has_a_source() -> None:
    assert len(published_agents()) >= 9
    assert all(published_agents().values())
    assert published_for("block-insertion", 10)["Transporter"] == 100.0
    assert published_for("block-insertion", 7) == {}


def test_figures_of_another_task_or_training_are_not_compared_with() -> None:
    other = [row for row in published_scores() if row.differs]
    assert {row.differs for row in other} == {
        "one model for all ten tasks",
        "parallel-jaw gripper instead of suction",
    }
    assert not {row.agent for row in other} & {*published_agents()}
    # Nobody else has reached as much on this task: the best of all rows is a row that does not compare.
    row = max((r for r in published_scores() if (r.task, r.demos) == ("palletizing-boxes", 1)), key=lambda r: r.score)
    assert row.differs
    best = best_published("palletizing-boxes", 1)
    assert best is not None and not best.differs and best.score < row.score


def test_a_figure_is_published_once_and_within_its_range() -> None:
    rows = published_scores()
    assert len({(row.agent, row.task, row.demos) for row in rows}) == len(rows)
    for row in rows:
        assert 0 <= row.score <= 100
        assert row.strict is None or 0 <= row.strict <= row.score
        assert row.demos in {1, 10, 100, 1000}
        assert ("as reprinted" in row.source) == bool(row.second_hand)
