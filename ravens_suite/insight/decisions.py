"""One decision of a trained agent as an example: the scene it stood before, and the action that is asked about."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import gymnasium
import numpy as np

from ravens_suite.core.numbers import MOST_SEED, check_number
from ravens_suite.core.observations import Observation
from ravens_suite.core.policy import Action, Policy
from ravens_suite.core.seeding import Split
from ravens_suite.data.episode import EpisodeReader, write_episode
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.errors import ConfigError, OracleGaveUpError
from ravens_suite.registry import load_agent
from ravens_suite.rollout.environments import describe_interface, make_environment
from ravens_suite.rollout.evaluation_plan import EvaluationPlan, plan_evaluation
from ravens_suite.rollout.policies import one_thread
from ravens_suite.rollout.rollout import Rollout, roll_out, to_episode

Label = Literal["agent", "oracle"]
_MOST_STEP = 100_000
_EARNED = 1e-6
"""Reward from which an action counts as having brought the task on."""


@dataclass(frozen=True)
class Decision:
    """A decision, and the episode up to it.

    Attributes:
        task: registered name.
        split: of the seed.
        seed: of the scene.
        step: number of the action within the episode, from 0.
        label: whose action is asked about: what the ``agent`` did, or what the ``oracle`` would have done.
        did: the agent's action.
        action: the one that is asked about.
        reward: what the agent's action earned.
        success: whether the agent's episode ended with strict success.
        episode: up to and with the action that is asked about, with what the agent observes.
        options: of the task, those that the run was not trained with.
    """

    task: str
    split: Split
    seed: int
    step: int
    label: Label
    did: Mapping[str, Any]
    action: Mapping[str, Any]
    reward: float
    success: bool
    episode: EpisodeReader
    options: Mapping[str, Any]


@contextmanager
def decision_of(
    run: RunFolder,
    task: str,
    seed: int,
    *,
    split: Split = "test",
    step: int | None = None,
    label: Label = "agent",
    arguments: Mapping[str, Any] | None = None,
) -> Iterator[Decision]:
    """Run an episode of a trained agent again, up to one of its decisions; a context, since its file is temporary.

    Args:
        run: of the agent; it acts with the weights in ``policy/``.
        task: registered name; the run need not have learnt it.
        seed: of the scene.
        split: of the seed.
        step: number of the action; by default the first one that earned nothing, and else the first.
        label: whose action is asked about.
        arguments: of the environment, JSON values. The run knows its own, which these may not contradict.

    Raises:
        ConflictError: an argument contradicts the run; both values are named.
        ConfigError: the task's environment does not suit the agent, the scene cannot be placed, the episode has no such
            action, or the oracle has none to give there.
    """
    check_numbers(seed, step)
    plan = plan_evaluation(run.path, task, split, arguments or {})
    environment = _environment_of(plan)
    try:
        policy: Policy = plan.policy.make(environment)
        where = f"scene {seed} of {task}, {split},"
        with one_thread("agent"):
            whole = roll_out(environment, policy, seed, record=False)
            chosen = _choose(whole, step, where)
            asked = roll_out(environment, _UpTo(policy, environment, chosen, label), seed)
        if asked.steps <= chosen:
            raise ConfigError(f"In {where} the oracle has nothing to do at action {chosen}: ask with --label agent.")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{seed}.safetensors"
            write_episode(path, to_episode(asked, task, split, plan.arguments), asked.recording)
            yield Decision(
                task,
                split,
                seed,
                chosen,
                label,
                whole.actions[chosen],
                asked.actions[chosen],
                whole.rewards[chosen],
                whole.success,
                EpisodeReader(path),
                plan.options,
            )
    finally:
        environment.close()


def check_numbers(seed: int, step: int | None) -> None:
    """Refuse a scene or an action of it that no episode has.

    Args:
        seed: of the scene.
        step: number of the action; ``None`` for one that is looked for.

    Raises:
        ConfigError: one is below 0, or too large.
    """
    check_number("--seeds", seed, 0, MOST_SEED)
    if step is not None:
        check_number("--step", step, 0, _MOST_STEP)


def check_scenes(run: RunFolder, task: str, split: Split, arguments: Mapping[str, Any]) -> None:
    """Refuse at once scenes about whose decisions ``decision_of`` has no answer: it raises what that does."""
    _environment_of(plan_evaluation(run.path, task, split, arguments)).close()


def _environment_of(plan: EvaluationPlan) -> gymnasium.Env[Any, Any]:
    """The environment of a plan, which suits its agent."""
    environment = make_environment(plan.task, plan.split, plan.arguments)
    try:
        load_agent(plan.policy.name).check(describe_interface(environment, plan.task))
    except BaseException:
        environment.close()
        raise
    return environment


def _choose(whole: Rollout, step: int | None, where: str) -> int:
    if not whole.steps:
        raise ConfigError(f"In {where} the agent did nothing ({whole.outcome}): choose another of --seeds.")
    if step is None:
        return next((index for index, reward in enumerate(whole.rewards) if reward <= _EARNED), 0)
    if step >= whole.steps:
        raise ConfigError(f"In {where} the agent took {whole.steps} actions: --step must be below {whole.steps}.")
    return step


class _UpTo:
    """A policy that gives up after one of its decisions, at which the oracle may take its place."""

    def __init__(self, policy: Policy, environment: gymnasium.Env[Any, Any], step: int, label: Label) -> None:
        self._policy, self._last, self._label = policy, step, label
        self._oracle_action = environment.get_wrapper_attr("oracle_action")
        self._next = 0

    def reset(self, seed: int) -> None:
        self._policy.reset(seed)
        self._next = 0

    def act(self, observation: Observation) -> Action:
        step, self._next = self._next, self._next + 1
        if step > self._last:
            raise OracleGaveUpError("This is all that was asked for.")
        if step == self._last and self._label == "oracle":
            action: Action = self._oracle_action()
            return action
        return self._policy.act(observation)


def action_to_json(action: Mapping[str, Any]) -> dict[str, Any]:
    """An action as JSON values."""
    return {key: np.asarray(value).tolist() for key, value in action.items()}
