"""Evaluating an agent while it trains, on validation episodes only."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import gymnasium

from ravens_suite.agents.base import Trainee
from ravens_suite.agents.forecasters.base import Forecaster
from ravens_suite.core.forecast import scores_of
from ravens_suite.core.policy import Policy
from ravens_suite.core.seeding import Split
from ravens_suite.errors import ConfigError
from ravens_suite.rollout.environments import make_environment
from ravens_suite.rollout.exploration import ExplorePolicy, WithExploration
from ravens_suite.rollout.policies import OraclePolicy, RandomPolicy, one_thread
from ravens_suite.rollout.rollout import roll_out
from ravens_suite.rollout.watching import Watch

_EXPLORED = 0.5
"""Share of random actions in every second validation episode of a forecaster, so that it sees failures, too."""


class Validator:
    """Mean scores of an agent in the environments of a run, the same that it is tested in.

    A forecaster's score is 1 less the mean absolute error of its progress. It watches the oracle at even seeds, and at
    odd ones the oracle with random actions in between.

    Args:
        environments: of the run by task: ``{"id": ..., "arguments": {...}}`` each, as ``run.json`` holds them.
    """

    def __init__(self, environments: Mapping[str, Mapping[str, Any]]) -> None:
        self._environments = environments
        self._made: dict[tuple[str, Split], gymnasium.Env[Any, Any]] = {}

    def __call__(self, agent: Trainee[Any], split: Split, seeds: Sequence[int]) -> float | None:
        """The mean score, 0 to 100, over the episodes of some seeds of each task.

        Scenes that cannot be placed do not count: nothing is seen of an agent there. ``None`` where none can be.

        Raises:
            ConfigError: the split is the test split, on which nothing may be chosen.
        """
        if split == "test":
            raise ConfigError("Test episodes are for the final table only: choose on the val split.")
        score: Callable[..., float | None] = _forecast_score if isinstance(agent, Forecaster) else _score
        with one_thread("agent"):
            found = [score(self._open(task, split), agent, seed) for task in self._environments for seed in seeds]
        scores = [value for value in found if value is not None]
        return 100 * math.fsum(scores) / len(scores) if scores else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        for environment in self._made.values():
            environment.close()
        self._made.clear()

    def _open(self, task: str, split: Split) -> gymnasium.Env[Any, Any]:
        if (task, split) not in self._made:
            self._made[task, split] = make_environment(task, split, self._environments[task]["arguments"])
        return self._made[task, split]


def _score(environment: gymnasium.Env[Any, Any], agent: Any, seed: int) -> float | None:
    rollout = roll_out(environment, agent, seed, record=False)
    return rollout.score if rollout.infos else None


def _forecast_score(environment: gymnasium.Env[Any, Any], forecaster: Any, seed: int) -> float | None:
    watch = Watch(forecaster)
    rollout = roll_out(environment, _watched(environment, seed), seed, record=False, watch=watch)
    truth = scores_of(rollout.rewards)
    errors = [abs(said.progress - true) for said, true in zip(watch.forecasts, truth, strict=False)]
    return 1 - math.fsum(errors) / len(errors) if errors else None


def _watched(environment: gymnasium.Env[Any, Any], seed: int) -> Policy:
    """Who acts while a forecaster is judged: the oracle, at odd seeds with random actions in between.

    They are such as move objects, where picks are asked for and images show objects; else any.
    """
    oracle = OraclePolicy(environment)
    if seed % 2 == 0:
        return oracle
    kind = ExplorePolicy if ExplorePolicy.suits(environment) else RandomPolicy
    return WithExploration(oracle, kind(environment.action_space), _EXPLORED)
