"""One trial of a benchmark: an agent trained on demonstrations of a task, then tested once on the test seeds."""

from __future__ import annotations

import json
import logging
import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.data.outcomes import Summary
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.errors import ConflictError, DamagedDataError, MissingDataError
from ravens_suite.execution.pool import make_pool
from ravens_suite.execution.progress import Progress
from ravens_suite.rollout.definitions import OF_THE_TASK, changed, define, the_task_has_changed
from ravens_suite.rollout.environments import differing_arguments, to_json
from ravens_suite.rollout.evaluate import Evaluation, evaluate
from ravens_suite.rollout.policy_code import code_of, of_the_suite
from ravens_suite.training.settings import TrainingPlan, TrainingSettings, resume_settings

_LOG = logging.getLogger(__name__)
TRIALS, RUNS, SCORES = "trials", "runs", "scores.csv"
KEY = ("agent", "task", "demos", "seed")


@dataclass(frozen=True)
class Trial:
    """What is trained and tested.

    Attributes:
        agent: registered name, or where the user's own is (``file.py:Class``).
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
        """For a person."""
        return f"{self.agent}-{self.task}-{self.demos}-{self.seed}"

    def record_path(self, out: Path) -> Path:
        """Its result, within the folder of a benchmark."""
        return out / TRIALS / f"{_in_one_folder(self.name)}.json"

    def run(self, out: Path) -> RunFolder:
        """Its training run, within the folder of a benchmark."""
        return RunFolder(out / RUNS / _in_one_folder(self.agent) / f"{self.task}-{self.demos}-{self.seed}")


def _in_one_folder(name: str) -> str:
    """A name as one part of a path: that of an agent in a file of the user's has the folders of the file in it."""
    return name.replace("/", "-")


@dataclass(frozen=True)
class TrialSettings:
    """How all trials of a benchmark are trained and tested.

    The threads, the device and the pool that a trial was begun with stay.

    Attributes:
        training: how long, where, and how weights are chosen.
        episodes: test seeds.
        config: by agent, settings that differ from its defaults, as JSON.
        arguments: of the environments, as JSON.
        pool: demonstrations of each task that a trial draws its own from; ``None`` for all there are.
        force: let what is there count although the code of its task or of the user's own agent has changed since.
    """

    training: TrainingSettings = field(default_factory=TrainingSettings)
    episodes: int = 100
    config: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    pool: int | None = None
    force: bool = False

    def recorded(self, agent: str) -> dict[str, Any]:
        """What the results of a trial depend on, beside the trial itself and what it was begun with; JSON."""
        return {
            "val_episodes": self.training.val_episodes,
            "candidates": self.training.candidates,
            "until": self.training.until,
            "steps": self.training.steps,
            "config": to_json(self.config.get(agent, {})),
            "arguments": to_json(self.arguments),
        }

    def plan(self, trial: Trial) -> TrainingPlan:
        """How a trial is trained."""
        return TrainingPlan(
            agent=trial.agent,
            tasks=(trial.task,),
            demos=trial.demos,
            seed=trial.seed,
            settings=self.training,
            config=self.config.get(trial.agent, {}),
        )


def finished(trial: Trial, settings: TrialSettings, out: Path) -> dict[str, Any] | None:
    """The record of a trial that is done; ``None`` when there is something to do.

    Raises:
        ConflictError: it was done with other settings, or by another agent, or by that of a user before a change.
    """
    try:
        record: dict[str, Any] = read_json(trial.record_path(out))
        # Records of earlier versions know no ``until``.
        found, summary = {"until": "steps", **record["settings"]}, Summary.from_json(record)
        table_row(record)
    except MissingDataError:
        return None
    except (AttributeError, DamagedDataError, KeyError, TypeError, ValueError) as error:
        _LOG.warning("%s is damaged and made anew: %s", trial.record_path(out), error)
        return None
    if (of := str(record["agent"])) != trial.agent:
        raise ConflictError(f"{trial.record_path(out)} is of {of}, not of {trial.agent}: name another --out.")
    wanted = settings.recorded(trial.agent)
    # As the recorded command says, where the agent's own number was taken.
    if wanted["steps"] == record.get("planned_steps", record["steps"]):
        found = {**found, "steps": wanted["steps"]}
    if not differing_arguments(trial.task, found.get("arguments", {}), wanted["arguments"]):
        found = {**found, "arguments": wanted["arguments"]}
    if differing := sorted(key for key in wanted if found.get(key) != wanted[key]):
        key = differing[0]
        raise ConflictError(
            f"{trial.record_path(out)} was made with {key} {found.get(key)!r}, not {wanted[key]!r}: "
            "name another --out, or delete it and its run. A report on the folder above both shows them side by side."
        )
    now = define(trial.task, "test", settings.arguments)
    if not settings.force and (words := changed(record.get("definition"), now, OF_THE_TASK)):
        where = str(trial.record_path(out))
        raise ConflictError(f"{the_task_has_changed(where, trial.task, words)} Name another --out, or --force.")
    if not settings.force and (what := _changed_code(trial, settings, record)):
        raise ConflictError(
            f"{trial.record_path(out)} was made before a change of {what}: name another --out, or --force."
        )
    return record if summary.episodes + summary.not_placed >= settings.episodes else None


