"""What a forecaster said of evaluated episodes, beside what came of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ravens_suite.core.forecast import Forecast, scores_of, warned_from
from ravens_suite.data.outcomes import STOPPED, EpisodeOutcome

WARNS_AT = 0.5
"""Probability of failing from which a forecaster is taken to warn."""
EARLY = 2
"""Actions before the end of a failed episode at which a warning is early."""


@dataclass(frozen=True)
class WatchSummary:
    """Figures of a forecaster over several episodes.

    Attributes:
        episodes: that it watched.
        progress_error: mean absolute error of the progress, over all observations.
        failed: episodes without strict success.
        foreseen: failed episodes of which it said at least ``EARLY`` actions before their end, and did not take back,
            that they would fail.
        false_alarms: solved episodes of which it said the same.
        stopped: episodes that it ended.
        stopped_solved: those of them with strict success.
    """

    episodes: int
    progress_error: float
    failed: int
    foreseen: int
    false_alarms: int
    stopped: int
    stopped_solved: int

    @staticmethod
    def of(outcomes: Sequence[EpisodeOutcome]) -> WatchSummary | None:
        """Of those episodes that a forecaster watched; ``None`` where there are none."""
        watched = [outcome for outcome in outcomes if outcome.forecasts]
        if not watched:
            return None
        errors = [error for outcome in watched for error in progress_errors(outcome)]
        failed = [outcome for outcome in watched if not outcome.success]
        solved = [outcome for outcome in watched if outcome.success]
        stopped = [outcome for outcome in watched if outcome.outcome == STOPPED]
        return WatchSummary(
            episodes=len(watched),
            progress_error=round(math.fsum(errors) / len(errors), 4),
            failed=len(failed),
            foreseen=sum(warned(outcome) for outcome in failed),
            false_alarms=sum(warned(outcome) for outcome in solved),
            stopped=len(stopped),
            stopped_solved=sum(outcome.success for outcome in stopped),
        )

    def describe(self) -> str:
        """One sentence for a person."""
        solved = self.episodes - self.failed
        words = (
            f"progress within {self.progress_error:.3f}; {self.foreseen} of {self.failed} failed episodes foreseen "
            f"{EARLY} actions before their end, {self.false_alarms} false alarms in {solved} solved ones"
        )
        if self.stopped:
            words += f"; it ended {self.stopped} of {self.episodes} episodes, {self.stopped_solved} of them solved"
        return f"{words}."


def forecasts_of(outcome: EpisodeOutcome) -> list[Forecast]:
    """What was said after each observation of an episode."""
    return [Forecast.from_json(dict(forecast)) for forecast in outcome.forecasts]


def progress_errors(outcome: EpisodeOutcome) -> list[float]:
    """Absolute errors of the progress, one an observation."""
    truth = scores_of([float(reward) for reward in outcome.rewards])
    return [abs(said.progress - true) for said, true in zip(forecasts_of(outcome), truth, strict=False)]


def warned_at(outcome: EpisodeOutcome) -> int | None:
    """After how many actions a forecaster warned, and did not take it back until ``EARLY`` actions before the end.

    ``None`` where it did not, or the episode is too short for that.
    """
    said = forecasts_of(outcome)
    return warned_from(said[: max(len(said) - EARLY, 0)], WARNS_AT)


def warned(outcome: EpisodeOutcome) -> bool:
    """Whether ``warned_at`` says when."""
    return warned_at(outcome) is not None
