"""One cell of a benchmark: an agent trained on so many demonstrations of a task, and judged once on the test seeds."""

from __future__ import annotations

import json
import logging
import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConflictError, DamagedDataError, MissingDataError
from ravens_suite.execution.engine import make_engine
from ravens_suite.execution.progress import Progress
from ravens_suite.rollout.evaluate import Evaluation, evaluate
from ravens_suite.rollout.rollout import plain

if TYPE_CHECKING:
    from ravens_suite.training.loop import TrainingPlan

_LOG = logging.getLogger(__name__)
CELLS, RUNS, SCORES = "cells", "runs", "scores.csv"
KEY = ("agent", "task", "demos", "seed")


@dataclass(frozen=True)
class Cell:
    """What is trained.

    Attributes:
        agent: registered name.
        task: registered name.
        demos: number of demonstrations.
        seed: of their choice, the initial weights and the augmentation.
    """

    agent: str
    task: str
    demos: int
    seed: int

    @property
    def name(self) -> str:
        """For a person, and as a file name."""
        return f"{self.agent}-{self.task}-{self.demos}-{self.seed}"

    def record_path(self, out: Path) -> Path:
        """Its result, within the folder of a benchmark."""
        return out / CELLS / f"{self.name}.json"

    def run_folder(self, out: Path) -> Path:
        """Its training run, within the folder of a benchmark."""
        return out / RUNS / self.agent / f"{self.task}-{self.demos}-{self.seed}"


@dataclass(frozen=True)
class Rules:
    """How all cells of a benchmark are trained and judged.

    Attributes:
        episodes: test seeds.
        val_episodes: validation episodes that weights are chosen on; 0 keeps the last.
        candidates: how often in the second half of training the weights are judged.
        steps: gradient steps; ``None`` for the agent's own number.
        config: by agent, settings that differ from its defaults, as JSON.
        arguments: of the environments, as JSON.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: of numerical work in a cell.
        pool: demonstrations of each task that a cell draws its own from; ``None`` for all there are.

    What device, threads and pool a cell was begun with stays.
    """

    episodes: int = 100
    val_episodes: int = 20
    candidates: int = 1
    steps: int | None = None
    config: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    device: str = "auto"
    threads: int = 1
    pool: int | None = None

    def settings(self, agent: str) -> dict[str, Any]:
        """What the results of a cell depend on, beside the cell itself and what it was begun with; JSON."""
        return {
            "val_episodes": self.val_episodes,
            "candidates": self.candidates,
            "steps": self.steps,
            "config": plain(self.config.get(agent, {})),
            "arguments": plain(self.arguments),
        }


def finished(cell: Cell, rules: Rules, out: Path) -> dict[str, Any] | None:
    """The record of a cell that is done; ``None`` when there is something to do.

    Raises:
        ConflictError: it was done with other settings.
    """
    try:
        record: dict[str, Any] = read_json(cell.record_path(out))
        found, episodes = record["settings"], int(record["episodes"])
    except MissingDataError:
        return None
    except (DamagedDataError, KeyError, TypeError) as error:
        _LOG.warning("%s is damaged and made anew: %s", cell.record_path(out), error)
        return None
    wanted = rules.settings(cell.agent)
    if differing := sorted(key for key in wanted if found.get(key) != wanted[key]):
        key = differing[0]
        raise ConflictError(
            f"{cell.record_path(out)} was made with {key} {found.get(key)!r}, not {wanted[key]!r}: "
            "name another --out, or delete it and its run."
        )
    return record if episodes >= rules.episodes else None


def run_cell(cell: Cell, rules: Rules, data: Path, out: Path, tell: Callable[[str], None]) -> dict[str, Any]:
    """Train a cell and judge it, or do what is missing of it; its record, which is also written.

    Args:
        cell: what to train.
        rules: how.
        data: folder of the demonstrations, which must be there.
        out: folder of the benchmark.
        tell: told of how far it is.
    """
    run = cell.run_folder(out)
    _train(cell, rules, data, run, _teller(tell, "train"))
    with make_engine(workers=rules.threads) as engine:
        evaluation = evaluate(
            str(run),
            episodes=rules.episodes,
            arguments=rules.arguments,
            engine=engine,
            progress=_teller(tell, "evaluate"),
        )
    trained = read_json(run / "run.json")
    pool = trained.get("pool") or len(EpisodeStore.of(data, cell.task, "train"))
    begun = replace(rules, threads=trained["plan"]["threads"], device=trained["plan"]["device"], pool=pool)
    record = {**_describe(cell, rules, trained, evaluation), "command": command(cell, begun)}
    write_json(cell.record_path(out), record)
    return record


