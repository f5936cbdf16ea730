"""A grid of agents x tasks x demonstrations x seeds, which never repeats what is done.

The folder of a benchmark holds ``trials/`` (one JSON a trial), ``scores.csv`` (one row a trial), and ``runs/`` (the
training runs behind them, with their evaluations), so ``ravens-suite report`` takes it as it is.
"""

from __future__ import annotations

import logging
import statistics
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby, product
from pathlib import Path
from typing import Any

from ravens_suite.benchmark.trials import KEY, SCORES, Trial, TrialSettings, finished, run_trial, table_row
from ravens_suite.core.numbers import MOST_EPISODES, check_number, plain
from ravens_suite.data.locks import locked
from ravens_suite.data.outcomes import mean_over_tasks
from ravens_suite.data.tables import record_row
from ravens_suite.errors import ConfigError, ConflictError, RavensError, UnknownNameError
from ravens_suite.execution.pool import ENGINES, MOST_WORKERS, JobPool, available_cores, make_pool
from ravens_suite.execution.progress import Progress
from ravens_suite.registry import agent_names, load_agent, load_trainee
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.environments import checked_arguments, describe_interface, make_environment

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class BenchmarkPlan:
    """What to do. Lists may be any sequences of names or numbers, or a single one.

    Attributes:
        agents: registered names.
        tasks: registered names.
        demos: numbers of demonstrations.
        seeds: of the choice of demonstrations, the initial weights and the augmentation.
        settings: for all trials; threads that are not given are a trial's share of the cores.
        pool: demonstrations collected of each task, of which every trial draws its own; the largest of ``demos`` at
            least.
        workers: trials at once.
        engine: where they run, see ``make_pool``.
    """

    agents: tuple[str, ...]
    tasks: tuple[str, ...]
    demos: tuple[int, ...] = (1, 10, 100)
    seeds: tuple[int, ...] = (0,)
    settings: TrialSettings = field(default_factory=TrialSettings)
    pool: int = 0
    workers: int = 1
    engine: str = "processes"

    def __post_init__(self) -> None:
        for name in ("agents", "tasks", "demos", "seeds"):
            given = getattr(self, name)
            alone = isinstance(given, str) or not isinstance(given, Iterable)
            object.__setattr__(self, name, tuple(map(plain, (given,) if alone else given)))

    def trials(self) -> list[Trial]:
        """Every trial once; few demonstrations first, so that a grid that is stopped early has whole columns."""
        grid = product(self.seeds, self.demos, self.tasks, self.agents)
        return list(dict.fromkeys(Trial(agent, task, demos, seed) for seed, demos, task, agent in grid))

    def check(self) -> None:
        """Refuse what cannot be done before anything is begun.

        Raises:
            UnknownNameError: there is no such agent, task or engine.
            ConfigError: a list is empty, a number is too small or too large, or an agent is none: a forecaster.
            ConflictError: an argument of the environments contradicts a task.
        """
        from ravens_suite.training.loop import check_plan

        if not self.trials():
            raise ConfigError("Name at least one agent, task, number of demonstrations and seed.")
        if self.engine not in ENGINES:
            raise UnknownNameError("engine", self.engine, ENGINES)
        check_number("--workers", self.workers, 1, MOST_WORKERS)
        check_number("--episodes", self.settings.episodes, 1, MOST_EPISODES)
        check_number("--pool", self.pool, 0, MOST_EPISODES)
        for name in self.settings.config:
            if name not in self.agents:
                if ":" not in name and name not in agent_names():
                    raise UnknownNameError("agent", name, {*agent_names(), *self.agents})
                raise ConfigError(
                    f"--config has settings of {name}, which is none of --agents ({', '.join(self.agents)}): name it "
                    "there, or leave its settings out."
                )
        for name in self.agents:
            load_agent(name)  # A forecaster could be trained, but not be tested.
        settings = self.resolved_settings()
        for trial in self.trials():
            check_plan(settings.plan(trial))
            checked_arguments(trial.task, "train", settings.arguments)

    def resolved_settings(self) -> TrialSettings:
        """The settings with the threads of a trial, and what its demonstrations are drawn from."""
        training = self.settings.training
        if training.threads is None:
            # What the machines of a cluster have is not known here.
            share = 1 if self.engine == "ray" else max(available_cores() // self.workers, 1)
            training = replace(training, threads=share)
        return replace(self.settings, training=training, pool=self.collected())

    def collected(self) -> int:
        """Demonstrations to be collected of each task."""
        return max(self.pool, *self.demos)


@dataclass(frozen=True)
class BenchmarkResult:
    """What there is of the grid now.

    Attributes:
        records: of the trials that are done, as ``trials/*.json`` hold them, in the order of the grid.
        made: how many of them this call finished.
        failures: by the name of a trial, why it is not done.
        scores: the table.
    """

    records: tuple[dict[str, Any], ...]
    made: int
    failures: dict[str, str]
    scores: Path

    def means(self) -> list[dict[str, Any]]:
        """Mean score and success rate over the tasks of each agent and number of demonstrations.

        Beside them stands how many episodes failed for good, since a rule of their task was broken.
        """
        groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for record in self.records:
            if record.get("episodes", 1):  # Where no scene could be placed there is no score.
                groups.setdefault((record["agent"], record["demos"]), []).append(record)
        return [
            {
                "agent": agent,
                "demos": demos,
                "trials": len(group),
                "tasks": len({row["task"] for row in group}),
                **{
                    figure: round(mean_over_tasks([(row["task"], row[figure]) for row in group]), 4)
                    for figure in ("mean_score", "success_rate")
                },
                "failures": sum(int(row.get("failures", 0)) for row in group),
            }
            for (agent, demos), group in sorted(groups.items())
        ]

    def over_seeds(self) -> list[dict[str, Any]]:
        """Mean and standard deviation (n - 1) over the training seeds of each cell that has several."""
        groups: dict[tuple[str, int, str], list[dict[str, Any]]] = {}
        for record in self.records:
            if record.get("episodes", 1):
                groups.setdefault((record["task"], record["demos"], record["agent"]), []).append(record)
        return [
            {
                "task": task,
                "demos": demos,
                "agent": agent,
                "seeds": sorted(row["seed"] for row in group),
                **{
                    name: round(figure([row[key] for row in group]), 4)
                    for key in ("mean_score", "success_rate")
                    for name, figure in ((key, statistics.fmean), (f"{key}_deviation", statistics.stdev))
                },
            }
            for (task, demos, agent), group in sorted(groups.items())
            if len(group) > 1
        ]

    def to_json(self) -> dict[str, Any]:
        """The figures of ``ravens-suite benchmark --json``."""
        return {
            "trials": len(self.records),
            "made": self.made,
            "failed": self.failures,
            "means": self.means(),
            "over_seeds": self.over_seeds(),
            "scores": str(self.scores),
        }


def benchmark(
    plan: BenchmarkPlan,
    data: Path | str,
    out: Path | str,
    make_progress: Callable[[str], AbstractContextManager[Progress]],
    *,
    pool: JobPool | None = None,
) -> BenchmarkResult:
    """Do the trials that are not done: collect what is missing, train, choose on validation seeds, test.

    Args:
        plan: what to do.
        data: folder of all demonstrations.
        out: folder of the benchmark.
        make_progress: makes the progress of a stage from its title.
        pool: where the trials run; by default as the plan says.

    Raises:
        UnknownNameError: there is no such agent or task; before anything is begun.
        ConfigError: the plan makes no sense.
        ConflictError: another benchmark is at work in ``out``.
    """
    data, out = Path(data), Path(out)
    plan.check()
    with locked(out, "at work in"):
        grid = _Grid(plan, data, out)
        grid.take_stock()
        grid.refuse()
        grid.collect(make_progress)
        with make_progress("benchmark") as progress:
            if pool is None:
                with grid.make_pool() as workers:
                    grid.run(progress, workers)
            else:
                grid.run(progress, pool)
    return grid.result()


class TrialWorker:
    """Runs trials.

    Args:
        settings: of all trials.
        data: folder of the demonstrations.
        out: folder of the benchmark.
    """

    def __init__(self, settings: TrialSettings, data: Path, out: Path) -> None:
        self._settings, self._data, self._out = settings, data, out

    def run(self, trial: Trial, on_note: Callable[[str], None]) -> dict[str, Any]:
        """The record of a trial; see ``run_trial``."""
        return run_trial(trial, self._settings, self._data, self._out, on_note)

    def close(self) -> None:
        """Nothing to give back."""


class _Grid:
    """One call of ``benchmark``."""

    def __init__(self, plan: BenchmarkPlan, data: Path, out: Path) -> None:
        self.plan, self.data, self.out = plan, data, out
        self.trials = plan.trials()
        self.settings = plan.resolved_settings()
        self.records: dict[Trial, dict[str, Any]] = {}
        self.failures: dict[Trial, str] = {}
        self.made = 0

    def take_stock(self) -> None:
        """Find what is done, and note it in the table again, should a kill have come between."""
        for trial in self.trials:
            try:
                record = finished(trial, self.settings, self.out)
            except ConflictError as error:
                self.failures[trial] = str(error)
                continue
            if record is not None:
                self._note(trial, record)

    def missing(self) -> list[Trial]:
        """Trials still to be done."""
        return [trial for trial in self.trials if trial not in self.records and trial not in self.failures]

    def refuse(self) -> None:
        """Fail those that cannot be done here before anything is collected for them.

        Raises:
            ConfigError: agents are to be trained on a device that is not here.
        """
        from ravens_suite.training.loop import check_device

        refused: dict[tuple[str, str], str] = {}
        for task, trials in groupby(sorted(self.missing(), key=lambda trial: trial.task), lambda trial: trial.task):
            agents = {trial.agent: trial for trial in trials}
            for trial in agents.values():
                if self.plan.engine != "ray":  # What the machines of a cluster have is not known here.
                    check_device(self.settings.plan(trial))
            refused |= {(agent, task): why for agent, why in self._refusals(task, [*agents]).items()}
        for trial in self.missing():
            if why := refused.get((trial.agent, trial.task)):
                self.failures[trial] = why

    def _refusals(self, task: str, agents: list[str]) -> dict[str, str]:
        """Why agents cannot learn a task in its environment; without those that can."""
        why = {}
        try:
            with closing(make_environment(task, "train", self.settings.arguments)) as environment:
                interface = describe_interface(environment, task)
        except RavensError as error:
            return dict.fromkeys(agents, str(error))
        for agent in agents:
            try:
                load_trainee(agent).check(interface)
            except RavensError as error:
                why[agent] = str(error)
        return why

    def collect(self, make_progress: Callable[[str], AbstractContextManager[Progress]]) -> None:
        """The demonstrations of every task that has trials to be done; where it fails, so do they."""
        tasks = list(dict.fromkeys(trial.task for trial in self.missing()))
        cores = self.plan.workers * self._threads if self.plan.engine == "ray" else available_cores()
        with make_pool(self.plan.engine, min(cores, MOST_WORKERS)) as pool:
            for task in tasks:
                try:
                    with make_progress(f"collect {task}") as progress:
                        collect(
                            task,
                            episodes=self.plan.collected(),
                            data=self.data,
                            arguments=self.settings.arguments,
                            force=self.settings.force,
                            pool=pool,
                            on_progress=progress,
                            # Several benchmarks may share their demonstrations.
                            wait=True,
                        )
                except RavensError as error:
                    for trial in self.missing():
                        if trial.task == task:
                            self.failures[trial] = f"no demonstrations: {error}"

    def make_pool(self) -> JobPool:
        """Where the trials run: each in a process of its own, so that one that dies takes no other along.

        A trial that kills its process here would do so again. A machine of a cluster may be lost at any time: another
        one goes on with its trials.
        """
        tries = 3 if self.plan.engine == "ray" else 1
        return make_pool(self.plan.engine, self.plan.workers, tries=tries, nested=True, cores=self._threads)

    @property
    def _threads(self) -> int:
        return self.settings.training.threads or 1

    def run(self, progress: Progress, pool: JobPool) -> None:
        """The trials that are not done, several at once."""
        progress(len(self.records), len(self.trials))

        def on_note(trial: Trial, note: str) -> None:
            progress(len(self.records), len(self.trials), f"{trial.name}: {note}")

        make = partial(TrialWorker, self.settings, self.data, self.out)
        for outcome in pool.outcomes(make, self.missing(), on_note=on_note):
            if outcome.failure:
                self.failures[outcome.job] = outcome.failure
                _LOG.warning("%s failed: %s", outcome.job.name, "\n".join([outcome.failure, *outcome.notes]))
                continue
            record = outcome.unwrap()
            self._note(outcome.job, record)
            self.made += 1
            on_note(outcome.job, f"mean score {record['mean_score']:.1f}")

    def result(self) -> BenchmarkResult:
        records = tuple(self.records[trial] for trial in self.trials if trial in self.records)
        failures = {trial.name: why for trial, why in self.failures.items()}
        return BenchmarkResult(records, self.made, failures, self.out / SCORES)

    def _note(self, trial: Trial, record: dict[str, Any]) -> None:
        self.records[trial] = record
        record_row(self.out / SCORES, table_row(record), key=KEY)
