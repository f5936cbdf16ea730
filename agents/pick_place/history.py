"""An agent's memory of the episode, and two statistics of demonstrations that say how to use it.

An agent without memory repeats an action that had no effect until the episode ends, and when no object is left to move
it picks up objects that are already in place.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap

from .table import changed_pixels, holes

NEAR = 16
"""Pixels, 50 mm: radius around a position that belongs to what is picked or placed there."""
_LEAST_CHANGE = 9
"""Changed pixels within that radius from which an action had an effect there."""


class Move(NamedTuple):
    """An action.

    Attributes:
        before: what was seen before it.
        pick: (2,) pixel position.
        place: (2,) pixel position.
    """

    before: Heightmap
    pick: Array
    place: Array


class History:
    """The picks and places of an episode so far.

    Attributes:
        failed_picks: (2,) pixel positions of the picks since the last one that changed the table around it.
        first: what was seen first; ``None`` before.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """An episode begins."""
        self.failed_picks: list[Array] = []
        self.first: Heightmap | None = None
        self._occupied: list[tuple[Array, Heightmap]] = []
        self._last: Move | None = None

    @property
    def occupied_places(self) -> list[Array]:
        """(2,) pixel positions of the places where something arrived and nothing has changed since."""
        return [place for place, _ in self._occupied]

    def observe(self, heightmap: Heightmap) -> None:
        """Compare the map with the one before the last move."""
        if self.first is None:
            self.first = heightmap
        last, self._last = self._last, None
        if last is not None:
            if _unchanged_near(last.pick, last.before, heightmap):
                self.failed_picks.append(last.pick)
            else:
                self.failed_picks = []
                if not _unchanged_near(last.place, last.before, heightmap):
                    self._occupied.append((last.place, heightmap))
        self._occupied = [(place, seen) for place, seen in self._occupied if _unchanged_near(place, seen, heightmap)]

    def record(self, move: Move) -> None:
        """Remember the move that is carried out next."""
        self._last = move


class DemonstrationStatistics(NamedTuple):
    """Two probabilities estimated from demonstrations (Jeffreys prior: one half without data, never 0 or 1).

    Attributes:
        repick: that a move picks an object at an occupied place, when there is one.
        sharing: that a move goes to a place where an earlier move of the episode went.
    """

    repick: float
    sharing: float


def demonstration_statistics(episodes: Iterable[Sequence[Move]]) -> DemonstrationStatistics:
    """The statistics of demonstrations, given the moves of each."""
    could_repick = repicked = could_share = shared = 0
    for moves in episodes:
        history = History()
        places: list[Array] = []
        for move in moves:
            history.observe(move.before)
            could_repick += bool(history.occupied_places)
            repicked += any(np.abs(place - move.pick).max() <= NEAR for place in history.occupied_places)
            could_share += bool(places)
            shared += any(np.linalg.norm(place - move.place) < NEAR for place in places)
            history.record(move)
            places.append(move.place)
    return DemonstrationStatistics((repicked + 0.5) / (could_repick + 1), (shared + 0.5) / (could_share + 1))


def _unchanged_near(position: Array, before: Heightmap, after: Heightmap) -> bool:
    """Whether nothing changed around a pixel position (2,) between two maps."""
    column, row = (math.floor(value) for value in position)
    near = tuple(slice(max(at - NEAR, 0), max(at + NEAR + 1, 0)) for at in (row, column))
    changed = changed_pixels(before, after, near)
    for scene in (before, after):
        changed &= ~holes(Heightmap(scene.color[near], scene.height[near]), scene.height)
    return int(np.count_nonzero(changed)) < _LEAST_CHANGE
