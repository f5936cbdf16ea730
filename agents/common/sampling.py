"""Reading feature maps at points, in windows and at rotated offsets.

Positions are continuous, (column, row), in cells of the map at hand: cell ``i`` covers ``[i, i + 1)``. A positive angle
rotates the column axis (x) towards the row axis (y).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional


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
    size = torch.tensor([columns, rows], dtype=torch.float32, device=maps.device)
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
        offsets: (side, side, 2) offsets (column, row) from the centre of rotation.
        angles: (batch, angles) radians.

    Returns:
        (batch, angles, side, side, 2).
    """
    c, s = torch.cos(angles)[..., None, None], torch.sin(angles)[..., None, None]
    column, row = offsets[..., 0], offsets[..., 1]
    return torch.stack([c * column + s * row, c * row - s * column], dim=-1)


def angle_grid(count: int, device: torch.device) -> Tensor:
    """(count,) float32 radians: evenly spaced angles over a full turn, the first one zero."""
    return torch.arange(count, device=device) * (2 * math.pi / count)


def separated_maxima(scores: Tensor, count: int, distance: int, excluded: Tensor) -> Tensor:
    """Cells of the highest scores of a map that keep a distance from each other (non-maximum suppression).

    Args:
        scores: (rows, columns).
        count: how many cells.
        distance: in cells: any two of them differ by at least this in their rows or in their columns.
        excluded: (n, 2) int64, row and column of cells that they keep the same distance from.

    Returns:
        (count, 2) int64, row and column of each, highest first.
    """
    scores = scores.detach().clone()

    def suppress(row: int, column: int) -> None:
        near = (slice(max(at - distance + 1, 0), max(at + distance, 0)) for at in (row, column))
        scores[tuple(near)] = -math.inf

    for row, column in excluded.tolist():
        suppress(int(row), int(column))
    found = []
    for _ in range(count):
        row, column = divmod(int(scores.argmax()), scores.shape[1])
        found.append((row, column))
        suppress(row, column)
    return torch.tensor(found, dtype=torch.int64, device=scores.device).view(-1, 2)
