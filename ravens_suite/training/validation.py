"""Judging an agent while it trains, on validation episodes only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import gymnasium

from ravens_suite.core.seeding import Split
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConfigError
from ravens_suite.rollout.evaluate import AgentPolicy
from ravens_suite.rollout.rollout import make_environment, roll_out


class Validator:
    """Mean scores of an agent in environments made as those of its demonstrations were.

    Args:
        task: registered name.
        data: folder of all data, which says how the demonstrations' environments were made.
    """

    def __init__(self, task: str, data: Path) -> None:
        self._task = task
        self._data = data
        self._environment: gymnasium.Env[Any, Any] | None = None

    def __call__(self, agent: Any, split: Split, seeds: Sequence[int]) -> float:
        """The mean score, 0 to 100, over the episodes of some seeds.

        Raises:
            ConfigError: the split is the test split, on which nothing may be chosen.
        """
        if split == "test":
            raise ConfigError("Test episodes are for the final table only: choose on the val split.")
        if self._environment is None:
            manifest = EpisodeStore.of(self._data, self._task, "train").manifest()
            arguments = {"renderer": manifest["renderer"], **manifest["arguments"]}
            self._environment = make_environment(self._task, split, arguments)
        policy = AgentPolicy(agent)
        scores = [roll_out(self._environment, policy, seed, keep_images=False).score for seed in seeds]
        return 100 * sum(scores) / len(scores)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        if self._environment is not None:
            self._environment.close()
            self._environment = None
