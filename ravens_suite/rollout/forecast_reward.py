"""Reward without the simulator's word: a Gymnasium wrapper that asks a forecaster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium

from ravens_suite.core.forecast import Forecast
from ravens_suite.core.observations import Observation
from ravens_suite.core.policy import Action
from ravens_suite.envs.lifecycle import ResetNeeded
from ravens_suite.envs.observations import interface_of
from ravens_suite.rollout.watching import Watch, WatchSpec


class ForecastReward(gymnasium.Wrapper[Any, Any, Any, Any], gymnasium.utils.RecordConstructorArgs):
    """The reward is the change of the progress that a forecaster sees; the environment's own goes into ``info``.

    So a policy can be improved where nobody measures poses, as on a robot. ``info["forecast"]`` holds ``progress``,
    ``failing`` and ``done``, ``info["task_reward"]`` the environment's own reward.

    Args:
        env: it must observe what the forecaster reads. Make it with ``ends_when_done=False`` for episodes that
            end by the forecaster's word alone.
        run: folder of the forecaster's training run.
        stop_at: probability of being done from which an episode is terminated; ``None`` leaves that to the environment.

    Raises:
        MissingDataError: there is no such run.
        ConfigError: it is no forecaster's, or the environment does not observe what it reads.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], run: Path | str, stop_at: float | None = None) -> None:
        gymnasium.utils.RecordConstructorArgs.__init__(self, run=str(run), stop_at=stop_at)
        gymnasium.Wrapper.__init__(self, env)
        interface = interface_of(env, env.get_wrapper_attr("control"))
        self._watch: Watch = WatchSpec.parse(str(run), stop_at=stop_at).make(interface)
        self._why_none = ""

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """See ``gymnasium.Env``; the forecaster forgets the last episode."""
        self._why_none = "The last reset failed"  # The forecaster's part of it may, too.
        observation, info = self.env.reset(seed=seed, options=options)
        self._watch.reset(0 if seed is None else seed)
        self._watch.see(observation, None)
        self._why_none = ""
        return observation, {**info, "forecast": self._last().to_json()}

    def step(self, action: Action) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """See ``gymnasium.Env``.

        Raises:
            ResetNeededError: there is no episode: none has begun, or it is over, by the forecaster's word, too.
        """
        if self._why_none:
            raise ResetNeeded(f"{self._why_none}, so step() cannot go on: call reset().")
        observation, reward, terminated, truncated, info = self.env.step(action)  # It refuses where no episode is.
        before = self._last().progress
        self._why_none = "The last action was broken off"
        stops = self._watch.see(observation, info.get("action", action))
        self._why_none = "The episode is over by the forecaster's word" if stops else ""
        told = {"forecast": self._last().to_json(), "task_reward": float(reward)}
        return observation, self._last().progress - before, terminated or stops, truncated, {**info, **told}

    def _last(self) -> Forecast:
        return self._watch.forecasts[-1]
