"""Joint rescoring of picks and places: all pick candidates are assigned places together, and one is carried out.

Two objects that look similar may both score highest at the same place. Scored one by one, the wrong object can win.
Scored together, the right object keeps the place, because it fits nowhere else, and the other gets its own. The score
of an assignment is the product of the probabilities of all places, and of a penalty for each pair of candidates that
share one: the probability that demonstrations use a place twice, small for kits, near one for piles swept together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array
from ravens_suite.errors import ConfigError

NEAR = 16.0
"""Pixels, 50 mm: two places closer than this count as the same. Picks are off-centre, and so are their places."""
LEAST = -5.0
"""Log-probability of giving a pick no place, and lower limit for all places: differences below it are noise."""
_ROUNDING = 1e-9
"""What sums of log-probabilities may be off by: with more picks the same numbers are added in another order."""

MOST_ASSIGNMENTS = 1_000_000
"""So many are scored in about a second and some hundred megabytes."""


def check_assignments(picks: int, candidates: int) -> None:
    """Refuse so many picks, with so many places each, that not all of their assignments can be tried.

    Raises:
        ConfigError: there are too many; the message says how many picks there may be.
    """
    each = candidates + 1
    if each**picks > MOST_ASSIGNMENTS:
        most = next(count for count in range(picks, 0, -1) if each**count <= MOST_ASSIGNMENTS)
        raise ConfigError(
            f"{picks} picks with {candidates} candidates each can be given places in more than {MOST_ASSIGNMENTS:,} "
            f'ways, all of which are compared: set "picks" to {most} or fewer in --config (of a run that there is, by '
            "ravens-suite reconfigure)."
        )


def rescore_jointly(
    pick_log_probabilities: Sequence[float],
    places: Sequence[Array],
    place_log_probabilities: Sequence[Array],
    sharing: float,
) -> tuple[int, int]:
    """The pick to carry out, and its place.

    Every assignment gives each pick one of its places or none. Its score is the sum of the log-probabilities of the
    places, plus ``log(sharing)`` for each pair of picks with the same place. All assignments are tried, and the pick
    and place are those for which this score plus their own log-probabilities is highest.

    Args:
        pick_log_probabilities: of each pick.
        places: for each pick its place candidates, (n, 2) float64 pixel positions.
        place_log_probabilities: for each pick those of its place candidates, (n,) float64.
        sharing: probability, above 0, that two objects go to one place.

    Returns:
        Index of the pick, and index of the place among those of this pick.
    """
    scores = _scores(pick_log_probabilities, places, place_log_probabilities, sharing)
    assignment, pick = (
        int(index) for index in np.unravel_index(int(scores.of_choices.argmax()), scores.of_choices.shape)
    )
    return pick, int(scores.assignments[assignment, pick])


def is_settled(
    pick_log_probabilities: Sequence[float],
    places: Sequence[Array],
    place_log_probabilities: Sequence[Array],
    sharing: float,
    others: Sequence[float],
) -> bool:
    """Whether further picks, whatever their places are, cannot change what ``rescore_jointly`` chooses.

    How well the others can be placed adds to all scores alike, but for places that they share with the picks that are
    known. Each pair that shares one takes ``-log(sharing)`` from a score, so the best score must lead by that for all
    pairs: over the next best choice, and over the choice of another pick, whose place has at best a probability of one.

    Args:
        pick_log_probabilities: of each pick whose places are known.
        places: see ``rescore_jointly``.
        place_log_probabilities: see ``rescore_jointly``.
        sharing: see ``rescore_jointly``.
        others: log-probabilities of the other picks.
    """
    if not others:
        return True
    scores = _scores(pick_log_probabilities, places, place_log_probabilities, sharing)
    best = [
        float(scores.of_choices[scores.assignments[:, pick] == place, pick].max())
        for pick, each in enumerate(places)
        for place in range(len(each))
    ]
    highest, *rest = sorted(best, reverse=True)
    rival = max([*rest, float(scores.of_assignments.max()) + max(others)])
    return highest - rival > -math.log(sharing) * len(others) * len(places) + _ROUNDING


class _Scores(NamedTuple):
    """Scores of all assignments of places to picks.

    Attributes:
        assignments: (assignments, picks) int64 index of the place of each pick; that after the last one is no place.
        of_assignments: (assignments,) float64.
        of_choices: (assignments, picks) float64, of carrying out each pick; minus infinity where it has no place.
    """

    assignments: NDArray[np.int64]
    of_assignments: Array
    of_choices: Array


def _scores(
    pick_log_probabilities: Sequence[float],
    places: Sequence[Array],
    place_log_probabilities: Sequence[Array],
    sharing: float,
) -> _Scores:
    """See ``rescore_jointly``."""
    count = len(pick_log_probabilities)
    # The last value of each pick stands for no place.
    values = [np.append(np.maximum(logs, LEAST), LEAST) for logs in place_log_probabilities]
    grids = np.meshgrid(*(np.arange(len(each)) for each in values), indexing="ij")
    assignments = np.stack([grid.ravel() for grid in grids], axis=1)  # (assignments, picks) indices of places
    total = np.sum([values[pick][assignments[:, pick]] for pick in range(count)], axis=0)
    for first in range(count):
        for second in range(first):
            same = _same_place(places[first], places[second])
            total = total + math.log(sharing) * same[assignments[:, first], assignments[:, second]]
    own = [pick_log_probabilities[pick] + values[pick][assignments[:, pick]] for pick in range(count)]
    scores = total[:, None] + np.stack(own, axis=1)  # (assignments, picks)
    for pick in range(count):
        scores[assignments[:, pick] == len(places[pick]), pick] = -np.inf
    return _Scores(assignments, total, scores)


def _same_place(first: Array, second: Array) -> NDArray[np.bool_]:
    """(n + 1, m + 1) bool: which places of two picks are the same; the last row and column stand for no place."""
    same = np.zeros((len(first) + 1, len(second) + 1), dtype=bool)
    same[:-1, :-1] = np.linalg.norm(first[:, None] - second[None], axis=-1) < NEAR
    return same
