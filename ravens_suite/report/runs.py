"""What lies in a folder of results: training runs, their logs and their evaluations."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ravens_suite.data.atomic import read_json
from ravens_suite.errors import DamagedDataError, MissingDataError
from ravens_suite.report.charts import Series

_LOG = logging.getLogger(__name__)
_RUN_FILE, _POLICY, _LOGS, _EVALUATIONS = "run.json", "policy", "logs", "eval"


@dataclass(frozen=True)
class Score:
    """The summary of one evaluation, 0 to 100.

    Attributes:
        split: of the seeds.
        episodes: how many.
        mean: total reward x 100, averaged.
        interval: 95 %, of the mean.
        strict: share of episodes with every goal met at their end.
        strict_interval: 95 %, of that share.
        seconds: it took.
        value: the whole file.
    """

    split: str
    episodes: int
    mean: float
    interval: tuple[float, float]
    strict: float
    strict_interval: tuple[float, float]
    seconds: float
    value: dict[str, Any]

    @staticmethod
    def from_json(value: dict[str, Any]) -> Score:
        """From the file that ``evaluate`` writes."""
        low, high = value["score_interval_95"]
        strict_low, strict_high = value["interval_95"]
        return Score(
            value["split"],
            value["episodes"],
            value["mean_score"],
            (low, high),
            value["strict_success"],
            (strict_low, strict_high),
            value["seconds"],
            value,
        )

    @property
    def failed_seeds(self) -> list[int]:
        """Seeds of the episodes without strict success, the worst first."""
        failed = [row for row in self.value["results"] if not row["success"]]
        return [row["seed"] for row in sorted(failed, key=lambda row: (row["score"], row["seed"]))]


@dataclass(frozen=True)
class Run:
    """A training run on disk.

    Attributes:
        folder: of the run.
        record: its ``run.json``.
        scores: by task and split, as (task, split).
    """

    folder: Path
    record: dict[str, Any]
    scores: dict[tuple[str, str], Score]

    @property
    def plan(self) -> dict[str, Any]:
        """What was asked for: agent, task, demos, seed and more."""
        plan: dict[str, Any] = self.record["plan"]
        return plan

    @property
    def agent(self) -> str:
        """Registered name."""
        return str(self.plan["agent"])

    @property
    def task(self) -> str:
        """Registered name of the task it was trained on."""
        return str(self.plan["task"])

    @property
    def demos(self) -> int:
        """Number of demonstrations."""
        return int(self.plan["demos"])

    @property
    def seed(self) -> int:
        """Of the choice of demonstrations, the initial weights and the augmentation."""
        return int(self.plan.get("seed", 0))

    @property
    def policy(self) -> Path:
        """Folder of the weights."""
        return self.folder / _POLICY if (self.folder / _POLICY).is_dir() else self.folder

    @property
    def test(self) -> Score | None:
        """On the test seeds of its own task."""
        return self.scores.get((self.task, "test"))

    @property
    def course(self) -> dict[str, Any]:
        """How training went: seconds, best_step, best_score, judged."""
        course: dict[str, Any] = self.record.get("course", {})
        return course

    @property
    def label(self) -> str:
        """For a legend."""
        return f"{self.agent}, {self.demos} demo{'' if self.demos == 1 else 's'}, seed {self.seed}"

    @cached_property
    def curves(self) -> dict[str, Series]:
        """Logged figures by step, by their name in the TensorBoard logs (``train/pick``, ``val/score``)."""
        return read_scalars(self.folder / _LOGS)

    @property
    def validation(self) -> Series:
        """Mean score on validation episodes by step."""
        judged = sorted((int(step), float(score)) for step, score in self.course.get("judged", {}).items())
        steps, scores = np.array(judged, dtype=np.float64).reshape(-1, 2).T
        return Series(self.label, steps, scores, marked=True)

    @property
    def loss(self) -> Series | None:
        """The sum of all logged training losses by step; ``None`` without logs."""
        parts = [s for name, s in self.curves.items() if name.startswith("train/") and not name.endswith("_rate")]
        if not parts:
            return None
        length = min(len(part.x) for part in parts)
        return Series(self.label, parts[0].x[:length], np.sum([part.y[:length] for part in parts], axis=0))


def find_runs(folder: Path) -> list[Run]:
    """All runs in a folder and below, by task, number of demonstrations, agent and seed.

    Raises:
        MissingDataError: there is none.
    """
    if not folder.is_dir():
        raise MissingDataError(f"There is no folder {folder}: name one that holds runs (ravens-suite train).")
    runs = [run for path in sorted(folder.rglob(_RUN_FILE)) if (run := _read_run(path)) is not None]
    if not runs:
        raise MissingDataError(f"There is no run in {folder}: train one first (ravens-suite train), or quickstart.")
    return sorted(runs, key=lambda run: (run.task, run.demos, run.agent, run.seed, str(run.folder)))


def read_scalars(logs: Path) -> dict[str, Series]:
    """Everything TensorBoard would plot, by name; empty when there are no logs."""
    if not any(logs.glob("**/*tfevents*")):
        return {}
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(logs), size_guidance={"scalars": 0})
    events.Reload()
    result = {}
    for name in events.Tags()["scalars"]:
        # A resumed run may hold a step twice: the later entry counts.
        by_step = {event.step: event.value for event in events.Scalars(name)}
        points = np.array(sorted(by_step.items()), dtype=np.float64).reshape(-1, 2)
        result[name] = Series(name, points[:, 0], points[:, 1])
    return result


def mean_of(values: list[float]) -> float:
    """Their mean; NaN for none."""
    return sum(values) / len(values) if values else math.nan


def mean_over_tasks(values: Iterable[tuple[str, float]]) -> float:
    """The mean of the tasks' means of (task, value), so that a task with more seeds counts no more than others."""
    by_task: dict[str, list[float]] = {}
    for task, value in values:
        by_task.setdefault(task, []).append(value)
    return mean_of([mean_of(group) for group in by_task.values()])


def _read_run(path: Path) -> Run | None:
    """A run; ``None``, and a warning, when its record is damaged or is not one of training."""
    try:
        record = read_json(path)
        if not isinstance(record, dict) or not {"agent", "task", "demos"} <= record.get("plan", {}).keys():
            return None
        return Run(path.parent, record, _read_scores(path.parent / _EVALUATIONS))
    except DamagedDataError as error:
        _LOG.warning("Left out of the report: %s", error)
        return None


def _read_scores(folder: Path) -> dict[tuple[str, str], Score]:
    scores = {}
    for path in sorted(folder.glob("*.json")):
        try:
            value = read_json(path)
            scores[(str(value["task"]), str(value["split"]))] = Score.from_json(value)
        except (DamagedDataError, KeyError, TypeError) as error:
            _LOG.warning("Left out of the report: %s (%r)", path, error)
    return scores
