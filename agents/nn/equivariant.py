"""Layers whose output turns when their input turns by a quarter (group-equivariant convolutions, arXiv 1602.07576).

A field map is a tensor (batch, fields * 4, rows, columns). The four channels of a field belong to the four orientations
of the group C4; rotating the scene by a quarter turn (column axis towards row axis, which is x towards y) rotates the
map and moves every channel one orientation on. Kernels are tied so that this holds exactly, whatever their values: each
training example teaches four orientations, with a quarter of the parameters of an ordinary layer of the same width.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

ORIENTATIONS = 4


def quarter_turns(tensor: Tensor, turns: int) -> Tensor:
    """``tensor`` (..., rows, columns) turned by quarter turns from the column axis towards the row axis."""
    return torch.rot90(tensor, turns, dims=(-1, -2))


def turn_fields(tensor: Tensor, turns: int) -> Tensor:
    """A field map (batch, fields * 4, rows, columns) as it is after the scene turned by quarter turns."""
    batch, channels, rows, columns = tensor.shape
    fields = tensor.view(batch, channels // ORIENTATIONS, ORIENTATIONS, rows, columns)
    turned = quarter_turns(fields.roll(turns, dims=2), turns)
    return turned.reshape(batch, channels, *turned.shape[-2:])


class _Orient(torch.autograd.Function):
    """Kernels (outputs, inputs, n) to (outputs, 4, inputs, n): element k of orientation g is element index[g, k].

    Plain indexing would do, but its gradient scatters element by element.
    """

    @staticmethod
    def forward(ctx: Any, weight: Tensor, index: Tensor, inverse: Tensor) -> Tensor:
        ctx.save_for_backward(inverse)
        return weight[:, :, index].transpose(1, 2).contiguous()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (inverse,) = ctx.saved_tensors
        turned = [gradients[0][:, turn].index_select(2, inverse[turn]) for turn in range(ORIENTATIONS)]
        return torch.stack(turned).sum(dim=0), None, None


def _orient(weight: Tensor, index: Tensor, inverse: Tensor) -> Tensor:
    oriented: Tensor = _Orient.apply(weight, index, inverse)  # type: ignore[no-untyped-call]
    return oriented


def _orientations(kernel: Tensor, *, fields: bool) -> tuple[Tensor, Tensor]:
    """Element orders (4, n) of a kernel turned to each orientation, and their inverses.

    Args:
        kernel: of the shape ``(4, k, k)`` for field inputs and ``(k, k)`` for images.
        fields: whether the first axis is the input's orientation.
    """
    elements = torch.arange(kernel.numel()).view(kernel.shape)
    turned = [quarter_turns(elements.roll(turn, dims=0) if fields else elements, turn) for turn in range(ORIENTATIONS)]
    index = torch.stack([order.flatten() for order in turned])
    return index, index.argsort(dim=1)


class LiftingConv(nn.Module):
    """Convolution of a plain image (batch, channels, rows, columns) into fields."""

    index: Tensor
    inverse: Tensor

    def __init__(self, channels: int, fields: int, kernel: int, *, stride: int = 1, padding: int = 0) -> None:
        super().__init__()
        self.stride, self.padding = stride, padding
        self.weight = nn.Parameter(_he((fields, channels, kernel, kernel), channels * kernel**2))
        self.bias = nn.Parameter(torch.zeros(fields))
        index, inverse = _orientations(torch.empty(kernel, kernel), fields=False)
        self.register_buffer("index", index, persistent=False)
        self.register_buffer("inverse", inverse, persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """(batch, channels, rows, columns) -> (batch, fields * 4, rows', columns')."""
        fields, channels, kernel, _ = self.weight.shape
        weight = _orient(self.weight.flatten(2), self.index, self.inverse)
        weight = weight.view(fields * ORIENTATIONS, channels, kernel, kernel)
        bias = self.bias.repeat_interleave(ORIENTATIONS)
        return functional.conv2d(image, weight, bias, self.stride, self.padding)


class FieldConv(nn.Module):
    """Convolution of fields into fields.

    Args:
        inputs: fields of the input.
        outputs: fields of the output.
        kernel: side of the kernel; odd with ``padding = kernel // 2``, or equal to the stride.
        stride: step in pixels.
        gain: scale of the initial weights; a small one lets a residual branch start as next to nothing.
    """

    index: Tensor
    inverse: Tensor

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, gain: float = 1.0) -> None:
        super().__init__()
        self.stride = stride
        self.padding = kernel // 2 if stride == 1 else 0
        shape = (outputs, inputs, ORIENTATIONS, kernel, kernel)
        self.weight = nn.Parameter(gain * _he(shape, inputs * ORIENTATIONS * kernel**2))
        self.bias = nn.Parameter(torch.zeros(outputs))
        index, inverse = _orientations(torch.empty(ORIENTATIONS, kernel, kernel), fields=True)
        self.register_buffer("index", index, persistent=False)
        self.register_buffer("inverse", inverse, persistent=False)

    def forward(self, fields: Tensor) -> Tensor:
        """(batch, inputs * 4, rows, columns) -> (batch, outputs * 4, rows', columns')."""
        outputs, inputs, _, kernel, _ = self.weight.shape
        weight = _orient(self.weight.flatten(2), self.index, self.inverse)
        weight = weight.view(outputs * ORIENTATIONS, inputs * ORIENTATIONS, kernel, kernel)
        bias = self.bias.repeat_interleave(ORIENTATIONS)
        return functional.conv2d(fields, weight, bias, self.stride, self.padding)


def invariants(vector: Tensor) -> Tensor:
    """What does not turn of field values (batch, fields * 4): mean and maximum, (batch, fields * 2)."""
    values = vector.view(len(vector), -1, ORIENTATIONS)
    return torch.cat([values.mean(dim=2), values.amax(dim=2)], dim=1)


def modulate(fields: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """``fields * (1 + scale) + shift`` with one scale and shift a field, (batch, fields) each."""
    scale, shift = (values.repeat_interleave(ORIENTATIONS, dim=1)[..., None, None] for values in (scale, shift))
    return fields * (1 + scale) + shift


def _he(shape: tuple[int, ...], fan_in: int) -> Tensor:
    return torch.randn(shape) * math.sqrt(2 / fan_in)
