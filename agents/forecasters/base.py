"""What a forecaster is: it learns from recorded episodes as an agent does, and watches instead of acting."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from ravens_suite.core.forecast import Forecast
from ravens_suite.core.observations import Observation
from ravens_suite.core.policy import Action

from ..base import Data, Trainee


class Forecaster(Trainee[Data]):
    """Says of an episode so far how far it is, and whether it is done or will fail (``core/forecast.py``).

    It is trained, stopped, resumed and saved as agents are (``ravens-suite train``); checkpoints are chosen by how well
    it judges validation episodes.
    """

    imitates: ClassVar[bool] = False
    _handles: ClassVar[str] = "follows"

    @abstractmethod
    def reset(self, seed: int = 0) -> None:
        """An episode begins. See ``core/forecast.py``."""

    @abstractmethod
    def update(self, observation: Observation, action: Action | None = None) -> Forecast:
        """What it says after the next observation. See ``core/forecast.py``.

        It is computed with one thread of torch, as ``Agent.act`` is.
        """
