"""Convolutions that are equivariant to quarter turns: the group C4 of Cohen and Welling (arXiv 1602.07576).

A field has four channels, one for each orientation of the group; a map of F fields is a tensor (batch, F * 4, rows,
columns). Rotating the input by a quarter turn, from the column axis (x) towards the row axis (y), rotates the output
and shifts the four channels of each field by one. Kernels are tied so that this holds exactly for any weights: each
training example also teaches its three rotated copies, with a quarter of the parameters of an ordinary layer of the
same width.

Tensors are float32, or bfloat16 where layers multiply in it (``autocast``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

ORIENTATIONS = 4
"""Channels of a field."""


def rotate_quarter_turns(maps: Tensor, turns: int) -> Tensor:
    """``maps`` (..., rows, columns) rotated by quarter turns from the column axis towards the row axis."""
    return torch.rot90(maps, turns, dims=(-1, -2))


def _rotated_kernels(weight: Tensor, rotation: Tensor) -> Tensor:
    """Kernels (outputs, inputs, n) in all orientations, (outputs, 4, inputs, n), by a matrix of ``_rotation_matrix``.

    The matrix holds zeros and ones, so the product is exact; it is many times as fast as indexing and its gradient.
    """
    rotated = weight @ rotation
    outputs, inputs, elements = weight.shape
    return rotated.view(outputs, inputs, ORIENTATIONS, elements).transpose(1, 2)


def _rotation_matrix(shape: tuple[int, ...]) -> Tensor:
    """(n, 4 n) float32 of zeros and ones: maps the n elements of a kernel to those of its four rotated copies.

    Args:
        shape: of the kernel, ``(4, k, k)`` if the input is a field and ``(k, k)`` if it is an image channel.
    """
    elements = torch.arange(math.prod(shape)).view(shape)
    fields = len(shape) == 3
    copies = [
        rotate_quarter_turns(elements.roll(turn, dims=0) if fields else elements, turn) for turn in range(ORIENTATIONS)
    ]
    index = torch.stack(copies).flatten()
    return functional.one_hot(index, elements.numel()).T.float()


class _Kept(NamedTuple):
    """Kernels that were made of weights.

    Attributes:
        state: of the weights, and the precision.
        kernels: and biases.
        weights: share the memory of the weights.
    """

    state: tuple[object, ...]
    kernels: tuple[Tensor, Tensor]
    weights: tuple[Tensor, ...]


class _TiedConv(nn.Module):
    """A convolution whose kernels are rotated copies of each other, four to a field.

    Args:
        fields: of the output.
        inputs: channels of the input image, or fields of the input.
        shape: of one kernel, see ``_rotation_matrix``.
        stride: in cells.
        padding: zeros around the input, in cells.
        gain: scale of the initial weights.
    """

    rotation: Tensor

    def __init__(
        self, fields: int, inputs: int, shape: tuple[int, ...], stride: int, padding: int, gain: float = 1.0
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.padding = shape[-1], stride, padding
        fan_in = inputs * math.prod(shape)
        # One row a field: optimisers of matrices take it as it is.
        self.weight = nn.Parameter(gain * _he((fields, fan_in), fan_in))
        self.bias = nn.Parameter(torch.zeros(fields))
        self.register_buffer("rotation", _rotation_matrix(shape), persistent=False)
        self._cache: _Kept | None = None

    def forward(self, maps: Tensor) -> Tensor:
        """(batch, channels, rows, columns) -> (batch, fields * 4, rows', columns')."""
        # Kept while acting only: kernels made in inference mode serve no gradient, a recorded step must make its own.
        acting = torch.is_inference_mode_enabled() and not self.weight.requires_grad
        weight, bias = self._cached(maps.device.type) if acting else self._tied()
        return functional.conv2d(maps, weight, bias, self.stride, self.padding)

    def forget_kernels(self) -> None:
        """See the function of this name."""
        self._cache = None

    def _tied(self) -> tuple[Tensor, Tensor]:
        """Kernels (fields * 4, channels, kernel, kernel) and biases (fields * 4,)."""
        fields = len(self.weight)
        weight = _rotated_kernels(self.weight.view(fields, -1, self.rotation.shape[0]), self.rotation)
        weight = weight.reshape(fields * ORIENTATIONS, -1, self.kernel, self.kernel)
        return weight, self.bias.repeat_interleave(ORIENTATIONS)

    def _cached(self, device_type: str) -> tuple[Tensor, Tensor]:
        """The same, computed again only after the weights have changed: it would be a tenth of the time of acting.

        For weights that are not trained only: an optimiser may change those without raising their version. Whoever
        changes the weights of what acts in such a way calls ``forget_kernels``.
        """
        if self.weight.is_inference():
            return self._tied()
        precision = torch.is_autocast_enabled(device_type) and torch.get_autocast_dtype(device_type)
        weights = (self.weight, self.bias)
        state = (precision, *((tensor._version, tensor.data_ptr()) for tensor in weights))
        if self._cache is None or self._cache.state != state:
            # The memory of the weights is held, so that no others come to lie where these did.
            self._cache = _Kept(state, self._tied(), tuple(tensor.detach() for tensor in weights))
        return self._cache.kernels


def forget_kernels(layers: Iterable[nn.Module]) -> None:
    """Let layers make their kernels again, after their weights were changed in place.

    Needed where torch changes weights without raising their version: by fused optimisers
    (``findings/torch_fused_adamw_keeps_version.sh``), through ``Tensor.data``, when a CUDA graph is replayed, and on
    CUDA by ``torch._foreach_lerp_`` with one number. That operator returns nothing, so the generated code of autograd
    raises no version; its kernel does not either, while those of its siblings do (``foreach_tensor_lerp_list_cuda_`` in
    aten/src/ATen/native/cuda/ForeachTernaryOp.cu, pytorch 22476fd).

    Args:
        layers: of any kinds, such as ``net.modules()``; those that keep no kernels are passed over.
    """
    for layer in layers:
        if isinstance(layer, _TiedConv):
            layer.forget_kernels()


class LiftingConv(_TiedConv):
    """Convolution of an image into fields, (batch, channels, rows, columns) to (batch, fields * 4, rows', columns').

    Args:
        channels: of the image.
        fields: of the output.
        kernel: side of the kernel.
        stride: in pixels.
        padding: zeros around the image, in pixels.
    """

    def __init__(self, channels: int, fields: int, kernel: int, *, stride: int = 1, padding: int = 0) -> None:
        super().__init__(fields, channels, (kernel, kernel), stride, padding)


class FieldConv(_TiedConv):
    """Convolution of fields into fields, (batch, inputs * 4, rows, columns) to (batch, outputs * 4, rows', columns').

    Args:
        inputs: fields of the input.
        outputs: fields of the output.
        kernel: side of the kernel; odd with stride 1, where the map keeps its size, else equal to the stride.
        stride: in cells.
        gain: scale of the initial weights; with a small one a residual block starts close to the identity.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, gain: float = 1.0) -> None:
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(outputs, inputs, (ORIENTATIONS, kernel, kernel), stride, padding, gain)


def invariants(values: Tensor) -> Tensor:
    """Rotation-invariant parts of field values (batch, F * 4): mean and maximum of each field, (batch, F * 2)."""
    orientations = values.view(len(values), -1, ORIENTATIONS)
    return torch.cat([orientations.mean(dim=2), orientations.amax(dim=2)], dim=1)


def modulate(fields: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Feature-wise modulation, ``fields * (1 + scale) + shift`` (FiLM, arXiv 1709.07871).

    Args:
        fields: (batch, F * 4, rows, columns).
        scale: (batch, F), one for all orientations of a field, which keeps equivariance.
        shift: (batch, F).

    Returns:
        (batch, F * 4, rows, columns).
    """
    scale, shift = (values.repeat_interleave(ORIENTATIONS, dim=1)[..., None, None] for values in (scale, shift))
    return fields * (1 + scale) + shift


def _he(shape: tuple[int, ...], fan_in: int) -> Tensor:
    return torch.randn(shape) * math.sqrt(2 / fan_in)
