"""Where a picked object goes: cross-correlation of rotated query fields with key fields.

After Transporter Networks (arXiv 2010.14406, section 3.2), with two changes. Features are steerable: scalars, and
vectors that turn once to six times as fast as the scene, so that rotating the query by any angle also turns the
features' directions (as in Fourier Transporter, arXiv 2401.12046); one pass through the network then serves all angles.
And placing is coarse to fine: all positions and angles at a quarter of the resolution, then small neighbourhoods of the
best of them at half of it.

Positions are in cells of the map at hand, (column, row); cell ``i`` covers ``[i, i + 1)``.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from .equivariant import ORIENTATIONS, quarter_turns

HARMONICS = 4
"""Fields come in multiples of this, so that each kind of feature gets its share of them."""


def steerable(fields: Tensor) -> Tensor:
    """Another basis of field values: scalars, and vectors that turn once or several times as fast as the scene.

    The four orientations of a field know how it behaves under quarter turns only, which leaves open whether, say, an
    invariant is a scalar or a vector that turns four times as fast. Both are wanted: the direction of a square's sides
    is a vector of the latter kind, so that a square may be matched with a square by what each looks like in one place.

    Args:
        fields: (batch, fields * 4, ...) with a number of fields F that is a multiple of ``HARMONICS``.

    Returns:
        (batch, F * 4, ...): F / 2 scalars, then the first and then the second components of 7 F / 4 vectors, in the
        order of ``_frequencies``.
    """
    f = fields.view(len(fields), -1, ORIENTATIONS, *fields.shape[2:])
    east, north, west, south = f.unbind(dim=2)
    even, odd = east + west, north + south
    scalars, fours = ((even + odd) / 2).chunk(2, dim=1)
    x, y = east - west, north - south
    quarter = x.shape[1] // HARMONICS
    # Three quarter turns are one back: a vector that turns three times as fast is a mirrored one.
    mirrored = torch.cat([y[:, : 2 * quarter], -y[:, 2 * quarter : 3 * quarter], y[:, 3 * quarter :]], dim=1)
    twos, sixes = (even - odd).chunk(2, dim=1)
    pairs = [use_bfloat16.chunk(2, dim=1) for use_bfloat16 in (fours, twos, sixes)]
    first = [x, *(pair[0] for pair in pairs)]
    second = [mirrored, *(pair[1] for pair in pairs)]
    return torch.cat([scalars, *first, *second], dim=1)


def _frequencies(fields: int) -> list[int]:
    """How many times as fast as the scene each vector of ``steerable`` turns."""
    quarter = fields // HARMONICS
    return [1] * (2 * quarter) + [frequency for frequency in (3, 5, 4, 2, 6) for _ in range(quarter)]


def _turn_features(features: Tensor, angles: Tensor) -> Tensor:
    """Steerable features (batch, angles, F * 4, rows, columns), each turned by its angle (batch, angles)."""
    count = features.shape[2] // ORIENTATIONS
    frequencies = torch.tensor(_frequencies(count), device=angles.device)
    vectors = len(frequencies)
    scalars, first, second = torch.split(features, [count // 2, vectors, vectors], dim=2)
    turns = (angles[..., None] * frequencies)[..., None, None]
    c, s = torch.cos(turns), torch.sin(turns)
    return torch.cat([scalars, c * first - s * second, s * first + c * second], dim=2)


def sample(maps: Tensor, points: Tensor, mode: str = "bilinear") -> Tensor:
    """Values of maps at points, zero outside.

    Args:
        maps: (batch, channels, rows, columns).
        points: (batch, ..., 2) columns and rows, in cells.
        mode: ``bilinear`` or ``nearest``.

    Returns:
        (batch, channels, ...) of the maps' type.
    """
    rows, columns = maps.shape[-2:]
    size = torch.tensor([columns, rows], dtype=torch.float32, device=maps.device)
    grid = (2 * points / size - 1).flatten(1, -2)[:, :, None]
    values = functional.grid_sample(maps, grid.to(maps.dtype), mode, align_corners=False)
    return values.view(*maps.shape[:2], *points.shape[1:-1])


def window(radius: int, device: torch.device) -> Tensor:
    """(2 radius + 1, 2 radius + 1, 2) float32 offsets (column, row) from the middle of a window."""
    steps = torch.arange(-radius, radius + 1, dtype=torch.float32, device=device)
    row, column = torch.meshgrid(steps, steps, indexing="ij")
    return torch.stack([column, row], dim=-1)


def crop(maps: Tensor, centres: Tensor, radius: int, step: float = 1.0) -> Tensor:
    """(batch, channels, ..., side, side): maps in upright windows about centres (batch, ..., 2), sampled at a step."""
    return sample(maps.float(), centres[..., None, None, :] + step * window(radius, maps.device))


def turned_back(offsets: Tensor, angles: Tensor) -> Tensor:
    """Where what ends at an offset came from, when all turned about the middle.

    Args:
        offsets: (side, side, 2) columns and rows from the middle.
        angles: (batch, angles) radians, x towards y.

    Returns:
        (batch, angles, side, side, 2).
    """
    c, s = torch.cos(angles)[..., None, None], torch.sin(angles)[..., None, None]
    column, row = offsets[..., 0], offsets[..., 1]
    return torch.stack([c * column + s * row, c * row - s * column], dim=-1)


def rotate_query(query: Tensor, angles: Tensor) -> Tensor:
    """Queries as they are after their object turned about the pick.

    Args:
        query: (batch, channels, side, side) steerable features about the pick, side odd.
        angles: (batch, angles) radians, x towards y.

    Returns:
        (batch, angles, channels, side, side).
    """
    side = query.shape[-1]
    source = turned_back(window(side // 2, query.device), angles) + side / 2
    turned = sample(query, source).transpose(1, 2)
    return _turn_features(turned, angles)


def match_everywhere(query: Tensor, key: Tensor, angles: Tensor) -> Tensor:
    """Match of a query, turned by each angle, at every position of a map.

    To turn the query by a quarter more is to turn the map by a quarter less and then the result, which is exact: so of
    four angles that are a quarter apart one is transformed, once for upright maps and once for those on their side.

    Args:
        query: (batch, channels, side, side) steerable features about the pick, float32, side odd.
        key: (batch, channels, rows, columns) steerable features, float32.
        angles: (angles,) radians, x towards y, evenly spaced over a full turn.

    Returns:
        (batch, angles, rows, columns): the turned query's middle laid on each cell, zero beyond the map.
    """
    if len(angles) % ORIENTATIONS:
        return correlate_everywhere(rotate_query(query, angles.expand(len(query), -1)), key[:, None])[:, 0]
    turned = rotate_query(query, angles[: len(angles) // ORIENTATIONS].expand(len(query), -1))
    parts = {}
    for turns in ((0, 2), (1, 3)):
        maps = torch.stack([_quarter_turned(key, -turn) for turn in turns], dim=1)
        for turn, match in zip(turns, correlate_everywhere(turned, maps).unbind(dim=1), strict=True):
            parts[turn] = quarter_turns(match, turn)
    return torch.cat([parts[turn] for turn in range(ORIENTATIONS)], dim=1)


def match_nearby(query: Tensor, patches: Tensor, angles: Tensor) -> Tensor:
    """Match of a query, turned by each angle, at the offsets that patches leave room for.

    Args:
        query: (batch, channels, side, side) steerable features about the pick, float32, side odd.
        patches: (batch, patches, channels, side + n - 1, side + m - 1) steerable features, float32.
        angles: (angles,) radians, x towards y.

    Returns:
        (batch, patches, angles, n, m): index 0 is the query's first row and column on the patch's.
    """
    return correlate_nearby(rotate_query(query, angles.expand(len(query), -1)), patches)


def _quarter_turned(maps: Tensor, turns: int) -> Tensor:
    """Steerable features (batch, F * 4, rows, columns) as they are after the scene turned by quarter turns."""
    if turns == 0:
        return maps
    angle = torch.full((len(maps), 1), turns * math.pi / 2, device=maps.device)
    return quarter_turns(_turn_features(maps[:, None], angle)[:, 0], turns)


def correlate_everywhere(query: Tensor, maps: Tensor) -> Tensor:
    """Match of each rotated query at every position, by the Fourier transform.

    Args:
        query: (batch, angles, channels, side, side) float32, side odd.
        maps: (batch, maps, channels, rows, columns) float32.

    Returns:
        (batch, maps, angles, rows, columns): the query's middle laid on each cell, zero beyond the map.
    """
    side = query.shape[-1]
    radius = side // 2
    rows, columns = maps.shape[-2:]
    # Beyond one end of the map lies the same band of zeros as beyond the other.
    full = _correlate(query, maps, (_fast_size(max(rows + radius, side)), _fast_size(max(columns + radius, side))))
    return full.roll((radius, radius), dims=(-2, -1))[..., :rows, :columns]


def correlate_nearby(query: Tensor, patch: Tensor) -> Tensor:
    """Match of each rotated query at the offsets that patches leave room for, by the Fourier transform.

    Args:
        query: (batch, angles, channels, side, side) float32.
        patch: (batch, patches, channels, side + n - 1, side + m - 1) float32.

    Returns:
        (batch, patches, angles, n, m): index 0 is the query's first row and column on the patch's.
    """
    rows, columns = (patch.shape[axis] - query.shape[axis] + 1 for axis in (-2, -1))
    full = _correlate(query, patch, (_fast_size(patch.shape[-2]), _fast_size(patch.shape[-1])))
    return full[..., :rows, :columns]


def _correlate(query: Tensor, patch: Tensor, size: tuple[int, int]) -> Tensor:
    """(batch, patches, angles, *size): cyclic correlation, as in ``correlate_nearby``, of maps padded to a size."""
    result: Tensor = _CyclicCorrelation.apply(query, patch, size)  # type: ignore[no-untyped-call]
    return result


class _CyclicCorrelation(torch.autograd.Function):
    """Cyclic correlation with a gradient of its own.

    There are hundreds of rotated queries, so their transforms are nearly all of the work. The gradient that automatic
    differentiation finds transforms them back as complex arrays, two to three times as slowly.
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, patch: Tensor, size: tuple[int, int]) -> Tensor:
        """See ``_correlate``."""
        queries, patches = torch.fft.rfft2(query, s=size)[:, None], torch.fft.rfft2(patch, s=size)[:, :, None]
        ctx.save_for_backward(queries, patches)
        ctx.shapes = query.shape[-2:], patch.shape[-2:]
        # The conjugate of a product of conjugates: so the queries, which are many, are taken as they are.
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
    """``(a * b).sum(axis)``, which would write all products to memory and read them again."""
    total = a.select(axis, 0) * b.select(axis, 0)
    for index in range(1, a.shape[axis]):
        total.addcmul_(a.select(axis, index), b.select(axis, index))
    return total


