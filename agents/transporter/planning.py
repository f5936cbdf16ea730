"""Search over what the agent would do, for goals that no demonstration showed.

The candidates of a scene are imagined (``imagining.py``): what comes is a scene again, for which the agent has further
candidates. A beam of the best sequences is kept, and the first action of the best one is carried out (after
Transporters with Visual Foresight, arXiv 2202.10765, which learns what is imagined here by moving pixels).

A sequence is worth the log-probabilities of its actions, and how much nearer to the goal they bring the scene. The
agent may not know a place to the pixel that no demonstration showed, so the last place of a sequence that is kept is
moved to where the goal is filled best.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

from ravens_suite.core.heightmap import Heightmap

from ..common.sampling import separated_maxima
from .candidates import Candidates
from .config import TransporterConfig
from .decision import Decision, decision_of
from .imagining import imagine

_BEAM = 4
"""Sequences that are kept after each action."""
_WORTH = 5.0
"""Of an action that brings its object wholly to where the goal has one, in log-probability."""
_LEAST = -5.0
"""Lower limit of a log-probability: differences below it are noise."""
_WITHIN = 3
"""Places that are tried within the best window of a pick: neighbours in a layer lie closer together than windows."""
_APART = 3
"""Cells of the fine map, 19 mm: least distance between two of them."""
_STRIDES = (2.0, 1.0)
"""Pixels by which a place is moved at a time while that fills the goal better."""
_BETTER = 0.02
"""Least gain a pixel that moves a place. Past the edge of the goal a cube loses 0.08 a pixel. Less is noise; a cube
that follows it takes the room of the one beside it."""
_FARTHEST = 8
"""Moves of a place with each of these strides, at most: 75 mm in all."""


class _Sequence(NamedTuple):
    """Some actions: the scene before the last and after it, the first and the last of them, and what they are worth."""

    before: Heightmap
    scene: Heightmap
    first: Decision | None
    last: Decision | None
    worth: float


def plan(
    config: TransporterConfig, scene: Heightmap, goal: Heightmap, find: Callable[[Heightmap], Candidates]
) -> Decision:
    """The first action of the best sequence.

    Args:
        config: settings; ``lookahead`` is the greatest length of a sequence.
        scene: what is seen.
        goal: the finished scene.
        find: the candidates of a scene.
    """
    beam = [_Sequence(scene, scene, None, None, 0.0)]
    for _ in range(config.lookahead):
        # A sequence may also end before: when all is done, any action only does harm.
        ended = [sequence for sequence in beam if sequence.first is not None]
        longer = [each for sequence in beam for each in _continued(config, sequence, goal, find(sequence.scene))]
        kept = [_with_better_place(sequence, goal) for sequence in _best(longer)]
        beam = _best([*ended, *kept])
    assert beam[0].first is not None
    return beam[0].first


def _best(sequences: list[_Sequence]) -> list[_Sequence]:
    """Those that are kept, best first."""
    return sorted(sequences, key=lambda sequence: -sequence.worth)[:_BEAM]


def _with_better_place(sequence: _Sequence, goal: Heightmap) -> _Sequence:
    """The same, its last place moved to where the goal is filled best: step by step, while each fills more."""
    before, last = sequence.before, sequence.last
    assert last is not None
    best, place = imagine(before, goal, last.pick, last.place, last.yaw), last.place
    start = best.gain
    for stride in _STRIDES:
        for _ in range(_FARTHEST):
            beside = [place + stride * np.array(way) for way in ((1, 0), (-1, 0), (0, 1), (0, -1))]
            made = [imagine(before, goal, last.pick, each, last.yaw) for each in beside]
            better = int(np.argmax([each.gain for each in made]))
            if made[better].gain <= best.gain + _BETTER * stride:
                break
            best, place = made[better], beside[better]
    moved = last._replace(place=place)
    first = moved if sequence.first is last else sequence.first
    worth = sequence.worth + _WORTH * (best.gain - start)
    return _Sequence(before, best.scene, first, moved, worth)


def _continued(
    config: TransporterConfig, sequence: _Sequence, goal: Heightmap, found: Candidates
) -> Iterator[_Sequence]:
    """A sequence with each of the candidates after it."""
    for pick, (chosen, places) in enumerate(zip(found.picks, found.places, strict=True)):
        for place in range(len(places.positions)):
            for decision, log_probability in _decisions(config, found, pick, place):
                after = imagine(sequence.scene, goal, decision.pick, decision.place, decision.yaw)
                own = max(chosen.log_probability + log_probability, _LEAST)
                worth = sequence.worth + own + _WORTH * after.gain
                yield _Sequence(sequence.scene, after.scene, sequence.first or decision, decision, worth)


def _decisions(config: TransporterConfig, found: Candidates, pick: int, place: int) -> Iterator[tuple[Decision, float]]:
    """A place and, if it is the best one of its pick, others within its window, with the log-probability of each."""
    places = found.places[pick]
    window = places.refined[place]
    shares = window.flatten().softmax(0).view_as(window).sum(dim=0)
    around = functional.avg_pool2d(shares[None], _APART, 1, _APART // 2, divisor_override=1)[0]
    nothing = torch.zeros((1, 0, 2), dtype=torch.int64, device=window.device)
    count = _WITHIN if place == int(places.log_probabilities.argmax()) else 1
    cells = separated_maxima(window.amax(dim=0)[None], count, _APART, nothing)[0]
    for cell in cells:
        share = float(around[tuple(cell)])
        if share > 0:
            decision = decision_of(config, found, pick, place, cell)
            yield decision, float(places.log_probabilities[place]) + math.log(share)
