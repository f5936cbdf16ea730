"""The picked object goes to the place, and nothing else changes (``moving.py``). It has no weights."""

from __future__ import annotations

from torch import Tensor

from ..distance import distance
from ..moving import move
from .base import Memory, Prediction, WorldModel


class MovedPatch(WorldModel):
    """See the module's docstring."""

    def predict(self, scenes: Tensor, actions: Tensor, memory: Memory = (), goals: Tensor | None = None) -> Prediction:
        """The scenes with the picked objects moved. See ``WorldModel``."""
        made = move(scenes, actions).scene
        gain = scenes.new_zeros(len(actions)) if goals is None else distance(scenes, goals) - distance(made, goals)
        return Prediction(made, gain, memory)
