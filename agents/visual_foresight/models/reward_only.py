"""Predicts how much nearer to the goal picture an action brings the scene, and no picture."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from ...common.devices import autocast, choose_bfloat16
from ..config import VisualForesightConfig
from ..moving import carry_all, move
from ..trunk import GainHead, Trunk
from .base import Memory, Prediction, WorldModel
from .transport import INPUTS, inputs


class RewardOnly(WorldModel):
    """See the module's docstring. It sees what ``transport`` sees, the moved object among it."""

    shows: ClassVar[bool] = False

    def __init__(self, config: VisualForesightConfig) -> None:
        super().__init__(config)
        self.trunk = Trunk(INPUTS, config.width)
        self.gain = GainHead(config.width)

    def predict(self, scenes: Tensor, actions: Tensor, memory: Memory = (), goals: Tensor | None = None) -> Prediction:
        """The gains; the scenes stay as they are."""
        if goals is None:
            return Prediction(scenes, scenes.new_zeros(len(actions)), memory)
        moved = move(scenes, actions)
        shown = inputs(scenes, moved, carry_all(scenes, actions, moved))
        with autocast(scenes.device, choose_bfloat16(self.config.precision, scenes.device)):
            gain = self.gain(self.trunk(shown, actions.to(scenes)), scenes, goals)
        return Prediction(scenes, gain, memory)
