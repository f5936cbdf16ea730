"""What an evaluation is about: which policy, in which environment, and the training run that knows both."""

from __future__ import annotations

import hashlib
import json
import logging
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ravens_suite.core.observations import groups_with
from ravens_suite.core.seeding import Split
from ravens_suite.data.atomic import files_below, read_json
from ravens_suite.data.outcomes import STOPPED
from ravens_suite.data.run_folder import OPTIONS, WATCHED, RunFolder, place_of
from ravens_suite.envs.options import refuse_unknown
from ravens_suite.errors import ConfigError, ConflictError, DamagedDataError, MissingDataError, UnknownNameError
from ravens_suite.registry import environment_id
from ravens_suite.rollout.definitions import define
from ravens_suite.rollout.environments import (
    checked_arguments,
    contradictions,
    default_arguments,
    differing_options,
    make_environment,
    task_options,
    to_json,
)
from ravens_suite.rollout.policies import ORACLE, RANDOM, PolicySpec, observation_for
from ravens_suite.rollout.watching import WatchSpec

_LOG = logging.getLogger(__name__)
WEIGHTS = "weights"
"""In a file of results that does not lie with the run of its policy: where the weights lay."""


@dataclass(frozen=True)
class EvaluationPlan:
    """Which policy is evaluated, in which environment.

    Attributes:
        policy: which.
        task: registered name.
        split: of the seeds.
        arguments: of the environment, JSON values.
        run: folder of the training run; empty when there is none.
        only_task: whether the run learned this task and no other.
        watch: the forecaster that watches, and may end episodes.
        options: of the task, those that the policy was not trained with; without a run, those that are no defaults.
    """

    policy: PolicySpec
    task: str
    split: Split
    arguments: Mapping[str, Any] = field(default_factory=dict)
    run: str = ""
    only_task: bool = False
    watch: WatchSpec | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Any]:
        """What results depend on, as JSON; results of other settings are not reused."""
        watch = {} if self.watch is None else {"watch": self.watch.to_json()}
        options = {"options": to_json(dict(self.options))} if self.options else {}
        return {
            **watch,
            **options,
            "policy": self.policy.to_json(),
            "task": self.task,
            "split": self.split,
            "environment": environment_id(self.task),
            "arguments": to_json(dict(self.arguments)),
            "definition": define(self.task, self.split, self.arguments),
        }

    def path(self, out: Path | None) -> Path:
        """The JSON file of the results.

        Args:
            out: its folder; ``RUN/eval`` unless given, or ``runs/<policy>/<task>`` without a run. What was evaluated
                with other ``options`` lies in ``options/<their names>-<digest>`` within that, so that it takes the
                place of no other; what a forecaster watched in ``watched/<run of the forecaster>`` within it; what one
                ended in ``stopped/<run of the forecaster>-<probability>`` (of two such runs of one name, see
                ``WatchSpec.folder_in``). Where several tasks are evaluated into one folder, the first has the file
                ``<split>.json``, and others have their names before that.
        """
        folder = self._evaluations if out is None else out
        if self.watch is not None:
            folder = self.watch.folder_in(folder / (WATCHED if self.watch.stop_at is None else STOPPED))
        if self.run and not self.only_task:
            return folder / f"{self.task}-{self.split}.json"
        return file_of_task(folder, self.split, self.task)

    def home(self, out: Path | None) -> Path:
        """The folder in which lies what is found out about the policy here: robustness, calibration, probes and more.

        Args:
            out: another one. Else the run's, or ``runs/<policy>/<task>`` without a run; with other ``options`` that of
                their evaluations, so that it takes the place of no other, either.
        """
        if out is not None:
            return out
        return Path(self.run) if self.run and not self.options else self._evaluations

    @property
    def _evaluations(self) -> Path:
        """Folder of the evaluations that nobody watches."""
        if self.run:
            return RunFolder(Path(self.run)).evaluations / self._options_folder
        return folder_of_policy(self.policy, self.task) / self._options_folder

    @property
    def _options_folder(self) -> Path:
        """Of the results with ``options``, within that of the others; itself where there are none."""
        return options_folder(self.options)


def folder_of_policy(policy: PolicySpec, task: str) -> Path:
    """Where lies what is found out about a policy without a run, or about a copy of a run's weights.

    That is ``runs/<name>/<task>``; where results of weights that lie elsewhere are there already, as those of a copy of
    another run of the same name, ``runs/<name>-<digest of where they lie>/<task>``, so that neither takes the other's
    place.

    Args:
        policy: which.
        task: registered name.
    """
    usual = Path("runs") / policy.folder_name / task
    if policy.kind != "agent":
        return usual
    own = Path("runs") / f"{policy.folder_name}-{place_of(policy.folder)}" / task
    return own if own.exists() or _is_of_other_weights(policy, usual) else usual


