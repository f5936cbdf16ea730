"""An agent's memory of the episode, and statistics of demonstrations that say how to use it.

An agent without memory repeats an action that had no effect until the episode ends, and when no object is left to move
it picks up objects that are already in place. Where a sentence asks for several moves, such as packing all red blocks,
and demonstrations take nothing up again meanwhile, it then undoes what it did.

Positions are float64 pixels, (column, row), as in ``plane.py``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap

from ..common.sentences import FORMS, form_of
from .table import changed_pixels, holes

NEAR = 16
"""Pixels, 50 mm: radius around a position that belongs to what is picked or placed there."""
AT_A_PLACE = 10
"""Pixels, 31 mm: a pick this near to where something was laid takes that up again."""
NO_MOVE, NO_TURN = 3.5, math.radians(12)
"""Pixels (11 mm) and radians: an action that moves and turns its object by less leaves it where it is."""
SAME_TURN = math.radians(25)
"""Yaws this near to each other count as one way to lie: more than what the tasks of the benchmark allow."""
UNKNOWN = 0.5
"""Probability of ``returns_by_form`` for a sentence that was never said for two moves."""
NEVER_SAID = -1.0
"""What ``returns_by_form`` has for a sentence of a form that no demonstration has."""
_LEAST_CHANGE = 9
"""Changed pixels within that radius from which an action had an effect there."""
_SHORTER = 0.8
"""Share of the shortest demonstrated move that a move must have, with many demonstrated ones."""
_FEW_MOVES = 25
"""With so many demonstrated moves, it is half of that share."""


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


class LaidAgain(NamedTuple):
    """What was picked up and put back unchanged, and may have been turned there since.

    Attributes:
        place: (2,) pixel position where it was laid last.
        yaws: radians, relative to how it lies now, of all the ways in which it lay there; one is nearly 0.
    """

    place: Array
    yaws: tuple[float, ...]


class History:
    """The picks and places of an episode so far.

    Attributes:
        failed_picks: (2,) pixel positions of the picks since the last one that changed the table around it.
        first: what was seen first; ``None`` before.
        laid: (2,) pixel positions of all places since the present sentence was first said.
        length: pixels from pick to place of the last move; infinite before the first.
        laid_again: what was picked up and put back unchanged.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """An episode begins."""
        self.failed_picks: list[Array] = []
        self.first: Heightmap | None = None
        self.laid: list[Array] = []
        self.length = math.inf
        self.laid_again: list[LaidAgain] = []
        self._said: str | None = None
        self._occupied: list[tuple[Array, Heightmap]] = []
        self._last: Move | None = None
        self._yaw: float | None = None

    @property
    def settled_places(self) -> list[Array]:
        """(2,) pixel positions of the occupied places but for those laid under the present sentence."""
        if self._said is None:
            return self.occupied_places
        return [place for place in self.occupied_places if not any(place is laid for laid in self.laid)]

    @property
    def occupied_places(self) -> list[Array]:
        """(2,) pixel positions of the places where something arrived and nothing has changed since."""
        return [place for place, _ in self._occupied]

    def observe(self, heightmap: Heightmap) -> None:
        """Compare the map with the one before the last move."""
        if self.first is None:
            self.first = heightmap
        (last, self._last), (yaw, self._yaw) = (self._last, None), (self._yaw, None)
        if last is not None:
            failed = _unchanged_near(last.pick, last.before, heightmap)
            if failed:
                self.failed_picks.append(last.pick)
            else:
                self.failed_picks = []
                if not _unchanged_near(last.place, last.before, heightmap):
                    self._occupied.append((last.place, heightmap))
            # What is put back unchanged looks as if nothing had been picked.
            if yaw is not None and (not failed or _leaves(self.length, yaw)):
                self._note_laid_again(last, yaw)
        self._occupied = [(place, seen) for place, seen in self._occupied if _unchanged_near(place, seen, heightmap)]

    def hear(self, sentence: str | None) -> None:
        """What is asked for now: what was laid before belongs to another sentence."""
        if sentence != self._said:
            self._said, self.laid, self.laid_again = sentence, [], []

    def record(self, move: Move, yaw: float | None = None) -> None:
        """Remember the move that is carried out next.

        Args:
            move: it.
            yaw: radians by which it turns its object; ``None`` where nothing is to count as laid again.
        """
        self._last, self._yaw = move, yaw
        self.length = math.dist(move.pick, move.place)
        self.laid.append(move.place)

    def _note_laid_again(self, move: Move, yaw: float) -> None:
        known = self.laid_again_at(move.pick)
        self.laid_again = [
            each for each in self.laid_again if each is not known and math.dist(each.place, move.place) >= NEAR
        ]
        if known is not None and self.length < reach_of_turn(yaw):
            before = tuple(each - yaw for each in known.yaws)
            now = () if any(math.cos(each) > math.cos(SAME_TURN) for each in before) else (0.0,)
            self.laid_again.append(LaidAgain(move.place, (*before, *now)))
        elif _leaves(self.length, yaw):
            self.laid_again.append(LaidAgain(move.place, (0.0,)))

    def laid_again_at(self, pick: Array) -> LaidAgain | None:
        """What was laid again where a pick (2,) is, if anything was."""
        near = [each for each in self.laid_again if math.dist(each.place, pick) < NEAR]
        return min(near, key=lambda each: math.dist(each.place, pick), default=None)

    def takes_up_again(self, pick: Array) -> bool:
        """Whether a pick (2,) is where something was laid under the present sentence."""
        return any(np.linalg.norm(place - pick) < AT_A_PLACE for place in self.laid)


