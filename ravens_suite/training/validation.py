"""Evaluating an agent while it trains, on validation episodes only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

import gymnasium

from ravens_suite.agents.base import Agent
from ravens_suite.core.seeding import Split
from ravens_suite.errors import ConfigError
from ravens_suite.rollout.environments import make_environment
from ravens_suite.rollout.policies import one_thread
from ravens_suite.rollout.rollout import roll_out


class Validator:
    """Mean scores of an agent in the environments of a run, the same that it is tested in.

    Args:
        environments: of the run by task: ``{"id": ..., "arguments": {...}}`` each, as ``run.json`` holds them.
    """

    def __init__(self, environments: Mapping[str, Mapping[str, Any]]) -> None:
        self._environments = environments
        self._made: dict[tuple[str, Split], gymnasium.Env[Any, Any]] = {}

    def __call__(self, agent: Agent[Any], split: Split, seeds: Sequence[int]) -> float:
        """The mean score, 0 to 100, over the episodes of some seeds of each task.

        Raises:
            ConfigError: the split is the test split, on which nothing may be chosen.
        """
        if split == "test":
            raise ConfigError("Test episodes are for the final table only: choose on the val split.")
        with one_thread("agent"):
            scores = [
                roll_out(self._open(task, split), agent, seed, record=False).score
                for task in self._environments
                for seed in seeds
            ]
        return 100 * math.fsum(scores) / len(scores)

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
