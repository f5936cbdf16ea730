"""What a report shows of forecasters that watched the evaluations: early warnings, and how true they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ravens_suite.data.outcomes import EpisodeOutcome
from ravens_suite.data.watching import EARLY, WatchSummary, forecasts_of, warned_at
from ravens_suite.report.charts import Series, line_chart
from ravens_suite.report.robustness import labels_of
from ravens_suite.report.runs import Run
from ravens_suite.report.tables import Chart

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
    watched = [(labels[run.folder], list(run.test.outcomes)) for run in runs if run.test is not None]
    rows = [_row(label, outcomes) for label, outcomes in watched]
    shown = tuple(row for row in rows if row is not None)
    if not shown:
        return ForecastSection()
    outcomes = [outcome for _, group in watched for outcome in group if outcome.forecasts]
    lines = [
        _line("failed episodes", [outcome for outcome in outcomes if not outcome.success]),
        _line("solved episodes", [outcome for outcome in outcomes if outcome.success]),
    ]
    svg = line_chart(lines, x_label="actions before the end", y_label="said to be failing, %", y_range=(0.0, 100.0))
    return ForecastSection(shown, Chart("Mean probability of failing, by actions before the end", svg))


def warning_words(outcome: EpisodeOutcome) -> str:
    """One sentence on the warning that was given of an episode; empty where no forecaster watched."""
    if not outcome.forecasts:
        return ""
    since = warned_at(outcome)
    if since is None:
        return "The forecaster gave no early warning."
    return f"The forecaster said from {f'action {since} on' if since else 'the start'} that it would fail."


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
