"""Reading feature maps at points, in windows and at rotated offsets.

Positions are continuous, (column, row), in cells of the map at hand: cell ``i`` covers ``[i, i + 1)``. A positive angle
rotates the column axis (x) towards the row axis (y).
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional


@cache
@torch.inference_mode(mode=False)
def constant(values: tuple[float, ...], device: torch.device) -> Tensor:
    """(n,) float32 on a device, made once: a GPU would be sent them again at each use, and wait."""
    return torch.tensor(values, device=device)


def sample(maps: Tensor, points: Tensor, mode: str = "bilinear") -> Tensor:
    """Values of maps at points, zero outside the map.

    Args:
        maps: (batch, channels, rows, columns).
        points: (batch, ..., 2) float32 positions.
        mode: interpolation, ``bilinear`` or ``nearest``.

    Returns:
        (batch, channels, ...) of the maps' dtype.
    """
    rows, columns = maps.shape[-2:]
    size = constant((float(columns), float(rows)), maps.device)
    grid = (2 * points / size - 1).flatten(1, -2)[:, :, None]
    values = functional.grid_sample(maps, grid.to(maps.dtype), mode, align_corners=False)
    return values.view(*maps.shape[:2], *points.shape[1:-1])


def window_offsets(radius: int, device: torch.device) -> Tensor:
    """(2 radius + 1, 2 radius + 1, 2) float32 offsets (column, row), in cells, from the centre of a square window."""
    steps = torch.arange(-radius, radius + 1, dtype=torch.float32, device=device)
    row, column = torch.meshgrid(steps, steps, indexing="ij")
    return torch.stack([column, row], dim=-1)


def crop(maps: Tensor, centres: Tensor, radius: int, step: float = 1.0) -> Tensor:
    """Upright windows of maps around some centres, zero outside the map.

    Args:
        maps: (batch, channels, rows, columns).
        centres: (batch, ..., 2) float32 positions.
        radius: of the windows, in samples; their side is 2 radius + 1.
        step: cells between two samples.

    Returns:
        (batch, channels, ..., side, side) float32.
    """
    return sample(maps.float(), centres[..., None, None, :] + step * window_offsets(radius, maps.device))


def rotate_back(offsets: Tensor, angles: Tensor) -> Tensor:
    """Offsets rotated by the negative of each angle: where to read an image to get it rotated by the angle.

    Args:
        offsets: (side, side, 2) float32 offsets (column, row) from the centre of rotation.
        angles: (batch, angles) float32 radians.

    Returns:
        (batch, angles, side, side, 2) float32.
    """
    c, s = torch.cos(angles)[..., None, None], torch.sin(angles)[..., None, None]
    column, row = offsets[..., 0], offsets[..., 1]
    return torch.stack([c * column + s * row, c * row - s * column], dim=-1)


def angle_grid(count: int, device: torch.device) -> Tensor:
    """(count,) float32 radians: evenly spaced angles over a full turn, the first one zero."""
    return torch.arange(count, device=device) * (2 * math.pi / count)


def separated_maxima(scores: Tensor, count: int, distance: int, excluded: Tensor) -> Tensor:
    """Cells of the highest scores of maps that keep a distance from each other (non-maximum suppression).

    Nothing is read back from the device meanwhile.

    Args:
        scores: (batch, rows, columns).
        count: how many cells.
        distance: in cells: any two of a map differ by at least this in their rows or in their columns.
        excluded: (batch, n, 2) int64, row and column of cells that they keep the same distance from.

    Returns:
        (batch, count, 2) int64, row and column of each, highest first.
    """
    scores = scores.detach()
    rows, columns = (torch.arange(size, device=scores.device) for size in scores.shape[1:])

    def suppressed(scores: Tensor, cell: Tensor) -> Tensor:
        """Without the surroundings of one (batch, 2) cell of each map."""
        near_row = (rows - cell[:, :1]).abs() < distance
        near_column = (columns - cell[:, 1:]).abs() < distance
        return scores.masked_fill(near_row[:, :, None] & near_column[:, None, :], -math.inf)

    for cell in excluded.unbind(dim=1):
        scores = suppressed(scores, cell)
    found = []
    for _ in range(count):
        index = scores.flatten(1).argmax(dim=1)
        found.append(torch.stack([index // len(columns), index % len(columns)], dim=1))
        scores = suppressed(scores, found[-1])
    return torch.stack(found, dim=1) if found else scores.new_zeros((len(scores), 0, 2), dtype=torch.int64)
