"""The picked object goes to the place, and a network corrects what that gets wrong.

After Transporters with Visual Foresight (arXiv 2202.10765), which moves the patch in the picture alone. Here colours
and heights are moved, and what the network adds begins at zero: an untrained model is ``moved-patch``.

What belongs to the picked object is no more than a guess: a bowl is not of one height, and of a rope only a part may
follow. So the network composes each pixel of the scene with the object moved, the scene as it was, the whole scene
moved, and the table. That is a choice that can be seen at the pixel itself.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...common.devices import autocast, choose_bfloat16
from ..config import VisualForesightConfig
from ..moving import Moved, carry_all, move
from ..scenes import CHANNELS
from ..trunk import GainHead, PictureHead, Trunk
from .base import Memory, Prediction, WorldModel

INPUTS = 3 * CHANNELS + 2
"""Channels: the scene, with the object moved, all of it moved, where the object was and where it goes."""
_GUESSES = 4


class Transport(WorldModel):
    """See the module's docstring."""

    more_inputs = 0
    """Channels that a subclass adds."""

    def __init__(self, config: VisualForesightConfig) -> None:
        super().__init__(config)
        self.trunk = Trunk(INPUTS + self.more_inputs, config.width)
        self.picture = PictureHead(config.width, _GUESSES)
        self.gain = GainHead(config.width)

    def predict(self, scenes: Tensor, actions: Tensor, memory: Memory = (), goals: Tensor | None = None) -> Prediction:
        """The moved scenes, corrected."""
        moved = move(scenes, actions)
        all_moved = carry_all(scenes, actions, moved)
        shown = torch.cat([inputs(scenes, moved, all_moved), *memory], dim=1)
        with autocast(scenes.device, choose_bfloat16(self.config.precision, scenes.device)):
            features = self.trunk(shown, actions.to(scenes))
            gain = scenes.new_zeros(len(actions)) if goals is None else self.gain(features, scenes, goals)
            made = moved.scene
            if self.config.share:
                made = self.picture(features, moved.scene, scenes, all_moved, moved.table)
        return Prediction(made, gain, memory)


def inputs(scenes: Tensor, moved: Moved, all_moved: Tensor) -> Tensor:
    """(B, ``INPUTS``, 160, 80): what the network sees beside the action."""
    return torch.cat([scenes, moved.scene, all_moved, moved.taken, moved.put], dim=1)