def _changed_code(trial: Trial, settings: TrialSettings, record: Mapping[str, Any]) -> str:
    """What code of a user's own that a trial was made by has changed since, in words; empty where none has.

    Records of earlier versions note none.
    """
    from ravens_suite.training.resolved_config import named_code

    if "code" in record and not of_the_suite(trial.agent) and record["code"] != code_of(trial.agent):
        return f"the code of {trial.agent}"
    outside = named_code(settings.plan(trial)).get("outside", "") if "outside" in record else ""
    return "the code that its settings name" if record.get("outside", "") != outside else ""


def run_trial(
    trial: Trial, settings: TrialSettings, data: Path, out: Path, on_note: Callable[[str], None]
) -> dict[str, Any]:
    """Train and test, or do what is missing of it; the trial's record, which is also written.

    Args:
        trial: what to train.
        settings: how.
        data: folder of the demonstrations, which must be there.
        out: folder of the benchmark.
        on_note: called with how far it is.
    """
    run = trial.run(out)
    trained = _train(trial, settings, data, run, _noted(on_note, "train"))
    begun = replace(
        settings,
        training=replace(
            settings.training,
            threads=trained["plan"]["threads"],
            device=trained["plan"]["device"],
            steps=_planned_steps(trial, settings),
        ),
        pool=trained["pool"][trial.task],
    )
    with make_pool(workers=begun.training.threads or 1) as pool:
        evaluation = evaluate(
            str(run.path),
            episodes=settings.episodes,
            force=settings.force,
            pool=pool,
            on_progress=_noted(on_note, "evaluate"),
        )
    record = {**_describe(trial, settings, trained, evaluation), "command": command(trial, begun)}
    write_json(trial.record_path(out), record)
    return record


def command(trial: Trial, settings: TrialSettings) -> str:
    """The command that makes this one trial, whatever the defaults are by then.

    Args:
        trial: what was trained.
        settings: those in effect: the threads, the device and the steps that it had, and the pool it drew from.
    """
    training = settings.training
    words = ["ravens-suite", "benchmark", "--agents", trial.agent, "--tasks", trial.task, "--demos", str(trial.demos)]
    words += ["--seeds", str(trial.seed), "--pool", str(settings.pool), "--episodes", str(settings.episodes)]
    words += ["--threads", str(training.threads)]
    if training.device != "auto":
        words += ["--device", training.device]
    words += ["--val-episodes", str(training.val_episodes), "--candidates", str(training.candidates)]
    if training.until != "steps":
        words += ["--until", training.until]
    if training.steps is not None:
        words += ["--steps", str(training.steps)]
    if config := settings.config.get(trial.agent):
        words += ["--config", json.dumps({trial.agent: to_json(config)})]
    if more := {key: value for key, value in settings.arguments.items() if (key, value) != ("renderer", "auto")}:
        words += ["--environment", json.dumps(to_json(more))]
    return shlex.join(words)


def table_row(record: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a trial in ``scores.csv``; ``low`` and ``high`` bound the success rate with 95 %."""
    summary = Summary.from_json(record)
    low, high = summary.success_rate_interval
    return {
        **{name: record[name] for name in KEY},
        "score": summary.mean_score,
        "strict": summary.success_rate,
        "low": low,
        "high": high,
        **{name: record[name] for name in ("steps", "train_seconds")},
        "val_episodes": record["settings"]["val_episodes"],
        **{name: record[name] for name in ("commit", "command")},
    }


def _train(trial: Trial, settings: TrialSettings, data: Path, run: RunFolder, on_progress: Progress) -> dict[str, Any]:
    from ravens_suite.training.loop import train

    plan = settings.plan(trial)
    if run.exists():
        begun_on = run.record()["plan"].get("device", plan.settings.device)
        kept = resume_settings(replace(plan.settings, threads=None, device=begun_on), run)
        plan = replace(plan, settings=kept)
    train(plan, data, run.path, pool=settings.pool, force=settings.force, on_progress=on_progress)
    return run.record()


def _describe(
    trial: Trial, settings: TrialSettings, trained: Mapping[str, Any], evaluation: Evaluation
) -> dict[str, Any]:
    tested = read_json(evaluation.path)
    state = trained["training"]
    return {
        **asdict(trial),
        "settings": settings.recorded(trial.agent),
        **evaluation.summary.to_json(),
        "steps": state["step"],
        "planned_steps": _planned_steps(trial, settings),
        "selected_step": state["best_step"],
        "selection": trained["selection"],
        "validation": state["validation"],
        "val_score": state["best_score"],
        "environment": trained["environments"][trial.task],
        "definition": tested["definition"],
        "code": trained.get("code", ""),
        **({"outside": trained["outside"]} if "outside" in trained else {}),
        "demonstrations": trained["demonstrations"][trial.task],
        "parameters": trained["parameters"],
        "threads": trained["plan"]["threads"],
        "train_seconds": round(state["seconds"], 2),
        "evaluate_seconds": round(evaluation.seconds, 3),
        "commit": trained["commit"],
        "evaluation_commit": tested["provenance"]["commit"],
        "versions": {**trained["versions"], "torch": trained["torch"]},
        "machine": trained["machine"],
        "renderer": tested["renderer"],
    }


def _planned_steps(trial: Trial, settings: TrialSettings) -> int:
    """Gradient steps, unless the run ends sooner (``--until``)."""
    from ravens_suite.training.resolved_config import resolve_config

    return int(resolve_config(settings.plan(trial)).steps)


def _noted(on_note: Callable[[str], None], stage: str) -> Progress:
    def progress(done: int, total: int, note: str = "") -> None:
        on_note(f"{stage} {done}/{total}{f', {note}' if note else ''}")

    return progress
