"""An agent's memory of the episode, and two statistics of demonstrations that say how to use it.

An agent without memory repeats an action that had no effect until the episode ends, and when nothing is left to do it
picks up objects that are already where they belong.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap

from .table import changed

NEAR = 16
"""Pixels about a position, 50 mm, that belong to what is picked or placed there."""
_CHANGED = 9
"""Pixels of these that have to change for something to have happened."""


class Move(NamedTuple):
    """An action at pixel positions (2,), and what was seen before it."""

    before: Heightmap
    pick: Array
    place: Array


class History:
    """Remembers an episode.

    Attributes:
        futile: (2,) pixel positions of the picks since the last that changed the table where it was.
        settled: (2,) pixel positions of the places where something has arrived and nothing has changed since.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """An episode begins."""
        self.failed_picks: list[Array] = []
        self._settled: list[tuple[Array, Heightmap]] = []
        self._last: Move | None = None

    @property
    def settled(self) -> list[Array]:
        """See the class."""
        return [place for place, _ in self._settled]

    def observe(self, heightmap: Heightmap) -> None:
        """Compare the map with the one before the last move."""
        last, self._last = self._last, None
        if last is not None:
            if _same_about(last.pick, last.before, heightmap):
                self.failed_picks.append(last.pick)
            else:
                self.failed_picks = []
                if not _same_about(last.place, last.before, heightmap):
                    self._settled.append((last.place, heightmap))
        self._settled = [(place, seen) for place, seen in self._settled if _same_about(place, seen, heightmap)]

    def record(self, move: Move) -> None:
        """Remember the move that is carried out next."""
        self._last = move


class DemonstrationStatistics(NamedTuple):
    """Two probabilities estimated from demonstrations (Jeffreys prior: one half without data, never 0 or 1).

    Attributes:
        repick: that a move picks a settled object, when there is one.
        sharing: that a move goes to a place where an earlier move of the episode went.
    """

    repick: float
    sharing: float


def demonstration_statistics(episodes: Iterable[Sequence[Move]]) -> DemonstrationStatistics:
    """The statistics of demonstrations, given the moves of each."""
    cases = again = later = shared = 0
    for moves in episodes:
        history = History()
        places: list[Array] = []
        for move in moves:
            history.observe(move.before)
            cases += bool(history.settled)
            again += any(np.abs(place - move.pick).max() <= NEAR for place in history.settled)
            later += bool(places)
            shared += any(np.linalg.norm(place - move.place) < NEAR for place in places)
            history.record(move)
            places.append(move.place)
    return DemonstrationStatistics((again + 0.5) / (cases + 1), (shared + 0.5) / (later + 1))


def _same_about(position: Array, before: Heightmap, after: Heightmap) -> bool:
    column, row = (math.floor(value) for value in position)
    near = tuple(slice(max(at - NEAR, 0), max(at + NEAR + 1, 0)) for at in (row, column))
    parts = (Heightmap(view.color[near], view.height[near]) for view in (before, after))
    return int(np.count_nonzero(changed(*parts))) < _CHANGED
