"""The encoder of a heightmap: a small U-Net of layers that are equivariant to quarter turns, with two decoders.

Maps are float32, or bfloat16 where layers multiply in it (``autocast``).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from ..common.equivariant import FieldConv, LiftingConv


class Features(NamedTuple):
    """Feature maps of images, F fields each (see ``common/equivariant.py``).

    Attributes:
        fine: (batch, F * 4, rows / 2, columns / 2), for placing and picking.
        coarse: (batch, F * 4, rows / 4, columns / 4), for placing.
        global_context: of the shape of ``fine``, with the mean and the maximum over the whole table; for picking alone.
    """

    fine: Tensor
    coarse: Tensor
    global_context: Tensor


CHANNELS = 5
"""Channels of a map in the input: red, green, blue, and two of height, see ``encode_image``."""
_RMS = 0.15
"""Root mean square of features after each block: about that of the initial network."""
_EPSILON = 1e-4
"""Added to the root mean square, so that features of zero stay zero."""


class Residual(nn.Module):
    """A residual block of two convolutions with RMS normalisation; but for that, it is close to the identity at first.

    Args:
        fields: of input and output.
    """

    def __init__(self, fields: int) -> None:
        super().__init__()
        self.first = FieldConv(fields, fields)
        self.second = FieldConv(fields, fields, gain=0.1)

    def forward(self, fields: Tensor) -> Tensor:
        """(batch, fields * 4, rows, columns) in and out."""
        return rms_norm(functional.relu(fields + self.second(functional.relu(self.first(fields)))))


def rms_norm(fields: Tensor) -> Tensor:
    """Features scaled to a root mean square of 0.15 over all fields and cells of each scene (arXiv 1910.07467).

    Muon's updates do not shrink, so weights grow during training, and features grow with the product over all layers:
    without normalisation the deep levels reached 1e9 within 3,000 steps, and then ReLU gave zeros only.

    Args:
        fields: (batch, F * 4, rows, columns).

    Returns:
        Same shape and dtype.
    """
    result: Tensor = _RmsNormFunction.apply(fields)  # type: ignore[no-untyped-call]
    return result


class RmsNorm(nn.Module):
    """``rms_norm``, as a layer."""

    def forward(self, fields: Tensor) -> Tensor:
        """(batch, F * 4, rows, columns) in and out. See ``rms_norm``."""
        return rms_norm(fields)


class _RmsNormFunction(torch.autograd.Function):
    """``rms_norm``, with a gradient that goes through the fields twice instead of ten times."""

    @staticmethod
    def forward(ctx: Any, fields: Tensor) -> Tensor:
        """See ``rms_norm``."""
        count = fields[0].numel() ** 0.5
        norm = torch.linalg.vector_norm(fields, dim=(1, 2, 3), keepdim=True, dtype=_sum_dtype(fields))
        scale = _RMS * count / (norm + _EPSILON * count)
        # d scale / d fields = slope * fields.
        slope = -scale.square() / (_RMS * count * norm.clamp(min=1e-12))
        ctx.save_for_backward(fields, scale, slope)
        scaled: Tensor = fields * scale.to(fields.dtype)
        return scaled

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Gradient of the fields."""
        fields, scale, slope = ctx.saved_tensors
        # In the memory layout of the fields: with two layouts, the sum takes four times as long.
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        along = (gradient * fields).sum(dim=(1, 2, 3), keepdim=True, dtype=_sum_dtype(fields))
        result: Tensor = torch.addcmul(gradient * scale.to(fields.dtype), fields, (slope * along).to(fields.dtype))
        return result


def _sum_dtype(fields: Tensor) -> torch.dtype:
    """The dtype to sum in: at least float32."""
    return torch.promote_types(fields.dtype, torch.float32)


class Decoder(nn.Module):
    """The decoder of a U-Net, from its coarsest level to its finest.

    Args:
        widths: fields at each resolution, finest first.
        finished: whether there is a residual block at the finest resolution, too, where it costs most; else that level
            is only normalised.
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
        """Decoded features.

        Args:
            levels: (batch, widths[i] * 4, rows / 2^i, columns / 2^i) of the encoder, finest first.

        Returns:
            Those of the finest level and of the second finest, in the same shapes.
        """
        coarse = level = levels[-1]
        for index in reversed(range(len(self.up))):
            coarse = level
            # 1x1 convolutions commute with interpolation, and cost a quarter before it.
            upsampled = functional.interpolate(self.up[index](level), scale_factor=2, mode="bilinear")
            level = self.merge[index](functional.relu(upsampled + self.skip[index](levels[index])))
        return level, coarse


class Encoder(nn.Module):
    """A U-Net (arXiv 1505.04597) over half the resolution, a quarter, and so on, with two decoders.

    Placing reads the first decoder, picking reads both. Picking learns early what an object is; shared features let
    placing start from that. Without them, placing may find positions but no angles for a whole run.

    Submodules keep the names of earlier versions (``ascent`` and ``informed_ascent`` are the decoders), so that saved
    weights still load.

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

    def forward(self, image: Tensor, where: Tensor | None = None) -> Features:
        """Features of images (batch, channels, rows, columns); both sizes are multiples of ``2 ** len(widths)``.

        Args:
            image: see above.
            where: (batch, F * 4, rows / 2, columns / 2), added to the first features, if anything is.
        """
        first = self.stem(image) if where is None else self.stem(image) + where
        levels = [functional.relu(self.fine(functional.relu(first)))]
        for down, blocks in zip(self.down, self.blocks, strict=True):
            levels.append(blocks(functional.relu(down(levels[-1]))))
        fine, coarse = self.ascent(levels)
        # Whether a block is the last one left can only be seen in the whole table.
        low = levels[-1]
        table = torch.cat([low.mean(dim=(2, 3), keepdim=True), low.amax(dim=(2, 3), keepdim=True)], dim=1)
        global_context, _ = self.informed_ascent([*levels[:-1], rms_norm(functional.relu(low + self.summary(table)))])
        return Features(fine=fine, coarse=coarse, global_context=global_context)


def encode_image(color: Tensor, height: Tensor) -> Tensor:
    """The network's input.

    Args:
        color: (batch, rows, columns, 3) uint8.
        height: (batch, rows, columns) float32 metres.

    Returns:
        (batch, 5, rows, columns) float32: colours around zero, height in units of 5 cm, and height saturating within a
        few millimetres, which tells the table and flat markings from objects.
    """
    colors = (color.permute(0, 3, 1, 2).float() / 255 - 0.2) / 0.3
    heights = torch.stack([height / 0.05, torch.tanh(height / 0.005)], dim=1)
    return torch.cat([colors, heights], dim=1).contiguous(memory_format=torch.channels_last)


def with_scene(image: Tensor, other: Tensor) -> Tensor:
    """The input of an agent that is shown another scene or other maps, too: these come last, at the same places.

    Args:
        image: (batch, channels, rows, columns) float32 of ``encode_image`` or of this function.
        other: (batch, n, rows, columns) float32: of ``encode_image``, the finished scenes or the first ones, or of
            ``count_maps``.

    Returns:
        (batch, channels + n, rows, columns) float32.
    """
    return torch.cat([image, other], dim=1).contiguous(memory_format=torch.channels_last)
