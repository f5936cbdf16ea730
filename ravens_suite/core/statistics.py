"""95 % intervals of success rates and scores, and whether two policies differ on the same scenes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ravens_suite.errors import ConfigError

_Z = 1.959963984540054
"""Standard normal quantile at 97.5 %."""


def wilson(mean: float, count: int) -> tuple[float, float]:
    """95 % score interval of a proportion (Wilson, 1927).

    Over all rates it covers the true one in 95 % of cases on average; of 100 episodes in 90 % at worst, where the rate
    is within a percent of 0 or 1. It also serves for the mean of scores in [0, 1] with partial credit: their variance
    is at most that of yes-or-no outcomes with the same mean. Unlike a bootstrap or a t interval it does not shrink to a
    point when every episode scores the same.

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


def paired(one: Sequence[bool], other: Sequence[bool]) -> float:
    """Exact two-sided p-value that two policies succeed equally often, from the same scenes (McNemar, 1947).

    Only scenes count in which one succeeds and the other does not: of 5 such scenes that all speak for the same policy
    it is 0.06, whatever happens in the others. A test for independent scenes, as of two different sets of seeds, would
    take how hard a scene is for chance, and see less.

    Args:
        one: success of the first policy, a scene each.
        other: of the second one, in the same order of scenes.

    Returns:
        In [0, 1]; 1 where they differ nowhere.

    Raises:
        ConfigError: they are not of the same number of scenes.
    """
    if len(one) != len(other):
        raise ConfigError(f"There are {len(one)} and {len(other)} scenes: give the success of both in the same ones.")
    pairs = list(zip(map(bool, one), map(bool, other), strict=True))
    first, second = pairs.count((True, False)), pairs.count((False, True))
    scenes = first + second
    tail = math.fsum(math.comb(scenes, count) / 2**scenes for count in range(min(first, second) + 1))
    return min(2 * tail, 1.0)


def percent_interval(values: Sequence[float]) -> tuple[float, float]:
    """``wilson`` of values in [0, 1], in percent, rounded to a hundredth: (low, high)."""
    low, high = wilson(math.fsum(values) / len(values) if values else 0.0, len(values))
    return round(100 * low, 2), round(100 * high, 2)
