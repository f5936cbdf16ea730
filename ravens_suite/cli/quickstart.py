"""The main job, small: collect demonstrations, train on them, evaluate on unseen scenes, write the report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ravens_suite.core.numbers import MOST_EPISODES, check_number
from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.data.locks import locked
from ravens_suite.data.outcomes import Summary
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.errors import ConflictError
from ravens_suite.execution.pool import MOST_WORKERS, available_cores, make_pool
from ravens_suite.execution.progress import Progress
from ravens_suite.report.page import REPORT, STAGES_FILE, write_report
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.evaluate import Evaluation, evaluate
from ravens_suite.training.settings import TrainingPlan, TrainingSettings, resume_settings

STAGES = ("collect", "train", "evaluate", "report")
_STOPPED = "stopped"
"""In ``result.json``: seconds that stages took so far which are not done, by name."""


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

    def training_plan(self, run: RunFolder) -> TrainingPlan:
        """How the agent is trained; a run that goes on keeps its threads."""
        settings = TrainingSettings(steps=self.steps, val_episodes=self.val_episodes)
        return TrainingPlan(
            agent=self.agent,
            tasks=(self.task,),
            demos=self.demos,
            settings=resume_settings(settings, run, threads=self.workers),
        )

    @property
    def key(self) -> dict[str, Any]:
        """What two calls must have in common to continue one another."""
        names = ("task", "demos", "agent", "steps", "val_episodes")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class QuickstartResult:
    """What came of it.

    Attributes:
        summary: figures over the test scenes.
        seconds: of each stage.
        report: the page.
        run: the training run.
    """

    summary: Summary
    seconds: dict[str, float]
    report: Path
    run: Path

    def to_json(self) -> dict[str, Any]:
        """What ``result.json`` holds beside the plan."""
        return {
            **self.summary.to_json(),
            "seconds": self.seconds,
            "report": str(self.report),
            "run": str(self.run),
        }


def quickstart(
    plan: QuickstartPlan, out: Path, make_progress: Callable[[str], AbstractContextManager[Progress]]
) -> QuickstartResult:
    """Do all four stages, or what is missing of them.

    Args:
        plan: what to do.
        out: folder of everything: data, the run, ``result.json`` and ``report.html``.
        make_progress: makes the progress of a stage from its title.

    Raises:
        ConflictError: ``out`` holds a quickstart with other settings, or another process is at work there.
        ConfigError: the plan cannot be done.
    """
    from ravens_suite.training.loop import check_plan, train

    run = RunFolder(out / f"{plan.agent}-{plan.task}-{plan.demos}")
    check_number("--workers", plan.workers, 1, MOST_WORKERS)
    check_number("--episodes", plan.episodes, 1, MOST_EPISODES)
    training = plan.training_plan(run)
    check_plan(training)
    with locked(out, "at work in"):
        notes = _Notes.of(out, plan)
        with make_pool(workers=plan.workers) as pool:
            with notes.stage("collect"), make_progress("1/4 collect") as progress:
                collect(plan.task, episodes=plan.demos, data=out / "data", pool=pool, on_progress=progress)
            with notes.stage("train"), make_progress("2/4 train") as progress:
                train(training, out / "data", run.path, on_progress=progress)
            with notes.stage("evaluate", more=notes.lacks(plan.episodes)), make_progress("3/4 evaluate") as progress:
                evaluation = evaluate(str(run.path), episodes=plan.episodes, pool=pool, on_progress=progress)
        if notes.changed(evaluation) or not (out / REPORT).exists():
            with notes.stage("report"), make_progress("4/4 report") as progress:
                write_report(out, on_progress=progress)
        return notes.finish(evaluation, out / REPORT, run.path)


@dataclass
class _Notes:
    """``result.json``, written after every stage."""

    path: Path
    value: dict[str, Any]

    @staticmethod
    def of(out: Path, plan: QuickstartPlan) -> _Notes:
        path = out / STAGES_FILE
        value = read_json(path) if path.exists() else {"plan": plan.key, "seconds": {}}
        if value.get("plan") != plan.key:
            raise ConflictError(
                f"{out} holds a quickstart with other settings ({value.get('plan')}): name another --out, or delete it."
            )
        return _Notes(path, value)

    def lacks(self, episodes: int) -> bool:
        """Whether so many are more than were evaluated by the calls that came to an end."""
        return episodes > int(self.value.get("episodes", episodes)) + int(self.value.get("not_placed", 0))

    @contextmanager
    def stage(self, name: str, *, more: bool = False) -> Iterator[None]:
        """Note how long a stage took, with what it took in calls that were stopped in it.

        A stage that finds everything done keeps the time it took at first.

        Args:
            name: of the stage.
            more: whether it goes on beyond what was done before, which then took what both took.
        """
        start = time.perf_counter()
        before = self.value.pop(_STOPPED, {})
        try:
            yield
        except BaseException:
            spent = round(before.get(name, 0.0) + time.perf_counter() - start, 2)
            write_json(self.path, {**self.value, _STOPPED: {**before, name: spent}})
            raise
        seconds = round(time.perf_counter() - start + before.pop(name, 0.0), 2)
        self.value |= {_STOPPED: before} if before else {}
        first = self.value["seconds"].get(name, 0.0)
        self.value["seconds"][name] = round(first + seconds, 2) if more else max(seconds, first)
        write_json(self.path, self.value)

    def changed(self, evaluation: Evaluation) -> bool:
        """Whether the scores are not those that were noted."""
        return any(self.value.get(name) != value for name, value in evaluation.summary.to_json().items())

    def finish(self, evaluation: Evaluation, report: Path, run: Path) -> QuickstartResult:
        """Note the figures, last."""
        seconds = {name: self.value["seconds"][name] for name in STAGES}
        result = QuickstartResult(evaluation.summary, seconds, report, run)
        write_json(self.path, {**self.value, **result.to_json()})
        return result
