"""Runs that differ in their training seed alone, as mean and spread."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from ravens_suite.report.tables import ScoreRow


@dataclass(frozen=True)
class SeedsRow:
    """One agent on one task after one number of demonstrations, over several training seeds. Scores are 0 to 100.

    Attributes:
        task: registered name, with its options where they are not as usual.
        demos: number of demonstrations.
        agent: as in the table of scores.
        seeds: of the runs, ascending.
        mean_score: over the runs.
        score_deviation: standard deviation of the runs' scores (of a sample, n - 1).
        success_rate: over the runs.
        success_deviation: standard deviation of the runs' success rates.
    """

    task: str
    demos: int
    agent: str
    seeds: tuple[int, ...]
    mean_score: float
    score_deviation: float
    success_rate: float
    success_deviation: float


def seeds_rows(rows: Sequence[ScoreRow]) -> tuple[SeedsRow, ...]:
    """Of every agent, task and number of demonstrations of which there are runs of several seeds.

    Args:
        rows: of the table of scores.
    """
    groups: dict[tuple[str, int, str], list[ScoreRow]] = {}
    for row in rows:
        if not row.figures.episodes:
            continue  # No scene could be placed.
        groups.setdefault((row.task, row.demos, row.agent), []).append(row)
    return tuple(_row(*key, group) for key, group in sorted(groups.items()) if len({row.seed for row in group}) > 1)


def _row(task: str, demos: int, agent: str, group: Sequence[ScoreRow]) -> SeedsRow:
    scores = [row.figures.mean_score for row in group]
    rates = [row.figures.success_rate for row in group]
    return SeedsRow(
        task,
        demos,
        agent,
        tuple(sorted({row.seed for row in group})),
        math.fsum(scores) / len(scores),
        statistics.stdev(scores),
        math.fsum(rates) / len(rates),
        statistics.stdev(rates),
    )
