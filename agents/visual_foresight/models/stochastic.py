"""``transport`` with a latent variable: what cannot be known beforehand, such as which way a rope falls.

In training an encoder sees what happened and says in a few numbers what was not to be known (a variational
autoencoder, arXiv 1312.6114; for video arXiv 1710.11252). Plans go by the mean of the prior, ``sample`` draws from it.

Tensors are float32, see ``scenes.py``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..config import VisualForesightConfig
from ..moving import move
from ..scenes import CHANNELS, COLUMNS, ROWS
from ..trunk import MAPS, action_maps
from .base import Memory, Prediction, Window
from .transport import Transport

_LATENT = 8
"""Numbers of the latent variable."""
_WEIGHT = 0.01
"""Of the Kullback-Leibler divergence from the prior beside the error of the pictures."""


class Stochastic(Transport):
    """See the module's docstring."""

    more_inputs = _LATENT

    def __init__(self, config: VisualForesightConfig) -> None:
        super().__init__(config)
        width = config.width
        self.encoder = nn.Sequential(
            nn.Conv2d(3 * CHANNELS + MAPS, width, 4, stride=4),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(2 * width, 2 * width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(2 * width, 2 * _LATENT),
        )

    def predict(self, scenes: Tensor, actions: Tensor, memory: Memory = (), goals: Tensor | None = None) -> Prediction:
        """The moved scenes, corrected, for the memory's latent variable, or the prior's mean. See ``WorldModel``."""
        latent = memory[0] if memory else scenes.new_zeros(len(actions), _LATENT)
        wide = latent[:, :, None, None].expand(-1, -1, ROWS, COLUMNS)
        return super().predict(scenes, actions, (wide,), goals)._replace(memory=())

    def sample(self, scenes: Tensor, actions: Tensor, generator: torch.Generator) -> Prediction:
        """One of the scenes that may follow.

        Args:
            scenes: (B, 4, 160, 80).
            actions: (B, 5).
            generator: draws it.
        """
        latent = torch.randn(len(actions), _LATENT, generator=generator).to(scenes)
        return self.predict(scenes, actions, (latent,))

    def losses(self, window: Window, generator: torch.Generator) -> dict[str, Tensor]:
        """Those of ``transport`` for latent variables of what happened, and how far these are from the prior.

        See ``WorldModel.losses``.
        """
        # One action at a time: what is not to be known is another thing for each.
        scenes, actions = window.scenes[:, :-1].flatten(0, 1), window.actions.flatten(0, 1)
        after = window.scenes[:, 1:].flatten(0, 1)
        goals = window.goals.repeat_interleave(window.actions.shape[1], 0)
        moved = move(scenes, actions).scene
        seen = torch.cat([scenes, after, moved, action_maps(actions)], dim=1)
        mean, deviation = self.encoder(seen).float().chunk(2, dim=1)
        scale = torch.exp(deviation.clamp(-6, 3))
        noise = torch.randn(mean.shape, generator=generator).to(mean)
        divergence = (scale**2 + mean**2 - 1 - 2 * torch.log(scale)).sum(dim=1).mean() / 2
        found = self._losses(scenes, after, actions, goals, mean + scale * noise, generator)
        return {**found, "latent": _WEIGHT * divergence}

    def _losses(
        self,
        scenes: Tensor,
        after: Tensor,
        actions: Tensor,
        goals: Tensor,
        latent: Tensor,
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        window = Window(torch.stack([scenes, after], dim=1), actions[:, None], goals)
        self._latent = latent
        return super().losses(window, generator)

    def begin(self, scenes: Tensor) -> Memory:
        """In training the latent variables of what happened, (B, 8) float32; none in planning. See ``WorldModel``."""
        latent, self._latent = self._latent, None
        return () if latent is None else (latent,)

    _latent: Tensor | None = None
