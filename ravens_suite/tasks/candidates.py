"""What the sentence of a scene could mean: the things that it names, and others of the same kind that lie there, too.

By these a probe tells whether a policy listens (``insight/language_probe.py``): which of them it picks, and what it
does when another one is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ravens_suite.core.geometry import Pose
from ravens_suite.errors import TaskDefinitionError


@dataclass(frozen=True)
class Candidate:
    """What one choice of words means.

    Attributes:
        words: for the slots of the sentence, those that mean it; where a task fills none, as its sentence has them.
        bodies: names of the bodies that are meant, where they are to be picked.
        places: poses that are meant, where something is to be placed; world frame.

    Raises:
        TaskDefinitionError: one of them is something else.
    """

    words: Mapping[str, str]
    bodies: tuple[str, ...] = ()
    places: tuple[Pose, ...] = ()

    def __post_init__(self) -> None:
        words: Any = self.words
        if not isinstance(words, Mapping) or not all(isinstance(text, str) for text in words.values()):
            raise TaskDefinitionError(
                f"words of Candidate is {words!r:.80}: give the texts for slots of the sentence by name, "
                "{'block': 'red block'}."
            )
        object.__setattr__(self, "bodies", _several("bodies of Candidate", self.bodies, str))
        object.__setattr__(self, "places", _several("places of Candidate", self.places, Pose))

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

    Raises:
        TaskDefinitionError: one of them is something else.
    """

    picks: tuple[Candidate, ...] = field(default=())
    places: tuple[Candidate, ...] = field(default=())

    def __post_init__(self) -> None:
        for name in ("picks", "places"):
            object.__setattr__(self, name, _several(f"{name} of Candidates", getattr(self, name), Candidate))

    @property
    def others(self) -> tuple[Candidate, ...]:
        """What else could be named: of what is picked, or of the places where the sentence chooses no pick."""
        return self.picks[1:] or self.places[1:]


_KINDS: Mapping[type[Any], str] = {str: "names of bodies", Pose: "poses", Candidate: "candidates"}


def _several(where: str, values: Any, kind: type[Any]) -> tuple[Any, ...]:
    # A text is a sequence, too, of letters: each of them would count as a body.
    if isinstance(values, kind):
        raise TaskDefinitionError(f"{where} is one alone, {values!r:.80}: give a list of {_KINDS[kind]}, here of one.")
    if not isinstance(values, list | tuple) or not all(isinstance(value, kind) for value in values):
        raise TaskDefinitionError(f"{where} is {values!r:.80}: give a list of {_KINDS[kind]}.")
    return tuple(values)


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
