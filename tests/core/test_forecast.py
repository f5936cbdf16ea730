"""Stages of episodes, and what forecasts say of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.core.forecast import STAGES, Forecast, scores_of, stages_of, warned_from


def test_stages_follow_from_the_rewards_to_the_end() -> None:
    assert [STAGES[stage] for stage in stages_of([0.5, 0.0, 0.5])] == ["on its way"] * 3 + ["done"]
    assert [STAGES[stage] for stage in stages_of([0.5, 0.0])] == ["failing"] * 3
    assert [STAGES[stage] for stage in stages_of([])] == ["failing"]
    assert scores_of([0.25, 0.5]) == [0.0, 0.25, 0.75]


@given(st.lists(st.sampled_from([0.0, 0.1, 0.25, 1.0]), max_size=6))
def test_an_episode_is_failing_or_on_its_way_but_never_both(rewards: list[float]) -> None:
    stages = set(stages_of(rewards))
    assert len(stages_of(rewards)) == len(rewards) + 1
    assert not {0, 1} <= stages


@pytest.mark.parametrize(
    ("failing", "since"),
    [([0.1, 0.9, 0.9], 1), ([0.9, 0.1, 0.9], 2), ([0.9, 0.9, 0.9], 0), ([0.9, 0.9, 0.1], None), ([], None)],
)
def test_a_warning_counts_from_where_it_is_not_taken_back(failing: list[float], since: int | None) -> None:
    assert warned_from([Forecast(0.0, value, 0.0) for value in failing], 0.5) == since


def test_a_forecast_comes_back_from_json_and_names_its_stage() -> None:
    forecast = Forecast(progress=0.123456, failing=0.25, done=0.5)
    assert Forecast.from_json(forecast.to_json()) == Forecast(0.1235, 0.25, 0.5)
    assert forecast.stage == "done"
    assert Forecast(0.0, 0.1, 0.2).stage == "on its way"
