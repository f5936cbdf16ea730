"""What an agent remembers of an episode: picks that came to nothing, and places where things have lain since.

An agent without memory that sees the same table again does the same again, for ever. And one that has nothing left to
do takes up what lies right already.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ravens_suite.values.geometry import Array
from ravens_suite.values.heightmap import Heightmap

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
        settled: (2,) pixel positions of the places about which nothing has changed since.
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
                self._settled.append((last.place, heightmap))
        self._settled = [(place, seen) for place, seen in self._settled if _same_about(place, seen, heightmap)]

    def note(self, move: Move) -> None:
        """What is tried next."""
        self._last = move


def repick_share(episodes: Iterable[Sequence[Move]]) -> float:
    """How often what has settled is picked again, where something has: a half without any case, by Jeffreys' rule.

    Args:
        episodes: moves of each demonstration.

    Returns:
        Between 0 and 1, both excluded.
    """
    cases = again = 0
    for moves in episodes:
        history = History()
        for move in moves:
            history.look(move.before)
            cases += bool(history.settled)
            again += any(np.abs(place - move.pick).max() <= NEAR for place in history.settled)
            history.note(move)
    return (again + 0.5) / (cases + 1)


def _same_about(position: Array, before: Heightmap, after: Heightmap) -> bool:
    column, row = (math.floor(value) for value in position)
    near = tuple(slice(max(at - NEAR, 0), max(at + NEAR + 1, 0)) for at in (row, column))
    parts = (Heightmap(view.color[near], view.height[near]) for view in (before, after))
    return int(np.count_nonzero(changed(*parts))) < _CHANGED
