"""How our scores compare with the published ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ravens_suite.benchmark.published import comparable_scores
from ravens_suite.core.statistics import wilson

PUBLISHED_EPISODES = 100
"""Test episodes behind a published figure (Transporter Networks, arXiv 2010.14406, section 5)."""


@dataclass(frozen=True)
class Difference:
    """Ours minus theirs, in points, with its 95 % interval."""

    points: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """``better`` or ``worse`` when the interval excludes zero, else ``level``."""
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "level"


def published_agents() -> dict[str, str]:
    """Agent to source, in the order of the file, for the figures that compare."""
    return {row.agent: row.source for row in comparable_scores()}


def published_for(task: str, demos: int) -> dict[str, float]:
    """Agent to score, 0 to 100, for a task and a number of demonstrations; empty when nobody published it."""
    return {row.agent: row.score for row in comparable_scores() if (row.task, row.demos) == (task, demos)}


def difference(ours: float, episodes: int, theirs: float, their_episodes: int = PUBLISHED_EPISODES) -> Difference:
    """Ours minus theirs with the interval of Newcombe (1998, Statistics in Medicine 17:873, method 10).

    Both are means of scores in [0, 1] over independent episodes. The interval joins the two Wilson intervals, so it
    does not shrink to a point when every episode scored the same, and for partial credit it is too wide if anything.

    Args:
        ours: mean score, 0 to 100.
        episodes: behind ours.
        theirs: mean score, 0 to 100.
        their_episodes: behind theirs.
    """
    a, b = (min(max(score / 100, 0.0), 1.0) for score in (ours, theirs))
    a_low, a_high = wilson(a, episodes)
    b_low, b_high = wilson(b, their_episodes)
    below = math.hypot(a - a_low, b_high - b)
    above = math.hypot(a_high - a, b - b_low)
    return Difference(ours - theirs, 100 * (a - b - below), 100 * (a - b + above))
