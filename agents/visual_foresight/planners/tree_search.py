"""Tree search over several actions: the best scenes imagined so far are gone on from, the others are dropped."""

from __future__ import annotations

import numpy as np
import torch

from .base import Plan, Planner, Search, States, later

_BEAM = 8
"""Scenes that are gone on from after each action."""


class TreeSearch(Planner):
    """See the module's docstring. With a depth of 1 it is random shooting."""

    def plan(self, search: Search, rng: np.random.Generator) -> Plan:
        """See ``Planner``."""
        calls = max(search.calls // search.depth, 1)
        first = search.propose(search.scene, calls, rng)
        states, penalty = search.imagine(search.start(calls), first), search.penalty(first)
        origin = torch.arange(calls, device=penalty.device)
        worths = states.worth - penalty
        for step in range(1, search.depth):
            kept = (states.worth - penalty[origin]).topk(min(_BEAM, len(origin))).indices
            each = max(calls // len(kept), 1)
            origin = origin[kept].repeat_interleave(each)
            actions = torch.cat([search.propose(scene, each, rng) for scene in states.scenes[kept]])
            states = search.imagine(_repeat(states.at(kept), each), actions)
            worths.scatter_reduce_(0, origin, later(states.worth, step) - penalty[origin], "amax")
        best = int(worths.argmax())
        return Plan(first[best], float(worths[best]), first, worths)


def _repeat(states: States, times: int) -> States:
    memory = tuple(each.repeat_interleave(times, 0) for each in states.memory)
    return States(states.scenes.repeat_interleave(times, 0), memory, states.worth.repeat_interleave(times))
