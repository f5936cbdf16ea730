"""A ConvLSTM between an encoder and a decoder: what a scene becomes is remembered over the actions of an episode.

It is not told that objects are carried: pictures of scenes and actions are all that it learns from. Its memory begins
empty with every plan. Windows of one action (``horizon`` 1) teach it nothing about memory; then it begins empty with
every action.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...common.devices import autocast, choose_bfloat16
from ...common.recurrent import ConvLstm, LstmState
from ..config import VisualForesightConfig
from ..scenes import CHANNELS, COLUMNS, ROWS
from ..trunk import MAPS, GainHead, PictureHead, Trunk, action_maps
from .base import Memory, Prediction, WorldModel

_REDUCED = 8
"""Scene pixels along a side of one cell of the memory: it sees far, so that a pick and its place meet."""


class ConvLSTM(WorldModel):
    """See the module's docstring."""

    def __init__(self, config: VisualForesightConfig) -> None:
        super().__init__(config)
        width = config.width
        self.channels = 2 * width
        self.encoder = nn.Sequential(
            nn.Conv2d(CHANNELS + MAPS, width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, self.channels, 4, stride=2, padding=1),
            nn.ReLU(),
        )
        self.cell = ConvLstm(self.channels, self.channels)
        self.decoder = nn.Conv2d(self.channels, width, 1)
        self.trunk = Trunk(CHANNELS, width)
        self.picture = PictureHead(width, 1)
        self.gain = GainHead(width)

    def begin(self, scenes: Tensor) -> Memory:
        """Zeros: twice (B, channels, 20, 10). See ``WorldModel``."""
        shape = (len(scenes), self.channels, ROWS // _REDUCED, COLUMNS // _REDUCED)
        return scenes.new_zeros(shape), scenes.new_zeros(shape)

    def predict(self, scenes: Tensor, actions: Tensor, memory: Memory = (), goals: Tensor | None = None) -> Prediction:
        """The next scenes, and the memory after them. See ``WorldModel``."""
        if self.config.horizon == 1 or not memory:
            memory = self.begin(scenes)
        maps = torch.cat([scenes, action_maps(actions)], dim=1)
        with autocast(scenes.device, choose_bfloat16(self.config.precision, scenes.device)):
            remembered, state = self.cell.step(self.encoder(maps), LstmState(*memory))
            wide = functional.interpolate(self.decoder(remembered), scale_factor=_REDUCED / 2)
            features = self.trunk(scenes, actions, wide)
            gain = scenes.new_zeros(len(actions)) if goals is None else self.gain(features, scenes, goals)
            made = self.picture(features, scenes) if self.config.share else scenes
        return Prediction(made, gain, (state.hidden.float(), state.cell.float()))