def command(cell: Cell, rules: Rules) -> str:
    """The command that makes this one cell."""
    words = ["ravens-suite", "benchmark", "--agents", cell.agent, "--tasks", cell.task, "--demos", str(cell.demos)]
    words += ["--seeds", str(cell.seed), "--pool", str(rules.pool), "--episodes", str(rules.episodes)]
    words += ["--threads", str(rules.threads)]
    if rules.device != "auto":
        words += ["--device", rules.device]
    words += ["--val-episodes", str(rules.val_episodes), "--candidates", str(rules.candidates)]
    if rules.steps is not None:
        words += ["--steps", str(rules.steps)]
    if config := rules.config.get(cell.agent):
        words += ["--config", json.dumps({cell.agent: plain(config)})]
    if more := {key: value for key, value in rules.arguments.items() if (key, value) != ("renderer", "auto")}:
        words += ["--environment", json.dumps(plain(more))]
    return shlex.join(words)


def table_row(record: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a cell in ``scores.csv``; ``low`` and ``high`` bound the strict success with 95 %."""
    low, high = record["strict_interval_95"]
    names = ("score", "strict", "low", "high", "steps", "train_seconds", "val_episodes", "commit", "command")
    values = {**record, "low": low, "high": high, "val_episodes": record["settings"]["val_episodes"]}
    return {name: values[name] for name in (*KEY, *names)}


def training_plan(cell: Cell, rules: Rules) -> TrainingPlan:
    """How a cell is trained."""
    from ravens_suite.training.loop import TrainingPlan

    return TrainingPlan(
        **asdict(cell),
        steps=rules.steps,
        val_episodes=rules.val_episodes,
        candidates=rules.candidates,
        threads=rules.threads,
        device=rules.device,
        config=rules.config.get(cell.agent, {}),
    )


def _train(cell: Cell, rules: Rules, data: Path, run: Path, progress: Progress) -> None:
    from ravens_suite.training.loop import begun_with, train
    from ravens_suite.training.validation import Validator

    plan = training_plan(cell, replace(rules, **begun_with(run)))
    with Validator(cell.task, data) as validate:
        train(plan, data, run, pool=rules.pool, evaluate=validate, progress=progress)


def _describe(cell: Cell, rules: Rules, trained: Mapping[str, Any], evaluation: Evaluation) -> dict[str, Any]:
    tested = read_json(evaluation.path)
    figures, course = evaluation.to_json(), trained["course"]
    return {
        **asdict(cell),
        "settings": rules.settings(cell.agent),
        "episodes": figures["episodes"],
        "score": figures["mean_score"],
        "score_interval_95": figures["score_interval_95"],
        "strict": figures["strict_success"],
        "strict_interval_95": figures["interval_95"],
        "mean_steps": figures["mean_steps"],
        "steps": course["step"],
        "selected_step": course["best_step"],
        "selection": trained["selection"],
        "validation": course["judged"],
        "val_score": course["best_score"],
        "demonstrations": trained["demonstrations"],
        "parameters": trained["parameters"],
        "threads": trained["plan"]["threads"],
        "train_seconds": round(course["seconds"], 2),
        "evaluate_seconds": figures["seconds"],
        "commit": trained["commit"],
        "evaluation_commit": tested["provenance"]["commit"],
        "versions": {**trained["versions"], "torch": trained["torch"]},
        "machine": trained["machine"],
        "renderer": tested["renderer"],
    }


def _teller(tell: Callable[[str], None], stage: str) -> Progress:
    def progress(done: int, total: int, note: str = "") -> None:
        tell(f"{stage} {done}/{total}{f', {note}' if note else ''}")

    return progress
