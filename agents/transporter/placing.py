"""Placing from coarse to fine: refined logits around the best places of a coarse map.

All positions are in cells of the fine map (6.25 mm), (column, row); cell ``i`` covers ``[i, i + 1)``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..common.sampling import crop, separated_maxima
from .config import COARSE, FINE, TransporterConfig
from .matching import match_everywhere, match_nearby
from .network import PlaceFeatures


def angle_step(config: TransporterConfig) -> float:
    """Radians between two place angles when acting."""
    return 2 * math.pi / config.angles


def coarse_logits(features: PlaceFeatures, angles: Tensor) -> Tensor:
    """(batch, angles, rows / 4, columns / 4) float32 logits of all places on the coarse map (12.5 mm).

    Args:
        features: of some picks.
        angles: (angles,) radians, evenly spaced over a full turn.
    """
    logits = match_everywhere(features.query, features.key, angles)
    return logits if features.prior is None else logits + features.prior[:, None]


def refined_logits(
    config: TransporterConfig, features: PlaceFeatures, coarse: Tensor, angles: Tensor, centres: Tensor
) -> Tensor:
    """Logits of the places in windows of the fine map.

    They are the coarse logits there plus a correction, so that those of different windows can be compared.

    Args:
        config: settings.
        features: of some picks.
        coarse: (batch, angles, rows / 4, columns / 4) of ``coarse_logits``.
        angles: (angles,) radians.
        centres: (batch, n, 2) of the windows.

    Returns:
        (batch, n, angles, side, side) float32, with side 2 ``fine_reach`` + 1.
    """
    patches = crop(features.fine_key, centres, config.fine_radius + config.fine_reach).transpose(1, 2)
    logits = match_nearby(features.fine_query, patches, angles)
    return logits + crop(coarse, centres * FINE / COARSE, config.fine_reach, FINE / COARSE).transpose(1, 2)


def with_alternatives(config: TransporterConfig, places: Tensor, coarse: Tensor) -> Tensor:
    """A place of each pick, followed by the best other places of the coarse map.

    Args:
        config: settings.
        places: (batch, 2) float32.
        coarse: (batch, angles, rows / 4, columns / 4) float32 of ``coarse_logits``.

    Returns:
        (batch, ``candidates``, 2) float32; the windows around them do not overlap.
    """
    ratio = COARSE // FINE
    distance = -(-(2 * config.fine_reach + 1) // ratio)
    excluded = (places[:, None] / ratio).long().flip(-1)
    others = separated_maxima(coarse.amax(dim=1), config.candidates - 1, distance, excluded)
    return torch.cat([places[:, None], (others.flip(-1) + 0.5) * ratio], dim=1)
