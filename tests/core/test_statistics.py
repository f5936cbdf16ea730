"""Intervals contain what they should and stay within [0, 1]."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from ravens_suite.core.statistics import paired, percent_interval, wilson
from ravens_suite.errors import ConfigError


@given(st.integers(0, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_mean(pair: tuple[int, int]) -> None:
    hits, count = pair
    low, high = wilson(hits / count if count else 0.5, count)
    assert 0 <= low <= (hits / count if count else 0.5) <= high <= 1


def test_known_values() -> None:
    assert wilson(1.0, 100) == pytest.approx((0.9630, 1.0), abs=1e-4)
    assert wilson(0.5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert percent_interval([]) == (0, 100)


def test_it_covers_partial_credit_at_least_as_often_as_promised() -> None:
    rng = np.random.default_rng(0)
    truth = 0.7 * 1 + 0.3 * 0.4
    hits = 0
    for _ in range(500):
        low, high = wilson(float(rng.choice([1.0, 0.4], 100, p=[0.7, 0.3]).mean()), 100)
        hits += low <= truth <= high
    assert hits / 500 >= 0.95


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60))
def test_two_policies_on_the_same_scenes_are_compared_where_they_differ(pairs: list[tuple[bool, bool]]) -> None:
    one, other = [first for first, _ in pairs], [second for _, second in pairs]
    first, second = pairs.count((True, False)), pairs.count((False, True))
    expected = binomtest(first, first + second).pvalue if first + second else 1
    assert paired(one, other) == paired(other, one) == pytest.approx(expected)


def test_known_values_of_pairs() -> None:
    assert paired([True] * 100, [False] * 5 + [True] * 95) == 0.0625
    assert paired([], []) == paired([True, False], [True, False]) == paired([True, False], [False, True]) == 1
    assert paired([True], [False]) == 1 > paired([True] * 3000, [False] * 3000)
    with pytest.raises(ConfigError, match="3 and 2 scenes"):
        paired([True] * 3, [True] * 2)


def test_it_covers_rates_as_often_as_it_says() -> None:
    count = 100
    intervals = [wilson(hits / count, count) for hits in range(count + 1)]
    rates = np.arange(1, 1000) / 1000
    low, high = np.array(intervals).T
    held = (low[:, None] <= rates) & (rates <= high[:, None])
    covered = (held * binom.pmf(np.arange(count + 1)[:, None], count, rates)).sum(axis=0)
    assert covered.mean() == pytest.approx(0.95, abs=0.002)
    assert covered.min() > 0.9 and covered[(rates > 0.02) & (rates < 0.98)].min() > 0.925
