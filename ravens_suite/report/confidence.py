"""What a report shows of confidence: a reliability diagram with a line a run, and calibration errors."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ravens_suite.errors import DamagedDataError, MissingDataError
from ravens_suite.insight.calibration import CALIBRATION, Calibrated, Reliability, read_calibration
from ravens_suite.report.charts import Series, line_chart
from ravens_suite.report.robustness import labels_of
from ravens_suite.report.runs import Run, task_changes
from ravens_suite.report.tables import Chart
from ravens_suite.rollout.definitions import the_task_has_changed

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ConfidenceRow:
    """The calibration errors of one run."""

    label: str
    own: Reliability
    calibrated: Reliability


@dataclass(frozen=True)
class ConfidenceSection:
    """What is shown of one task: diagrams, whose lines are runs, and the errors."""

    charts: tuple[Chart, ...] = ()
    rows: tuple[ConfidenceRow, ...] = ()


def confidence_section(runs: Sequence[Run]) -> ConfidenceSection:
    """Of the runs of one task; empty where none was calibrated.

    Runs whose weights are other ones by now are left out, with a warning.
    """
    labels = labels_of(runs)
    found = [(labels[run.folder], done) for run in runs if (done := _calibrated(run)) is not None]
    if not found:
        return ConfidenceSection()
    charts = (
        _diagram("As the agents say it", [(label, done.own) for label, done in found]),
        _diagram("Calibrated on validation scenes", [(label, done.calibrated) for label, done in found]),
    )
    return ConfidenceSection(charts, tuple(ConfidenceRow(label, done.own, done.calibrated) for label, done in found))


def _calibrated(run: Run) -> Calibrated | None:
    path = run.folder / CALIBRATION / f"{run.task}.json"
    try:
        done = read_calibration(path)
    except MissingDataError:
        return None
    except DamagedDataError as error:
        _LOG.warning("Left out of the report: %s", error)
        return None
    if run.weights_differ(str(done.policy.get("fingerprint", ""))):
        _LOG.warning("%s is of other weights than the run holds now: calibrate it again.", path)
        return None
    if words := task_changes(done.task, "test", done.arguments, done.definition):
        _LOG.warning("%s Calibrate it again.", the_task_has_changed(str(path), done.task, words))
        return None
    return done


def _diagram(name: str, found: Sequence[tuple[str, Reliability]]) -> Chart:
    ends = np.array([0.0, 100.0])
    lines = [_line(label, reliability) for label, reliability in found]
    svg = line_chart(
        [*lines, Series("true confidence", ends, ends)],
        x_label="confidence, %",
        y_label="right decisions, %",
        x_range=(0.0, 100.0),
        y_range=(0.0, 100.0),
    )
    return Chart(name, svg)


def _line(label: str, reliability: Reliability) -> Series:
    rows = [(row.confidence, row.right, *row.interval) for row in reliability.bins]
    confidence, right, low, high = 100 * np.array(rows, dtype=np.float64).reshape(-1, 4).T
    return Series(label, confidence, right, marked=True, low=low, high=high)
