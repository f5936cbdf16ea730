"""Layers whose output turns when their input turns by a quarter (group-equivariant convolutions, arXiv 1602.07576).

A field map is a tensor (batch, fields * 4, rows, columns). The four channels of a field belong to the four orientations
of the group C4; rotating the scene by a quarter turn (column axis towards row axis, which is x towards y) rotates the
map and moves every channel one orientation on. Kernels are tied so that this holds exactly, whatever their values: each
training example teaches four orientations, with a quarter of the parameters of an ordinary layer of the same width.
"""

from __future__ import annotations

import math

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


def _orient(weight: Tensor, turning: Tensor) -> Tensor:
    """Kernels (outputs, inputs, n) in all orientations, (outputs, 4, inputs, n), by a matrix from ``_turning``.

    The matrix holds zeros and ones, so the product is exact; it is many times as fast as indexing and its gradient.
    """
    turned = weight @ turning
    outputs, inputs, elements = weight.shape
    return turned.view(outputs, inputs, ORIENTATIONS, elements).transpose(1, 2)


def _turning(shape: tuple[int, ...]) -> Tensor:
    """(n, 4 n) float32 of zeros and ones: takes the n elements of a kernel to those of the kernel turned 0 to 3 times.

    Args:
        shape: of the kernel, ``(4, k, k)`` for inputs that are fields and ``(k, k)`` for an image.
    """
    elements = torch.arange(math.prod(shape)).view(shape)
    fields = len(shape) == 3
    turned = [quarter_turns(elements.roll(turn, dims=0) if fields else elements, turn) for turn in range(ORIENTATIONS)]
    index = torch.stack(turned).flatten()
    return functional.one_hot(index, elements.numel()).T.float()


class LiftingConv(nn.Module):
    """Convolution of a plain image (batch, channels, rows, columns) into fields."""

    turning: Tensor

    def __init__(self, channels: int, fields: int, kernel: int, *, stride: int = 1, padding: int = 0) -> None:
        super().__init__()
        self.kernel, self.stride, self.padding = kernel, stride, padding
        # One row a field, as matrix optimisers want it.
        self.weight = nn.Parameter(_he((fields, channels * kernel**2), channels * kernel**2))
        self.bias = nn.Parameter(torch.zeros(fields))
        self.register_buffer("turning", _turning((kernel, kernel)), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """(batch, channels, rows, columns) -> (batch, fields * 4, rows', columns')."""
        fields = len(self.weight)
        weight = _orient(self.weight.view(fields, -1, self.kernel**2), self.turning)
        weight = weight.reshape(fields * ORIENTATIONS, -1, self.kernel, self.kernel)
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

    turning: Tensor

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, gain: float = 1.0) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.padding = kernel // 2 if stride == 1 else 0
        fan_in = inputs * ORIENTATIONS * kernel**2
        self.weight = nn.Parameter(gain * _he((outputs, fan_in), fan_in))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("turning", _turning((ORIENTATIONS, kernel, kernel)), persistent=False)

    def forward(self, fields: Tensor) -> Tensor:
        """(batch, inputs * 4, rows, columns) -> (batch, outputs * 4, rows', columns')."""
        outputs = len(self.weight)
        weight = _orient(self.weight.view(outputs, -1, ORIENTATIONS * self.kernel**2), self.turning)
        weight = weight.reshape(outputs * ORIENTATIONS, -1, self.kernel, self.kernel)
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
