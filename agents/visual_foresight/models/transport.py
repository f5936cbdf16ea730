"""The picked object goes to the place, and a network corrects what that gets wrong.

After Transporters with Visual Foresight (arXiv 2202.10765), which moves the patch in the picture alone. Here colours
and heights are moved, and what the network adds begins at zero: an untrained model is ``moved-patch``.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...common.devices import autocast, choose_bfloat16
from ..config import VisualForesightConfig
from ..moving import move
from ..scenes import CHANNELS
from ..trunk import MAPS, GainHead, PictureHead, Trunk, action_maps
from .base import Memory, Prediction, WorldModel

INPUTS = 2 * CHANNELS + 2 + MAPS
"""Channels: the scene, the scene with the object moved, where it was and where it goes, and the action."""


class Transport(WorldModel):
    """See the module's docstring."""

    more_inputs = 0
    """Channels that a subclass adds."""

    def __init__(self, config: VisualForesightConfig) -> None:
        super().__init__(config)
        self.trunk = Trunk(INPUTS + self.more_inputs, config.width)
        self.picture = PictureHead(config.width)
        self.gain = GainHead(config.width)

    def predict(self, scenes: Tensor, actions: Tensor, memory: Memory = (), goals: Tensor | None = None) -> Prediction:
        """The moved scenes, corrected."""
        moved = move(scenes, actions)
        maps = torch.cat([scenes, moved.scene, moved.taken, moved.put, action_maps(actions), *memory], dim=1)
        with autocast(scenes.device, choose_bfloat16(self.config.precision, scenes.device)):
            features = self.trunk(maps)
            gain = scenes.new_zeros(len(actions)) if goals is None else self.gain(features, scenes, goals)
            made = self.picture(features, scenes, moved.scene) if self.config.share else moved.scene
        return Prediction(made, gain, memory)
