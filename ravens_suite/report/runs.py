"""What lies in a folder of results: training runs with their logs, and evaluations of any policy."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ravens_suite.core.seeding import SPLITS
from ravens_suite.data.atomic import files_below, read_json
from ravens_suite.data.fields import is_number, object_in, object_of
from ravens_suite.data.outcomes import STOPPED, EpisodeOutcome, Summary
from ravens_suite.data.run_folder import OPTIONS, RECORD, WATCHED, PolicyFolder, RunFolder
from ravens_suite.errors import DamagedDataError, MissingDataError, RavensError
from ravens_suite.insight.calibration import CALIBRATION
from ravens_suite.insight.influence_record import read_influence
from ravens_suite.insight.language_probe import file_name
from ravens_suite.insight.robustness import NOMINAL, ROBUSTNESS
from ravens_suite.insight.weak_spots import SEARCH, WEAK_SPOTS
from ravens_suite.registry import is_forecaster, task_names
from ravens_suite.report.charts import Series
from ravens_suite.report.training_logs import read_scalars
from ravens_suite.rollout.definitions import OF_THE_TASK, changed, define, the_task_has_changed
from ravens_suite.rollout.evaluation_plan import WEIGHTS, options_folder
from ravens_suite.rollout.policies import PolicySpec

_LOG = logging.getLogger(__name__)
_SHORT = 60


@dataclass(frozen=True)
class Score:
    """One evaluation.

    Attributes:
        task: registered name.
        split: of the seeds.
        policy: which was evaluated.
        arguments: of the environment.
        summary: the figures.
        outcomes: one an episode.
        seconds: it took.
        renderer: that drew the images; ``none`` where nothing was drawn.
        provenance: command, commit, versions and machine.
        definition: of the task; empty where none was noted.
        stop_at: probability from which a forecaster ended episodes; ``None`` where none did.
        options: of the task, those that are not as usual (``EvaluationPlan``).
    """

    task: str
    split: str
    policy: PolicySpec
    arguments: Mapping[str, Any]
    summary: Summary
    outcomes: tuple[EpisodeOutcome, ...]
    seconds: float
    renderer: str
    provenance: Mapping[str, Any]
    definition: Mapping[str, Any] = field(default_factory=dict)
    stop_at: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Score:
        """From the file that ``evaluate`` writes.

        Raises:
            KeyError: it is of another kind or version.
            TypeError: it is of another kind or version.
            ValueError: a figure is none.
        """
        stop_at = object_in(value, "watch", {}).get("stop_at")
        if stop_at is not None and not is_number(stop_at):
            raise TypeError(f"stop_at is {stop_at!r:.60}")
        return Score(
            task=str(value["task"]),
            split=str(value["split"]),
            policy=policy_in(value),
            arguments=object_in(value, "arguments", {}),
            summary=Summary.from_json(value),
            outcomes=tuple(EpisodeOutcome.from_json(row) for row in value["results"]),
            seconds=float(value["seconds"]),
            renderer=str(value["renderer"]),
            provenance=object_in(value, "provenance", {}),
            definition=object_in(value, "definition", {}),
            stop_at=stop_at,
            options=object_in(value, "options", {}),
        )

    @property
    def failed_seeds(self) -> list[int]:
        """Seeds of the episodes without strict success, the worst first; none of a scene that could not be placed."""
        failed = [outcome for outcome in self.outcomes if outcome.placed and not outcome.success]
        return [outcome.seed for outcome in sorted(failed, key=lambda outcome: (outcome.score, outcome.seed))]

    def outcome(self, seed: int) -> EpisodeOutcome:
        """The outcome of a seed that was evaluated."""
        return next(outcome for outcome in self.outcomes if outcome.seed == seed)


@dataclass(frozen=True)
class Run:
    """One policy on one task: a training run on one of its tasks or on another, or a policy that was not trained here.

    Attributes:
        folder: of the run, or of the evaluation where there is no run or it had other options of the task.
        policy: which.
        task: registered name.
        record: its ``run.json``; empty for a policy that was not trained here.
        test: evaluation on test seeds; ``None`` where there is none.
        watched: evaluations on test seeds that forecasters watched, by the name of the forecaster's run.
        given: the options of the task that are not as usual, where no evaluation says so.
        shown: what its agent is called beside other runs (``report/names.py``); empty for the name of the agent.
    """

    folder: Path
    policy: PolicySpec
    task: str
    record: Mapping[str, Any]
    test: Score | None
    watched: Mapping[str, Score] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    shown: str = ""

    @property
    def trained(self) -> bool:
        """Whether it was trained here."""
        return bool(self.record)

    @property
    def options(self) -> str:
        """The options of the task, where they are not as usual, for a person; else empty."""
        options = self.given if self.test is None else self.test.options
        return ", ".join(f"{name} {_short(now)}" for name, now in options.items())

    @property
    def title(self) -> str:
        """The task, with its options where they are not as usual."""
        return f"{self.task}, {self.options}" if self.options else self.task

    @property
    def elsewhere(self) -> str:
        """What it was trained on, where that is not this task as it is here: other tasks, other options; else empty."""
        tasks = self.plan.get("tasks", [self.task])
        if self.task in tasks:
            return "other options" if self.trained and self.options else ""
        return str(tasks[0]) if len(tasks) == 1 else f"{len(tasks)} other tasks"

    @property
    def plan(self) -> Mapping[str, Any]:
        """What was asked for: agent, tasks, demos, seed and more."""
        plan: Mapping[str, Any] = self.record.get("plan", {})
        return plan

    @property
    def agent(self) -> str:
        """Registered name, or how the policy is named; in a report with what tells it from others."""
        return self.shown or self.policy.label

    @property
    def demos(self) -> int:
        """Number of demonstrations of each task; 0 for a policy that was not trained here."""
        return int(self.plan.get("demos", 0))

    @property
    def dropped(self) -> int:
        """Number of demonstrations that were left out of all (``--drop``), further data included."""
        return sum(len(seeds) for seeds in self.plan.get("drop", {}).values())

    @property
    def left_out(self) -> int:
        """How many of those that were asked for of each task were left out, in all tasks; none of further data."""
        own = self.record.get("demonstrations")
        return self.dropped if own is None else sum(self.demos - len(seeds) for seeds in own.values())

    @property
    def changes(self) -> str:
        """How many less or more than asked for of each task it learnt from, in all tasks: " less 2 and 3 more"."""
        less, more = self.left_out, sum(self.further.values())
        words = f"{f' less {less}' if less else ''}{f' and {more} more' if more else ''}"
        return f"{words} in all" if words and len(self.plan.get("tasks", ())) > 1 else words

    @property
    def further(self) -> Mapping[str, int]:
        """Number of demonstrations from further folders (``--more-data``), by task."""
        counts: dict[str, int] = {}
        for by_task in self.record.get("more_demonstrations", {}).values():
            for task, seeds in by_task.items():
                counts[task] = counts.get(task, 0) + len(seeds)
        return counts

    @property
    def learnt(self) -> int:
        """From how many demonstrations of this task it learnt: none that was left out, all of further folders."""
        own = self.record.get("demonstrations", {}).get(self.task)
        kept = self.demos - len(self.plan.get("drop", {}).get(self.task, ())) if own is None else len(own)
        return kept + self.further.get(self.task, 0)

    @property
    def seed(self) -> int:
        """Of the choice of demonstrations, the initial weights and the augmentation."""
        return int(self.plan.get("seed", 0))

    @property
    def training(self) -> Mapping[str, Any]:
        """How training went: seconds, best_step, best_score, validation."""
        state: Mapping[str, Any] = self.record.get("training", {})
        return state

    @property
    def label(self) -> str:
        """For a legend."""
        if not self.trained:
            return self.agent
        others = len(self.plan["tasks"]) - 1
        tasks = f" of {self.elsewhere or f'{others + 1} tasks'}" if others or self.elsewhere else ""
        demos = f"{self.demos} demo{'' if self.demos == 1 else 's'}"
        return f"{self.agent}, {demos}{tasks}{',' if tasks and self.changes else ''}{self.changes}, seed {self.seed}"

    @cached_property
    def curves(self) -> dict[str, Series]:
        """Logged figures by step, by their name in the TensorBoard logs (``train/pick``, ``val/mean_score``)."""
        return read_scalars(RunFolder(self.folder).logs) if self.trained and not self.elsewhere else {}

    def weights_differ(self, fingerprint: str) -> bool:
        """Whether what was measured of weights with a fingerprint is not of those that the run holds now."""
        policy = PolicyFolder(Path(self.policy.folder))
        there = self.policy.kind == "agent" and policy.is_there()
        return there and fingerprint not in ("", policy.fingerprint())

    @property
    def validation(self) -> Series:
        """Mean score on validation episodes by step."""
        scores = {} if self.elsewhere else self.training.get("validation", {})
        evaluated = sorted((int(step), float(score)) for step, score in scores.items())
        steps, means = np.array(evaluated, dtype=np.float64).reshape(-1, 2).T
        return Series(self.label, steps, means, marked=True)

    @property
    def loss(self) -> Series | None:
        """The sum of all logged training losses by step; ``None`` without logs.

        A part that is not logged at every step counts as it was logged last.
        """
        parts = [s for name, s in self.curves.items() if name.startswith("train/") and not name.endswith("_rate")]
        if not parts:
            return None
        steps = np.unique(np.concatenate([part.x for part in parts]))
        steps = steps[steps >= max(part.x[0] for part in parts)]
        last = [part.y[np.searchsorted(part.x, steps, side="right") - 1] for part in parts]
        return Series(self.label, steps, np.sum(last, axis=0))


def policy_in(value: Mapping[str, Any]) -> PolicySpec:
    """The policy that a file of results is of, with the folder in which its weights lay.

    Raises:
        KeyError: none is noted.
        TypeError: it is of another kind.
    """
    policy, folder = object_of(PolicySpec, value["policy"]), value.get(WEIGHTS, "")
    if not isinstance(folder, str):
        raise TypeError(f"{WEIGHTS} is {folder!r:.60}")
    return replace(policy, folder=folder) if folder else policy


class Weights:
    """The weights of trained agents in a folder and below, looked for when they are first asked for.

    Args:
        runs: folders of training runs.
    """

    def __init__(self, runs: Sequence[Path]) -> None:
        self._runs = [RunFolder(run) for run in runs]

    def find(self, policy: PolicySpec) -> PolicySpec:
        """A policy with the folder of its weights; where they are not where they lay, that of the same here, if any."""
        lay = PolicyFolder(Path(policy.folder))
        there = policy.folder and lay.is_there() and policy.fingerprint in ("", lay.fingerprint())
        if policy.kind != "agent" or there:
            return policy
        here = self._here.get(policy.fingerprint)
        return policy if here is None else replace(policy, folder=here)

    @cached_property
    def _here(self) -> dict[str, str]:
        """Folders by fingerprint; of the same weights that of the run before those of its copies."""
        folders = [each for run in self._runs for each in (*run.checkpoints().values(), run.policy)]
        return {each.fingerprint(): str(each.path) for each in folders if each.is_there()}


def count_policies(runs: Iterable[Run]) -> int:
    """Of how many policies runs are: one may be evaluated on several tasks, and with several options of a task."""
    return len({_identity(run.policy) for run in runs})


def _identity(policy: PolicySpec) -> tuple[str, ...]:
    """What tells a policy from others: of an agent its folder, however the path to it is written."""
    where = os.path.realpath(policy.folder) if policy.folder else policy.fingerprint
    return policy.kind, policy.name, where


def without_folders(run: Run, error: Exception) -> str:
    """What is said of a run, without the folders of this machine that it lies in: the page is for others, too."""
    homes = {run.folder.parent, *([Path(run.policy.folder).parent.parent] if run.policy.folder else [])}
    text = str(error)
    for home in sorted(map(str, homes - {Path()}), key=len, reverse=True):
        text = text.replace(f"{home}{os.sep}", "")
    return text


def stale(run: Run, score: Score) -> str:
    """Why an evaluation is not of the run, or of the task, as they are now, for a person; empty where it is."""
    if run.weights_differ(score.policy.fingerprint):
        return "its evaluation is of other weights than the run holds now; evaluate it again."
    if words := task_changes(run.task, score.split, score.arguments, score.definition):
        return f"{the_task_has_changed('its evaluation', run.task, words)} Evaluate it again."
    return ""


def task_changes(
    task: str, split: str, arguments: Mapping[str, Any] | None, definition: Mapping[str, Any]
) -> list[str]:
    """What of a task has changed since a result noted its definition, in words; nothing where none was noted."""
    if not definition or task.removesuffix("-continuous") not in task_names():
        return []
    return changed(definition, define(task, split, arguments), OF_THE_TASK)


def find_runs(folder: Path) -> list[Run]:
    """All policies in a folder and below, by task, number of demonstrations, agent and seed.

    Raises:
        MissingDataError: there is none.
    """
    if not folder.is_dir():
        raise MissingDataError(f"There is no folder {folder}: name one that holds runs (ravens-suite train).")
    folders = [path.parent for path in files_below(folder, RECORD)]
    runs = [run for path in folders for run in _read_run(RunFolder(path))]
    runs += _read_others(folder, folders)
    if not runs and any(_watches(RunFolder(path)) for path in folders):
        raise MissingDataError(
            f"{folder} holds runs of forecasters alone, which watch and do not act: let one watch a policy "
            "(ravens-suite evaluate POLICY --watch RUN), and name a folder that holds what was evaluated."
        )
    if not runs:
        raise MissingDataError(
            f"There is no run in {folder}: train one first (ravens-suite train), evaluate a policy, or quickstart."
        )
    return sorted(runs, key=lambda run: (run.task, run.demos, run.agent, run.seed, str(run.folder)))


def _short(value: Any) -> str:
    """A value of JSON; of a long one its beginning, and what tells it from others."""
    text = json.dumps(value)
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}... ({hashlib.sha256(text.encode()).hexdigest()[:8]})"


def mean_of(values: list[float]) -> float:
    """Their mean; NaN for none."""
    return math.fsum(values) / len(values) if values else math.nan


def _read_run(run: RunFolder) -> list[Run]:
    """A run on each of its tasks, and on others that something was found out on.

    None, and a warning, when its record is damaged or is not one of training.
    """
    try:
        record = run.record()
        plan = record["plan"]
        tasks, agent = list(plan["tasks"]), str(plan["agent"])
        if is_forecaster(agent):
            return []  # It acts in nothing; what it said lies with the evaluations that it watched.
    except (AttributeError, DamagedDataError, KeyError, TypeError, ValueError) as error:
        _LOG.warning("Left out of the report: %s (%r)", run.record_path, error)
        return []
    scores = {score.task: score for score in _read_scores(run.evaluations) if score.split == "test"}
    policy = PolicySpec("agent", agent, str(run.policy.path))
    asked = _asked_about(run)
    usual = {task for task, options in asked if not options}
    others = sorted({*scores, *_tasks_watched(run.evaluations), *looked_into(run.path), *usual}.difference(tasks))
    found = [_run(run.path, policy, task, record, scores.get(task), run.evaluations) for task in [*tasks, *others]]
    for folder in sorted({*(run.evaluations / OPTIONS).glob("*"), *_folders_of(run, asked)}):
        scored = {score.task: score for score in _read_scores(folder) if score.split == "test"}
        looked = looked_into(folder)
        given = {task: options for task, options in asked if run.evaluations / options_folder(options) == folder}
        for task in sorted({*scored, *_tasks_watched(folder), *looked, *given}):
            run_here = _run(folder, policy, task, record, scored.get(task), folder)
            found.append(replace(run_here, given=given_options(looked.get(task)) or given.get(task, {})))
    return found


def _tasks_watched(evaluations: Path) -> set[str]:
    """The tasks on which forecasters watched test scenes, whether these were evaluated without one, too, or not."""
    scores = (score for path in (evaluations / WATCHED).glob("*") for score in _read_scores(path))
    return {score.task for score in scores if score.split == "test"}


def _asked_about(run: RunFolder) -> list[tuple[str, Mapping[str, Any]]]:
    """Task and options of the decisions that were asked about; their scenes need not have been evaluated."""
    try:
        found = read_influence(run)
    except (DamagedDataError, MissingDataError):
        return []  # What shows the file says that it is damaged.
    if not run.policy.is_there() or found.weights != run.policy.fingerprint():
        return []
    return [(each.task, each.options) for each in found.decisions]


def _folders_of(run: RunFolder, asked: Iterable[tuple[str, Mapping[str, Any]]]) -> set[Path]:
    """Where results with the options of such decisions lie, if there are any."""
    return {run.evaluations / options_folder(options) for _, options in asked if options}


def _watches(run: RunFolder) -> bool:
    """Whether a run is one of a forecaster."""
    try:
        return is_forecaster(str(run.record()["plan"]["agent"]))
    except RavensError:
        return False


def looked_into(folder: Path) -> dict[str, Path]:
    """The tasks on which robustness, probes, calibration or weak spots of a policy lie in a folder, with one file each.

    The file is one that notes the options of the task, where there is one.
    """
    first, last = file_name("test", "*").split("*")
    robust = ((path.parents[1].name, path) for path in folder.glob(f"{ROBUSTNESS}/*/test/{NOMINAL}.json"))
    probed = (
        (path.name.removeprefix(first).removesuffix(last), path)
        for path in RunFolder(folder).probes.glob(file_name("test", "*"))
    )
    others = (
        (path.stem, path)
        for name in (CALIBRATION, WEAK_SPOTS)
        for path in (folder / name).glob("*.json")
        if not path.stem.endswith(SEARCH)
    )
    return dict([*others, *probed, *robust])


def given_options(path: Path | None) -> Mapping[str, Any]:
    """The options of the task that a result of an evaluation or a probe notes; none where it notes none."""
    try:
        value = {} if path is None else read_json(path)
        return dict(value.get("options", {}))
    except (AttributeError, DamagedDataError, TypeError, ValueError):
        return {}  # What shows the file says that it is damaged.


def _run(
    folder: Path, policy: PolicySpec, task: str, record: Mapping[str, Any], test: Score | None, evaluations: Path
) -> Run:
    """A run with what forecasters watched, one of which stands for the evaluation where there is no plain one."""
    watched = {
        path.name: score
        for path in sorted((evaluations / WATCHED).glob("*"))
        for score in _read_scores(path)
        if (score.task, score.split) == (task, "test")
    }
    return Run(folder, policy, task, record, test or next(iter(watched.values()), None), watched)


def _read_others(folder: Path, runs: list[Path]) -> list[Run]:
    """Evaluations of policies that were not trained here, or that lie elsewhere than with their training (--out)."""
    found: dict[tuple[Path, str], tuple[PolicySpec, Score | None]] = {}
    for path in files_below(folder, "*test.json"):
        if any(run in path.parents for run in runs):
            continue
        if path.parent.name == STOPPED:
            continue  # Beside the evaluation whose episodes nobody stopped.
        for score in _read_scores(path.parent, path.name):
            if score.split not in SPLITS or score.stop_at is not None:
                continue
            if path.parent.parent.name == WATCHED:
                found.setdefault((path.parents[2], score.task), (score.policy, None))
            else:
                found[path.parent, score.task] = (score.policy, score)
    weights = Weights(runs)
    return [_run(home, weights.find(policy), task, {}, test, home) for (home, task), (policy, test) in found.items()]


def _read_scores(folder: Path, pattern: str = "*.json") -> list[Score]:
    scores = []
    for path in sorted(folder.glob(pattern)):
        try:
            scores.append(Score.from_json(read_json(path)))
        except (AttributeError, DamagedDataError, KeyError, TypeError, ValueError) as error:
            _LOG.warning("Left out of the report: %s (%r)", path, error)
    return scores
