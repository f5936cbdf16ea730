"""A grid of agents x tasks x demonstrations x seeds, which never repeats what is done.

The folder of a benchmark holds ``cells/`` (one JSON a cell), ``scores.csv`` (one row a cell), and ``runs/`` (the
training runs behind them, with their evaluations), so ``ravens-suite report`` takes it as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Protocol

from ravens_suite.benchmark.trials import KEY, SCORES, Cell, Rules, finished, run_cell, table_row, training_plan
from ravens_suite.data.locks import locked
from ravens_suite.data.tables import record_row
from ravens_suite.errors import ConfigError, ConflictError, RavensError, UnknownNameError
from ravens_suite.execution.engine import available_cores, make_engine
from ravens_suite.execution.isolation import Outcome, run_isolated
from ravens_suite.execution.progress import Progress
from ravens_suite.registry import agent_names
from ravens_suite.report.runs import mean_over_tasks
from ravens_suite.rollout.collect import collect

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class BenchmarkPlan:
    """What to do.

    Attributes:
        agents: registered names.
        tasks: registered names.
        demos: numbers of demonstrations.
        seeds: of the choice of demonstrations, the initial weights and the augmentation.
        rules: for all cells; their threads and pool are set here.
        pool: demonstrations collected of each task, of which every cell draws its own; the largest of ``demos`` at
            least.
        workers: cells at once.
        threads: of a cell; ``None`` for its share of the cores.
    """

    agents: tuple[str, ...]
    tasks: tuple[str, ...]
    demos: tuple[int, ...] = (1, 10, 100)
    seeds: tuple[int, ...] = (0,)
    rules: Rules = field(default_factory=Rules)
    pool: int = 0
    workers: int = 1
    threads: int | None = None

    def cells(self) -> list[Cell]:
        """Every cell once; few demonstrations first, so that a grid that is stopped early has whole columns."""
        grid = product(self.seeds, self.demos, self.tasks, self.agents)
        return list(dict.fromkeys(Cell(agent, task, demos, seed) for seed, demos, task, agent in grid))

    def check(self) -> None:
        """Refuse what cannot be done before anything is begun.

        Raises:
            UnknownNameError: there is no such agent or task.
            ConfigError: a list is empty or a number is too small.
        """
        if not self.cells():
            raise ConfigError("Name at least one agent, task, number of demonstrations and seed.")
        if self.workers < 1 or self.rules.episodes < 1 or self.pool < 0 or min(self.seeds) < 0:
            raise ConfigError("--workers and --episodes must be at least 1, --pool and --seeds at least 0.")
        for name in self.rules.config:
            if name not in agent_names():
                raise UnknownNameError("agent", name, agent_names())
        rules = self.settled_rules()
        for cell in self.cells():
            training_plan(cell, rules).check()

    def settled_rules(self) -> Rules:
        """The rules with the threads of a cell, and what its demonstrations are drawn from."""
        threads = max(available_cores() // self.workers, 1) if self.threads is None else self.threads
        return replace(self.rules, threads=threads, pool=self.collected())

    def collected(self) -> int:
        """Demonstrations to be collected of each task."""
        return max(self.pool, *self.demos)


@dataclass(frozen=True)
class BenchmarkResult:
    """What there is of the grid now.

    Attributes:
        records: of the cells that are done, as ``cells/*.json`` hold them, in the order of the grid.
        made: how many of them this call finished.
        failures: by the name of a cell, why it is not done.
        scores: the table.
    """

    records: tuple[dict[str, Any], ...]
    made: int
    failures: dict[str, str]
    scores: Path

    def means(self) -> list[dict[str, Any]]:
        """Mean score and strict success over the tasks of each agent and number of demonstrations."""
        groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for record in self.records:
            groups.setdefault((record["agent"], record["demos"]), []).append(record)
        return [
            {
                "agent": agent,
                "demos": demos,
                "cells": len(group),
                "tasks": len({row["task"] for row in group}),
                "score": round(mean_over_tasks((row["task"], row["score"]) for row in group), 4),
                "strict": round(mean_over_tasks((row["task"], row["strict"]) for row in group), 4),
            }
            for (agent, demos), group in sorted(groups.items())
        ]

    def to_json(self) -> dict[str, Any]:
        """The figures of ``ravens-suite benchmark --json``."""
        return {
            "cells": len(self.records),
            "made": self.made,
            "failed": self.failures,
            "means": self.means(),
            "scores": str(self.scores),
        }


class Runner(Protocol):
    """``isolation.run_isolated``, or ``run_here``."""

    def __call__(
        self,
        work: Callable[[Cell, Callable[[str], None]], dict[str, Any]],
        items: Sequence[Cell],
        workers: int,
        tell: Callable[[Cell, str], None],
    ) -> Iterator[Outcome[Cell, dict[str, Any]]]:
        """Outcomes as they come."""


def benchmark(
    plan: BenchmarkPlan,
    data: Path,
    out: Path,
    tell: Callable[[str], AbstractContextManager[Progress]],
    *,
    runner: Runner = run_isolated,
) -> BenchmarkResult:
    """Do the cells that are not done: collect what is missing, train, choose on validation seeds, judge on test seeds.

    Args:
        plan: what to do.
        data: folder of all demonstrations.
        out: folder of the benchmark.
        tell: makes the progress of a stage from its title.
        runner: where the cells run.

    Raises:
        UnknownNameError: there is no such agent or task; before anything is begun.
        ConfigError: the plan makes no sense.
        ConflictError: another benchmark is at work in ``out``.
    """
    plan.check()
    with locked(out, "at work in"):
        grid = _Grid(plan, data, out)
        grid.take_stock()
        grid.collect(tell)
        with tell("benchmark") as progress:
            grid.run(progress, runner)
    return grid.result()


class _Grid:
    """One call of ``benchmark``."""

    def __init__(self, plan: BenchmarkPlan, data: Path, out: Path) -> None:
        self.plan, self.data, self.out = plan, data, out
        self.cells = plan.cells()
        self.rules = plan.settled_rules()
        self.records: dict[Cell, dict[str, Any]] = {}
        self.failures: dict[Cell, str] = {}
        self.made = 0

    def take_stock(self) -> None:
        """Find what is done, and note it in the table again, should a kill have come between."""
        for cell in self.cells:
            try:
                record = finished(cell, self.rules, self.out)
            except ConflictError as error:
                self.failures[cell] = str(error)
                continue
            if record is not None:
                self._note(cell, record)

    def missing(self) -> list[Cell]:
        """Cells still to be done."""
        return [cell for cell in self.cells if cell not in self.records and cell not in self.failures]

    def collect(self, tell: Callable[[str], AbstractContextManager[Progress]]) -> None:
        """The demonstrations of every task that has cells to be done; where it fails, so do they."""
        tasks = list(dict.fromkeys(cell.task for cell in self.missing()))
        with make_engine(workers=available_cores()) as engine:
            for task in tasks:
                try:
                    with tell(f"collect {task}") as progress:
                        collect(
                            task,
                            episodes=self.plan.collected(),
                            data=self.data,
                            arguments=self.rules.arguments,
                            engine=engine,
                            progress=progress,
                        )
                except RavensError as error:
                    for cell in self.missing():
                        if cell.task == task:
                            self.failures[cell] = f"no demonstrations: {error}"

    def run(self, progress: Progress, runner: Runner) -> None:
        """The cells that are not done, several at once."""
        work = partial(_work, self.rules, self.data, self.out)
        todo = self.missing()
        progress(len(self.records), len(self.cells))

        def tell(cell: Cell, note: str) -> None:
            progress(len(self.records), len(self.cells), f"{cell.name}: {note}")

        for outcome in runner(work, todo, self.plan.workers, tell):
            if outcome.result is None:
                self.failures[outcome.item] = outcome.failure
                _LOG.warning("%s failed: %s", outcome.item.name, outcome.failure)
                continue
            self._note(outcome.item, outcome.result)
            self.made += 1
            tell(outcome.item, f"score {outcome.result['score']:.1f}")

    def result(self) -> BenchmarkResult:
        records = tuple(self.records[cell] for cell in self.cells if cell in self.records)
        failures = {cell.name: why for cell, why in self.failures.items()}
        return BenchmarkResult(records, self.made, failures, self.out / SCORES)

    def _note(self, cell: Cell, record: dict[str, Any]) -> None:
        self.records[cell] = record
        record_row(self.out / SCORES, table_row(record), key=KEY)


def _work(rules: Rules, data: Path, out: Path, cell: Cell, tell: Callable[[str], None]) -> dict[str, Any]:
    return run_cell(cell, rules, data, out, tell)
