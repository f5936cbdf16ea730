"""What a forecaster says of an episode so far: how far it is, and what will come of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol

from ravens_suite.core.numbers import UNREADABLE
from ravens_suite.core.observations import Observation
from ravens_suite.core.policy import Action
from ravens_suite.errors import ConfigError

STAGES = ("on its way", "failing", "done")
"""Stages of an episode: not done, and it will be solved; not done, and it will not be solved; done."""
SOLVED = 0.99
"""Score above which an episode counts as done, as in the published benchmark."""


@dataclass(frozen=True)
class Forecast:
    """What a forecaster says after an observation.

    Attributes:
        progress: estimate of the score so far, 0 to 1.
        failing: probability that the episode is not done, and will end unsolved if it goes on as it does.
        done: probability that all that was asked for is done.
    """

    progress: float
    failing: float
    done: float

    @property
    def on_its_way(self) -> float:
        """Probability that the episode is not done, and will be solved."""
        return max(0.0, 1.0 - self.failing - self.done)

    @property
    def stage(self) -> str:
        """The likeliest of ``STAGES``."""
        return STAGES[max(range(3), key=(self.on_its_way, self.failing, self.done).__getitem__)]

    def to_json(self) -> dict[str, float]:
        """JSON values from which ``from_json`` rebuilds it, to four decimals."""
        return {name: round(value, 4) for name, value in asdict(self).items()}

    @staticmethod
    def from_json(value: dict[str, Any]) -> Forecast:
        """The inverse of ``to_json``.

        Raises:
            KeyError: a figure is missing.
        """
        return Forecast(float(value["progress"]), float(value["failing"]), float(value["done"]))


def checked_forecast(said: Any, name: str) -> Forecast:
    """What a forecaster said, in Python's numbers.

    Args:
        said: what its ``update`` returned; its numbers may be NumPy's, or tensors of one.
        name: of the forecaster, for the message.

    Raises:
        ConfigError: it is no forecast, or one of its figures is no number from 0 to 1, such as one in per cent.
    """
    if not isinstance(said, Forecast):
        raise ConfigError(
            f"update of the forecaster {name} returned {said!r:.60}: let it return a Forecast "
            "(ravens_suite.core.forecast)."
        )
    return Forecast(**{item.name: _share(getattr(said, item.name), item.name, name) for item in fields(said)})


def _share(value: Any, figure: str, name: str) -> float:
    try:
        number = float(value)
    except UNREADABLE:
        number = math.nan
    if not -_ROUNDING <= number <= 1 + _ROUNDING:
        raise ConfigError(
            f"The forecaster {name} said {figure} {value!r:.60}: all figures of a Forecast are numbers from 0 to 1."
        )
    return min(max(number, 0.0), 1.0)


_ROUNDING = 1e-3
"""By how much a figure of low precision may lie outside of [0, 1]."""


class Forecaster(Protocol):
    """Watches an episode: one call an observation."""

    def reset(self, seed: int = 0) -> None:
        """An episode begins.

        Args:
            seed: as a policy is given one; forecasters need none.
        """

    def update(self, observation: Observation, action: Action | None = None) -> Forecast:
        """What it says after the next observation.

        Args:
            observation: with what the forecaster reads (``observation_keys``).
            action: that led to it; ``None`` for the first observation of an episode.
        """


def stages_of(rewards: Sequence[float]) -> list[int]:
    """The true stage, as an index of ``STAGES``, at each of the T + 1 observations of a recorded episode.

    Args:
        rewards: T rewards.
    """
    scores = scores_of(rewards)
    solved = scores[-1] > SOLVED
    return [2 if score > SOLVED else 0 if solved else 1 for score in scores]


def scores_of(rewards: Sequence[float]) -> list[float]:
    """The score so far at each of the T + 1 observations, 0 to 1."""
    return [math.fsum(rewards[:step]) for step in range(len(rewards) + 1)]


def warned_from(forecasts: Sequence[Forecast], threshold: float) -> int | None:
    """The number of actions from which on a forecaster says, to the end, that an episode fails; ``None`` for never.

    Args:
        forecasts: after each observation.
        threshold: least probability of ``failing``.
    """
    first = None
    for step, forecast in enumerate(forecasts):
        if forecast.failing < threshold:
            first = None
        elif first is None:
            first = step
    return first
