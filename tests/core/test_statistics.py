"""Intervals contain what they should and stay within [0, 1]."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.core.statistics import percent_interval, wilson


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
