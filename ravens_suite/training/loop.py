"""Training one agent on one task, as a function: resumable, validated on validation episodes, fully recorded.

A run folder holds ``run.json`` (what was asked for and what came of it), ``policy/`` (the weights that were best on
validation), ``training.safetensors`` (to go on after a kill) and ``logs/`` for TensorBoard.
"""

from __future__ import annotations

import logging
import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ravens_suite.agents.base import TRAINING, Agent, Demonstrations, config_from_json
from ravens_suite.core.seeding import Split
from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConfigError, ConflictError, DamagedDataError, DivergedError, MissingDataError
from ravens_suite.execution.progress import Progress, silent
from ravens_suite.registry import environment_id, is_continuous, load_agent
from ravens_suite.rollout.provenance import join_commits, provenance

_LOG = logging.getLogger(__name__)
RUN, POLICY, LOGS = "run.json", "policy", "logs"
_LEAST = {"demos": 1, "seed": 0, "steps": 1, "val_episodes": 0, "candidates": 1, "threads": 1}

Evaluate = Callable[[Agent, Split, Sequence[int]], float]
"""The mean score (0 to 100) of an agent over the episodes of some seeds of a split."""


@dataclass(frozen=True)
class TrainingPlan:
    """What to train; two calls with the same plan give the same weights.

    Attributes:
        agent: registered name.
        task: registered name.
        demos: number of demonstrations.
        seed: chooses the demonstrations and the initial weights, and drives augmentation.
        steps: gradient steps; ``None`` for the agent's own number.
        val_episodes: validation episodes a candidate is judged on; 0 keeps the last weights.
        candidates: how many times in the second half of training the weights are judged.
        threads: of numerical work; part of the plan, since sums depend on it in their last bits.
        device: ``auto``, ``cpu`` or ``cuda``.
        config: settings of the agent that differ from its defaults, as JSON.
    """

    agent: str
    task: str
    demos: int
    seed: int = 0
    steps: int | None = None
    val_episodes: int = 20
    candidates: int = 1
    threads: int = 2
    device: str = "auto"
    config: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Refuse what cannot be done before anything is begun.

        Raises:
            ConfigError: a number is too small, a setting is unknown, or the task takes no pick and place poses.
            UnknownNameError: there is no such agent or task.
        """
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise ConfigError(f"--{name.replace('_', '-')} must be at least {least}, not {value}.")
        environment_id(self.task)
        if is_continuous(self.task):
            raise ConfigError(
                f"Agents give pick and place poses, which {self.task} does not take: train on another task."
            )
        _settle(self)


@dataclass(frozen=True)
class TrainResult:
    """What came of a training run.

    Attributes:
        run: its folder.
        steps: gradient steps of the weights that were kept.
        seconds: of training over all sessions of the run, validation left out.
        val_score: of those weights, 0 to 100; ``None`` without validation.
    """

    run: Path
    steps: int
    seconds: float
    val_score: float | None


@dataclass
class _Course:
    """How far a run is; written beside every training state."""

    step: int = 0
    seconds: float = 0.0
    best_step: int = 0
    best_score: float | None = None
    judged: dict[str, float] = field(default_factory=dict)


def train(
    plan: TrainingPlan,
    data: Path,
    out: Path,
    *,
    pool: int | None = None,
    evaluate: Evaluate | None = None,
    progress: Progress = silent,
    save_every: int = 100,
) -> TrainResult:
    """Train an agent, or go on with a run that was interrupted; a finished run is left as it is.

    Args:
        plan: what to train.
        data: folder of the collected demonstrations.
        out: the run's folder.
        pool: demonstrations are drawn from so many of those collected, the lowest seeds; ``None`` for all. A run that
            goes on keeps those it has.
        evaluate: judges candidates on validation seeds; without it the last weights are kept.
        progress: told of every step.
        save_every: steps between two training states; does not change the result.

    Raises:
        MissingDataError: fewer demonstrations were collected than asked for.
        ConflictError: ``out`` holds a run of another plan.
        ConfigError: the plan cannot be done.
    """
    plan.check()
    record = _find_record(plan, out)
    if record is None or not record["finished"]:
        # The agent first: where it cannot be made, no run is begun.
        torch.set_num_threads(plan.threads)
        agent = load_agent(plan.agent)(_settle(plan), plan.seed)
        record = _begin(plan, out) if record is None else _taken_up(record)
        course = _Course(**record["course"])
        store = EpisodeStore.of(data, plan.task, "train")
        if "demonstrations" not in record:
            seeds = store.seeds()[:pool]
            chosen = choose_demonstrations(seeds, plan.demos, plan.seed)
            record |= {"demonstrations": chosen, "pool": len(seeds)}
        _write_record(out, record)
        demos = _read_demonstrations(store, record["demonstrations"])
        course.step = agent.load_training(out)
        _run(agent, demos, plan, out, course, evaluate, progress, save_every)
        record = _finish(out, course, agent)
    course = _Course(**record["course"])
    return TrainResult(out, course.best_step, course.seconds, course.best_score)


def choose_demonstrations(seeds: Sequence[int], count: int, seed: int) -> list[int]:
    """A random subset of the collected episodes, without replacement, ascending (the published protocol).

    Raises:
        MissingDataError: there are fewer than ``count``.
    """
    if len(seeds) < count:
        raise MissingDataError(f"{count} demonstrations were asked for, but {len(seeds)} were collected: collect more.")
    return sorted(int(value) for value in np.random.default_rng(seed).permutation(sorted(seeds))[:count])


def begun_with(run: Path) -> dict[str, Any]:
    """``threads`` and ``device`` of a run, so that it goes on where there are others; nothing when there is no run."""
    try:
        plan = read_json(run / RUN)["plan"]
        return {"threads": int(plan["threads"]), "device": str(plan["device"])}
    except (MissingDataError, DamagedDataError, KeyError, TypeError):
        return {}


def _settle(plan: TrainingPlan) -> Any:
    """The config of a plan's agent."""
    agent_type = load_agent(plan.agent)
    known = {item.name for item in fields(agent_type.config_type)}
    if "steps" not in known:
        raise ConfigError(f"{agent_type.config_type.__name__} needs a field steps: int, the gradient steps of a run.")
    settings = dict(plan.config)
    if "device" in known:
        settings["device"] = plan.device
    if plan.steps is not None:
        settings["steps"] = plan.steps
    config = config_from_json(agent_type.config_type, settings)
    if config.steps < 1:
        raise ConfigError(f"steps must be at least 1, not {config.steps}.")
    return config


