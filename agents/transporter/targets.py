"""Soft targets: a Gaussian around the true value instead of one hot cell, so that maxima can be read between cells."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

_WINDOW = 1.5
"""Standard deviation of the window of ``mean_near``, in cells and in angle steps."""
_SHIFTS = 8
"""Times that it is moved; each time what is left of the way falls to a third, where a target is one cell wide."""


def position_target(positions: Tensor, rows: int, columns: int, std: float) -> Tensor:
    """Gaussians over a map.

    Args:
        positions: (batch, 2) centres (column, row), in cells.
        rows: of the map.
        columns: of the map.
        std: standard deviation, in cells.

    Returns:
        (batch, rows, columns) float32 with maxima of about one.
    """
    column = torch.arange(columns, device=positions.device) + 0.5
    row = torch.arange(rows, device=positions.device) + 0.5
    squares = ((row - positions[:, 1:2]) ** 2)[:, :, None] + ((column - positions[:, :1]) ** 2)[:, None, :]
    return torch.exp(-squares / (2 * std**2))


def angle_target(angles: Tensor, grid: Tensor, std: float) -> Tensor:
    """Gaussians over a grid of angles, modulo a full turn.

    Args:
        angles: (batch,) centres, radians.
        grid: (angles,) or (batch, angles) radians.
        std: standard deviation, radians.

    Returns:
        (batch, angles) float32 with maxima of about one.
    """
    difference = torch.remainder(grid - angles[:, None] + math.pi, 2 * math.pi) - math.pi
    return torch.exp(-(difference**2) / (2 * std**2))


def pose_target(
    positions: Tensor, yaws: Tensor, grid: Tensor, shape: tuple[int, int], *, position_std: float, angle_std: float
) -> Tensor:
    """The sum of Gaussians around several poses, all of which are correct.

    Args:
        positions: (batch, poses, 2) positions (column, row), in cells.
        yaws: (batch, poses) radians.
        grid: (angles,) radians.
        shape: rows and columns of the map.
        position_std: standard deviation in position, cells.
        angle_std: standard deviation in angle, radians.

    Returns:
        (batch, angles, rows, columns) float32.
    """
    batch, poses = yaws.shape
    spots = position_target(positions.flatten(0, 1), *shape, position_std).view(batch, poses, *shape)
    angles = angle_target(yaws.flatten(), grid, angle_std).view(batch, poses, -1)
    return torch.einsum("bpa,bprc->barc", angles, spots)


def kl_divergence(logits: Tensor, target: Tensor) -> Tensor:
    """Mean over the batch of the relative entropy of a target distribution and a softmax: zero where they are equal.

    Its gradient is that of the cross-entropy.

    Args:
        logits: (batch, ...).
        target: the same shape, not negative; it is scaled to sum to one.

    Returns:
        () float32.
    """
    target = target.flatten(1)
    target = target / target.sum(dim=1, keepdim=True)
    log_probabilities = functional.log_softmax(logits.flatten(1), dim=1)
    return functional.kl_div(log_probabilities, target, reduction="batchmean")


def where_known(target: Tensor, logits: Tensor, known: Tensor | None = None) -> Tensor:
    """Targets for ``kl_divergence``, without a gradient where nothing is known.

    Args:
        target: (batch, ...) float32, not negative.
        logits: (batch, ...) float32.
        known: (batch,) bool, whether anything is known of an example; if not given, where its target is not all zero.

    Returns:
        (batch, ...) float32: the target, and for an example of which nothing is known what the network expects itself.
    """
    expected = logits.detach().flatten(1).softmax(dim=1).view_as(logits)
    if known is None:
        known = target.flatten(1).sum(dim=1) > 0
    return torch.where(known.view(-1, *[1] * (target.ndim - 1)), target, expected)


def mean_near(logits: Tensor, index: Tensor) -> Tensor:
    """The mean of a softmax around a maximum of it, between cells.

    It weighs all cells about the maximum, where a parabola through it (``peak``) reads two neighbours along each axis,
    and so is the steadier of the two. The mean is taken in a Gaussian window that moves along with it (mean shift,
    Cheng 1995), so that other maxima do not count. For a Gaussian it is that of the Gaussian.

    Args:
        logits: (angles, rows, columns) float32; angles are cyclic.
        index: (3,) int64 of a local maximum.

    Returns:
        (3,) float64 index of angle, row and column.
    """
    count = len(logits)
    grids = [torch.arange(size, dtype=torch.float64, device=logits.device) for size in logits.shape]
    # Angles count from the maximum, half a turn to either side.
    grids[0] = torch.remainder(grids[0] - index[0] + count // 2, count) - count // 2
    mean = index.double()
    mean[0] = 0
    values = logits.double().flatten()
    cells = torch.stack(torch.meshgrid(*grids, indexing="ij"), dim=-1).flatten(0, 2)
    for _ in range(_SHIFTS):
        away = ((cells - mean) ** 2).sum(dim=1)
        mean = (values - away / (2 * _WINDOW**2)).softmax(0) @ cells
    mean[0] = torch.remainder(mean[0] + index[0], count)
    return mean


def peak(scores: Tensor, cell: Tensor | None = None, *, cyclic: bool = False) -> tuple[Tensor, Tensor]:
    """A maximum of a map between cells, and the index of its cell.

    A parabola through the maximum and its neighbours along each axis gives its position, which is exact for the
    logarithm of a Gaussian target.

    Args:
        scores: any number of axes.
        cell: (axes,) int64 index of a local maximum; the highest one if it is not given.
        cyclic: whether the first axis is cyclic, as that of angles is.

    Returns:
        (axes,) float64 index of the maximum, within half a cell of the (axes,) int64 index beside it.
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
