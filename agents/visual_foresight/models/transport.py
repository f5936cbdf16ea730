"""The picked object goes to the place, and a network corrects what that gets wrong.

After Transporters with Visual Foresight (arXiv 2202.10765), which moves the patch in the picture alone. Here colours
and heights are moved, and what the network adds begins at zero: an untrained model is ``moved-patch``.

What belongs to the picked object is no more than a guess: a bowl is not of one height, and of a rope only a part may
follow. So the network composes each pixel of the scene with the object moved, the scene as it was, the whole scene
moved, with the turn of the hand and without, and the table. That is a choice that can be seen at the pixel itself.

The network looks along the action (``aligned.py``), and what it finds there is turned back.

Tensors are float32, see ``scenes.py``; layers may multiply in bfloat16.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...common.devices import autocast, choose_bfloat16
from ..aligned import View
from ..config import VisualForesightConfig
from ..moving import Moved, carry_all, move
from ..scenes import CHANNELS
from ..trunk import FineHead, GainHead, Trunk
from .base import Memory, Prediction, WorldModel

_INPUTS = 4 * CHANNELS + 2
"""Channels: the scene, with the object moved, all of it moved and turned and only moved, where the object was and where
it goes."""
_GUESSES = 4


class Guesses(NamedTuple):
    """What scenes may be after actions, before anything is learned.

    Attributes:
        moved: with the objects moved.
        turned: (B, 4, 160, 80) all of it moved and turned.
        shifted: (B, 4, 160, 80) all of it moved, not turned.
    """

    moved: Moved
    turned: Tensor
    shifted: Tensor

    @staticmethod
    def of(scenes: Tensor, actions: Tensor) -> Guesses:
        """Those for scenes (B, 4, 160, 80) and actions (B, 5)."""
        moved, level = move(scenes, actions), torch.cat([actions[:, :4], torch.zeros_like(actions[:, 4:])], dim=1)
        return Guesses(moved, carry_all(scenes, actions, moved), carry_all(scenes, level, moved))


class AlignedTrunk(nn.Module):
    """A ``Trunk`` that looks along the action.

    Args:
        width: of the features.
        more_inputs: channels beside those that every model sees.
    """

    def __init__(self, width: int, more_inputs: int = 0) -> None:
        super().__init__()
        self.trunk = Trunk(_INPUTS + more_inputs, width)

    def forward(self, scenes: Tensor, actions: Tensor, guesses: Guesses, more: Memory = ()) -> Tensor:
        """(B, width, 160, 80), at the pixels of the scenes.

        Args:
            scenes: (B, 4, 160, 80).
            actions: (B, 5).
            guesses: of these.
            more: (B, C, 160, 80) each.
        """
        moved, view = guesses.moved, View.of(actions.to(scenes))
        # Without the table, so that beside it there is what is on it: nothing.
        bare = [each - moved.table for each in (scenes, moved.scene, guesses.turned)]
        seen = view.look(torch.cat([*bare, moved.taken, moved.put, *more], dim=1))
        carried = view.look(bare[0], carried=True)
        features: Tensor = self.trunk(torch.cat([seen, carried], dim=1), view.actions)
        return view.back(features.float())


class Transport(WorldModel):
    """See the module's docstring."""

    more_inputs = 0
    """Channels that a subclass adds."""

    def __init__(self, config: VisualForesightConfig) -> None:
        super().__init__(config)
        self.trunk = AlignedTrunk(config.width, self.more_inputs)
        self.picture = FineHead(config.width, _GUESSES)
        self.gain = GainHead(config.width)

    def predict(self, scenes: Tensor, actions: Tensor, memory: Memory = (), goals: Tensor | None = None) -> Prediction:
        """The moved scenes, corrected. See ``WorldModel``."""
        guesses = Guesses.of(scenes, actions)
        moved = guesses.moved
        with autocast(scenes.device, choose_bfloat16(self.config.precision, scenes.device)):
            features = self.trunk(scenes, actions, guesses, memory)
            gain = scenes.new_zeros(len(actions))
            if goals is not None:
                gain = self.gain(functional.avg_pool2d(features, 2), scenes, goals)
            made = moved.scene
            if self.config.share:
                made = self.picture(features, moved.table, moved.scene, scenes, guesses.turned, guesses.shifted)
        return Prediction(made, gain, memory)