class DemonstrationStatistics(NamedTuple):
    """Two probabilities estimated from demonstrations (Jeffreys prior: one half without data, never 0 or 1).

    Attributes:
        repick: that a move picks an object at an occupied place, when there is one.
        sharing: that a move goes to a place where an earlier move of the episode went.
    """

    repick: float
    sharing: float

    @staticmethod
    def of(counts: Counts) -> DemonstrationStatistics:
        """The statistics of moves that were counted."""
        could_repick, repicked, could_share, shared = counts
        return DemonstrationStatistics((repicked + 0.5) / (could_repick + 1), (shared + 0.5) / (could_share + 1))


class Counts(NamedTuple):
    """Numbers of moves.

    Attributes:
        could_repick: those before which there is an occupied place.
        repicked: those that pick an object at one.
        could_share: those that are not the first of their episode.
        shared: those that go to a place where an earlier one went.
    """

    could_repick: int
    repicked: int
    could_share: int
    shared: int


def count_moves(moves: Iterable[Move]) -> Counts:
    """What ``DemonstrationStatistics`` are made of, of the moves of one episode."""
    could_repick = repicked = could_share = shared = 0
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
    return Counts(could_repick, repicked, could_share, shared)


def least_move(moves: Sequence[float]) -> float:
    """A distance below which no move is made twice in a row, since none was demonstrated that is nearly so short.

    An agent that is unsure of large moves would else make tiny ones without end, of whose place it is sure: that of a
    bead of a rope which lies nearly right.

    Args:
        moves: pixels from pick to place of each.

    Returns:
        Pixels: four fifths of the shortest, and less with few moves, which may not show how short they can be.
    """
    return _SHORTER * min(moves) * len(moves) / (len(moves) + _FEW_MOVES) if moves else 0.0


def returns_by_form(episodes: Iterable[Sequence[tuple[str, Array, Array]]]) -> NDArray[np.float32]:
    """How often moves take up again what was laid under the same sentence, by the form of the sentence.

    Args:
        episodes: of each move its sentence, and (2,) pixel positions of pick and place.

    Returns:
        (FORMS,) float32 probabilities of ``share_of_returns``, or ``NEVER_SAID``.
    """
    could, did, said = np.zeros(FORMS), np.zeros(FORMS), np.zeros(FORMS, bool)
    for episode in episodes:
        for form, returned in _later_moves(episode):
            could[form] += 1
            did[form] += returned
        said[[form_of(sentence) for sentence, _, _ in episode]] = True
    return np.where(said, share_of_returns(could, did), np.float32(NEVER_SAID))


def count_returns(episode: Sequence[tuple[str, Array, Array]]) -> tuple[int, int]:
    """The moves of an episode that are not the first of their sentence, and those that take up what was laid under it.

    Args:
        episode: of each move its sentence, and (2,) pixel positions of pick and place.
    """
    returned = [each for _, each in _later_moves(episode)]
    return len(returned), sum(returned)


def share_of_returns(could: Array, did: Array) -> NDArray[np.float32]:
    """How often moves take up again what was laid under the same sentence.

    Args:
        could: (n,) moves that are not the first of their sentence.
        did: (n,) those of them that do.

    Returns:
        (n,) float32 probabilities (Jeffreys prior; ``UNKNOWN`` where there is no such move, and only there).
    """
    shares = ((did + 0.5) / (could + 1)).astype(np.float32)
    # Seen in half of all cases is not the same as unknown.
    shares[(could > 0) & (shares == UNKNOWN)] = np.nextafter(np.float32(UNKNOWN), np.float32(1))
    return shares


def _later_moves(episode: Sequence[tuple[str, Array, Array]]) -> Iterator[tuple[int, bool]]:
    """Of each move but the first of its sentence the form of the sentence, and whether it takes up what was laid."""
    history = History()
    for sentence, pick, place in episode:
        history.hear(sentence)
        if history.laid:
            yield form_of(sentence), history.takes_up_again(pick)
        history.laid.append(place)


def reach_of_turn(yaw: float) -> float:
    """Pixels from pick to place within which an object that is turned by so many radians stays at its place.

    A pick may be up to ``NEAR`` beside its middle, about which it is turned.
    """
    return NO_MOVE + 2 * NEAR * abs(math.sin(yaw / 2))


def _leaves(length: float, yaw: float) -> bool:
    """Whether a move of so many pixels and radians leaves its object as it lies."""
    return length < NO_MOVE and math.cos(yaw) > math.cos(NO_TURN)


def _unchanged_near(position: Array, before: Heightmap, after: Heightmap) -> bool:
    """Whether nothing changed around a pixel position (2,) between two maps."""
    column, row = (math.floor(value) for value in position)
    near = tuple(slice(max(at - NEAR, 0), max(at + NEAR + 1, 0)) for at in (row, column))
    changed = changed_pixels(before, after, near)
    for scene in (before, after):
        changed &= ~holes(Heightmap(scene.color[near], scene.height[near]), scene.height)
    return int(np.count_nonzero(changed)) < _LEAST_CHANGE
