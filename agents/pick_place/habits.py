"""What the demonstrations of each task do, and which of the tasks a sentence sounds like.

An agent that learned several tasks must not treat all alike: kits need the outlines of pieces and slots compared, no
bead of a rope is moved by next to nothing, and a place in a box is used again while one on a tower is not. Which task
it is about, words tell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array

from ..common.sentences import PHRASES, phrases
from .history import Counts, DemonstrationStatistics, Move, count_moves, count_returns, least_move, share_of_returns
from .recutting import has_slot
from .steps import Step

TASKS = 32
"""Tasks that are told apart, at most."""
_SURE = 3.0
"""A sentence belongs to a task if it is so many times as likely as any other."""


class Habits(NamedTuple):
    """How demonstrations move things.

    Attributes:
        turning: whether any step turns its object; in some tasks, such as laying a rope, none does.
        repick: ``DemonstrationStatistics``.
        sharing: ``DemonstrationStatistics``.
        least_move: pixels, ``history.least_move``; 0 where any step turns its object.
        slots: probability that a move puts its object into a slot of its outline (Jeffreys prior).
        returns: probability that a move takes up what was laid under the same sentence; ``history.UNKNOWN`` if none
            was said for two moves.
    """

    turning: bool
    repick: float
    sharing: float
    least_move: float
    slots: float
    returns: float


def told_moves(episode: Sequence[Step]) -> list[tuple[str, Array, Array]]:
    """Of each step before which something was said the sentence, and (2,) float64 pixel positions of pick and place."""
    return [(step.instruction, step.pick, step.place) for step in episode if step.instruction is not None]


class Tally:
    """Habits as they are counted, one episode after the other.

    Attributes:
        tilting: whether any place is tilted, and the agent places so.
        sentences: number of steps before which something was said.
        said: (4093,) float32, number of them at which each of the ``phrases`` was said.
    """

    def __init__(self) -> None:
        self.tilting = False
        self.sentences = 0
        self.said = np.zeros(PHRASES, np.float32)
        self._turning = False
        self._counts = Counts(0, 0, 0, 0)
        self._lengths: list[float] = []
        self._fitted = 0
        self._returns = np.zeros(2)

    def add(self, episode: Sequence[Step], counts: Counts) -> None:
        """An episode, and what was counted of its moves."""
        self._turning |= any(step.rotates for step in episode)
        self.tilting |= any(step.tilt is not None for step in episode)
        self._counts = Counts(*np.add(self._counts, counts).tolist())
        self._lengths.extend(math.dist(step.pick, step.place) for step in episode)
        self._fitted += sum(has_slot(step) for step in episode)
        told = told_moves(episode)
        self._returns += count_returns(told)
        self.sentences += len(told)
        for sentence, _, _ in told:
            self.said[phrases(sentence)] += 1

    @property
    def habits(self) -> Habits:
        """Of all episodes so far."""
        shortest = 0.0 if self._turning else least_move(self._lengths)
        slots = (self._fitted + 0.5) / (len(self._lengths) + 1)
        returns = float(share_of_returns(*self._returns[:, None])[0])
        return Habits(self._turning, *DemonstrationStatistics.of(self._counts), shortest, slots, returns)


class TaskTallies:
    """Habits of all demonstrations and of those of each task, with the words that were said in it."""

    def __init__(self) -> None:
        self.all = Tally()
        self._tasks: dict[str, Tally] = {}

    def __len__(self) -> int:
        """Number of tasks."""
        return len(self._tasks)

    def add(self, task: str, episode: Sequence[Step]) -> None:
        """An episode of a task."""
        counts = count_moves(Move(step.scene, step.pick, step.place) for step in episode)
        for tally in (self.all, self._tasks.setdefault(task, Tally())):
            tally.add(episode, counts)

    def tables(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What ``heard`` and the agent need of each task.

        Returns:
            (n, 6) float32 ``Habits``, and (n, 4093) float32 share of a task's sentences that have each of the
            ``phrases`` (Jeffreys prior; zero for those that no task has). There are no rows if nothing is said in one
            of the tasks, or if there are more than 32.
        """
        apart = len(self) <= TASKS and all(tally.sentences for tally in self._tasks.values())
        tasks = list(self._tasks.values()) if apart else []
        # No more rows than there are tasks: influence keeps a data set of each demonstration.
        habits = np.zeros((len(tasks), len(Habits._fields)), np.float32)
        shares = np.zeros((len(tasks), PHRASES), np.float32)
        for row, tally in enumerate(tasks):
            habits[row], shares[row] = tally.habits, (tally.said + 0.5) / (tally.sentences + 1)
        shares[:, self.all.said == 0] = 0
        return habits, shares


def heard(sentence: str, shares: NDArray[np.float32]) -> int | None:
    """The task that a sentence most likely belongs to (naive Bayes over its phrases, all tasks equally likely before).

    Those that no task has do not count.

    Args:
        sentence: what is said.
        shares: (n, 4093) float32 of ``TaskTallies.tables``; rows of zeros, after all others, are of no task.

    Returns:
        Its row; ``None`` where it is not much more likely than any other.
    """
    known = shares[shares.any(axis=1)]
    said = [phrase for phrase in phrases(sentence) if known[:, phrase].any()]
    if not said:
        return None
    likely = np.log(known[:, said]).sum(axis=1)
    best = int(likely.argmax())
    return best if np.count_nonzero(likely > likely[best] - math.log(_SURE)) == 1 else None
