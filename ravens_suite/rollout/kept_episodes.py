"""Evaluated episodes, run once more and stored as episodes, to be looked at action by action."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ravens_suite.core.numbers import MOST_SEED, check_number
from ravens_suite.core.seeding import Split
from ravens_suite.data.outcomes import EpisodeOutcome
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConfigError, DamagedDataError
from ravens_suite.rollout.environments import describe_interface, differing_arguments, make_environment
from ravens_suite.rollout.evaluate import Evaluation
from ravens_suite.rollout.evaluation_plan import EvaluationPlan, plan_evaluation
from ravens_suite.rollout.policies import PolicySpec, close_policy, observation_for, one_thread
from ravens_suite.rollout.rollout import Rollout, roll_out, to_episode

_LOG = logging.getLogger(__name__)
FAILURES, EPISODES = "failures", "episodes"
"""Folders of kept episodes, beside the file of the evaluation: ``failures/<task>/<split>/<seed>.safetensors``."""


def keep_failures(evaluation: Evaluation, on_episode: Callable[[int], None] = lambda seed: None) -> list[Path]:
    """Store the episodes of an evaluation that ended without strict success, the lowest seed first.

    They are run once more, with images whatever the policy observes. Episodes of an earlier evaluation that lie in the
    folder are removed, unless they failed this time, too, which overwrites them; so are those of another policy, or of
    this one before it was trained on, or of another environment, whatever their seeds. Others, of other seeds, stay.

    Args:
        evaluation: which.
        on_episode: called with the seed of each stored episode.

    Returns:
        Their files.
    """
    store = _store(evaluation.plan, evaluation.path.parent / FAILURES)
    failed = {outcome.seed: outcome for outcome in evaluation.outcomes if not outcome.success}
    evaluated = {outcome.seed for outcome in evaluation.outcomes}
    for seed in store.seeds():
        if seed not in failed and (seed in evaluated or _is_of_another(store, seed, evaluation.plan)):
            store.path(seed).unlink()
    placed = [seed for seed, outcome in failed.items() if outcome.placed]
    return _keep(evaluation.plan, placed, store, failed, on_episode)


def keep_episode(
    policy: str | Path | PolicySpec,
    seed: int,
    task: str | None = None,
    *,
    split: Split = "test",
    arguments: Mapping[str, Any] | None = None,
    out: Path | str | None = None,
) -> Path:
    """Run one seed of a policy and store the episode.

    Args:
        policy: a run folder or another policy, as ``evaluate`` takes it.
        seed: of the scene.
        task: registered name; by default the one the run was trained on.
        split: ``train``, ``val`` or ``test``.
        arguments: of the environment; a run knows its own.
        out: folder of an evaluation; by default where ``evaluate`` writes.

    Returns:
        The episode's file.

    Raises:
        ConfigError: the scene of this seed cannot be placed, or the seed is below 0 or beyond 64 bits.
    """
    out = None if out is None else Path(out)
    seed = check_number("--seed", seed, 0, MOST_SEED)
    plan = plan_evaluation(policy, task, split, arguments or {})
    kept = _keep(plan, [seed], _store(plan, plan.path(out).parent / EPISODES), {}, lambda seed: None)
    if not kept:
        raise ConfigError(f"The scene of seed {seed} of {plan.task}, {split}, cannot be placed: choose another seed.")
    return kept[0]


def _is_of_another(store: EpisodeStore, seed: int, plan: EvaluationPlan) -> bool:
    """Whether a kept episode is of another policy or environment; one that cannot be read is nobody's."""
    try:
        metadata = store.reader(seed).summary.metadata
    except DamagedDataError:
        return False
    noted = metadata.get("policy")
    if not isinstance(noted, dict):
        return False
    # Whichever renderer drew it, the scene and the failure are the same.
    made, own = ({**each, "renderer": None} for each in (metadata.get("arguments", {}), _with_images(plan)))
    return not plan.policy.is_that_of(noted) or bool(differing_arguments(plan.task, made, own))


def _store(plan: EvaluationPlan, folder: Path) -> EpisodeStore:
    return EpisodeStore.of(folder, plan.task, plan.split)


def _keep(
    plan: EvaluationPlan,
    seeds: Iterable[int],
    store: EpisodeStore,
    evaluated: Mapping[int, EpisodeOutcome],
    on_episode: Callable[[int], None],
) -> list[Path]:
    seeds = list(seeds)
    if not seeds:
        return []
    arguments = _with_images(plan)
    environment = make_environment(plan.task, plan.split, arguments)
    kept, policy = [], None
    try:
        interface = describe_interface(environment, plan.task)
        policy = plan.policy.make_for(environment, interface)
        # A forecaster that ended episodes ends them again, or they would not be those that were evaluated.
        ends = plan.watch is not None and plan.watch.stop_at is not None
        watch = plan.watch.make(interface) if ends and plan.watch else None
        for seed in seeds:
            with one_thread(plan.policy.kind):
                rollout = roll_out(environment, policy, seed, watch=watch)
            if rollout.infos:
                kept.append(_write(plan, rollout, arguments, store))
            if seed in evaluated and rollout.result() != evaluated[seed]:
                _LOG.warning(
                    "Seed %d of %s came out otherwise when it was run again (score %.1f, and then %.1f): the policy "
                    "does not only depend on what it observes.",
                    seed,
                    plan.task,
                    100 * evaluated[seed].score,
                    100 * rollout.score,
                )
            on_episode(seed)
    finally:
        environment.close()
        close_policy(policy)
    return kept


def _write(plan: EvaluationPlan, rollout: Rollout, arguments: Mapping[str, Any], store: EpisodeStore) -> Path:
    episode = to_episode(rollout, plan.task, plan.split, arguments)
    metadata = {**episode.metadata, "policy": plan.policy.to_json()}
    return store.write(replace(episode, metadata=metadata), rollout.recording)


def _with_images(plan: EvaluationPlan) -> dict[str, Any]:
    """The arguments of the evaluation, with images for a person to look at."""
    arguments = dict(plan.arguments)
    observed = list(arguments.get("observe", ["images"]))
    if observed == observation_for(plan.policy.kind, {}).get("observe"):
        del arguments["observe"]  # What is taken where nothing is drawn, and nobody asked for it.
        return arguments
    return {**arguments, "observe": observed if "images" in observed else ["images", *observed]}
