"""The main job, small: collect demonstrations, train on them, evaluate on unseen scenes, write the report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.errors import ConflictError
from ravens_suite.execution.engine import available_cores, make_engine
from ravens_suite.execution.progress import Progress
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.evaluate import Evaluation, evaluate

if TYPE_CHECKING:
    from ravens_suite.training.loop import TrainingPlan

RESULT = "result.json"
STAGES = ("collect", "train", "evaluate", "report")


@dataclass(frozen=True, kw_only=True)
class QuickstartPlan:
    """What to do.

    Attributes:
        task: registered name.
        demos: training demonstrations.
        episodes: unseen test scenes.
        agent: registered name.
        steps: gradient steps.
        val_episodes: validation episodes behind the choice of weights; 0 keeps the last.
        workers: processes that collect and evaluate, and threads that train.
    """

    task: str = "block-insertion"
    demos: int = 10
    episodes: int = 20
    agent: str = "transporter"
    steps: int
    val_episodes: int = 10
    workers: int = field(default_factory=available_cores)

    @property
    def key(self) -> dict[str, Any]:
        """What two calls must have in common to continue one another."""
        names = ("task", "demos", "agent", "steps", "val_episodes")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class QuickstartResult:
    """What came of it.

    Attributes:
        mean_score: total reward x 100 over the test scenes.
        strict_success: share of test scenes with every goal met, in percent.
        interval_95: of the strict success.
        episodes: test scenes.
        seconds: of each stage.
        report: the page.
        run: the training run.
    """

    mean_score: float
    strict_success: float
    interval_95: tuple[float, float]
    episodes: int
    seconds: dict[str, float]
    report: Path
    run: Path

    def to_json(self) -> dict[str, Any]:
        """What ``result.json`` holds beside the plan."""
        return {
            "mean_score": self.mean_score,
            "strict_success": self.strict_success,
            "interval_95": list(self.interval_95),
            "episodes": self.episodes,
            "seconds": self.seconds,
            "report": str(self.report),
            "run": str(self.run),
        }


def quickstart(
    plan: QuickstartPlan, out: Path, tell: Callable[[str], AbstractContextManager[Progress]]
) -> QuickstartResult:
    """Do all four stages, or what is missing of them.

    Args:
        plan: what to do.
        out: folder of everything: data, the run, ``result.json`` and ``report.html``.
        tell: makes the progress of a stage from its title.

    Raises:
        ConflictError: ``out`` holds a quickstart with other settings.
        ConfigError: the plan cannot be done.
    """
    from ravens_suite.report.page import REPORT, write_report

    run = out / f"{plan.agent}-{plan.task}-{plan.demos}"
    training = _training_plan(plan, run)
    training.check()
    notes = _Notes.of(out, plan)
    with make_engine(workers=plan.workers) as engine:
        with notes.stage("collect"), tell("1/4 collect") as progress:
            collect(plan.task, episodes=plan.demos, data=out / "data", engine=engine, progress=progress)
        with notes.stage("train"), tell("2/4 train") as progress:
            _train(training, out / "data", run, progress)
        with notes.stage("evaluate"), tell("3/4 evaluate") as progress:
            evaluation = evaluate(str(run), episodes=plan.episodes, engine=engine, progress=progress)
    if notes.changed(evaluation) or not (out / REPORT).exists():
        with notes.stage("report"), tell("4/4 report") as progress:
            write_report(out, progress=progress)
    return notes.finish(evaluation, out / REPORT, run)


def _training_plan(plan: QuickstartPlan, run: Path) -> TrainingPlan:
    from ravens_suite.training.loop import TrainingPlan, begun_with

    return TrainingPlan(
        plan.agent,
        plan.task,
        plan.demos,
        steps=plan.steps,
        val_episodes=plan.val_episodes,
        threads=begun_with(run).get("threads", plan.workers),
    )


def _train(plan: TrainingPlan, data: Path, run: Path, progress: Progress) -> None:
    from ravens_suite.training.loop import train
    from ravens_suite.training.validation import Validator

    with Validator(plan.task, data) as validate:
        train(plan, data, run, evaluate=validate, progress=progress)


@dataclass
class _Notes:
    """``result.json``, written after every stage."""

    path: Path
    value: dict[str, Any]

    @staticmethod
    def of(out: Path, plan: QuickstartPlan) -> _Notes:
        path = out / RESULT
        value = read_json(path) if path.exists() else {"plan": plan.key, "seconds": {}}
        if value.get("plan") != plan.key:
            raise ConflictError(
                f"{out} holds a quickstart with other settings ({value.get('plan')}): name another --out, or delete it."
            )
        return _Notes(path, value)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Note how long a stage took; a stage that finds everything done keeps the time it took at first."""
        start = time.perf_counter()
        yield
        seconds = round(time.perf_counter() - start, 2)
        self.value["seconds"][name] = max(seconds, self.value["seconds"].get(name, 0.0))
        write_json(self.path, self.value)

    def changed(self, evaluation: Evaluation) -> bool:
        """Whether the scores are not those that were noted."""
        return any(self.value.get(name) != value for name, value in _scores(evaluation).items())

    def finish(self, evaluation: Evaluation, report: Path, run: Path) -> QuickstartResult:
        scores = _scores(evaluation)
        low, high = scores["interval_95"]
        result = QuickstartResult(
            mean_score=scores["mean_score"],
            strict_success=scores["strict_success"],
            interval_95=(low, high),
            episodes=scores["episodes"],
            seconds={name: self.value["seconds"][name] for name in STAGES},
            report=report,
            run=run,
        )
        write_json(self.path, {**self.value, **result.to_json()})
        return result


def _scores(evaluation: Evaluation) -> dict[str, Any]:
    row = evaluation.to_json()
    return {name: row[name] for name in ("mean_score", "strict_success", "interval_95", "episodes")}
