"""The network that the learned models share: a small U-Net at half the resolution of a scene, and its heads."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .scenes import CHANNELS, COLUMNS, ROWS

_BUMP = 2.0
"""Pixels: width of the spots that mark the ends of an action."""
_SWATH = 4.0
"""Pixels: width of the stripe between them."""
MAPS = 6
"""Channels of ``action_maps``."""
_GROUPS = 4


def action_maps(actions: Tensor) -> Tensor:
    """Where an action begins and ends, and the stripe between, over which a blade sweeps or a load is dragged.

    Args:
        actions: (B, 5).

    Returns:
        (B, 6, 160, 80): spots at the pick and at the place; the stripe, how far along it a pixel is (0 to 1), and the
        two components of its direction.
    """
    rows = torch.arange(ROWS, device=actions.device)[None, :, None] + 0.5
    columns = torch.arange(COLUMNS, device=actions.device)[None, None, :] + 0.5
    start_x, start_y, end_x, end_y = (actions[:, index, None, None] for index in range(4))
    along_x, along_y = end_x - start_x, end_y - start_y
    length = (along_x**2 + along_y**2).sqrt().clamp_min(1.0)
    x, y = columns - start_x, rows - start_y
    share = (x * along_x + y * along_y) / length**2
    across = (x * along_y - y * along_x) / length
    inside = ((share > -_SWATH / length) & (share < 1 + _SWATH / length)).float()
    stripe = torch.exp(-((across / _SWATH) ** 2) / 2) * inside
    start = torch.exp(-(x**2 + y**2) / (2 * _BUMP**2))
    end = torch.exp(-((columns - end_x) ** 2 + (rows - end_y) ** 2) / (2 * _BUMP**2))
    directed = (stripe * share.clamp(0, 1), stripe * along_x / length, stripe * along_y / length)
    return torch.stack([start, end, stripe, *directed], dim=1)


class Trunk(nn.Module):
    """Maps of a scene and an action to features at half the resolution.

    Args:
        channels: of the maps.
        width: of the features; twice and three times as many at a quarter and an eighth of the resolution.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, width, 2, stride=2)
        self.first = _block(width, width)
        self.second = _block(width, 2 * width)
        self.third = _block(2 * width, 3 * width)
        self.up_second = _block(3 * width + 2 * width, 2 * width)
        self.up_first = _block(2 * width + width, width)

    def forward(self, maps: Tensor, added: Tensor | None = None) -> Tensor:
        """(B, C, 160, 80) to (B, width, 80, 40); what is ``added`` has the shape of the result."""
        begun = self.stem(maps)
        first = self.first(begun if added is None else begun + added)
        second = self.second(functional.max_pool2d(first, 2))
        third = self.third(functional.max_pool2d(second, 2))
        second = self.up_second(torch.cat([functional.interpolate(third, scale_factor=2.0), second], dim=1))
        features: Tensor = self.up_first(torch.cat([functional.interpolate(second, scale_factor=2.0), first], dim=1))
        return features


class PictureHead(nn.Module):
    """What a first guess of the next scene gets wrong.

    A predicted share of each pixel goes back to what it was before, and a correction is added. Both begin near zero, so
    that an untrained model predicts its first guess.

    Args:
        width: of the features.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.out = nn.Conv2d(width, 4 * (CHANNELS + 1), 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]  # It has one.

    def forward(self, features: Tensor, before: Tensor, guess: Tensor) -> Tensor:
        """(B, 4, 160, 80), the next scenes, of features (B, width, 80, 40)."""
        values = functional.pixel_shuffle(self.out(features), 2).float()
        back = torch.sigmoid(values[:, CHANNELS:] - 4)
        return guess + back * (before - guess) + values[:, :CHANNELS]


class GainHead(nn.Module):
    """How much nearer to a goal picture an action brings a scene, as a sum over the table.

    Args:
        width: of the features.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2 * CHANNELS, width, 2, stride=2)
        self.mix = nn.Conv2d(2 * width, 2 * width, 3, padding=1)
        self.out = nn.Conv2d(2 * width, 1, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]  # It has one.

    def forward(self, features: Tensor, before: Tensor, goal: Tensor) -> Tensor:
        """(B,) gains, in the units of ``distance.py``."""
        shown = self.stem(torch.cat([goal, goal - before], dim=1))
        local = self.out(functional.relu(self.mix(torch.cat([features, shown], dim=1))))
        gain: Tensor = local.float().flatten(1).sum(dim=1) * _LOCAL
        return gain


_LOCAL = 0.01
"""What one unit of one position's gain counts: so that the sum over 3,200 of them starts of the size of a gain."""


def _block(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1, bias=False),
        nn.GroupNorm(_GROUPS, width),
        nn.ReLU(),
        nn.Conv2d(width, width, 3, padding=1, bias=False),
        nn.GroupNorm(_GROUPS, width),
        nn.ReLU(),
    )
