"""The encoder of a heightmap: a small U-Net of layers that are equivariant to quarter turns, with two decoders."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from ..common.equivariant import FieldConv, LiftingConv


class Features(NamedTuple):
    """Field maps of a scene.

    Attributes:
        fine: (batch, fields * 4, rows / 2, columns / 2), for placing and picking.
        coarse: (batch, fields * 4, rows / 4, columns / 4), for placing.
        global_context: like ``fine``, but the coarsest level also holds its own mean and maximum over the table; for
            picking alone.
    """

    fine: Tensor
    coarse: Tensor
    global_context: Tensor


CHANNELS = 5
"""Of the input image: red, green, blue, and two of height, see ``encode_image``."""
_SIZE = 0.15
"""Root mean square of features after each block: about that of the initial network."""


class Residual(nn.Module):
    """A residual block of two convolutions with RMS normalisation; without the latter it starts as the identity."""

    def __init__(self, fields: int) -> None:
        super().__init__()
        self.first = FieldConv(fields, fields)
        self.second = FieldConv(fields, fields, gain=0.1)

    def forward(self, fields: Tensor) -> Tensor:
        """Same shape in and out."""
        return rms_norm(functional.relu(fields + self.second(functional.relu(self.first(fields)))))


def rms_norm(fields: Tensor) -> Tensor:
    """Fields scaled to one root mean square over each whole scene.

    Muon's updates do not shrink, so weights grow during training, and features grow with the product over all layers:
    without normalisation the deep levels reached 1e9 within 3,000 steps, and then ReLU gave zeros only.
    """
    result: Tensor = _RmsNormFunction.apply(fields)  # type: ignore[no-untyped-call]
    return result


class RmsNorm(nn.Module):
    """``rms_norm``, as a layer."""

    def forward(self, fields: Tensor) -> Tensor:
        """Same shape in and out."""
        return rms_norm(fields)


class _RmsNormFunction(torch.autograd.Function):
    """``rms_norm``, with a gradient that goes through the fields twice instead of ten times."""

    @staticmethod
    def forward(ctx: Any, fields: Tensor) -> Tensor:
        """See ``rms_norm``."""
        count = fields[0].numel() ** 0.5
        norm = torch.linalg.vector_norm(fields, dim=(1, 2, 3), keepdim=True, dtype=_exact(fields))
        scale = _SIZE * count / (norm + 1e-4 * count)
        # The change of the scale along the fields, for a change of one in their product with themselves.
        slope = -scale.square() / (_SIZE * count * norm.clamp(min=1e-12))
        ctx.save_for_backward(fields, scale, slope)
        scaled: Tensor = fields * scale.to(fields.dtype)
        return scaled

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Gradient of the fields."""
        fields, scale, slope = ctx.saved_tensors
        # In the layout of the fields, which what is cut out of them does not keep: mixed, sums take four times as long.
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        along = (gradient * fields).sum(dim=(1, 2, 3), keepdim=True, dtype=_exact(fields))
        result: Tensor = torch.addcmul(gradient * scale.to(fields.dtype), fields, (slope * along).to(fields.dtype))
        return result


def _exact(fields: Tensor) -> torch.dtype:
    """The type to sum in."""
    return torch.promote_types(fields.dtype, torch.float32)


class Decoder(nn.Module):
    """The decoder of a U-Net, from its coarsest level to its finest.

    Args:
        widths: fields at each resolution, finest first.
        finished: whether there is a residual block at the finest resolution, too, where it costs most.
    """

    def __init__(self, widths: tuple[int, ...], *, finished: bool = True) -> None:
        super().__init__()
        pairs = list(pairwise(widths))
        self.skip = nn.ModuleList(FieldConv(a, a, kernel=1) for a, _ in pairs)
        self.up = nn.ModuleList(FieldConv(b, a, kernel=1) for a, b in pairs)
        self.merge = nn.ModuleList(
            Residual(a) if index or finished else RmsNorm() for index, (a, _) in enumerate(pairs)
        )

    def forward(self, levels: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Features of all levels, finest first, to those of the finest and of the one below it."""
        coarse = level = levels[-1]
        for index in reversed(range(len(self.up))):
            coarse = level
            # 1x1 convolutions commute with interpolation, and cost a quarter before it.
            raised = functional.interpolate(self.up[index](level), scale_factor=2, mode="bilinear")
            level = self.merge[index](functional.relu(raised + self.skip[index](levels[index])))
        return level, coarse


class Encoder(nn.Module):
    """A U-Net over half the resolution, a quarter, and so on, with two decoders.

    Placing reads the first decoder, picking reads both. Picking learns early what an object is; shared features let
    placing start from that. Without them, placing may find positions but no angles for a whole run.

    Args:
        channels: of the input image.
        widths: fields at these resolutions, finest first; at least two.
        depth: residual blocks at a resolution on the way down; a decoder has one, or none (see ``Decoder``).
    """

    def __init__(self, channels: int, widths: tuple[int, ...], depth: int) -> None:
        super().__init__()
        self.stem = LiftingConv(channels, widths[0], kernel=4, stride=2, padding=1)
        pairs = list(pairwise(widths))
        self.fine = FieldConv(widths[0], widths[0])
        self.down = nn.ModuleList(FieldConv(a, b, kernel=2, stride=2) for a, b in pairs)
        self.blocks = nn.ModuleList(nn.Sequential(*(Residual(b) for _ in range(depth))) for _, b in pairs)
        self.summary = FieldConv(2 * widths[-1], widths[-1], kernel=1)
        self.ascent = Decoder(widths)
        self.informed_ascent = Decoder(widths, finished=False)

    def forward(self, image: Tensor) -> Features:
        """(batch, channels, rows, columns), both multiples of two to the number of widths, to features."""
        levels = [functional.relu(self.fine(functional.relu(self.stem(image))))]
        for down, blocks in zip(self.down, self.blocks, strict=True):
            levels.append(blocks(functional.relu(down(levels[-1]))))
        fine, coarse = self.ascent(levels)
        # Whether a block is the last one left can only be seen in the whole table.
        low = levels[-1]
        whole = torch.cat([low.mean(dim=(2, 3), keepdim=True), low.amax(dim=(2, 3), keepdim=True)], dim=1)
        global_context, _ = self.informed_ascent([*levels[:-1], rms_norm(functional.relu(low + self.summary(whole)))])
        return Features(fine=fine, coarse=coarse, global_context=global_context)


def encode_image(color: Tensor, height: Tensor) -> Tensor:
    """The network's input.

    Args:
        color: (batch, rows, columns, 3) uint8.
        height: (batch, rows, columns) float32 metres.

    Returns:
        (batch, 5, rows, columns) float32: colours about zero, height in units of 5 cm, and height saturating within
        a few millimetres, which tells flat markers and the table from what stands on it.
    """
    shades = (color.permute(0, 3, 1, 2).float() / 255 - 0.2) / 0.3
    heights = torch.stack([height / 0.05, torch.tanh(height / 0.005)], dim=1)
    return torch.cat([shades, heights], dim=1).contiguous(memory_format=torch.channels_last)
