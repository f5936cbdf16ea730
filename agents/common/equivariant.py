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


class _TiedConv(nn.Module):
    """A convolution whose kernel is turned to make those of the other three orientations.

    Args:
        fields: of the output.
        inputs: channels of the input, or fields of it.
        shape: of one kernel, as of ``_turning``.
        stride: step in pixels.
        padding: zeros about the input.
        gain: scale of the initial weights.
    """

    turning: Tensor

    def __init__(
        self, fields: int, inputs: int, shape: tuple[int, ...], stride: int, padding: int, gain: float = 1.0
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.padding = shape[-1], stride, padding
        fan_in = inputs * math.prod(shape)
        # One row a field, as matrix optimisers want it.
        self.weight = nn.Parameter(gain * _he((fields, fan_in), fan_in))
        self.bias = nn.Parameter(torch.zeros(fields))
        self.register_buffer("turning", _turning(shape), persistent=False)
        self._kept: tuple[tuple[object, ...], Tensor, Tensor] | None = None

    def forward(self, maps: Tensor) -> Tensor:
        """(batch, channels, rows, columns) -> (batch, fields * 4, rows', columns')."""
        weight, bias = self._tied() if self.weight.requires_grad else self._kept_for_acting(maps.device.type)
        return functional.conv2d(maps, weight, bias, self.stride, self.padding)

    def _tied(self) -> tuple[Tensor, Tensor]:
        """Kernels (fields * 4, channels, kernel, kernel) and biases (fields * 4,)."""
        fields = len(self.weight)
        weight = _orient(self.weight.view(fields, -1, self.turning.shape[0]), self.turning)
        weight = weight.reshape(fields * ORIENTATIONS, -1, self.kernel, self.kernel)
        return weight, self.bias.repeat_interleave(ORIENTATIONS)

    def _kept_for_acting(self, device_type: str) -> tuple[Tensor, Tensor]:
        """The same, made anew only after the weights have changed: of acting it would be a tenth of the time.

        Only of weights that are not trained: a fused optimiser changes those without leaving a trace.
        """
        if self.weight.is_inference():
            return self._tied()
        precision = torch.is_autocast_enabled(device_type) and torch.get_autocast_dtype(device_type)
        weights = (self.weight, self.bias)
        state = (precision, *((tensor._version, tensor.data_ptr()) for tensor in weights))
        if self._kept is None or self._kept[0] != state:
            weight, bias = self._tied()
            self._kept = state, weight, bias
        return self._kept[1:]


class LiftingConv(_TiedConv):
    """Convolution of an image, (batch, channels, rows, columns) into fields (batch, fields * 4, rows', columns')."""

    def __init__(self, channels: int, fields: int, kernel: int, *, stride: int = 1, padding: int = 0) -> None:
        super().__init__(fields, channels, (kernel, kernel), stride, padding)


class FieldConv(_TiedConv):
    """Convolution of fields into fields, (batch, inputs * 4, rows, columns) to (batch, outputs * 4, rows', columns').

    Args:
        inputs: fields of the input.
        outputs: fields of the output.
        kernel: side of the kernel; odd, and the map keeps its size, or equal to the stride.
        stride: step in pixels.
        gain: scale of the initial weights; a small one lets a residual branch start as next to nothing.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, gain: float = 1.0) -> None:
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(outputs, inputs, (ORIENTATIONS, kernel, kernel), stride, padding, gain)


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
