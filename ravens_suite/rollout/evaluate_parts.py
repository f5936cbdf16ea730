"""Several evaluations of one policy at once, each of seeds of its own in an environment of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ravens_suite.data.locks import locked_file
from ravens_suite.data.outcomes import EpisodeOutcome
from ravens_suite.execution.pool import JobPool
from ravens_suite.execution.progress import Progress, silent
from ravens_suite.rollout.evaluate import EvaluationWorker
from ravens_suite.rollout.evaluation_plan import EvaluationPlan
from ravens_suite.rollout.evaluation_record import Evaluation, EvaluationRecord


@dataclass(frozen=True)
class Part:
    """One of the evaluations.

    Attributes:
        plan: what is evaluated.
        path: JSON file of its outcomes.
        seeds: of the scenes.
    """

    plan: EvaluationPlan
    path: Path
    seeds: tuple[int, ...]


def evaluate_parts(
    parts: Sequence[Part],
    *,
    pool: JobPool,
    force: bool = False,
    confident: bool = False,
    on_progress: Progress = silent,
) -> list[Evaluation]:
    """Run all episodes that are missing; every outcome is on disk as soon as it is there.

    Args:
        parts: what to evaluate, no two of one file.
        pool: where to run.
        force: let outcomes count although the code of the policy or the task has changed since.
        confident: run again what has no confidence of decisions noted, as outcomes of earlier releases.
        on_progress: called after every episode.

    Returns:
        One a part, in their order.

    Raises:
        RavensError: as ``evaluate`` does; what is finished is kept.
    """
    records = [EvaluationRecord(part.path, part.plan) for part in parts]
    total = sum(len(part.seeds) for part in parts)
    with ExitStack() as locks:
        for record in records:
            locks.enter_context(locked_file(record.path, "evaluating into"))
            record.load(force=force)
        _settle_doubts(parts, records, pool)
        if confident:
            for part, record in zip(parts, records, strict=True):
                record.drop_unsure(part.seeds)
        jobs = _missing(parts, records)
        before = [record.seconds for record in records]
        done = total - len(jobs)
        on_progress(done, total)
        last = time.perf_counter()
        with closing(pool.outcomes(partial(_PlanWorker, tuple(part.plan for part in parts)), jobs)) as results:
            for result in results:
                index, (outcome, renderer) = result.job[0], result.unwrap()
                now = time.perf_counter()
                before[index] += now - last
                last = now
                records[index].add(outcome, renderer, before[index])
                done += 1
                on_progress(done, total)
    return [record.evaluation(part.seeds) for part, record in zip(parts, records, strict=True)]


def _settle_doubts(parts: Sequence[Part], records: Sequence[EvaluationRecord], pool: JobPool) -> None:
    """Run one episode again of every file that may be of something else."""
    jobs = [(index, record.doubtful_seed) for index, record in enumerate(records) if record.doubt]
    if not jobs:
        return
    with closing(pool.outcomes(partial(_PlanWorker, tuple(part.plan for part in parts)), jobs)) as results:
        for result in results:
            records[result.job[0]].settle(result.unwrap()[0])


def _missing(parts: Sequence[Part], records: Sequence[EvaluationRecord]) -> list[tuple[int, int]]:
    """(part, seed) of all that is to be run."""
    return [
        (index, seed)
        for index, (part, record) in enumerate(zip(parts, records, strict=True))
        for seed in part.seeds
        if seed not in record.outcomes
    ]


class _PlanWorker:
    """Evaluates one plan or another; what it made for the last one is kept until another is asked for.

    Args:
        plans: of all parts.
    """

    def __init__(self, plans: tuple[EvaluationPlan, ...]) -> None:
        self._plans = plans
        self._current = -1
        self._worker: EvaluationWorker | None = None

    def run(self, job: tuple[int, int], on_note: Callable[[str], None]) -> tuple[EpisodeOutcome, str]:
        """The outcome of a (part, seed), and the renderer that drew it."""
        index, seed = job
        if self._worker is None or index != self._current:
            self.close()
            self._worker, self._current = EvaluationWorker(self._plans[index]), index
        return self._worker.run(seed)

    def close(self) -> None:
        """See ``EvaluationWorker``."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None
