"""Heads on the encoder's features: a pick map, and the query and key features of placing."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..common.equivariant import ORIENTATIONS, FieldConv, invariants, modulate
from ..common.sampling import crop, sample, window_offsets
from .encoder import Features
from .matching import to_steerable

_GAIN = 4.0
"""Scale of the correlation. Query and key are multiplied with each other, so the gradients of both are small while both
are small; this factor enlarges them at the start of training."""
_HIDDEN = 64
"""Hidden units of the network that modulates the key."""
_DISTANCE_WIDTHS = (0.2, 0.6)
"""Widths of the Gaussians of the distance to the pick, as shares of the window's radius."""


def _with(values: Tensor, said: Tensor | None) -> Tensor:
    """Values (batch, n), followed by what is said (batch, m) if anything is."""
    return values if said is None else torch.cat([values, said], dim=1)


class PickHead(nn.Module):
    """A map of pick logits.

    Args:
        fields: of each of the two maps that it reads.
        said: length of the vector of a sentence, 0 without one.
    """

    def __init__(self, fields: int, said: int = 0) -> None:
        super().__init__()
        self.hidden = FieldConv(2 * fields, fields, kernel=1)
        self.logits = FieldConv(fields, 1, kernel=1)
        self.modulation = nn.Linear(said, 2 * fields) if said else None

    def forward(self, features: Features, said: Tensor | None = None) -> Tensor:
        """(batch, rows / 2, columns / 2) float32 logits from the fine and the global-context map.

        Args:
            features: of images.
            said: (batch, ``said``) vectors of their sentences.
        """
        fields = self.hidden(torch.cat([features.fine, features.global_context], dim=1))
        if self.modulation is not None and said is not None:
            fields = modulate(fields, *self.modulation(said).chunk(2, dim=1))
        logits: Tensor = self.logits(functional.relu(fields))
        return logits.float().mean(dim=1)


class PlaceHead(nn.Module):
    """Query features around the pick, and key features conditioned on the features at the pick.

    Args:
        fields: of the feature map that it reads.
        context: fields of the feature vector at the pick.
        outputs: fields of query and key; a multiple of four.
        radius: of the query window, in cells.
        said: length of the vector of a sentence, 0 without one.
    """

    def __init__(self, fields: int, context: int, outputs: int, radius: int, said: int = 0) -> None:
        super().__init__()
        self.radius = radius
        self.query_hidden = FieldConv(3 * fields + len(_DISTANCE_WIDTHS), fields)
        self.query_output = FieldConv(fields, outputs, kernel=1)
        self.key_hidden = FieldConv(fields, fields, kernel=1)
        self.key_output = FieldConv(fields, outputs, kernel=1)
        self.modulation = nn.Sequential(
            nn.Linear(2 * context + said, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, 2 * fields)
        )
        # For random features of size one the correlation has a standard deviation of about one, times the gain.
        self.scale = _GAIN * (2 * radius + 1) ** -1 * (outputs * ORIENTATIONS) ** -0.5

    def query(self, maps: Tensor, pick: Tensor) -> Tensor:
        """Steerable query features around picks.

        The features at the pick, and their products with the features around it, tell the picked object from its
        neighbours. Two Gaussians of the distance to the pick tell near from far.

        Args:
            maps: (batch, fields * 4, rows, columns).
            pick: (batch, 2) float32 cells (column, row).

        Returns:
            (batch, outputs * 4, side, side) float32, with side 2 radius + 1.
        """
        around = crop(maps, pick, self.radius)
        middle = sample(maps.float(), pick[:, None])[..., None].expand_as(around)
        distance = window_offsets(self.radius, maps.device).norm(dim=-1) / self.radius
        gaussians = torch.stack([torch.exp(-((distance / width) ** 2)) for width in _DISTANCE_WIDTHS])
        gaussians = gaussians.repeat_interleave(ORIENTATIONS, dim=0).expand(len(maps), -1, -1, -1)
        joint = torch.cat([around, middle, around * middle, gaussians], dim=1)
        hidden = functional.relu(self.query_hidden(joint))
        query: Tensor = self.query_output(hidden)
        return to_steerable(query).float()

    def shared_key(self, maps: Tensor) -> Tensor:
        """The part of the key that is the same for all picks.

        Args:
            maps: (batch, fields * 4, rows, columns) float32, or bfloat16 where layers multiply in it.

        Returns:
            Of the same shape and dtype.
        """
        shared: Tensor = self.key_hidden(maps)
        return shared

    def key(self, shared: Tensor, context: Tensor, said: Tensor | None = None) -> Tensor:
        """Steerable key features, scaled for the correlation.

        Args:
            shared: (batch, fields * 4, rows, columns) of ``shared_key``.
            context: (batch, context * 4) features at the pick.
            said: (batch, ``said``) vectors of the sentences.

        Returns:
            (batch, outputs * 4, rows, columns) float32.
        """
        scale, shift = self.modulation(_with(invariants(context), said)).chunk(2, dim=1)
        hidden = functional.relu(modulate(shared, scale, shift))
        key: Tensor = self.key_output(hidden)
        scaled: Tensor = to_steerable(key).float() * self.scale
        return scaled
