"""A policy on a named set of scenes (``data/scenes.py``), such as those on which another agent was sure and wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ravens_suite.data.atomic import write_json
from ravens_suite.data.outcomes import EpisodeOutcome, Summary
from ravens_suite.data.scenes import SceneSet, SceneSpec, changes_digest, kinds_of, scenes_digest
from ravens_suite.errors import ConfigError
from ravens_suite.execution.pool import JobPool, make_pool
from ravens_suite.execution.progress import Progress, silent
from ravens_suite.rollout.evaluate_parts import Part, evaluate_parts
from ravens_suite.rollout.evaluation_plan import EvaluationPlan, file_of_task, plan_evaluation, warn_of_training
from ravens_suite.rollout.policies import PolicySpec
from ravens_suite.rollout.provenance import resting_on
from ravens_suite.rollout.scene_changes import check_changes

SCENES = "scenes"


@dataclass(frozen=True)
class ScenesEvaluation:
    """Outcomes on a set of scenes.

    Attributes:
        scenes: the set.
        plan: what was evaluated, without the changes of single scenes.
        outcomes: one a scene, in the order of the set.
        path: of the JSON file that holds the figures.
    """

    scenes: SceneSet
    plan: EvaluationPlan
    outcomes: tuple[EpisodeOutcome, ...]
    path: Path

    @property
    def summary(self) -> Summary:
        """The figures of all scenes. One that is named twice, as under two kinds, counts once."""
        return self._of(self.scenes.scenes)

    def of_kind(self, kind: str) -> Summary:
        """The figures of the scenes of a kind."""
        return self._of([scene for scene in self.scenes.scenes if scene.kind == kind])

    def _of(self, scenes: Sequence[SceneSpec]) -> Summary:
        outcomes = {_which(scene): one for scene, one in zip(self.scenes.scenes, self.outcomes, strict=True)}
        return Summary.of([outcomes[which] for which in dict.fromkeys(map(_which, scenes))])

    def to_json(self) -> dict[str, Any]:
        """The figures of ``ravens-suite evaluate --scenes --json``."""
        kinds = {kind: self.of_kind(kind).to_json() for kind in kinds_of(self.scenes.scenes)}
        return {"scenes": self.scenes.name, "task": self.scenes.task, **self.summary.to_json(), "kinds": kinds}


def evaluate_scenes(
    policy: str | Path | PolicySpec,
    scenes: SceneSet,
    *,
    arguments: Mapping[str, Any] | None = None,
    out: Path | str | None = None,
    force: bool = False,
    pool: JobPool | None = None,
    on_progress: Progress = silent,
) -> ScenesEvaluation:
    """Run a policy on every scene of a set, or on those still missing.

    Args:
        policy: as ``evaluate`` takes it.
        scenes: which.
        arguments: of the environment, JSON values. A run knows its own, which these may not contradict.
        out: folder in which ``scenes/<name>`` is made; by default that of the evaluations. The figures lie there in
            ``summary-<digest of the scenes>.json``.
        force: let outcomes count although the code of the policy or the task has changed since.
        pool: where to run; this process by default.
        on_progress: called after every episode.

    Raises:
        ConfigError: there is no scene, or an environment does not take the changes of one.
        RavensError: as ``evaluate`` does.
    """
    out = None if out is None else Path(out)
    if not scenes.scenes:
        raise ConfigError(f"The set {scenes.name!r} has no scene: there is nothing to evaluate.")
    plan = plan_evaluation(policy, scenes.task, "test", arguments or {})
    folder = plan.path(out).parent / SCENES / file_name(scenes.name)
    groups: dict[str, list[SceneSpec]] = {}
    for scene in scenes.scenes:
        groups.setdefault(_group(scene), []).append(scene)
    check_changes(scenes, plan.arguments)
    warn_of_training(plan)
    parts = [_part(plan, group, file_of_task(folder, name, scenes.task)) for name, group in groups.items()]
    done = evaluate_parts(parts, pool=pool or make_pool(), force=force, on_progress=on_progress)
    found = {
        (name, outcome.seed): outcome
        for name, evaluation in zip(groups, done, strict=True)
        for outcome in evaluation.outcomes
    }
    outcomes = tuple(found[_which(scene)] for scene in scenes.scenes)
    # Sets of one name, as those of two runs of one agent, share outcomes, but each has figures of its own.
    result = ScenesEvaluation(scenes, plan, outcomes, folder / f"summary-{scenes_digest(scenes)}.json")
    rests = resting_on(each.path for each in done)
    write_json(result.path, {**result.to_json(), "policy": plan.policy.to_json(), "provenance": rests})
    return result


def file_name(name: str) -> str:
    """The name of a set as that of a folder."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name).strip(".") or "scenes"


def _which(scene: SceneSpec) -> tuple[str, int]:
    """What tells a scene from others, whatever is said of it."""
    return _group(scene), scene.seed


def _group(scene: SceneSpec) -> str:
    """Scenes of one split and the same changes are run in one environment."""
    return f"{scene.split}-{changes_digest(scene.changes)}"


def _part(plan: EvaluationPlan, group: list[SceneSpec], path: Path) -> Part:
    arguments = group[0].arguments(plan.arguments)
    seeds = tuple(dict.fromkeys(scene.seed for scene in group))
    return Part(replace(plan, split=group[0].split, arguments=arguments), path, seeds)
