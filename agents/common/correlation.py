"""Cross-correlation of many small queries with maps, by the Fourier transform."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def correlate_everywhere(query: Tensor, maps: Tensor) -> Tensor:
    """Correlation of each query with whole maps, summed over channels.

    Args:
        query: (batch, angles, channels, side, side) float32, side odd.
        maps: (batch, maps, channels, rows, columns) float32.

    Returns:
        (batch, maps, angles, rows, columns) float32: the value with the centre of the query on each cell. Beyond the
        map counts as zero.
    """
    side = query.shape[-1]
    radius = side // 2
    rows, columns = maps.shape[-2:]
    # The transform is cyclic: one band of zeros serves both ends of the map.
    full = _correlate(query, maps, (_fast_size(max(rows + radius, side)), _fast_size(max(columns + radius, side))))
    return full.roll((radius, radius), dims=(-2, -1))[..., :rows, :columns]


def correlate_nearby(query: Tensor, patch: Tensor) -> Tensor:
    """Correlation of each query with patches, summed over channels, at all offsets at which it lies inside.

    Args:
        query: (batch, angles, channels, side, side) float32.
        patch: (batch, patches, channels, side + n - 1, side + m - 1) float32.

    Returns:
        (batch, patches, angles, n, m) float32: index 0 has the first row or column of the query on that of the patch.
    """
    rows, columns = (patch.shape[axis] - query.shape[axis] + 1 for axis in (-2, -1))
    full = _correlate(query, patch, (_fast_size(patch.shape[-2]), _fast_size(patch.shape[-1])))
    return full[..., :rows, :columns]


def _correlate(query: Tensor, patch: Tensor, size: tuple[int, int]) -> Tensor:
    """(batch, patches, angles, *size): cyclic correlation of queries and patches that are padded to a size."""
    result: Tensor = _CyclicCorrelation.apply(query, patch, size)  # type: ignore[no-untyped-call]
    return result


class _CyclicCorrelation(torch.autograd.Function):
    """Cyclic correlation with its own gradient.

    There are hundreds of rotated queries, and their transforms are nearly all of the work. The gradient that automatic
    differentiation finds transforms them back as complex arrays, two to three times as slowly.
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, patch: Tensor, size: tuple[int, int]) -> Tensor:
        """See ``_correlate``."""
        queries, patches = torch.fft.rfft2(query, s=size)[:, None], torch.fft.rfft2(patch, s=size)[:, :, None]
        ctx.save_for_backward(queries, patches)
        ctx.shapes = query.shape[-2:], patch.shape[-2:]
        # conj(a) b = conj(a conj(b)): this conjugates the patches, which are few, instead of the queries.
        spectrum = _summed_products(queries, patches.conj().resolve_conj(), 3).conj()
        result: Tensor = torch.fft.irfft2(spectrum, s=size)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        """Gradients of query and patch."""
        queries, patches = ctx.saved_tensors
        query_shape, patch_shape = ctx.shapes
        slope = torch.fft.rfft2(gradient)[:, :, :, None]
        columns = gradient.shape[-1]
        of_query = of_patch = None
        if ctx.needs_input_grad[0]:
            of_query = _inverse(_summed_products(patches, slope.conj().resolve_conj(), 1), query_shape, columns)
        if ctx.needs_input_grad[1]:
            of_patch = _inverse(_summed_products(queries, slope, 2), patch_shape, columns)
        return of_query, of_patch, None


def _summed_products(a: Tensor, b: Tensor, axis: int) -> Tensor:
    """``(a * b).sum(axis)`` without writing all products to memory."""
    total = a.select(axis, 0) * b.select(axis, 0)
    for index in range(1, a.shape[axis]):
        total.addcmul_(a.select(axis, index), b.select(axis, index))
    return total


def _inverse(spectrum: Tensor, shape: tuple[int, int], columns: int) -> Tensor:
    """The top left part, of a shape, of the real maps with some number of columns that have a half spectrum."""
    rows: Tensor = torch.fft.ifft(spectrum, dim=-2)[..., : shape[0], :]
    maps: Tensor = torch.fft.irfft(rows, n=columns)[..., : shape[1]]
    return maps


def _fast_size(size: int) -> int:
    """The next size whose only prime factors are 2, 3, 5 and 7: its transform is fast."""
    while True:
        rest = size
        for prime in (2, 3, 5, 7):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return size
        size += 1