def _read_demonstrations(store: EpisodeStore, seeds: Sequence[int]) -> Demonstrations:
    """Episodes are read one at a time: in memory only their heightmaps stay."""
    return Demonstrations.from_episodes(store.read(seed) for seed in seeds)


def _run(
    agent: Agent,
    demos: Demonstrations,
    plan: TrainingPlan,
    out: Path,
    course: _Course,
    evaluate: Evaluate | None,
    progress: Progress,
    save_every: int,
) -> None:
    from torch.utils.tensorboard import SummaryWriter

    steps = int(agent.config.steps)
    judged_at = candidate_steps(steps, plan.candidates if evaluate and plan.val_episodes else 1)
    with SummaryWriter(str(out / LOGS), purge_step=course.step) as logs:
        started = time.perf_counter()
        for step in range(course.step, steps):
            figures = agent.fit_step(demos, step)
            _check_finite(figures, step)
            for name, value in figures.items():
                logs.add_scalar(f"train/{name}", value, step)
            course.step = step + 1
            progress(course.step, steps, f"loss {sum(v for k, v in figures.items() if k != 'learning_rate'):.3f}")
            if course.step in judged_at or course.step % save_every == 0:
                course.seconds += time.perf_counter() - started
                if course.step in judged_at:
                    _judge(agent, plan, out, course, evaluate)
                    if course.best_score is not None:
                        logs.add_scalar("val/score", course.judged[str(course.step)], course.step)
                # In this order: killed in between, the run repeats these steps and writes the same again.
                _write_record(out, {**read_json(out / RUN), "course": asdict(course)})
                agent.save_training(out, course.step)
                started = time.perf_counter()


def _check_finite(figures: Mapping[str, float], step: int) -> None:
    if bad := [name for name, value in figures.items() if not math.isfinite(value)]:
        raise DivergedError(
            f"Training diverged: {bad[0]} is {figures[bad[0]]} at step {step}. "
            "Train into a new folder with a lower learning_rate (--config) or another --seed."
        )


def _judge(agent: Agent, plan: TrainingPlan, out: Path, course: _Course, evaluate: Evaluate | None) -> None:
    """Keep the agent's weights if they are the best on validation; of equals, the latest."""
    if evaluate is None or plan.val_episodes == 0:
        agent.save(out / POLICY)
        course.best_step = course.step
        return
    score = evaluate(agent, "val", range(plan.val_episodes))
    course.judged[str(course.step)] = score
    if course.best_score is None or score >= course.best_score:
        agent.save(out / POLICY)
        course.best_step, course.best_score = course.step, score


def candidate_steps(steps: int, candidates: int) -> set[int]:
    """When weights are judged: at the end, and evenly over the second half before it."""
    return {round(steps * (1 - index / (2 * candidates))) for index in range(candidates)}


def _finish(out: Path, course: _Course, agent: Agent) -> dict[str, Any]:
    rule = "best mean score on validation episodes" if course.best_score is not None else "last weights"
    parameters = sum(value.numel() for value in agent.weights().values())
    record = {**read_json(out / RUN), "course": asdict(course)}
    record |= {"selection": rule, "parameters": parameters, "finished": True}
    _write_record(out, record)
    return record


def _find_record(plan: TrainingPlan, out: Path) -> dict[str, Any] | None:
    """The record of the run that is there already, if there is one."""
    if not (out / RUN).exists():
        return None
    record: dict[str, Any] = read_json(out / RUN)
    wanted = _plan_json(plan)
    if differing := sorted(key for key in wanted if record["plan"].get(key) != _as_json(wanted[key])):
        key = differing[0]
        raise ConflictError(
            f"{out} holds a run with {key} {record['plan'].get(key)!r}, not {wanted[key]!r}: "
            "name another folder, or delete this one."
        )
    return record


def _begin(plan: TrainingPlan, out: Path) -> dict[str, Any]:
    """The record of a new run."""
    for leftover in (out / POLICY, out / LOGS):
        shutil.rmtree(leftover, ignore_errors=True)
    (out / TRAINING).unlink(missing_ok=True)
    record = {
        "plan": _plan_json(plan),
        "course": asdict(_Course()),
        **provenance(),
        "torch": torch.__version__,
        "finished": False,
    }
    _write_record(out, record)
    return record


def _taken_up(record: dict[str, Any]) -> dict[str, Any]:
    """The record of a run that goes on now, perhaps with newer code: then it names every commit that trained it."""
    now = provenance()
    if record["course"]["step"] == 0:
        return {**record, **now, "torch": torch.__version__}
    return {**record, "commit": join_commits(record["commit"], now["commit"])}


def _write_record(out: Path, record: dict[str, Any]) -> None:
    write_json(out / RUN, record)


def _plan_json(plan: TrainingPlan) -> dict[str, Any]:
    return asdict(replace(plan, config=dict(plan.config)))


def _as_json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
