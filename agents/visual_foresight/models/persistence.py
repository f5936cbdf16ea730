"""Nothing changes: what every model is compared with. It has no weights."""

from __future__ import annotations

from torch import Tensor

from .base import Memory, Prediction, WorldModel


class Persistence(WorldModel):
    """See the module's docstring."""

    def predict(self, scenes: Tensor, actions: Tensor, memory: Memory = (), goals: Tensor | None = None) -> Prediction:
        """The scenes as they are. See ``WorldModel``."""
        return Prediction(scenes, scenes.new_zeros(len(actions)), memory)
