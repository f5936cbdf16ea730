"""Predicts how much nearer to the goal picture an action brings the scene, and no picture."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from ...common.devices import autocast, choose_bfloat16
from ..config import VisualForesightConfig
from ..moving import move
from ..trunk import GainHead, Trunk, action_maps
from .base import Memory, Prediction, WorldModel
from .transport import INPUTS


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
        maps = torch.cat([scenes, moved.scene, moved.taken, moved.put, action_maps(actions)], dim=1)
        with autocast(scenes.device, choose_bfloat16(self.config.precision, scenes.device)):
            gain = self.gain(self.trunk(maps), scenes, goals)
        return Prediction(scenes, gain, memory)
