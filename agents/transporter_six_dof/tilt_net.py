"""Reads height and tilt of a place from the depth around it.

A window of the heightmap around the place goes through a few layers that are equivariant to quarter turns. Heights are
given relative to those of what stands there, so that a raised target looks like a low one. The tilt is a vector in the
plane, which turns with the window, and the height a scalar.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..common.equivariant import ORIENTATIONS, FieldConv, LiftingConv
from ..common.sampling import sample

SIDE = 32
"""Pixels, 10 cm: side of the window."""
UNIT = 0.05
"""Metres: unit of heights within the network."""
_STANDING = 0.004
"""Metres above the table from which a pixel belongs to what stands there."""
_MOST = 3.0
"""Units that a relative height is limited to."""
_CHANNELS = 2
"""Of a window: what stands there, and its relative height."""
_WIDTHS = (12, 24, 32, 48)
"""Fields at a window's full resolution, at half of it, a quarter, and an eighth."""
_HIDDEN = 64
"""Fields of the whole window."""


class Reading(NamedTuple):
    """Tilts and heights of places.

    Attributes:
        tilt: (batch, 2) float32, x and y of the unit vector in which the tool's z axis points.
        height: (batch,) float32 metres.
    """

    tilt: Tensor
    height: Tensor


class TiltNet(nn.Module):
    """All weights of the head.

    Attributes:
        tilting: () bool buffer, whether any demonstrated place was tilted; if not, there is nothing to read.
    """

    tilting: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.stem = LiftingConv(_CHANNELS, _WIDTHS[0], kernel=3, padding=1)
        self.down = nn.ModuleList(FieldConv(a, b, kernel=2, stride=2) for a, b in pairwise(_WIDTHS))
        self.blocks = nn.ModuleList(FieldConv(width, width) for width in _WIDTHS[1:])
        last = SIDE >> (len(_WIDTHS) - 1)
        self.whole = FieldConv(_WIDTHS[-1], _HIDDEN, kernel=last, stride=last)
        self.output = FieldConv(_HIDDEN, 2, kernel=1, gain=0.1)
        self.register_buffer("tilting", torch.tensor(False))

    def forward(self, height: Tensor, places: Tensor) -> Reading:
        """Tilts and heights of places.

        Args:
            height: (batch, rows, columns) float32 metres.
            places: (batch, 2) float32 heightmap pixels (column, row).
        """
        windows, base = windows_at(height, places)
        fields = functional.relu(self.stem(windows))
        for down, block in zip(self.down, self.blocks, strict=True):
            fields = functional.relu(down(fields))
            fields = functional.relu(fields + block(fields))
        outputs = self.output(functional.relu(self.whole(fields)))[..., 0, 0].view(len(height), 2, ORIENTATIONS)
        east, north, west, south = outputs[:, 0].unbind(dim=1)
        tilt = torch.stack([east - west, north - south], dim=1)
        return Reading(tilt, base + UNIT * outputs[:, 1].mean(dim=1))


def windows_at(height: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """What stands around places.

    Args:
        height: (batch, rows, columns) float32 metres.
        places: (batch, 2) float32 heightmap pixels (column, row).

    Returns:
        (batch, 2, SIDE, SIDE) float32: where something stands, and how much higher than the mean of that, in units; and
        (batch,) float32 metres, this mean.
    """
    steps = torch.arange(SIDE, dtype=torch.float32, device=height.device) - (SIDE - 1) / 2
    row, column = torch.meshgrid(steps, steps, indexing="ij")
    offsets = torch.stack([column, row], dim=-1)
    table = height[:, ::4, ::4].flatten(1).median(dim=1).values[:, None, None]
    # Of the nearest pixels: means over an edge would be heights that nothing has.
    window = sample(height[:, None], places[:, None, None] + offsets, mode="nearest")[:, 0]
    standing = (window > table + _STANDING).float()
    base = (window * standing).sum(dim=(1, 2)) / standing.sum(dim=(1, 2)).clamp(min=1)
    relative = ((window - base[:, None, None]) / UNIT).clamp(-_MOST, _MOST) * standing
    return torch.stack([standing, relative], dim=1), base
