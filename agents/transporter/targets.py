"""Soft targets: a Gaussian around the true value instead of one hot cell, so that maxima can be read between cells."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional


def position_target(point: Tensor, rows: int, columns: int, width: float) -> Tensor:
    """(batch, rows, columns) Gaussian of standard deviation ``width`` about points (batch, 2), in cells."""
    column = torch.arange(columns, device=point.device) + 0.5
    row = torch.arange(rows, device=point.device) + 0.5
    squares = ((row - point[:, 1:2]) ** 2)[:, :, None] + ((column - point[:, :1]) ** 2)[:, None, :]
    return torch.exp(-squares / (2 * width**2))


def angle_target(angle: Tensor, grid: Tensor, width: float) -> Tensor:
    """(batch, angles) Gaussian about angles (batch,) on a grid (angles,) or (batch, angles), modulo a full turn."""
    difference = torch.remainder(grid - angle[:, None] + math.pi, 2 * math.pi) - math.pi
    return torch.exp(-(difference**2) / (2 * width**2))


def pose_target(
    points: Tensor, yaws: Tensor, grid: Tensor, shape: tuple[int, int], *, spot: float, yaw: float
) -> Tensor:
    """Gaussians around several poses, all of which are correct.

    Args:
        points: (batch, poses, 2) positions in cells.
        yaws: (batch, poses) radians.
        grid: (angles,) radians.
        shape: rows and columns.
        spot: standard deviation in position, cells.
        yaw: standard deviation in angle, radians.

    Returns:
        (batch, angles, rows, columns).
    """
    batch, poses = yaws.shape
    spots = position_target(points.flatten(0, 1), *shape, spot).view(batch, poses, *shape)
    angles = angle_target(yaws.flatten(), grid, yaw).view(batch, poses, -1)
    return torch.einsum("bpa,bprc->barc", angles, spots)


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Mean over the batch of the relative entropy between a target distribution and a softmax: zero when equal.

    Args:
        logits: (batch, ...).
        target: the same shape, not negative; it is scaled to sum to one.
    """
    target = target.flatten(1)
    target = target / target.sum(dim=1, keepdim=True)
    logs = functional.log_softmax(logits.flatten(1), dim=1)
    return functional.kl_div(logs, target, reduction="batchmean")


def peak(scores: Tensor, cell: Tensor | None = None, *, cyclic: bool = False) -> tuple[Tensor, Tensor]:
    """The maximum of a map between cells, and the index of its cell.

    A parabola is laid through the maximum and its neighbours along each axis, which is exact for the logarithm of a
    Gaussian target.

    Args:
        scores: (...) of any number of axes.
        cell: (axes,) int64 index of a local maximum; by default the highest.
        cyclic: whether the first axis is, as that of angles is.

    Returns:
        ``(axes,)`` float64 index of the maximum, within half a cell of the ``(axes,)`` int64 index beside it.
    """
    index = torch.stack(torch.unravel_index(scores.argmax(), scores.shape)) if cell is None else cell
    result = index.double()
    for axis, size in enumerate(scores.shape):
        at = int(index[axis])
        if 0 < at < size - 1 or (cyclic and axis == 0):
            line = scores[tuple(slice(None) if a == axis else int(index[a]) for a in range(scores.ndim))].double()
            left, middle, right = line[at - 1], line[at], line[(at + 1) % size]
            curve = left - 2 * middle + right
            # Beside minus infinity there is no parabola.
            if math.isfinite(curve) and curve < -1e-9:
                result[axis] += float((0.5 * (left - right) / curve).clamp(-0.5, 0.5))
    return result, index