def _is_of_other_weights(policy: PolicySpec, folder: Path) -> bool:
    """Whether results in a folder are of other agents, and none of this one as it is, was, or lay elsewhere."""
    others = False
    for path in files_below(folder, "*.json"):
        try:
            value = read_json(path)
            noted, lay = value["policy"]["fingerprint"], value[WEIGHTS]
        except (DamagedDataError, KeyError, MissingDataError, OSError, TypeError):
            continue  # It notes no policy, or was written by an earlier version.
        same = noted not in ("", None) and noted == policy.fingerprint
        if same or (isinstance(lay, str) and place_of(lay) == place_of(policy.folder)):
            return False
        others = True
    return others


def options_folder(options: Mapping[str, Any]) -> Path:
    """Where results with options of a task lie, with which a policy was not trained, within the folder of the others.

    Args:
        options: by name, JSON values; of none that folder itself.
    """
    if not options:
        return Path()
    digest = hashlib.sha256(json.dumps(to_json(dict(options)), sort_keys=True).encode()).hexdigest()
    return Path(OPTIONS) / "-".join([*sorted(options), digest[:8]])


def file_of_task(folder: Path, name: str, task: str) -> Path:
    """``<name>.json``; where that is of another task, ``<task>-<name>.json``, so that neither takes the other's place.

    Args:
        folder: of both.
        name: without the ending.
        task: registered name.
    """
    usual, named = folder / f"{name}.json", folder / f"{task}-{name}.json"
    return named if named.exists() or _task_in(usual) not in ("", task) else usual


def _task_in(path: Path) -> str:
    """The task that the file of an evaluation is of; empty where there is none, or nobody knows."""
    try:
        value = read_json(path)
    except (DamagedDataError, MissingDataError, OSError):
        return ""
    return str(value.get("task", "")) if isinstance(value, dict) else ""


def plan_evaluation(
    policy: str | Path | PolicySpec, task: str | None, split: Split, arguments: Mapping[str, Any]
) -> EvaluationPlan:
    """What an evaluation is about; raises what ``evaluate`` does."""
    spec = policy if isinstance(policy, PolicySpec) else PolicySpec.parse(str(policy))
    run = run_of(spec)
    tasks = _tasks_of(spec)
    if task is None and len(tasks) != 1:
        raise ConfigError(_which_task(spec.name if isinstance(policy, PolicySpec) else str(policy), tasks))
    chosen = tasks[0] if task is None else task
    if run is not None:
        _check_has_environment(run, chosen)
    arguments = checked_arguments(chosen, split, arguments)
    if spec.served is not None and spec.served.environments:
        served, environments = spec.served.name, spec.served.environments
        usual, own = (own_arguments(served, environments, chosen, given) for given in ({}, arguments))
        return EvaluationPlan(spec, chosen, split, own, options=differing_options(chosen, usual, own))
    if run is None:
        own = observation_for(spec.kind, arguments)
        return EvaluationPlan(spec, chosen, split, own, options=differing_options(chosen, {}, own))
    usual, own = (run_arguments(run, chosen, given) for given in ({}, arguments))
    options = differing_options(chosen, usual, own)
    if _is_copy_in(run, Path(spec.folder)):
        # Its environment is that of the run, but its results take the place of none of the run's.
        return EvaluationPlan(spec, chosen, split, own, options=options)
    return EvaluationPlan(spec, chosen, split, own, str(run.path), only_task=tasks == (chosen,), options=options)


def check_environment(plan: EvaluationPlan) -> None:
    """Refuse a wrong value among the arguments before anyone is told what is evaluated, or gives way to new results.

    Raises:
        RavensError: what the environment says of them.
    """
    make_environment(plan.task, plan.split, plan.arguments).close()


def warn_of_training(plan: EvaluationPlan) -> None:
    """Say of a run that is not finished which weights are looked at: its user may think that it is done."""
    record = RunFolder(Path(plan.run)).record() if plan.run else {}
    if not record.get("finished", True):
        step = record.get("training", {}).get("best_step", "?")
        _LOG.warning(
            "%s is not finished: these are its weights after step %s. The command that trained it goes on.",
            plan.run,
            step,
        )


def watched(plan: EvaluationPlan, watch: WatchSpec) -> EvaluationPlan:
    """The same evaluation, watched by a forecaster.

    The environment observes what the forecaster reads, too. Where the forecaster ends episodes, the environment does
    not end them when all is done: a policy that is not stopped goes on, and may undo what it did.
    """
    arguments = dict(plan.arguments)
    needed = groups_with(watch.reads)
    observed = list(arguments.get("observe", ["images"]))
    if plan.policy.kind in (ORACLE, RANDOM):
        observed = []
    arguments["observe"] = [*observed, *(group for group in needed if group not in observed)]
    if watch.stop_at is not None:
        arguments["ends_when_done"] = False
    return replace(plan, arguments=arguments, watch=watch)


