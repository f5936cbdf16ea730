"""The network: an encoder, a ConvLSTM over time, heads for progress and stage, and a decoder of the next view.

Tensors are float32, or bfloat16 where layers multiply in it (``autocast``).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ravens_suite.core.forecast import STAGES

from ...common.recurrent import ConvLstm, LstmState, over_time

_FOLD = 4
"""Pixels a side that are folded into the channels of one cell, without loss: what follows costs a sixteenth."""
_SOURCES = 2
"""Where a pixel of the next view comes from: it stays, or it is that of the moved copy."""
_COLORS = 4
"""Red, green, blue, height."""


class Features(NamedTuple):
    """What the network makes of views; T times, B episodes.

    Attributes:
        fine: (T, B, width, 40, 20), of each view alone.
        memory: (T, B, 3 width, 20, 10): ``width`` channels of all views up to each, then ``2 width`` of each alone.
    """

    fine: Tensor
    memory: Tensor


class Residual(nn.Module):
    """Two 3x3 convolutions beside the identity.

    Args:
        width: channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        for layer, gain in ((self.first, 1.0), (self.second, 0.3)):
            nn.init.kaiming_normal_(layer.weight)
            layer.weight.data *= gain

    def forward(self, maps: Tensor) -> Tensor:
        """(batch, width, rows, columns) -> the same shape."""
        hidden: Tensor = self.second(functional.relu(self.first(functional.relu(maps))))
        return maps + hidden


class ProgressNet(nn.Module):
    """See the module's docstring.

    Args:
        width: channels at the finest cells and of the memory.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        folded = 7 * _FOLD**2
        self.fine = nn.Sequential(nn.PixelUnshuffle(_FOLD), nn.Conv2d(folded, width, 3, padding=1), Residual(width))
        self.coarse = nn.Sequential(
            nn.ReLU(), nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), Residual(2 * width), Residual(2 * width)
        )
        self.recurrent = ConvLstm(2 * width, width)
        self.judge = nn.Sequential(nn.Linear(6 * width, 4 * width), nn.ReLU(), nn.Linear(4 * width, 1 + len(STAGES)))
        last = nn.Conv2d(width, (_SOURCES + _COLORS) * _FOLD**2, 3, padding=1)
        self.decoder = nn.Sequential(
            nn.Conv2d(2 * width + folded, width, 3, padding=1),
            Residual(width),
            nn.ReLU(),
            last,
            nn.PixelShuffle(_FOLD),
        )
        for layer in (*self.fine, *self.coarse, *self.decoder):
            if isinstance(layer, nn.Conv2d):
                # Torch's own would shrink what passes through it to a third, layer by layer.
                nn.init.kaiming_normal_(layer.weight)
        # At first nothing is added to what stays and what is copied.
        nn.init.zeros_(last.weight[_SOURCES * _FOLD**2 :])
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    def watch(self, seen: Tensor, state: LstmState | None = None) -> tuple[Features, LstmState]:
        """What is known after each view.

        Args:
            seen: (T, B, 7, 160, 80), see ``episodes.Batch``.
            state: after what came before; ``None`` at the beginning.
        """
        fine = over_time(self.fine, seen)
        coarse = over_time(self.coarse, fine)
        memory, state = self.recurrent(coarse, state)
        # What is seen now goes past the memory, too: where things lie need not be remembered.
        return Features(fine, torch.cat([memory, coarse], dim=2)), state

    def judged(self, features: Features) -> tuple[Tensor, Tensor]:
        """Logits of progress (T, B), of which the sigmoid is the score so far, and of the stages (T, B, 3)."""
        memory = features.memory
        pooled = torch.cat([memory.mean(dim=(3, 4)), memory.amax(dim=(3, 4))], dim=2)
        values = self.judge(pooled)
        return values[..., 0], values[..., 1:]

    def next_view(self, features: Features, seen: Tensor, acting: Tensor, copied: Tensor) -> Tensor:
        """The views after some actions, (T, B, 4, 160, 80): colours in 0 to 1, height over its unit.

        Args:
            features: of the views before them.
            seen: (T, B, 7, 160, 80), those views.
            acting: (T, B, 2, 160, 80), the actions.
            copied: (T, B, 5, 160, 80), those views with the patch at the pick moved to the place.
        """
        fold = nn.PixelUnshuffle(_FOLD)
        times, episodes = seen.shape[:2]
        remembered = features.memory[:, :, : self.recurrent.hidden].flatten(0, 1)
        remembered = functional.interpolate(remembered, scale_factor=2.0)
        remembered = remembered.view(times, episodes, *remembered.shape[1:])
        given = over_time(fold, torch.cat([copied, acting], dim=2))
        values = over_time(self.decoder, torch.cat([features.fine, remembered, given], dim=2))
        share = torch.softmax(values[:, :, :_SOURCES], dim=2)
        stays, copy = seen[:, :, :_COLORS], copied[:, :, :_COLORS]
        return share[:, :, :1] * stays + share[:, :, 1:] * copy + values[:, :, _SOURCES:]
