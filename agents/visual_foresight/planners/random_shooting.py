"""Random shooting: the best of many proposed sequences."""

from __future__ import annotations

import numpy as np

from .base import Plan, Planner, Search, best_of


class RandomShooting(Planner):
    """See the module's docstring."""

    def plan(self, search: Search, rng: np.random.Generator) -> Plan:
        """See ``Planner``."""
        return best_of(*search.draw(max(search.calls // search.depth, 1), rng))
