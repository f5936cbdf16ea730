"""Which of several picks to take, and where to, when each is judged beside the others.

Objects that look alike to the network want the same place. Judged alone, the wrong one may be as certain as the right
one; side by side, the right one has no other place to go, and the wrong one has. So all picks are given places at once.
That two get the same one counts the more against it, the seldomer demonstrations do so: hardly ever in a kit, always
where piles are swept to one spot.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array

NEAR = 16.0
"""Pixels, 50 mm, within which two places are one: objects are picked beside their middle, and so placed."""
LEAST = -5.0
"""Log probability of a pick whose places are all taken, and the least that any place counts: below, it is noise."""


def rescore_jointly(
    pick_log_probabilities: Sequence[float],
    places: Sequence[Array],
    place_log_probabilities: Sequence[Array],
    sharing: float,
) -> tuple[int, int]:
    """The pick to carry out, and which of its places.

    Args:
        chances: log probability of each pick.
        places: (n, 2) pixel positions for each pick.
        certainties: (n,) log probabilities of these.
        sharing: probability, above 0, that two objects go to one place.

    Returns:
        Index of the pick to carry out and of its place. All picks have a place or none, so that the largest product is
        that of the probabilities of all places, of ``sharing`` for each two that are one, and once more of the pick
        to carry out and of its place.
    """
    count = len(pick_log_probabilities)
    values = [np.append(np.maximum(certainty, LEAST), LEAST) for certainty in place_log_probabilities]
    # One row for each way to give all picks a place or none.
    ways = np.stack([grid.ravel() for grid in np.meshgrid(*(np.arange(len(v)) for v in values), indexing="ij")], axis=1)
    total = np.sum([values[pick][ways[:, pick]] for pick in range(count)], axis=0)
    for first in range(count):
        for second in range(first):
            same = _same(places[first], places[second])
            total = total + math.log(sharing) * same[ways[:, first], ways[:, second]]
    scores = np.stack(
        [total + pick_log_probabilities[pick] + values[pick][ways[:, pick]] for pick in range(count)], axis=1
    )
    for pick in range(count):
        scores[ways[:, pick] == len(places[pick]), pick] = -np.inf
    way, chosen = (int(index) for index in np.unravel_index(int(scores.argmax()), scores.shape))
    return chosen, int(ways[way, chosen])


def _same(first: Array, second: Array) -> NDArray[np.bool_]:
    """(n + 1, m + 1) bool, which of two picks' places are one; nowhere, the last of each, is none."""
    same = np.zeros((len(first) + 1, len(second) + 1), dtype=bool)
    same[:-1, :-1] = np.linalg.norm(first[:, None] - second[None], axis=-1) < NEAR
    return same
