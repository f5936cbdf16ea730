"""95 % intervals of success rates and scores."""

from __future__ import annotations

import math
from collections.abc import Sequence

_Z = 1.959963984540054
"""Standard normal quantile at 97.5 %."""


def wilson(mean: float, count: int) -> tuple[float, float]:
    """95 % score interval of a proportion (Wilson, 1927).

    It also serves for the mean of scores in [0, 1] with partial credit: their variance is at most that of yes-or-no
    outcomes with the same mean, so the interval covers at least 95 %. Unlike a bootstrap or a t interval it does not
    shrink to a point when every episode scores the same.

    Args:
        mean: share of successes, or mean score, in [0, 1].
        count: number of episodes.

    Returns:
        (low, high) in [0, 1]; (0, 1) when there are no episodes.
    """
    if count == 0:
        return 0.0, 1.0
    square = _Z**2 / count
    centre = (mean + square / 2) / (1 + square)
    half = _Z * math.sqrt(max(mean * (1 - mean), 0.0) / count + square / (4 * count)) / (1 + square)
    # At 0 and 1 the bound is the mean itself, which rounding may miss by a last bit.
    return max(min(centre - half, mean), 0.0), min(max(centre + half, mean), 1.0)


def percent_interval(values: Sequence[float]) -> tuple[float, float]:
    """``wilson`` of values in [0, 1], in percent, rounded to a hundredth: (low, high)."""
    low, high = wilson(math.fsum(values) / len(values) if values else 0.0, len(values))
    return round(100 * low, 2), round(100 * high, 2)
