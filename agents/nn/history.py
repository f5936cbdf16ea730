"""What an agent remembers of an episode, and what demonstrations do: picks again what was placed, or places there.

An agent without memory that sees the same table again does the same again, for ever. And one that has nothing left to
do takes up what lies right already.
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
        self.futile: list[Array] = []
        self._settled: list[tuple[Array, Heightmap]] = []
        self._last: Move | None = None

    @property
    def settled(self) -> list[Array]:
        """See the class."""
        return [place for place, _ in self._settled]

    def look(self, heightmap: Heightmap) -> None:
        """See what has become of the last move."""
        last, self._last = self._last, None
        if last is not None:
            if _same_about(last.pick, last.before, heightmap):
                self.futile.append(last.pick)
            else:
                self.futile = []
                if not _same_about(last.place, last.before, heightmap):
                    self._settled.append((last.place, heightmap))
        self._settled = [(place, seen) for place, seen in self._settled if _same_about(place, seen, heightmap)]

    def note(self, move: Move) -> None:
        """What is tried next."""
        self._last = move


class Habits(NamedTuple):
    """What demonstrations do; both by Jeffreys' rule, so a half without any case, and never 0 or 1.

    Attributes:
        repick: share of moves that pick what has settled, of those made while something has.
        sharing: share of moves that go where an earlier one of the episode went, of all but the first of each.
    """

    repick: float
    sharing: float


def habits(episodes: Iterable[Sequence[Move]]) -> Habits:
    """The habits of demonstrations, given the moves of each."""
    cases = again = later = shared = 0
    for moves in episodes:
        history = History()
        places: list[Array] = []
        for move in moves:
            history.look(move.before)
            cases += bool(history.settled)
            again += any(np.abs(place - move.pick).max() <= NEAR for place in history.settled)
            later += bool(places)
            shared += any(np.linalg.norm(place - move.place) < NEAR for place in places)
            history.note(move)
            places.append(move.place)
    return Habits((again + 0.5) / (cases + 1), (shared + 0.5) / (later + 1))


def _same_about(position: Array, before: Heightmap, after: Heightmap) -> bool:
    column, row = (math.floor(value) for value in position)
    near = tuple(slice(max(at - NEAR, 0), max(at + NEAR + 1, 0)) for at in (row, column))
    parts = (Heightmap(view.color[near], view.height[near]) for view in (before, after))
    return int(np.count_nonzero(changed(*parts))) < _CHANGED
