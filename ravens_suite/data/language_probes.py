"""What came of telling a policy other things than it should be told: episodes, and their figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ravens_suite.core.statistics import percent_interval
from ravens_suite.data.fields import object_of
from ravens_suite.data.outcomes import EpisodeOutcome, Summary

OWN, PARAPHRASE, ANOTHER, NONSENSE, EMPTY = "own", "paraphrase", "another", "nonsense", "empty"
SENTENCES = {
    OWN: "the task's own sentence",
    PARAPHRASE: "a paraphrase, held out",
    ANOTHER: "another object's sentence",
    NONSENSE: "words without a meaning",
    EMPTY: "nothing",
}
"""What a policy is told, and how each is called for a person."""

PARTS = ("pick", "place")


@dataclass(frozen=True)
class FirstChoice:
    """What the first action of an episode was about.

    Attributes:
        chance: probability that one of the candidates, drawn at random, is what the task's sentence names.
        named: whether it was what the task's sentence names.
        told: whether it was what the policy was told; ``None`` where that has no meaning.
    """

    chance: float
    named: bool
    told: bool | None


@dataclass(frozen=True)
class ProbedEpisode:
    """One episode of a policy that was told something.

    Attributes:
        seed: of the scene.
        sentence: which of ``SENTENCES``.
        said: the first one, word by word.
        score: sum of rewards, at most 1.
        success: strict success.
        steps: number of actions.
        outcome: how it ended, as of ``EpisodeOutcome``.
        first: ``pick`` and ``place`` to what the first action was about; where the task's sentence chooses nothing, or
            no action was taken, there is none.
    """

    seed: int
    sentence: str
    said: str
    score: float
    success: bool
    steps: int
    outcome: str
    first: Mapping[str, FirstChoice]

    def to_json(self) -> dict[str, Any]:
        """JSON values from which ``from_json`` rebuilds it."""
        return asdict(self)

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> ProbedEpisode:
        """The inverse of ``to_json``.

        Raises:
            TypeError: a field is missing, unknown or of another kind.
        """
        found = object_of(ProbedEpisode, value)
        if found.sentence not in SENTENCES:
            raise TypeError(f"sentence is {found.sentence!r:.60}")
        return found


@dataclass(frozen=True)
class Share:
    """How often the first action was about what was named. Percentages.

    Attributes:
        episodes: that count: with at least two candidates.
        named: about what the task's sentence names.
        named_interval: its 95 % interval, (low, high).
        chance: what choosing a candidate at random would give, the mean over the scenes.
        told: about what the policy was told; ``None`` where that has no meaning.
    """

    episodes: int
    named: float
    named_interval: tuple[float, float]
    chance: float
    told: float | None

    @staticmethod
    def of(choices: Sequence[FirstChoice]) -> Share:
        """Of the first actions of some episodes; at least one."""
        named = [float(choice.named) for choice in choices]
        told = [float(choice.told) for choice in choices if choice.told is not None]
        return Share(
            len(choices),
            _percent(named),
            percent_interval(named),
            _percent([choice.chance for choice in choices]),
            _percent(told) if told else None,
        )


@dataclass(frozen=True)
class SentenceFigures:
    """The figures of one kind of sentence.

    Attributes:
        example: what was said in the first of the scenes.
        summary: scores and successes.
        first: ``pick`` and ``place`` to the shares of first actions, where the sentence chooses.
    """

    example: str
    summary: Summary
    first: Mapping[str, Share]

    @staticmethod
    def of(episodes: Sequence[ProbedEpisode]) -> SentenceFigures:
        """Of episodes of one kind of sentence; at least one."""
        outcomes = [EpisodeOutcome(one.seed, one.score, one.success, one.steps, one.outcome) for one in episodes]
        first = {}
        for part in PARTS:
            if choices := [one.first[part] for one in episodes if part in one.first]:
                first[part] = Share.of(choices)
        return SentenceFigures(min(episodes, key=lambda one: one.seed).said, Summary.of(outcomes), first)

    def to_json(self) -> dict[str, Any]:
        """JSON values: those of the summary, and ``first_pick`` and ``first_place`` where the sentence chooses."""
        shares = {
            f"first_{part}": {
                "episodes": share.episodes,
                "named": share.named,
                "named_interval_95": list(share.named_interval),
                "chance": share.chance,
                "told": share.told,
            }
            for part, share in self.first.items()
        }
        return {"example": self.example, **self.summary.to_json(), **shares}


def figures_of(episodes: Sequence[ProbedEpisode]) -> dict[str, SentenceFigures]:
    """The figures of every kind of sentence that there are episodes of, in the order of ``SENTENCES``."""
    by_sentence = {kind: [one for one in episodes if one.sentence == kind] for kind in SENTENCES}
    return {kind: SentenceFigures.of(group) for kind, group in by_sentence.items() if group}


def _percent(values: Sequence[float]) -> float:
    return round(100 * math.fsum(values) / len(values), 4)
