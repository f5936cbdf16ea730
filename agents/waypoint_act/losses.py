"""Targets and losses of way-points, and how they are read off again.

Every coordinate is a distribution over nodes, with a target on the two nodes beside the value (four for a position), so
that it may have several modes, and values between nodes are met.

Tensors are float32: positions in cells (column, row), heights in metres, turns in radians.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from .chunks import HOLDS
from .network import LEVELS, TURNS, Scene, WaypointNet

LEVEL = 0.01
"""Metres between two heights."""
TURN = 2 * math.pi / TURNS
"""Radians between two turns."""
_LATER = 0.7
"""Weight of each way-point of a chunk relative to the one before."""
_REST = 0.5
"""Weight of heights and of turns relative to positions."""


class Batch(NamedTuple):
    """Examples.

    Attributes:
        scene: what is observed.
        chunk: (B, K, 5) float32: column, row, z, yaw, gripper.
        valid: (B, K) float32, 1 or 0.
        errors: (B, 1, 3) float32, by how much the pose is wrong from which the correction to the next way-point is
            learned: cells along the axes of the way-point, and radians.
    """

    scene: Scene
    chunk: Tensor
    valid: Tensor
    errors: Tensor


def compute_losses(net: WaypointNet, batch: Batch) -> dict[str, Tensor]:
    """Mean losses by name, () float32 each; their sum is descended."""
    thought = net.think(batch.scene)
    points = batch.chunk[..., :2]
    rest = net.describe(thought, points)
    switched = (batch.chunk[..., 4] - batch.scene.gripper[:, HOLDS, None]).abs()
    turn = batch.chunk[..., 3] - batch.scene.tip[:, None, 3]
    following = batch.chunk[:, :1]
    wrong = displaced(following, batch.errors)
    residual = net.correct(batch.scene, thought.queries[:, :1], wrong)
    terms = {
        "position": position_loss(thought.logits, points),
        "height": _REST * _between(rest.level, batch.chunk[..., 2] / LEVEL, cyclic=False),
        "turn": _REST * _between(rest.turn, turn / TURN, cyclic=True),
        "gripper": functional.binary_cross_entropy_with_logits(rest.switch, switched, reduction="none"),
    }
    weight = batch.valid * _LATER ** torch.arange(batch.valid.shape[1], device=batch.valid.device)
    losses = {name: (term * weight).sum() / weight.sum() for name, term in terms.items()}
    # The next way-point is always valid.
    return {**losses, "correction": _correction_loss(residual, _missing(wrong, following)).mean()}


def position_loss(logits: Tensor, points: Tensor) -> Tensor:
    """Cross-entropy of (B, K, R, C) logits with the four cells around (B, K, 2) points, (B, K)."""
    rows, columns = logits.shape[-2:]
    column = (points[..., 0] - 0.5).clamp(0, columns - 1)
    row = (points[..., 1] - 0.5).clamp(0, rows - 1)
    flat = logits.flatten(2)
    total = flat.logsumexp(dim=-1)
    for right in (0, 1):
        for below in (0, 1):
            i, j = (row.floor() + below).clamp(max=rows - 1), (column.floor() + right).clamp(max=columns - 1)
            share = (1 - (row - row.floor() - below).abs()) * (1 - (column - column.floor() - right).abs())
            total = total - share * flat.gather(2, (i * columns + j).long()[..., None])[..., 0]
    return total


def read_position(logits: Tensor) -> Tensor:
    """(2,) column and row of the highest of (R, C) logits, between cells by its neighbours."""
    columns = logits.shape[1]
    best = int(logits.argmax())
    row, column = best // columns, best % columns
    top, left = max(row - 1, 0), max(column - 1, 0)
    near = logits[top : row + 2, left : column + 2]
    share = near.flatten().softmax(0).view_as(near)
    down, right = (torch.arange(length, dtype=torch.float32, device=logits.device) for length in near.shape)
    return torch.stack([left + 0.5 + (share.sum(0) * right).sum(), top + 0.5 + (share.sum(1) * down).sum()])


def read_level(logits: Tensor) -> float:
    """Metres that (40,) logits say."""
    best = min(max(int(logits.argmax()), 1), LEVELS - 2)
    share = logits[best - 1 : best + 2].softmax(0)
    return LEVEL * (best + float(share[2] - share[0]))


def read_turn(logits: Tensor) -> float:
    """Radians that (36,) logits say."""
    best = int(logits.argmax())
    share = logits[[(best - 1) % TURNS, best, (best + 1) % TURNS]].softmax(0)
    return TURN * (best + float(share[2] - share[0]))


def displaced(poses: Tensor, errors: Tensor) -> Tensor:
    """(B, K, 4) poses, (B, K, 4 or more), moved by (B, K, 3) along their own axes."""
    cos, sin = poses[..., 3].cos(), poses[..., 3].sin()
    x, y, turn = errors.unbind(-1)
    column, row, z, yaw = poses[..., :4].unbind(-1)
    return torch.stack([column + cos * x - sin * y, row + sin * x + cos * y, z, yaw + turn], dim=-1)


def _missing(poses: Tensor, chunk: Tensor) -> Tensor:
    """(B, K, 3) the motion along the axes of poses that takes them to the way-points."""
    cos, sin = poses[..., 3].cos(), poses[..., 3].sin()
    x, y = (chunk[..., :2] - poses[..., :2]).unbind(-1)
    turn = torch.remainder(chunk[..., 3] - poses[..., 3] + math.pi, 2 * math.pi) - math.pi
    return torch.stack([cos * x + sin * y, cos * y - sin * x, turn], dim=-1)


def _correction_loss(residual: Tensor, missing: Tensor) -> Tensor:
    """(B, K): 1 for a cell, or for 7 degrees."""
    scale = residual.new_tensor([1.0, 1.0, 8.0])
    return functional.smooth_l1_loss(residual * scale, missing * scale, reduction="none").mean(dim=-1)


def _between(logits: Tensor, value: Tensor, *, cyclic: bool) -> Tensor:
    """Cross-entropy of (B, K, N) logits with the two nodes beside (B, K) values, (B, K)."""
    nodes = logits.shape[-1]
    value = torch.remainder(value, nodes) if cyclic else value.clamp(0, nodes - 1)
    low, share = value.floor().long(), value - value.floor()
    high = (low + 1) % nodes if cyclic else (low + 1).clamp(max=nodes - 1)
    chances = logits.log_softmax(-1)
    low_chance = chances.gather(-1, (low % nodes)[..., None])[..., 0]
    high_chance = chances.gather(-1, high[..., None])[..., 0]
    return -((1 - share) * low_chance + share * high_chance)
