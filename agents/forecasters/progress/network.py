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
_BLACK = 0.02
"""Added to red, green and blue, 0 to 1, so that black has no colour."""
_VIVID = 2.0
"""By how much chromaticities are multiplied; colours differ by about as much then as in brightness."""
_GROUPS = 4
"""Groups of channels that are normalised together, each over a whole map."""
_FEW = 10.0
"""By how much a mean over all cells is multiplied: an object lies in a few of the 200."""


class Features(NamedTuple):
    """What the network makes of views; T times, B episodes.

    Attributes:
        fine: (T, B, width, 40, 20), of each view alone.
        memory: (T, B, 3 width, 20, 10): ``width`` channels of all views up to each, then ``2 width`` of each alone.
    """

    fine: Tensor
    memory: Tensor


class Residual(nn.Module):
    """Two 3x3 convolutions of normalised maps (group normalisation, arXiv 1803.08494) beside the identity.

    Args:
        width: channels; fewer than four, or no multiple of that, are normalised all together.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1 if width % _GROUPS else _GROUPS, width)
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        for layer, gain in ((self.first, 1.0), (self.second, 0.3)):
            nn.init.kaiming_normal_(layer.weight)
            layer.weight.data *= gain

    def forward(self, maps: Tensor) -> Tensor:
        """(batch, width, rows, columns) -> the same shape."""
        hidden: Tensor = self.second(functional.relu(self.first(functional.relu(self.norm(maps)))))
        return maps + hidden


class Fold(nn.Module):
    """Squares of 4 x 4 pixels as the channels of one cell, with what tells colours apart that are equally dark.

    A mark on the table may be a line of one pixel that is hardly lighter than the table. So each pixel comes with its
    chromaticity, its colour at any brightness, and each cell with the most and the least of it, which a large object
    beside the line does not outweigh.
    """

    channels = (7 + 3) * _FOLD**2 + 2 * 3

    def forward(self, seen: Tensor) -> Tensor:
        """(N, 7, 160, 80) of ``episodes.Batch`` -> (N, channels, 40, 20)."""
        color = seen[:, :3] + _BLACK
        chromaticity = _VIVID * (color / color.sum(dim=1, keepdim=True) - 1 / 3) * seen[:, 4:5]
        folded = functional.pixel_unshuffle(torch.cat([seen, chromaticity], dim=1), _FOLD)
        extremes = functional.max_pool2d(torch.cat([chromaticity, -chromaticity], dim=1), _FOLD)
        return torch.cat([folded, extremes], dim=1)


class ProgressNet(nn.Module):
    """See the module's docstring.

    Args:
        width: channels at the finest cells and of the memory.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        folded = 7 * _FOLD**2
        self.fine = nn.Sequential(Fold(), nn.Conv2d(Fold.channels, width, 3, padding=1), Residual(width))
        self.coarse = nn.Sequential(
            nn.ReLU(), nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), Residual(2 * width), Residual(2 * width)
        )
        self.recurrent = ConvLstm(2 * width, width)
        self.cells = nn.Conv2d(3 * width, 4 * width, 1)
        self.judge = nn.Sequential(nn.Linear(8 * width, 4 * width), nn.ReLU(), nn.Linear(4 * width, 1 + len(STAGES)))
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

    def watch(
        self, seen: Tensor, state: LstmState | None = None, valid: Tensor | None = None
    ) -> tuple[Features, LstmState]:
        """What is known after each view.

        Args:
            seen: (T, B, 7, 160, 80), see ``episodes.Batch``.
            state: after what came before; ``None`` at the beginning.
            valid: (T, B) bool, false in the padding, on which little time is spent then; ``None`` for views everywhere.
        """
        valid = seen.new_ones(seen.shape[:2], dtype=torch.bool) if valid is None else valid
        each = self.fine(seen[valid])  # (N, width, 40, 20)
        fine, coarse = _padded(each, valid), _padded(self.coarse(each), valid)
        memory, state = self.recurrent(coarse, state)
        # What is seen now goes past the memory, too: where things lie need not be remembered.
        return Features(fine, torch.cat([memory, coarse], dim=2)), state

    def judged(self, features: Features) -> tuple[Tensor, Tensor]:
        """Logits of progress (T, B), of which the sigmoid is the score so far, and of the stages (T, B, 3)."""
        # What lies in each cell is told apart before it is counted: a mean of colours is that of no object.
        cells = functional.relu(over_time(self.cells, features.memory))
        counted = cells.mean(dim=(3, 4)) * _FEW
        values = self.judge(torch.cat([counted, cells.amax(dim=(3, 4))], dim=2))
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


def _padded(maps: Tensor, valid: Tensor) -> Tensor:
    """(N, C, H, W), one of each of the N valid places of a mask (T, B), as (T, B, C, H, W) with zeros elsewhere."""
    padded = maps.new_zeros(*valid.shape, *maps.shape[1:])
    padded[valid] = maps
    return padded