def _check_has_environment(run: RunFolder, task: str) -> None:
    """Refuse what a run was trained on where only its episodes are known, as those that a robot recorded.

    Raises:
        ConfigError: no environment has the name.
    """
    if run.record().get("environments", {}).get(task, {}).get("id") != "":
        return
    try:
        environment_id(task)
    except UnknownNameError:
        raise ConfigError(
            f"{task} has no environment to evaluate in: its episodes were made elsewhere. Name a task of the suite, or "
            "try the agent where they were made (docs/own_data.md)."
        ) from None


def tasks_of(policy: str) -> tuple[str, ...]:
    """The tasks that the run of a policy was trained on.

    Raises:
        ConfigError: it is no run, so the task must be named.
    """
    tasks = _tasks_of(PolicySpec.parse(policy))
    if not tasks:
        raise ConfigError(_which_task(policy, ()))
    return tasks


def _tasks_of(spec: PolicySpec) -> tuple[str, ...]:
    """The tasks that a policy was trained on, in a run that lies here or at a server; none where there is none."""
    if spec.served is not None:
        return tuple(spec.served.environments)
    run = run_of(spec)
    return tuple(run.record()["plan"]["tasks"]) if run else ()


def run_of(spec: PolicySpec) -> RunFolder | None:
    """The training run that a policy comes from, also as a copy of its weights from along the way.

    ``None`` where there is none, or one of version 0.1.
    """
    if spec.kind != "agent":
        return None
    here = Path(spec.folder)
    for run in (RunFolder(here.parent), RunFolder(here), RunFolder(here.absolute().parent.parent)):
        if run.exists() and (here in (run.policy.path, run.path) or _is_copy_in(run, here)):
            try:
                run.record()
            except ConflictError:
                return None
            return run
    return None


def where_weights_lie(policy: PolicySpec, path: Path) -> dict[str, str]:
    """What a file notes of where the weights of a trained agent lay, if it does not lie with their run; else nothing.

    It is for a report: what the file holds counts for the same weights wherever they lie.

    Args:
        policy: any.
        path: of the file.
    """
    run = run_of(policy)
    if policy.kind != "agent" or (run is not None and run.path.resolve() in path.resolve().parents):
        return {}
    return {WEIGHTS: policy.folder}


def _is_copy_in(run: RunFolder, policy: Path) -> bool:
    """Whether a policy is a copy of a run's weights from along the way, and not that which was kept."""
    return policy.absolute() == (run.checkpoints_path / policy.absolute().name).absolute()


def run_arguments(run: RunFolder, task: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a run's environment, for one of its tasks or for another one.

    Args:
        run: that says how its environments were made.
        task: registered name.
        given: what is asked for now.

    Raises:
        ConflictError: that contradicts the run; both values are named.
    """
    environments: dict[str, dict[str, Any]] = run.record()["environments"]
    return own_arguments(
        str(run.path), {name: environment["arguments"] for name, environment in environments.items()}, task, given
    )


def own_arguments(
    trained: str, environments: Mapping[str, Mapping[str, Any]], task: str, given: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments of the environment that a policy was trained in, for one of its tasks or for another one.

    Options of the task itself are free: they say what is to be done, not how it is seen. What is not given is as in
    training; options of the tasks that it was trained on hold as far as another task has them, too.

    Args:
        trained: what was, for messages.
        environments: arguments by task; at least one.
        task: registered name.
        given: what is asked for now.

    Raises:
        ConflictError: that contradicts it; both values are named. Or it has an option that is none of this version.
        UnknownOptionError: what is given is none of the task's environment.
    """
    general = default_arguments(task)
    own, free = environments.get(task), task_options(task)
    if own is None:
        known = {*general, *free}
        # Of several tasks not every one has an option of this task: the first that has it says it.
        learnt = {name: value for other in reversed([*environments.values()]) for name, value in other.items()}
        options = {name: value for name, value in learnt.items() if name in free and name not in general}
        first = next(iter(environments.values()))
        own = {**options, **{name: value for name, value in first.items() if name in known}}
    for name in own.keys() - general.keys() - free:
        raise ConflictError(
            f"{trained} was trained with {name} {own[name]!r}, which is no option of {task} in this version of the "
            "suite: go back to the version that trained it, or train again."
        )
    options = {name: value for name, value in given.items() if name in free}
    asked = {name: value for name, value in given.items() if name not in free}
    refuse_unknown(task, asked.keys() - general.keys(), free, general.keys() - {"task"})
    for name, (was, now) in contradictions(task, own, asked).items():
        raise ConflictError(
            f"{trained} was trained with {name} {was!r}, and {now!r} is asked for now: leave that option out"
            f"{_OTHERWISE.get(name, ', or collect and train with it')}."
        )
    return {**own, **options}


_OTHERWISE = {"wording": "; ravens-suite probe-language tells it held-out sentences"}
"""What else to do where an argument contradicts the training."""


def _which_task(policy: str, tasks: Iterable[str]) -> str:
    named = f" ({', '.join(tasks)})" if tasks else ""
    # Many commands take a policy and a task in this order, so none of them is named.
    return f"Say which task{named}: name it right after the policy, as in {shlex.quote(policy)} TASK."
