"""What the sentence of a scene could mean: the things that it names, and others of the same kind that lie there, too.

By these a probe tells whether a policy listens (``insight/language_probe.py``): which of them it picks, and what it
does when another one is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ravens_suite.core.geometry import Pose


@dataclass(frozen=True)
class Candidate:
    """What one choice of words means.

    Attributes:
        words: for the slots of the sentence, those that mean it.
        bodies: names of the bodies that are meant, where they are to be picked.
        places: poses that are meant, where something is to be placed; world frame.
    """

    words: Mapping[str, str]
    bodies: tuple[str, ...] = ()
    places: tuple[Pose, ...] = ()

    @property
    def count(self) -> int:
        """How many bodies or places are meant."""
        return len(self.bodies) + len(self.places)


@dataclass(frozen=True)
class Candidates:
    """All that the sentence of a goal step could mean.

    Attributes:
        picks: for what is picked; the first is the one that the sentence does name. Empty where it does not choose.
        places: the same for where it is placed.
    """

    picks: tuple[Candidate, ...] = field(default=())
    places: tuple[Candidate, ...] = field(default=())

    @property
    def others(self) -> tuple[Candidate, ...]:
        """What else could be named: of what is picked, or of the places where the sentence chooses no pick."""
        return self.picks[1:] or self.places[1:]


def chance(candidates: Sequence[Candidate]) -> float | None:
    """The probability that one of some bodies or places, drawn at random, is of the first candidate.

    ``None`` where fewer than two candidates have any.
    """
    counts = [candidate.count for candidate in candidates]
    total = int(np.sum(counts, dtype=np.int64))
    return counts[0] / total if counts and 0 < counts[0] < total else None


def by_color(names: Sequence[str], kind: str) -> dict[str, tuple[str, ...]]:
    """Names of bodies of a kind by their colour, as in ``"red block 1"``."""
    found: dict[str, list[str]] = {}
    for name in names:
        color, *rest = name.split()
        if rest and rest[0] == kind:
            found.setdefault(color, []).append(name)
    return {color: tuple(group) for color, group in found.items()}
