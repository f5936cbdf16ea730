"""What a report shows of forecasters that watched the evaluations: early warnings, and how true they were."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ravens_suite.data.outcomes import EpisodeOutcome
from ravens_suite.data.watching import EARLY, WatchSummary, forecasts_of, warned_at
from ravens_suite.report.charts import Series, line_chart
from ravens_suite.report.robustness import labels_of
from ravens_suite.report.runs import Run, Score, stale
from ravens_suite.report.tables import Chart

_LOG = logging.getLogger(__name__)
_FEWEST = 3
"""Episodes of a point of the chart."""


@dataclass(frozen=True)
class ForecastRow:
    """One run that a forecaster watched.

    Attributes:
        label: of the run.
        figures: what was said, beside what came.
        lead: mean number of actions between a warning and the end of the failed episodes it was given for; ``None``
            for none.
    """

    label: str
    figures: WatchSummary
    lead: float | None


@dataclass(frozen=True)
class ForecastSection:
    """What is shown of one task: a row a run, and how sure of failing the forecaster was before the end.

    ``early`` is the number of actions before the end from which a warning counts.
    """

    rows: tuple[ForecastRow, ...] = ()
    chart: Chart | None = None
    early: int = EARLY


def forecast_section(runs: Sequence[Run]) -> ForecastSection:
    """Of the runs of one task; empty where no forecaster watched."""
    labels = labels_of(runs)
    watched = [
        (_watched_label(labels[run.folder], run, name), score.outcomes)
        for run in runs
        for name, score in _watched(run).items()
        if not _is_stale(run, score)
    ]
    rows = [_row(label, outcomes) for label, outcomes in watched]
    shown = tuple(row for row in rows if row is not None)
    if not shown:
        return ForecastSection()
    lines = []
    for label, outcomes in watched:
        noted = [outcome for outcome in outcomes if outcome.forecasts]
        before = f"{label}: " if len(shown) > 1 else ""  # Forecasters are compared, not averaged.
        lines += [
            _line(f"{before}failed episodes", [outcome for outcome in noted if not outcome.success]),
            _line(f"{before}solved episodes", [outcome for outcome in noted if outcome.success]),
        ]
    svg = line_chart(lines, x_label="actions before the end", y_label="said to be failing, %", y_range=(0.0, 100.0))
    return ForecastSection(shown, Chart("Mean probability of failing, by actions before the end", svg))


def warnings_of(run: Run, seed: int) -> str:
    """A sentence on the warning that each forecaster gave of an episode; empty where none watched."""
    watched = _watched(run)
    said = [
        warning_words(outcome, name if len(watched) > 1 else "")
        for name, score in watched.items()
        for outcome in score.outcomes
        if outcome.seed == seed
    ]
    return " ".join(filter(None, said))


def warning_words(outcome: EpisodeOutcome, name: str = "") -> str:
    """One sentence on the warning that was given of an episode; empty where no forecaster watched.

    Args:
        outcome: of the episode.
        name: of the forecaster, where there are several.
    """
    if not outcome.forecasts:
        return ""
    who, since = f"The forecaster {name}".rstrip(), warned_at(outcome)
    if since is None:
        return f"{who} gave no early warning."
    return f"{who} said from {f'action {since} on' if since else 'the start'} that it would fail."


def _watched(run: Run) -> dict[str, Score]:
    """What forecasters watched of a run, by name; what lies in the plain file, as in earlier versions, has none."""
    plain = run.test
    if plain is None or plain in run.watched.values() or not any(outcome.forecasts for outcome in plain.outcomes):
        return dict(run.watched)
    return {"": plain, **run.watched}


def _watched_label(label: str, run: Run, name: str) -> str:
    return f"{label}, watched by {name}" if name and len(_watched(run)) > 1 else label


def _is_stale(run: Run, score: Score) -> bool:
    """Whether it is of other weights or another task than now, which a warning says."""
    if why := stale(run, score):
        _LOG.warning("What a forecaster watched of %s, %s is left out: %s", run.task, run.label, why)
    return bool(why)


def _row(label: str, outcomes: Sequence[EpisodeOutcome]) -> ForecastRow | None:
    figures = WatchSummary.of(outcomes)
    if figures is None:
        return None
    warnings = [(outcome.steps, warned_at(outcome)) for outcome in outcomes if not outcome.success]
    leads = [steps - since for steps, since in warnings if since is not None]
    return ForecastRow(label, figures, float(np.mean(leads)) if leads else None)


def _line(name: str, outcomes: Sequence[EpisodeOutcome]) -> Series:
    """Mean probability of failing by the number of actions before the end."""
    said = [[forecast.failing for forecast in reversed(forecasts_of(outcome))] for outcome in outcomes]
    longest = max((len(each) for each in said), default=0)
    columns = [[each[before] for each in said if before < len(each)] for before in range(longest)]
    kept = [(before, 100 * float(np.mean(column))) for before, column in enumerate(columns) if len(column) >= _FEWEST]
    points = np.array(kept, dtype=np.float64).reshape(-1, 2)
    return Series(name, points[:, 0], points[:, 1], marked=True)
