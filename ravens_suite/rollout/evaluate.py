"""How well a policy does on seeds it has never seen.

The policy is a trained agent in a run folder, ``oracle``, ``random``, or one that is imported. Every episode's outcome
is on disk as soon as it is there, so an evaluation that was stopped goes on where it was.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from ravens_suite.core.numbers import MOST_EPISODES, MOST_SEED, check_number
from ravens_suite.core.seeding import Split
from ravens_suite.data.locks import locked_file
from ravens_suite.data.outcomes import EpisodeOutcome, Summary
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.errors import PolicyServerLostError
from ravens_suite.execution.pool import JobPool, make_pool
from ravens_suite.execution.progress import Progress, silent
from ravens_suite.rollout.definitions import OF_THE_TASK, changed, define, the_task_has_changed
from ravens_suite.rollout.environments import (
    describe_interface,
    make_environment,
)
from ravens_suite.rollout.evaluation_plan import (
    EvaluationPlan,
    check_environment,
    plan_evaluation,
    warn_of_training,
    watched,
)
from ravens_suite.rollout.evaluation_record import Evaluation, EvaluationRecord
from ravens_suite.rollout.policies import PolicySpec, close_policy, one_thread
from ravens_suite.rollout.rollout import roll_out
from ravens_suite.rollout.watching import WatchSpec

__all__ = ["Evaluation", "EvaluationWorker", "check_evaluation", "evaluate"]

_LOG = logging.getLogger(__name__)


def evaluate(
    policy: str | Path | PolicySpec,
    task: str | None = None,
    *,
    split: Split = "test",
    episodes: int = 100,
    first_seed: int = 0,
    arguments: Mapping[str, Any] | None = None,
    watch: WatchSpec | None = None,
    out: Path | str | None = None,
    force: bool = False,
    pool: JobPool | None = None,
    on_progress: Progress = silent,
) -> Evaluation:
    """Run a policy on seeds of a split, or on those still missing.

    Outcomes that are there count as long as policy, task and environment are those that made them (see
    ``rollout/earlier_results.py``). Else every seed is run, a warning says what has changed, and the earlier file stays
    beside the new one with ``.old`` at its end.

    Args:
        policy: a run folder, ``"oracle"``, ``"random"``, ``"package.module:name"`` of a policy or a function, or the
            address of a policy server, ``"ws://127.0.0.1:8000"``.
        task: registered name; by default the one the run was trained on.
        split: ``train``, ``val`` or ``test``.
        episodes: number of seeds.
        first_seed: seeds are ``first_seed`` to ``first_seed + episodes - 1``.
        arguments: of the environment, JSON values. A run knows its own, which these may not contradict.
        watch: a forecaster that notes what it thinks of every episode, and may end it (``docs/progress.md``).
        out: folder of the result; by default ``RUN/eval``, or ``runs/<policy>/<task>`` without a run.
        force: let outcomes count although the code of the policy or the task has changed since.
        pool: where to run; this process by default.
        on_progress: called after every episode.

    Raises:
        MissingDataError: there is no such policy.
        UnknownNameError: there is no such task or agent.
        ConflictError: an argument contradicts the task, the split or the run's own; both values are named. Or
            another process evaluates into the same file.
        ConfigError: the environment does not observe what the policy reads.
        PolicyServerError: the policy server fails, or was lost and did not come back; what is finished is kept.
    """
    out = None if out is None else Path(out)
    start = time.perf_counter()
    episodes = check_number("--episodes", episodes, 1, MOST_EPISODES)
    first_seed = check_number("--first-seed", first_seed, 0, MOST_SEED - episodes)
    plan = _plan(policy, task, split, arguments, watch)
    _warn_of_another_task(plan)
    warn_of_training(plan)
    pool = pool or make_pool()
    record = EvaluationRecord(plan.path(out), plan)
    seeds = range(first_seed, first_seed + episodes)
    with locked_file(record.path, "evaluating into"):
        record.load(force=force)
        if record.doubt:
            record.settle(_run_again(pool, plan, record.doubtful_seed))
        missing = [seed for seed in seeds if seed not in record.outcomes]
        before = record.seconds
        on_progress(episodes - len(missing), episodes)
        # As they are done, not in the order of the seeds: what is finished is on disk should another one fail.
        with closing(pool.outcomes(partial(_SilentWorker, plan), missing)) as results:
            for done, result in enumerate(results, episodes - len(missing) + 1):
                outcome, renderer = result.unwrap()
                record.add(outcome, renderer, before + time.perf_counter() - start)
                on_progress(done, episodes, f"mean score {Summary.of(list(record.outcomes.values())).mean_score:.1f}")
    return record.evaluation(seeds)


def check_evaluation(
    policy: str | Path | PolicySpec,
    task: str | None = None,
    *,
    split: Split = "test",
    arguments: Mapping[str, Any] | None = None,
    watch: WatchSpec | None = None,
) -> None:
    """Refuse what ``evaluate`` would refuse of a task, before another one is evaluated.

    Args:
        policy: this and all others as of ``evaluate``.
        task: see ``evaluate``.
        split: see ``evaluate``.
        arguments: see ``evaluate``.
        watch: see ``evaluate``.

    Raises:
        RavensError: as ``evaluate`` does.
    """
    EvaluationWorker(_plan(policy, task, split, arguments, watch)).close()


def _plan(
    policy: str | Path | PolicySpec,
    task: str | None,
    split: Split,
    arguments: Mapping[str, Any] | None,
    watch: WatchSpec | None,
) -> EvaluationPlan:
    plan = plan_evaluation(policy, task, split, arguments or {})
    return plan if watch is None else watched(plan, watch)


def _warn_of_another_task(plan: EvaluationPlan) -> None:
    """A run that was trained on the task as it was is evaluated on the task as it is; its user should know."""
    if plan.run:
        environment = RunFolder(Path(plan.run)).record()["environments"].get(plan.task, {})
        now = define(plan.task, "train", environment.get("arguments"))
        if words := changed(environment.get("definition"), now, OF_THE_TASK):
            check_environment(plan)
            _LOG.warning(
                "%s It is evaluated on the task as it is now.", the_task_has_changed(plan.run, plan.task, words)
            )


def _run_again(pool: JobPool, plan: EvaluationPlan, seed: int) -> EpisodeOutcome:
    """What comes of a seed today."""
    ((outcome, _),) = pool.map(partial(EvaluationWorker, plan), [seed])
    return outcome


class EvaluationWorker:
    """Runs one policy in one environment.

    Args:
        plan: what is evaluated.

    Raises:
        ConfigError: the environment does not observe what an agent reads, or takes other actions.
    """

    def __init__(self, plan: EvaluationPlan) -> None:
        self._kind = plan.policy.kind
        self._environment = make_environment(plan.task, plan.split, plan.arguments)
        interface = describe_interface(self._environment, plan.task)
        self._policy = plan.policy.make_for(self._environment, interface)
        self._watch = None if plan.watch is None else plan.watch.make(interface)

    def run(self, seed: int) -> tuple[EpisodeOutcome, str]:
        """The outcome of a seed, and the renderer that drew it."""
        with one_thread(self._kind):
            try:
                rollout = roll_out(self._environment, self._policy, seed, record=False, watch=self._watch)
            except PolicyServerLostError as error:
                # What the policy knew of the episode is lost with its server: it begins again, if the server is back.
                _LOG.warning("%s Seed %d is begun again.", error, seed)
                rollout = roll_out(self._environment, self._policy, seed, record=False, watch=self._watch)
        renderer = str(rollout.infos[0]["renderer"]) if rollout.infos else ""
        return rollout.result(), renderer

    def close(self) -> None:
        """Close the environment, and the connection of a policy that has one."""
        self._environment.close()
        close_policy(self._policy)


class _SilentWorker:
    """An ``EvaluationWorker`` as a pool takes it whose results are wanted as they are done."""

    def __init__(self, plan: EvaluationPlan) -> None:
        self._worker = EvaluationWorker(plan)

    def run(self, seed: int, on_note: Callable[[str], None]) -> tuple[EpisodeOutcome, str]:
        """See ``EvaluationWorker``; there is nothing to note on the way."""
        return self._worker.run(seed)

    def close(self) -> None:
        """See ``EvaluationWorker``."""
        self._worker.close()
