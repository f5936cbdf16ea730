"""The network: a convolutional encoder and decoder of maps with a transformer between them, and heads for way-points.

As in ACT (Action Chunking with Transformers, arXiv 2304.13705), tokens of the image and of proprioception go through an
encoder, and one query for each way-point of the chunk through a decoder. Other than there, positions are not regressed:
a query is compared with the features of every cell of the map, as PerAct (arXiv 2209.05451) and RVT (arXiv 2306.14896)
do it, and there is no latent style variable, since a distribution over cells has several modes by itself.

Shapes: B examples, K way-points, (R, C) = (160, 80) cells.

Maps and logits are float32, or bfloat16 within ``autocast``; poses are float32: column, row, z in metres, yaw in
radians.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..common.sampling import sample
from .config import WaypointActConfig

LEVELS = 40
"""Heights that are told apart, 1 cm each, from z = 0 on; what is between is shared by two."""
TURNS = 36
"""Turns of the tool that are told apart, 10 degrees each, relative to its present yaw."""
_LOOK = 32
"""Side in cells of what is looked at around the tip and around where it would go."""
_NEAR, _FAR = 1.5, 12.0
"""Cells, widths of the two blots that mark the tip."""
_SEEN = 5
"""Channels of a map: colour, height, and height near the table."""
_TOKENS = (10, 5)
"""Rows and columns of the tokens of a map."""
_HEIGHTS = 8
"""Heights of the tip, 5 cm each, between which the network is told how far the tip is from each."""
_POSE = 8 + _HEIGHTS
"""Numbers that say where the tip is, how it came there, and what the gripper says."""


class Scene(NamedTuple):
    """What is observed.

    Attributes:
        map: (B, 5, R, C) float32 of ``to_map``.
        tip: (B, 4) float32: column, row, z in metres, yaw.
        gripper: (B, 2) float32: touches, holds.
        came: (B, 2) float32 metres: how far the tip has come up, and along the table, since the observation before.
    """

    map: Tensor
    tip: Tensor
    gripper: Tensor
    came: Tensor


class Thought(NamedTuple):
    """What the network makes of a scene.

    Attributes:
        cells: (B, width, R / 2, C / 2) features.
        queries: (B, K, D) decoded tokens of way-points.
        logits: (B, K, R, C) float32, where the way-points are.
    """

    cells: Tensor
    queries: Tensor
    logits: Tensor


class Rest(NamedTuple):
    """What else there is to say of way-points at some points.

    Attributes:
        level: (B, K, 40) logits of heights.
        turn: (B, K, 36) logits of turns relative to the present yaw of the tip.
        switch: (B, K) logits of a gripper that will be other than it is: 1 while the tool holds nothing, 0 while it
            does. As way-points at which it switches are low, that is easier to tell than 1 from 0.
    """

    level: Tensor
    turn: Tensor
    switch: Tensor


def to_map(color: Tensor, height: Tensor) -> Tensor:
    """(B, 5, R, C) float32 of (B, R, C, 3) uint8 and (B, R, C) float32 metres."""
    shade = color.permute(0, 3, 1, 2).float() / 255
    levels = torch.stack([height / 0.1, (height / 0.03).clamp(max=2)], dim=1)
    return torch.cat([shade, levels], dim=1)


class WaypointNet(nn.Module):
    """All weights."""

    def __init__(self, config: WaypointActConfig) -> None:
        super().__init__()
        width, tokens = config.width, config.tokens
        self.stem = nn.Conv2d(4 * (_SEEN + 2), width, 3, padding=1)
        self.fine = _Block(width)
        self.middle = nn.Sequential(nn.Conv2d(width, 2 * width, 2, 2), _Block(2 * width))
        self.coarse = nn.Sequential(nn.Conv2d(2 * width, 4 * width, 2, 2), _Block(4 * width))
        self.patches = nn.Conv2d(4 * width, tokens, 2, 2)
        self.place = nn.Parameter(torch.randn(1, tokens, _TOKENS[0], _TOKENS[1]) * 0.5)
        self.pose = nn.Sequential(nn.Linear(_POSE, tokens), nn.SiLU(), nn.Linear(tokens, tokens))
        self.at_tip = _Look(_SEEN, tokens)
        self.joined = nn.LayerNorm(tokens)
        self.encoder = nn.ModuleList(
            nn.TransformerEncoderLayer(tokens, config.heads, 2 * tokens, 0.0, "gelu", batch_first=True, norm_first=True)
            for _ in range(config.layers)
        )
        self.wanted = nn.Parameter(torch.randn(1, config.chunk, tokens))
        self.decoder = nn.ModuleList(
            nn.TransformerDecoderLayer(tokens, config.heads, 2 * tokens, 0.0, "gelu", batch_first=True, norm_first=True)
            for _ in range(config.layers)
        )
        self.normed = nn.LayerNorm(tokens)
        self.to_coarse = _Up(tokens, 4 * width, tokens)
        self.to_middle, self.to_fine = _Up(4 * width, 2 * width, tokens), _Up(2 * width, width, tokens)
        self.compared = nn.Linear(tokens, 4 * (width + 2))
        self.there = nn.Linear(width, tokens)
        self.rest = nn.Sequential(
            nn.Linear(3 * tokens, 2 * tokens), nn.SiLU(), nn.Linear(2 * tokens, LEVELS + TURNS + 1)
        )
        self.refine = _Refine(tokens)

    def think(self, scene: Scene) -> Thought:
        """Where the way-points of the chunk are."""
        whole = tip_marks(scene)
        marks = functional.avg_pool2d(whole, 2)
        fine = self.fine(self.stem(functional.pixel_unshuffle(torch.cat([scene.map, whole], dim=1), 2)))
        middle = self.middle(fine)
        coarse = self.coarse(middle)
        patches = self.patches(coarse) + self.place
        at_tip = self.at_tip(look(scene.map, scene.tip[:, None])[:, 0])
        pose = self.joined(self.pose(_pose_numbers(scene)) + at_tip)
        memory = torch.cat([pose[:, None], patches.flatten(2).transpose(1, 2)], dim=1)
        for layer in self.encoder:
            memory = layer(memory)
        queries = self.wanted + pose[:, None]
        for layer in self.decoder:
            queries = layer(queries, memory)
        queries = self.normed(queries)
        deep = memory[:, 1:].transpose(1, 2).reshape(patches.shape)
        token = memory[:, 0]
        cells = self.to_fine(self.to_middle(self.to_coarse(deep, coarse, token), middle, token), fine, token)
        return Thought(cells, queries, self._logits(queries, torch.cat([cells, marks], dim=1)))

    def _logits(self, queries: Tensor, cells: Tensor) -> Tensor:
        """(B, K, R, C): each cell of the half resolution is compared with one vector for each of its four parts."""
        vectors = self.compared(queries).unflatten(-1, (4, -1)).flatten(1, 2) / math.sqrt(cells.shape[1])
        logits = (vectors @ cells.flatten(2)).float().unflatten(2, cells.shape[-2:])
        return functional.pixel_shuffle(logits, 2)

    def describe(self, thought: Thought, points: Tensor) -> Rest:
        """Height, turn and gripper of way-points at (B, K, 2) points, (column, row)."""
        there = self.there(sample(thought.cells.float(), points / 2).transpose(1, 2))
        values = self.rest(torch.cat([thought.queries, there, thought.queries * there], dim=-1)).float()
        level, turn, switch = values.split([LEVELS, TURNS, 1], dim=-1)
        return Rest(level, turn, switch[..., 0])

    def correct(self, scene: Scene, queries: Tensor, poses: Tensor) -> Tensor:
        """How far some poses are from the way-points that are meant.

        Args:
            scene: what is observed.
            queries: (B, K, D) of the way-points.
            poses: (B, K, 4) column, row, z and yaw, where they may be.

        Returns:
            (B, K, 3) float32: what is missing, in cells along the axes of the pose, and in radians.
        """
        corrections: Tensor = self.refine(scene, queries, poses)
        return corrections


class _Block(nn.Module):
    """A residual block of two convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.GroupNorm(8, width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.GroupNorm(8, width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, rows, columns), both."""
        changed: Tensor = x + self.layers(x)
        return changed


class _Up(nn.Module):
    """Twice the resolution, joined with the map of the encoder, and scaled by what the tool's token says."""

    def __init__(self, inputs: int, width: int, tokens: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, width, 2, 2)
        self.join = nn.Conv2d(2 * width, width, 1)
        self.scale = nn.Linear(tokens, 2 * width)
        self.block = _Block(width)

    def forward(self, deep: Tensor, side: Tensor, token: Tensor) -> Tensor:
        """(B, width, 2 rows, 2 columns) of (B, inputs, rows, columns), the encoder's map and (B, tokens)."""
        scale, shift = self.scale(token)[..., None, None].chunk(2, dim=1)
        joined = self.join(torch.cat([self.up(deep), side], dim=1))
        refined: Tensor = self.block(joined * (1 + scale) + shift)
        return refined


class _Look(nn.Module):
    """A vector of a square of a map."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(4 * channels, 32, 3, padding=1), nn.GroupNorm(8, 32), nn.SiLU())
        self.second = nn.Sequential(
            nn.Conv2d(32, 48, 3, stride=2, padding=1),
            nn.GroupNorm(8, 48),
            nn.SiLU(),
            nn.Conv2d(48, 64, 3, stride=2, padding=1),
            nn.GroupNorm(8, 64),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(64 * (_LOOK // 8) ** 2, outputs),
        )

    def forward(self, square: Tensor, shift: Tensor | None = None) -> Tensor:
        """(N, outputs) of (N, channels, 32, 32), and what to add to the (N, 32) first features."""
        first = self.first(functional.pixel_unshuffle(square, 2))
        if shift is not None:
            first = first + shift[..., None, None]
        vector: Tensor = self.second(first)
        return vector


class _Refine(nn.Module):
    """Lays what is around the tip over what is around a pose, and says how far the pose is from what is meant."""

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.said = nn.Linear(tokens + 5, tokens)
        self.shift = nn.Linear(tokens, 32)
        self.look = _Look(2 * _SEEN, tokens)
        self.out = nn.Sequential(nn.Linear(2 * tokens, tokens), nn.SiLU(), nn.Linear(tokens, 3))

    def forward(self, scene: Scene, queries: Tensor, poses: Tensor) -> Tensor:
        """See ``WaypointNet.correct``."""
        at_tip, there = (
            look(scene.map, scene.tip[:, None]).expand(-1, poses.shape[1], -1, -1, -1),
            look(scene.map, poses),
        )
        squares = torch.cat([at_tip, there], dim=2).flatten(0, 1)
        said = functional.silu(self.said(torch.cat([queries, _from_pose(scene.tip, poses)], dim=-1))).flatten(0, 1)
        seen = functional.silu(self.look(squares, self.shift(said)))
        out = self.out(torch.cat([seen, said], dim=-1)).float().unflatten(0, poses.shape[:2])
        missing: Tensor = out * out.new_tensor([4.0, 4.0, 0.5])
        return missing


def _from_pose(tip: Tensor, poses: Tensor) -> Tensor:
    """(B, K, 5) the tip in the frame of poses: column and row in units of 4 cells, at most 4 of them, z and yaw."""
    cos, sin = poses[..., 3].cos(), poses[..., 3].sin()
    across, along = (tip[:, None, :2] - poses[..., :2]).unbind(-1)
    turn = tip[:, None, 3] - poses[..., 3]
    near = torch.stack([cos * across + sin * along, cos * along - sin * across], dim=-1) / 4
    z = tip[:, None, 2].expand_as(turn) * 4
    return torch.cat([near.clamp(-4, 4), torch.stack([z, turn.cos(), turn.sin()], dim=-1)], dim=-1)


def look(maps: Tensor, poses: Tensor) -> Tensor:
    """Squares of maps around poses, in the frame of each.

    Args:
        maps: (B, channels, R, C).
        poses: (B, K, 4) column, row, z, yaw.

    Returns:
        (B, K, channels, 32, 32); along the last axis the pose's x axis.
    """
    steps = torch.arange(_LOOK, device=maps.device) - (_LOOK - 1) / 2
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    cos, sin = poses[..., 3].cos()[..., None, None], poses[..., 3].sin()[..., None, None]
    offsets = torch.stack([cos * x - sin * y, sin * x + cos * y], dim=-1)
    return sample(maps, poses[..., None, None, :2] + offsets).transpose(1, 2)


def tip_marks(scene: Scene) -> Tensor:
    """(B, 2, R, C) blots where the tip is, narrow and wide."""
    rows, columns = scene.map.shape[-2:]
    row = torch.arange(rows, device=scene.map.device) + 0.5
    column = torch.arange(columns, device=scene.map.device) + 0.5
    square = (row[None, :, None] - scene.tip[:, 1, None, None]) ** 2
    square = square + (column[None, None] - scene.tip[:, 0, None, None]) ** 2
    return torch.stack([torch.exp(-square / (2 * size**2)) for size in (_NEAR, _FAR)], dim=1)


def _pose_numbers(scene: Scene) -> Tensor:
    """(B, 16) the tip's place on the map, yaw and height, the gripper, and the way that the tip came."""
    rows, columns = scene.map.shape[-2:]
    column, row, z, yaw = scene.tip.unbind(-1)
    numbers = torch.stack([column / columns - 0.5, row / rows - 0.5, yaw.cos() / 2, yaw.sin() / 2], dim=-1)
    heights = torch.exp(-((z[:, None] / 0.05 - torch.arange(_HEIGHTS, device=z.device)) ** 2))
    return torch.cat([numbers, 2 * heights, 2 * scene.gripper, 2 * (scene.came / 0.02).tanh()], dim=-1)
