"""Cross-entropy method: what is tried next is drawn around the best so far, ever more closely.

The best of a round are kept one by one and not replaced by one Gaussian: good actions lie in several places at once,
such as an object with several places to go to, whose mean is good for nothing.
"""

from __future__ import annotations

import numpy as np
import torch

from .base import Plan, Planner, Search, best_of, perturb

_FIRST = 0.5
"""Share of the budget that goes to proposals."""
_ROUNDS = 4
_ELITE = 0.15
"""Share of what was tried that the next round is drawn around."""
_SHRINK = 0.55
"""Scale of the noise of a round beside that of the round before."""


class CEM(Planner):
    """See the module's docstring."""

    def plan(self, search: Search, rng: np.random.Generator) -> Plan:
        """See ``Planner``."""
        budget = max(search.calls // search.depth, 1)
        tried, worths = search.draw(max(round(_FIRST * budget), 1), rng)
        left, scale = budget - len(tried), 1.0
        for number in range(_ROUNDS):
            count = left // (_ROUNDS - number)
            left -= count
            if not count:
                continue
            # Ever fewer: the last round is drawn around the very best.
            elite = max(round(_ELITE * count * (1 - number / _ROUNDS)), 1)
            best = worths.topk(min(elite, len(worths))).indices
            chosen = best[torch.from_numpy(rng.integers(len(best), size=count))].cpu()
            drawn = perturb(tried[chosen], scale, rng)
            worths = torch.cat([worths, search.roll(drawn)])
            tried = torch.cat([tried, drawn])
            scale *= _SHRINK
        return best_of(tried, worths)
