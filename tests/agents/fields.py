"""Feature maps as they are after the scene was rotated, by the definition of equivariance."""

from __future__ import annotations

import torch

from ravens_suite.agents.common.equivariant import ORIENTATIONS, rotate_quarter_turns


def rotate_fields(maps: torch.Tensor, turns: int) -> torch.Tensor:
    """Fields (batch, fields * 4, rows, columns) after the scene was rotated by quarter turns."""
    batch, channels, rows, columns = maps.shape
    fields = maps.view(batch, channels // ORIENTATIONS, ORIENTATIONS, rows, columns)
    rotated = rotate_quarter_turns(fields.roll(turns, dims=2), turns)
    return rotated.reshape(batch, channels, *rotated.shape[-2:])