def _inverse(spectrum: Tensor, shape: tuple[int, int], columns: int) -> Tensor:
    """The first rows and columns, ``shape`` of them, of the maps with so many columns that have a spectrum."""
    rows: Tensor = torch.fft.ifft(spectrum, dim=-2)[..., : shape[0], :]
    maps: Tensor = torch.fft.irfft(rows, n=columns)[..., : shape[1]]
    return maps


def highest(scores: Tensor, count: int, apart: int, taken: Tensor) -> Tensor:
    """Cells of the highest scores of a map that are not near each other, nor near cells already taken.

    Args:
        scores: (rows, columns).
        count: how many.
        apart: least difference in rows or columns.
        taken: (n, 2) row and column indices.

    Returns:
        (count, 2) int64 row and column indices, best first.
    """
    scores = scores.detach().clone()

    def strike(row: int, column: int) -> None:
        near = (slice(max(at - apart + 1, 0), max(at + apart, 0)) for at in (row, column))
        scores[tuple(near)] = -math.inf

    for row, column in taken.tolist():
        strike(int(row), int(column))
    found = []
    for _ in range(count):
        row, column = divmod(int(scores.argmax()), scores.shape[1])
        found.append((row, column))
        strike(row, column)
    return torch.tensor(found, dtype=torch.int64, device=scores.device).view(-1, 2)


def angle_grid(count: int, device: torch.device) -> Tensor:
    """(count,) evenly spaced angles from 0."""
    return torch.arange(count, device=device) * (2 * math.pi / count)


def _fast_size(size: int) -> int:
    """The next size whose only prime factors are 2, 3, 5 and 7."""
    while True:
        rest = size
        for prime in (2, 3, 5, 7):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return size
        size += 1
