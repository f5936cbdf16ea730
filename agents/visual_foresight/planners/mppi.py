"""Model predictive path integral: a sequence moves to the mean of its variations, weighted by what they are worth.

After arXiv 1509.01149. It starts from the best proposal.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from .base import Plan, Planner, Search, best_of, perturb

_FIRST = 0.5
"""Share of the budget that goes to proposals."""
_ROUNDS = 4
_SHRINK = 0.7
"""Scale of the noise of a round beside that of the round before."""
_TEMPERATURE = 0.1
"""Difference of worths, as a share of their range in a round, by which a weight falls to 1 / e."""


class MPPI(Planner):
    """See the module's docstring."""

    def plan(self, search: Search, rng: np.random.Generator) -> Plan:
        """See ``Planner``."""
        budget = max(search.calls // search.depth, 1)
        tried, worths = search.draw(max(round(_FIRST * budget), 1), rng)
        mean, left, scale = tried[int(worths.argmax())], budget - len(tried), 1.0
        for number in range(_ROUNDS):
            count = left // (_ROUNDS - number)
            left -= count
            if not count:
                continue
            drawn = perturb(mean[None].expand(count, -1, -1), scale, rng)
            drawn[-1] = mean  # What was found is tried itself, too.
            found = search.roll(drawn)
            tried, worths = torch.cat([tried, drawn]), torch.cat([worths, found])
            mean = _mean(drawn, found.cpu())
            scale *= _SHRINK
        return best_of(tried, worths)


def _mean(sequences: Tensor, worths: Tensor) -> Tensor:
    """(depth, 5) the weighted mean of sequences (N, depth, 5); of yaws that of their directions."""
    spread = (worths.max() - worths.min()).clamp_min(1e-6)
    weights = torch.softmax((worths - worths.max()) / (_TEMPERATURE * spread), dim=0)[:, None]
    yaw = sequences[..., 4]
    turned = torch.atan2((weights * torch.sin(yaw)).sum(dim=0), (weights * torch.cos(yaw)).sum(dim=0))
    positions = (weights[..., None] * sequences[..., :4]).sum(dim=0)
    return torch.cat([positions, torch.remainder(turned + math.pi, 2 * math.pi)[:, None] - math.pi], dim=1)
