"""What a report shows of robustness: a chart an axis with a line a run, and all figures in a table."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ravens_suite.data.atomic import files_below, read_json
from ravens_suite.data.run_folder import PROBES, RECORD
from ravens_suite.errors import DamagedDataError, MissingDataError
from ravens_suite.insight.axes import AXES, GRADES
from ravens_suite.insight.calibration import CALIBRATION
from ravens_suite.insight.language_probe import file_name
from ravens_suite.insight.robustness import NOMINAL, ROBUSTNESS, SUMMARY, Point, Robustness, read_robustness
from ravens_suite.insight.weak_spots import SEARCH, WEAK_SPOTS
from ravens_suite.report.charts import Series, line_chart
from ravens_suite.report.runs import Run, Weights, find_runs, given_options, policy_in, task_changes
from ravens_suite.report.tables import Chart
from ravens_suite.rollout.definitions import the_task_has_changed

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class RobustnessRow:
    """One axis of one run in the table: points by grade, ``None`` where none was measured."""

    label: str
    axis: str
    amounts: str
    points: tuple[Point | None, ...]


@dataclass(frozen=True)
class RobustnessSection:
    """What is shown of one task.

    Attributes:
        charts: one an axis; lines are runs.
        rows: the figures behind them.
        scenes: how many a grade, in words.
    """

    charts: tuple[Chart, ...] = ()
    rows: tuple[RobustnessRow, ...] = ()
    scenes: str = ""


def robustness_section(runs: Sequence[Run]) -> RobustnessSection:
    """Of the runs of one task; empty where none was measured.

    Runs whose weights are other ones by now are left out, with a warning.
    """
    labels = labels_of(runs)
    found = [(labels[run.folder], curves) for run in runs if (curves := _curves_of(run)) is not None]
    names = [name for name in AXES if any(name in curves.axes for _, curves in found)]
    counts = sorted({curves.seeds[1] for _, curves in found})
    return RobustnessSection(
        tuple(_chart(name, found) for name in names),
        tuple(_row(name, label, curves) for name in names for label, curves in found if name in curves.axes),
        " or ".join(map(str, counts)),
    )


def labels_of(runs: Sequence[Run]) -> dict[Path, str]:
    """For a legend, by folder: runs of the same label are told apart by the names of their folders."""
    labels = [run.label for run in runs]
    return {
        run.folder: run.label if labels.count(run.label) == 1 else f"{run.label} ({run.folder.name})" for run in runs
    }


def find_policies(folder: Path) -> list[Run]:
    """All policies in a folder and below: those of ``find_runs``, and others of which nothing else lies there.

    Such a policy was probed alone, or its robustness, its confidence or its weak spots were looked at (``--out``).

    Raises:
        MissingDataError: there is none.
    """
    try:
        runs = find_runs(folder)
    except MissingDataError:
        if not (measured := _measured(folder, [])):
            raise
        return measured
    return runs + _measured(folder, runs)


def _measured(folder: Path, runs: Sequence[Run]) -> list[Run]:
    """Policies that something was found out about, with or without an evaluation, and that are none of the runs."""
    trained = [path.parent for path in files_below(folder, RECORD)]
    known = {(run.folder, run.task) for run in runs}
    found, weights = [], Weights(trained)
    measured = [(path, path.parents[3]) for path in files_below(folder, f"{ROBUSTNESS}/*/*/{SUMMARY}")]
    probed = [(path, path.parents[1]) for path in files_below(folder, f"{PROBES}/{file_name('test', '*')}")]
    looked = [path for name in (CALIBRATION, WEAK_SPOTS) for path in files_below(folder, f"{name}/*.json")]
    searched = [(path, path.parents[1]) for path in looked if not path.stem.endswith(SEARCH)]
    for path, home in sorted(measured) + sorted(probed) + sorted(searched):
        if any(run == home or run in home.parents for run in trained):
            continue
        try:
            value = read_json(path)
            policy, task = weights.find(policy_in(value)), str(value["task"])
        except (AttributeError, DamagedDataError, KeyError, TypeError) as error:
            _LOG.warning("Left out of the report: %s (%s)", path, error)
            continue
        if (home, task) not in known:
            known.add((home, task))
            given = given_options(path.with_name(f"{NOMINAL}.json") if path.name == SUMMARY else path)
            found.append(Run(home, policy, task, {}, None, given=given))
    return found


def _curves_of(run: Run) -> Robustness | None:
    path = run.folder / ROBUSTNESS / run.task / "test" / SUMMARY
    try:
        curves = read_robustness(path)
    except MissingDataError:
        return None
    except DamagedDataError as error:
        _LOG.warning("Left out of the report: %s", error)
        return None
    if run.weights_differ(str(curves.policy.get("fingerprint", ""))):
        _LOG.warning("%s is of other weights than the run holds now: measure robustness again.", path)
        return None
    if words := task_changes(curves.task, curves.split, curves.arguments, curves.definition):
        _LOG.warning("%s Measure robustness again.", the_task_has_changed(str(path), curves.task, words))
        return None
    return curves


def _chart(name: str, found: Sequence[tuple[str, Robustness]]) -> Chart:
    series = [_series(label, curves.curve(name)) for label, curves in found if name in curves.axes]
    axis = AXES[name]
    svg = line_chart(series, x_label="grade", y_label="mean score", y_range=(0.0, 100.0), x_range=(0.0, float(GRADES)))
    return Chart(f"{axis.title}: {', '.join(axis.amounts)} ({axis.unit})", svg)


def _series(label: str, curve: Sequence[Point]) -> Series:
    points = [point for point in curve if point.figures.episodes]  # Where no scene could be placed there is no score.

    def column(values: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array(values, dtype=np.float64)

    return Series(
        label,
        column([point.grade for point in points]),
        column([point.figures.mean_score for point in points]),
        marked=True,
        low=column([point.figures.mean_score_interval[0] for point in points]),
        high=column([point.figures.mean_score_interval[1] for point in points]),
    )


def _row(name: str, label: str, curves: Robustness) -> RobustnessRow:
    by_grade = {point.grade: point for point in curves.curve(name)}
    axis = AXES[name]
    points = tuple(by_grade.get(grade) for grade in range(GRADES + 1))
    return RobustnessRow(label, axis.title, f"{', '.join(axis.amounts)}; {axis.unit}", points)
