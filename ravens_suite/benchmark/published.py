"""Every published score of the ten tasks, with its source."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources


@dataclass(frozen=True)
class PublishedScore:
    """A figure from a paper.

    Attributes:
        agent: as the paper calls it.
        task: registered name.
        demos: number of demonstrations it was trained on.
        score: mean total reward x 100 over 100 test episodes.
        source: paper and protocol.
        strict: share of the test episodes that got the full score, in percent; ``None`` where it was not published.
        differs: what makes the figure another one than those of the benchmark; empty where nothing does.
        second_hand: the paper that it was read in, where that is not the one it is from; else empty.
    """

    agent: str
    task: str
    demos: int
    score: float
    source: str
    strict: float | None = None
    differs: str = ""
    second_hand: str = ""


@lru_cache(maxsize=1)
def published_scores() -> tuple[PublishedScore, ...]:
    """All of them, in the order of the file."""
    text = (resources.files("ravens_suite.benchmark") / "published_scores.csv").read_text(encoding="utf-8")
    return tuple(
        PublishedScore(
            row["agent"],
            row["task"],
            int(row["demos"]),
            float(row["score"]),
            row["source"],
            float(row["strict"]) if row["strict"] else None,
            row["differs"],
            row["second_hand"],
        )
        for row in csv.DictReader(text.splitlines())
    )


def comparable_scores() -> tuple[PublishedScore, ...]:
    """Those made as the benchmark has it: one agent a task, and the tool of the task."""
    return tuple(row for row in published_scores() if not row.differs)


def best_published(task: str, demos: int) -> PublishedScore | None:
    """The best comparable score of a task at a number of demonstrations; ``None`` where none is known."""
    known = [row for row in comparable_scores() if (row.task, row.demos) == (task, demos)]
    return max(known, key=lambda row: row.score, default=None)
