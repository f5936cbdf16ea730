"""Heads on the encoder's features: a pick map, and the query and key features of placing."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..common.correlation import crop, sample, steerable, window
from ..common.equivariant import ORIENTATIONS, FieldConv, invariants, modulate
from .encoder import Features

_GAIN = 4.0
"""Scale of the correlation. Query and key are multiplied with each other, so the gradients of both are small while both
are small; this factor enlarges them at the start of training."""


class PickHead(nn.Module):
    """Attention over the map.

    Args:
        fields: of each of the two maps it reads.
    """

    def __init__(self, fields: int) -> None:
        super().__init__()
        self.hidden = FieldConv(2 * fields, fields, kernel=1)
        self.logits = FieldConv(fields, 1, kernel=1)

    def forward(self, features: Features) -> Tensor:
        """Fine and global-context maps (batch, fields * 4, rows, columns) -> (batch, rows, columns) float32 logits."""
        fields = torch.cat([features.fine, features.global_context], dim=1)
        logits: Tensor = self.logits(functional.relu(self.hidden(fields)))
        return logits.float().mean(dim=1)


class PlaceHead(nn.Module):
    """Query features around the pick, and key features conditioned on the features at the pick.

    Args:
        fields: of the feature map it reads.
        context: fields of the vector that describes the pick.
        outputs: fields of query and key, a multiple of four.
        radius: of the query window, in cells.
    """

    def __init__(self, fields: int, context: int, outputs: int, radius: int) -> None:
        super().__init__()
        self.radius = radius
        self.query_hidden = FieldConv(3 * fields + 2, fields)
        self.query_output = FieldConv(fields, outputs, kernel=1)
        self.key_hidden = FieldConv(fields, fields, kernel=1)
        self.key_output = FieldConv(fields, outputs, kernel=1)
        self.modulation = nn.Sequential(nn.Linear(2 * context, 64), nn.ReLU(), nn.Linear(64, 2 * fields))
        # For random features of size one the correlation has a standard deviation of about one, times the gain.
        self.scale = _GAIN * (2 * radius + 1) ** -1 * (outputs * ORIENTATIONS) ** -0.5

    def query(self, maps: Tensor, pick: Tensor) -> Tensor:
        """Steerable query features (batch, outputs * 4, side, side) float32 about picks (batch, 2) in cells.

        The features at the pick, and their products with the features around it, tell the picked object from its
        neighbours. Two Gaussians of the distance to the pick tell near from far.
        """
        around = crop(maps, pick, self.radius)
        middle = sample(maps.float(), pick[:, None])[..., None].expand_as(around)
        distance = window(self.radius, maps.device).norm(dim=-1) / self.radius
        bumps = torch.stack([torch.exp(-((distance / width) ** 2)) for width in (0.2, 0.6)])
        bumps = bumps.repeat_interleave(ORIENTATIONS, dim=0).expand(len(maps), -1, -1, -1)
        joint = torch.cat([around, middle, around * middle, bumps], dim=1)
        hidden = functional.relu(self.query_hidden(joint))
        query: Tensor = self.query_output(hidden)
        return steerable(query).float()

    def before_pick(self, maps: Tensor) -> Tensor:
        """The part of the keys that no pick changes: (batch, fields * 4, rows, columns) to the same shape."""
        common: Tensor = self.key_hidden(maps)
        return common

    def key(self, common: Tensor, context: Tensor) -> Tensor:
        """Steerable key features (batch, outputs * 4, rows, columns) float32, scaled for matching.

        Args:
            common: (batch, fields * 4, rows, columns) of ``before_pick``.
            context: (batch, context * 4) field values at the pick.
        """
        scale, shift = self.modulation(invariants(context)).chunk(2, dim=1)
        hidden = functional.relu(modulate(common, scale, shift))
        key: Tensor = self.key_output(hidden)
        scaled: Tensor = steerable(key).float() * self.scale
        return scaled
