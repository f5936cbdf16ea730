"""Tree search over several actions: the best scenes imagined so far are gone on from, the others are dropped."""

from __future__ import annotations

import numpy as np
import torch

from .base import Plan, Planner, Search, States

_BEAM = 8
"""Scenes that are gone on from after each action."""


class TreeSearch(Planner):
    """See the module's docstring. With a depth of 1 it is random shooting."""

    def plan(self, search: Search, rng: np.random.Generator) -> Plan:
        """See ``Planner``."""
        calls = max(search.calls // search.depth, 1)
        first = search.propose(search.scene, calls, rng)
        states = search.imagine(search.start(calls), first)
        states = states._replace(worth=states.worth - search.penalty(first))
        origin, worths = torch.arange(calls), states.worth.clone()
        for _ in range(search.depth - 1):
            kept = states.worth.topk(min(_BEAM, calls)).indices
            each = max(calls // len(kept), 1)
            origin = origin[kept.cpu()].repeat_interleave(each)
            actions = torch.cat([search.propose(scene, each, rng) for scene in states.scenes[kept]])
            grown = search.imagine(_repeat(states.at(kept), each), actions)
            penalty = search.penalty(first[origin])
            states = grown._replace(worth=grown.worth - penalty)
            worths.scatter_reduce_(0, origin.to(worths.device), states.worth * _LATER, "amax")
        best = int(worths.argmax())
        return Plan(first[best], float(worths[best]), first, worths)


_LATER = 0.95
"""Worth of what is reached later, beside the same reached by the first action."""


def _repeat(states: States, times: int) -> States:
    memory = tuple(each.repeat_interleave(times, 0) for each in states.memory)
    return States(states.scenes.repeat_interleave(times, 0), memory, states.worth.repeat_interleave(times))
