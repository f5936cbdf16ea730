"""Training one agent: resumable, with checkpoints evaluated on validation episodes, and fully recorded.

A run folder (``data/run_folder.py``) holds ``run.json`` (what was asked for, in which environments, and what came of
it), ``policy/`` (the weights that were best on validation), ``training.safetensors`` (to go on after a kill) and
``logs/`` for TensorBoard.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.util import find_spec
from numbers import Real
from pathlib import Path
from typing import Any

import torch

from ravens_suite.agents.base import Trainee
from ravens_suite.agents.forecasters.base import Forecaster
from ravens_suite.core.memory import keep_freed_memory
from ravens_suite.core.observations import Interface
from ravens_suite.core.seeding import Split
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.locks import locked
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.errors import (
    ConfigError,
    DivergedError,
    MissingDataError,
    blame,
    missing_library,
)
from ravens_suite.execution.progress import Progress, silent
from ravens_suite.registry import control_of, environment_id, load_trainee
from ravens_suite.training.capabilities import warn_of_sentences, warn_of_tilts
from ravens_suite.training.data import is_own_data
from ravens_suite.training.declared import check_declared, warn_of_device
from ravens_suite.training.learnt_from import demonstrations_of
from ravens_suite.training.resolved_config import resolve_config
from ravens_suite.training.run_record import (
    TrainingState,
    begin,
    check_unchanged,
    find_record,
    finish,
    steps_to_add,
    take_up,
    where_it_stands,
)
from ravens_suite.training.settings import TrainingPlan, resume_settings
from ravens_suite.training.until_solved import check, is_due, scenes_of_check
from ravens_suite.training.validation import Validator

Evaluate = Callable[[Trainee[Any], Split, Sequence[int]], float | None]
"""The mean score (0 to 100) of an agent over the episodes of some seeds of a split; ``None`` where no scene of them can
be placed."""

OnStanding = Callable[[str], None]
"""Is told what becomes of a run that is there already, in words that follow its name."""

LEARNING_RATE = "learning_rate"
_SAVE_SECONDS = 20.0
"""Longest time between two training states, so that little is lost of slow steps."""


@dataclass(frozen=True)
class TrainResult:
    """Result of a training run.

    Attributes:
        run: its folder.
        steps: gradient steps of the weights that were kept.
        seconds: of training over all calls, validation left out, but for that of ``--until solved``.
        val_score: mean score of those weights on validation episodes, 0 to 100; ``None`` without validation.
    """

    run: Path
    steps: int
    seconds: float
    val_score: float | None


def train(
    plan: TrainingPlan,
    data: Path | str,
    out: Path | str,
    *,
    pool: int | None = None,
    like: Path | str | None = None,
    evaluate: Evaluate | None = None,
    force: bool = False,
    on_progress: Progress = silent,
    on_standing: OnStanding | None = None,
    save_every: int = 100,
) -> TrainResult:
    """Train an agent, or go on with a run that was interrupted; a finished run is left as it is.

    A finished run can be given more steps, by the same plan but for them. They are those that a run of so many steps
    has from there on. Where a step does not depend on how many there are to be (``Agent.scheduled``), the weights are
    those of all steps at once. Where it does, they are not: a learning rate that had come to the end of its cycle goes
    on at the place of the longer cycle. ``continued`` in ``run.json`` says after which step that was.

    Args:
        plan: what to train.
        data: folder of the collected demonstrations.
        out: the run's folder.
        pool: demonstrations are drawn from so many of those collected, the lowest seeds; ``None`` for all. A run that
            goes on keeps those it has.
        like: folder of another run of the same tasks; a new run learns from its demonstrations, but for those that the
            plan leaves out, in place of drawing any.
        evaluate: evaluates checkpoints on validation seeds; by default in the environments that the demonstrations
            were collected in.
        force: train on demonstrations, or go on with a run, although the task or the code of the user's own agent has
            changed since.
        on_progress: called after every step.
        on_standing: called once with what becomes of a run that is there already, such as "is finished, after step
            2000."; not where it is refused, or where it begins.
        save_every: steps between two training states, of which there is one every 20 s at least; when they are
            written does not change the result.

    Raises:
        MissingDataError: fewer demonstrations were collected than asked for.
        ConflictError: ``out`` holds a run of another plan, another process trains into it; or the task, the
            demonstrations or the agent has changed since.
        ConfigError: the plan cannot be done, or the agent cannot learn from these demonstrations.
        UnknownNameError: there is no such agent or task.
    """
    data, out = Path(data), Path(out)
    check_plan(plan, data)
    run = RunFolder(out)
    plan = _with_settings(plan, run)
    record = find_record(plan, run)
    if record is not None and not force:
        check_unchanged(record, plan, data, run)
    if record is None or not record["finished"] or steps_to_add(plan, record):
        begun = None
        if record is None:
            begun = begin(plan, data, pool, force, None if like is None else RunFolder(Path(like)).record())
            _make_agent(plan, begun)  # What it refuses, such as a GPU that is not there, leaves no folder behind.
        with locked(run.path, "training into"):
            record = {**take_up(plan, run, begun), "data": str(data)}
            agent = _make_agent(plan, record)
            _train(agent, plan, record, data, run, evaluate, on_progress, on_standing, save_every)
            record = finish(run, agent)
    else:
        if record["plan"] != run.record()["plan"]:  # Folders of further data have new names.
            with locked(run.path, "training into"):
                run.write_record({**record, "data": str(data)})
        _put_back_policy(plan, record, run)
        if on_standing is not None:
            on_standing(where_it_stands(record, record["training"]["step"], scheduled=False))
    state = TrainingState.from_json(record["training"])
    return TrainResult(out, state.best_step, state.seconds, state.best_score)


def check_plan(plan: TrainingPlan, data: Path | None = None) -> None:
    """Refuse what cannot be done before anything is begun.

    Args:
        plan: what to train.
        data: folder of all data; episodes in it may be of a task that has no environment.

    Raises:
        ConfigError: a number is too small, a setting of the agent is unknown, or it gives other actions.
        UnknownNameError: there is no such agent or task.
        MissingLibraryError: a library that training needs is not installed.
    """
    plan.check()
    if plan.settings.until == "solved" and issubclass(load_trainee(plan.agent), Forecaster):
        raise ConfigError(f"{plan.agent} solves no scenes, it watches: train without --until solved.")
    if find_spec("tensorboard") is None:
        raise missing_library("tensorboard")
    if missing := sorted(load_trainee(plan.agent).__abstractmethods__):
        raise ConfigError(f"The agent {plan.agent} lacks {', '.join(missing)}: write these methods.")
    check_declared(load_trainee(plan.agent), plan.agent)
    warn_of_device(load_trainee(plan.agent), plan.agent, plan.settings.device)
    for task in plan.tasks:
        if data is not None and is_own_data(task, data):
            if plan.settings.val_episodes:
                raise ConfigError(f"{task} has no environment to validate in: train with --val-episodes 0.")
            continue
        environment_id(task)
        load_trainee(plan.agent).check_control(control_of(task))
    resolve_config(plan)


def check_device(plan: TrainingPlan) -> None:
    """Refuse a device that is not here.

    Raises:
        ConfigError: torch finds no such device.
    """
    load_trainee(plan.agent).check_device(resolve_config(plan))


def _with_settings(plan: TrainingPlan, run: RunFolder) -> TrainingPlan:
    return TrainingPlan(**{**_shallow(plan), "settings": resume_settings(plan.settings, run)})


def _shallow(plan: TrainingPlan) -> dict[str, Any]:
    return {item.name: getattr(plan, item.name) for item in fields(plan)}


def _make_agent(plan: TrainingPlan, record: Mapping[str, Any]) -> Trainee[Any]:
    agent = load_trainee(plan.agent)
    config = resolve_config(plan)
    with blame(f"Making the agent {plan.agent}"):
        return agent(config, plan.seed, Interface.from_json(record["interface"]))


def _put_back_policy(plan: TrainingPlan, record: Mapping[str, Any], run: RunFolder) -> None:
    """Write the weights of a finished run again if they were removed since, from its training state.

    Raises:
        MissingDataError: that is gone, too, or of a later step than the weights that were chosen.
    """
    if run.policy.is_there():
        return
    agent = _make_agent(plan, record)
    with blame(f"load_training of the agent {plan.agent}"):
        step = agent.load_training(run.training)
    if step != (chosen := record["training"]["best_step"]):
        raise MissingDataError(
            f"{run.policy.path}, the weights after step {chosen}, is gone or not whole, and {run.training} does not "
            f"hold them: delete {run.path}, and the same command trains again."
        )
    _save(agent, run.policy.path)


def _train(
    agent: Trainee[Any],
    plan: TrainingPlan,
    record: Mapping[str, Any],
    data: Path,
    run: RunFolder,
    evaluate: Evaluate | None,
    on_progress: Progress,
    on_standing: OnStanding | None,
    save_every: int,
) -> None:
    state = TrainingState.from_json(record["training"])
    keep_freed_memory()
    threads = torch.get_num_threads()
    torch.set_num_threads(plan.settings.threads or threads)
    try:
        demonstrations = demonstrations_of(plan, record, data)
        warn_of_tilts(type(agent), demonstrations)
        warn_of_sentences(type(agent), record["environments"], agent.interface.observation, demonstrations)
        with blame(f"make_dataset of the agent {plan.agent}"):
            dataset = agent.make_dataset(demonstrations)
        with blame(f"load_training of the agent {plan.agent}"):
            state.step = agent.load_training(run.training)
        _check_continued(record, state.step, run)
        if state.best_step and not run.policy.is_there():
            # The best weights so far were removed: those of now take their place, or the next that are judged.
            if state.best_step == state.step:
                _save(agent, run.policy.path)
            else:
                state.best_step, state.best_score = 0, None
        # Noted and said last: a run that is refused stays as it was.
        run.write_record(dict(record))
        words = where_it_stands(record, state.step, scheduled=agent.scheduled)
        if words and on_standing is not None:
            on_standing(words)
        with Validator(record["environments"]) as validator:
            if plan.settings.until == "solved":
                state.until_solved.scenes = _scenes_to_try(plan, demonstrations)
            _loop(agent, dataset, plan, run, state, evaluate or validator, on_progress, save_every)
    finally:
        torch.set_num_threads(threads)


def _check_continued(record: Mapping[str, Any], step: int, run: RunFolder) -> None:
    """Refuse to train the steps before a continuation again: they would follow another schedule."""
    if record.get("continued") and step < (least := record["continued"][-1]["step"]):
        raise MissingDataError(
            f"{run.training}, which held the training after step {least}, is gone or is of step {step}: this run "
            "cannot be given more steps. Train into another folder."
        )


def _scenes_to_try(plan: TrainingPlan, demonstrations: Demonstrations) -> int:
    """Validation scenes of a check of ``--until solved``."""
    # In a scene of several tasks, each of them is acted in.
    actions = statistics.fmean(episode.summary.steps for episode in demonstrations) * len(plan.tasks)
    return scenes_of_check(plan.settings.val_episodes, actions)


def _loop(
    agent: Trainee[Any],
    dataset: Any,
    plan: TrainingPlan,
    run: RunFolder,
    state: TrainingState,
    evaluate: Evaluate,
    on_progress: Progress,
    save_every: int,
) -> None:
    from torch.utils.tensorboard import SummaryWriter

    steps = int(agent.config.steps)
    saved = time.monotonic()
    checkpoints = checkpoint_steps(steps, plan.settings.candidates if plan.settings.val_episodes else 1)
    kept = kept_steps(steps, plan.keep_checkpoints)
    solved = state.until_solved
    agent.wind_down(solved.periods)
    with SummaryWriter(str(run.logs), purge_step=state.step) as logs:
        # What is noted after the step from which the run goes on was purged with the steps that come again.
        _log_validation(logs, state)
        started = time.perf_counter()
        while state.step < steps and not solved.done(state.step):
            step = state.step
            with blame(f"fit_step of the agent {plan.agent}, at step {step},"):
                figures = agent.fit_step(dataset, step)
            _check_figures(plan.agent, figures, step)
            for name, value in figures.items():
                logs.add_scalar(f"train/{name}", value, step)
            state.step = step + 1
            if state.step in kept:
                # Before the training state: killed in between, the run repeats these steps and writes the same again.
                _save(agent, run.checkpoint(state.step).path)
            losses = [value for name, value in figures.items() if name != LEARNING_RATE]
            on_progress(state.step, steps, f"loss {sum(losses):.3f}" if losses else "")
            due = plan.settings.until == "solved" and state.step < steps and is_due(solved, state.step, steps)
            if due:
                _check_solved(agent, plan, run, state, evaluate)
            ended = state.step in checkpoints and not solved.solved
            if due or ended or state.step % save_every == 0 or time.monotonic() - saved > _SAVE_SECONDS:
                state.seconds += time.perf_counter() - started
                if ended:
                    _evaluate_checkpoint(agent, plan, run, state, evaluate)
                _log_validation(logs, state)
                # In this order: killed in between, the run repeats these steps and writes the same again.
                run.write_record({**run.record(), "training": asdict(state)})
                with blame(f"save_training of the agent {plan.agent}, at step {step},"):
                    agent.save_training(run.training, state.step)
                saved = time.monotonic()
                started = time.perf_counter()


def _log_validation(logs: Any, state: TrainingState) -> None:
    """Note the mean score on validation episodes after the last step, if it was evaluated there."""
    if str(state.step) in state.validation:
        logs.add_scalar("val/mean_score", state.validation[str(state.step)], state.step)


def _check_solved(
    agent: Trainee[Any], plan: TrainingPlan, run: RunFolder, state: TrainingState, evaluate: Evaluate
) -> None:
    """Try the agent on validation scenes; keep its weights if the run ends with them."""
    solved, started = state.until_solved, time.perf_counter()
    steps, others = int(agent.config.steps), plan.settings.val_episodes
    score = check(solved, state.step, steps, others, lambda seed: evaluate(agent, "val", [seed]))
    agent.wind_down(solved.periods)
    solved.seconds += time.perf_counter() - started
    if score is not None:
        _save(agent, run.policy.path)
        if plan.keep_checkpoints:
            _save(agent, run.checkpoint(state.step).path)  # The last copy is of the end, wherever that is.
        state.validation[str(state.step)] = score
        state.best_step, state.best_score = state.step, score


def _check_figures(agent: str, figures: Any, step: int) -> None:
    if not isinstance(figures, Mapping) or not all(isinstance(value, Real) for value in figures.values()):
        raise ConfigError(f"fit_step of {agent} must return a dict of numbers by name; it returned {figures!r:.80}.")
    if bad := [name for name, value in figures.items() if not math.isfinite(value)]:
        raise DivergedError(
            f"Training diverged: {bad[0]} is {figures[bad[0]]} at step {step}. "
            "Train into a new folder with a lower learning_rate (--config) or another --seed."
        )


def _evaluate_checkpoint(
    agent: Trainee[Any], plan: TrainingPlan, run: RunFolder, state: TrainingState, evaluate: Evaluate
) -> None:
    """Keep the agent's weights if they are the best on validation; of equals, the latest.

    Without validation scenes, or if none of them can be placed, the latest are kept.
    """
    scenes = range(plan.settings.val_episodes)
    score = evaluate(agent, "val", scenes) if scenes else None
    if score is None:
        _save(agent, run.policy.path)
        state.best_step = state.step
        return
    state.validation[str(state.step)] = score
    if state.best_score is None or score >= state.best_score:
        _save(agent, run.policy.path)
        state.best_step, state.best_score = state.step, score


def _save(agent: Trainee[Any], folder: Path) -> None:
    with blame(f"save of the agent {agent.name}"):
        agent.save(folder)


def checkpoint_steps(steps: int, candidates: int) -> set[int]:
    """When weights are evaluated: at the end, and evenly over the second half before it."""
    return {round(steps * (1 - index / (2 * candidates))) for index in range(candidates)}


def kept_steps(steps: int, count: int) -> set[int]:
    """After which steps a copy of the weights is kept: more often at the beginning, the last one at the end.

    Most is learnt in the first steps. Where an agent has memorised its demonstrations, gradients say little of which of
    them agree with each other.
    """
    return {round(steps * ((index + 1) / count) ** 2) for index in range(count)} - {0}
