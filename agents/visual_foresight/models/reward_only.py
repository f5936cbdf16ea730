"""Predicts how much nearer to the goal picture an action brings the scene, and no picture."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torch.nn import functional

from ...common.devices import autocast, choose_bfloat16
from ..config import VisualForesightConfig
from ..trunk import GainHead
from .base import Memory, Prediction, WorldModel
from .transport import AlignedTrunk, Guesses


class RewardOnly(WorldModel):
    """See the module's docstring. It sees what ``transport`` sees, the moved object among it."""

    shows: ClassVar[bool] = False

    def __init__(self, config: VisualForesightConfig) -> None:
        super().__init__(config)
        self.trunk = AlignedTrunk(config.width)
        self.gain = GainHead(config.width)

    def predict(self, scenes: Tensor, actions: Tensor, memory: Memory = (), goals: Tensor | None = None) -> Prediction:
        """The gains; the scenes stay as they are. See ``WorldModel``."""
        if goals is None:
            return Prediction(scenes, scenes.new_zeros(len(actions)), memory)
        guesses = Guesses.of(scenes, actions)
        with autocast(scenes.device, choose_bfloat16(self.config.precision, scenes.device)):
            features = functional.avg_pool2d(self.trunk(scenes, actions, guesses), 2)
            gain = self.gain(features, scenes, goals)
        return Prediction(scenes, gain, memory)
