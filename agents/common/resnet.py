"""The fully convolutional residual network of the published agent (arXiv 2010.14406, section 3.4 and its code).

Maps are float32, or bfloat16 within ``autocast``, unless another dtype is said.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

_DOWN, _UP = (1, 2, 3), (4, 5, 6)
"""Stages that begin with a stride of two, and stages that end with upsampling by two."""


class Bottleneck(nn.Module):
    """A residual block of three convolutions (1x1, 3x3, 1x1); its shortcut is a convolution where sizes change.

    Args:
        inputs: channels.
        hidden: channels between the convolutions.
        outputs: channels.
        stride: of the first convolution and of the shortcut.
        project: whether the shortcut is a convolution.
        closing: whether a ReLU follows the sum.
    """

    def __init__(
        self, inputs: int, hidden: int, outputs: int, *, stride: int = 1, project: bool = False, closing: bool = True
    ) -> None:
        super().__init__()
        self.stride, self.closing = stride, closing
        self.first = nn.Conv2d(inputs, hidden, 1)
        self.second = nn.Conv2d(hidden, hidden, 3, padding=1)
        self.third = nn.Conv2d(hidden, outputs, 1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if project else nn.Identity()

    def forward(self, image: Tensor) -> Tensor:
        """(batch, inputs, rows, columns) -> (batch, outputs, rows / stride, columns / stride)."""
        if self.stride > 1:
            # The same as 1x1 convolutions with this stride, whose gradient oneDNN writes beyond its memory when
            # channels are few (seen with PyTorch 2.13 on a processor with matrix tiles).
            image = image[..., :: self.stride, :: self.stride].contiguous(memory_format=torch.channels_last)
        hidden = functional.relu(self.first(image), inplace=True)
        hidden = functional.relu(self.second(hidden), inplace=True)
        total: Tensor = self.third(hidden).add_(self.shortcut(image))
        return functional.relu(total, inplace=True) if self.closing else total


class ResNet(nn.Module):
    """A 3x3 stem and eight stages of two residual blocks, down to an eighth of the resolution and back up.

    There is no normalisation. With the published widths there are 49 convolutions on the longest path; the paper counts
    43. Initial weights are the published ones: Glorot uniform, biases zero.

    Args:
        inputs: channels.
        outputs: channels.
        widths: channels of the first seven stages; the stem has as many as the first stage.
        head: channels between the convolutions of the eighth stage.
    """

    def __init__(self, inputs: int, outputs: int, widths: tuple[int, ...], head: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(inputs, widths[0], 3, padding=1)
        self.stages = nn.ModuleList()
        before = widths[0]
        for index, width in enumerate(widths):
            stride = 2 if index in _DOWN else 1
            self.stages.append(
                nn.Sequential(
                    Bottleneck(before, width, width, stride=stride, project=True), Bottleneck(width, width, width)
                )
            )
            before = width
        self.stages.append(
            nn.Sequential(
                Bottleneck(before, head, outputs, project=True, closing=False),
                Bottleneck(outputs, head, outputs, closing=False),
            )
        )
        for layer in self._convolutions():
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def _convolutions(self) -> Iterator[nn.Conv2d]:
        return (layer for layer in self.modules() if isinstance(layer, nn.Conv2d))

    def forward(self, image: Tensor) -> Tensor:
        """(batch, inputs, rows, columns), both multiples of 8, -> (batch, outputs, rows, columns) float32."""
        level = functional.relu(self.stem(image), inplace=True)
        for index, stage in enumerate(self.stages):
            level = stage(level)
            if index in _UP:
                level = functional.interpolate(level, scale_factor=2, mode="bilinear")
        return level.float()


def count_parameters(net: nn.Module) -> int:
    """The number of trained weights."""
    return sum(parameter.numel() for parameter in net.parameters())


# Published statistics of simulated tables: of colour channels from 0 to 1, and of heights in metres.
_COLOR_MEAN, _COLOR_STD = 0.18877631, 0.07276466
_HEIGHT_MEAN, _HEIGHT_STD = 0.00509261, 0.00903967


def normalise(color: Tensor, height: Tensor) -> Tensor:
    """The published input: colour and height, normalised.

    Args:
        color: (batch, rows, columns, 3) uint8.
        height: (batch, rows, columns) float32 metres.

    Returns:
        (batch, 6, rows, columns) float32: three colours, and the height three times.
    """
    colors = (color.permute(0, 3, 1, 2).float() / 255 - _COLOR_MEAN) / _COLOR_STD
    heights = ((height - _HEIGHT_MEAN) / _HEIGHT_STD)[:, None].expand(-1, 3, -1, -1)
    return torch.cat([colors, heights], dim=1)
