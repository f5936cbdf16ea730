"""Demonstrations of a named set of scenes (``data/scenes.py``), such as those on which an agent was sure and wrong.

Each is made in an environment of its own, with what its scene changes, so they lie in a folder of their own: the
manifest says what they have in common, the metadata of each episode its arguments. Agents learn from them beside
others (``ravens-suite train --more-data``).
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium

from ravens_suite.core.memory import keep_freed_memory
from ravens_suite.core.observations import Interface
from ravens_suite.data.scenes import SceneSet, SceneSpec, changes_digest
from ravens_suite.data.store import Attempt, EpisodeStore
from ravens_suite.envs.definition import OF_THE_TASK, changed, define
from ravens_suite.errors import ConfigError, ConflictError, MissingDataError
from ravens_suite.execution.pool import JobPool, make_pool
from ravens_suite.execution.progress import Progress, silent
from ravens_suite.rollout.actors import folder_settings
from ravens_suite.rollout.collect import SOLVED, Collected
from ravens_suite.rollout.definitions import the_task_has_changed
from ravens_suite.rollout.environments import (
    checked_arguments,
    describe_interface,
    differing_arguments,
    make_environment,
    versions,
)
from ravens_suite.rollout.policies import OraclePolicy
from ravens_suite.rollout.rollout import roll_out, to_episode
from ravens_suite.rollout.scene_changes import check_changes

OF_SCENES = "scenes"
"""Key of the manifest of a folder whose episodes are those of a set of scenes."""
_SPLIT = "train"


@dataclass(frozen=True)
class _Job:
    task: str
    scene: SceneSpec
    folder: str


def collect_scenes(
    scenes: SceneSet,
    *,
    data: Path | str,
    arguments: Mapping[str, Any] | None = None,
    pool: JobPool | None = None,
    force: bool = False,
    on_progress: Progress = silent,
) -> Collected:
    """Collect the oracle's demonstration of every scene of a set that it solves; a second call continues.

    Scenes that it did not solve are tried again, since what is changed in them may be another thing by now.

    Args:
        scenes: of the split ``train``.
        data: folder of all data of such sets; episodes go to ``data/<task>/train``.
        arguments: of the environment, JSON values; what a scene changes comes on top.
        pool: where to run; this process by default.
        force: add to episodes that are there although their task has changed since.
        on_progress: called after every scene.

    Raises:
        ConfigError: there is no scene, one is of another split, or two of one seed differ; or no scene was solved.
        ConflictError: the folder holds other episodes, or another process is at work there; or the task of its episodes
            has changed since; or a scene changes what is observed, or how actions are given.
    """
    check_scenes(scenes)
    start = time.perf_counter()
    store = EpisodeStore.of(data, scenes.task, _SPLIT)
    own = checked_arguments(scenes.task, _SPLIT, arguments or {})
    check_changes(scenes, own)
    _check_alike(scenes, own)
    with store.locked():
        _claim(store, scenes.task, own, force=force)
        store.repair()
        known = {attempt.seed: attempt for attempt in store.recorded()}
        wanted = {scene.seed: scene for scene in scenes.scenes}
        _check_same(store, scenes.task, wanted, own)
        # One that was not solved is tried again: the record does not say what was changed in it then.
        done = {seed: known[seed] for seed in wanted if seed in known and known[seed].kept and store.intact(seed)}
        seconds = []
        jobs = [_Job(scenes.task, scene, str(store.folder)) for seed, scene in wanted.items() if seed not in done]
        for attempt, took in (pool or make_pool()).map(partial(_SceneWorker, own), jobs):
            if attempt.seed not in known:
                store.record([attempt])
            elif attempt != known[attempt.seed]:
                store.correct(attempt)
            done[attempt.seed] = attempt
            seconds.append(took)
            on_progress(len(done), len(wanted), f"{sum(each.kept for each in done.values())} solved")
        store.finish()
    kept = sum(attempt.kept for attempt in done.values())
    if not kept:
        raise ConfigError(f"The oracle solved none of the {len(wanted)} scenes of {scenes.name!r}: choose others.")
    return Collected(
        task=scenes.task,
        episodes=kept,
        attempts=tuple(done[seed] for seed in wanted),
        seconds=time.perf_counter() - start,
        episode_seconds=math.fsum(seconds) / len(seconds) if seconds else 0.0,
        renderer=str(store.manifest()["renderer"]),
    )


def check_scenes(scenes: SceneSet) -> None:
    """Refuse a set that no agent may, or can, learn from; raises ConfigError."""
    if not scenes.scenes:
        raise ConfigError(f"The set {scenes.name!r} has no scene: there is nothing to demonstrate.")
    if other := next((scene for scene in scenes.scenes if scene.split != _SPLIT), None):
        raise ConfigError(
            f"The set {scenes.name!r} holds scenes of the split {other.split}, on which agents are judged: search for "
            f"scenes to learn from with ravens-suite weakspots --split {_SPLIT}, or write that into your set."
        )
    first: dict[int, Mapping[str, Any]] = {}
    for scene in scenes.scenes:
        if first.setdefault(scene.seed, scene.changes) != scene.changes:
            raise ConfigError(
                f"The set {scenes.name!r} holds seed {scene.seed} twice, with different changes: an episode is filed "
                "by its seed. Leave one of them out."
            )


def _check_alike(scenes: SceneSet, own: Mapping[str, Any]) -> None:
    """Refuse scenes whose episodes would have other arrays than the folder says of all of them; raises ConflictError.

    Nothing is run or drawn.
    """
    usual, seen = _interface(scenes.task, own), set()
    for scene in scenes.scenes:
        if (key := changes_digest(scene.changes)) in seen:
            continue
        seen.add(key)
        here = _interface(scenes.task, scene.arguments(own))
        if here != usual:
            raise ConflictError(
                f"The scene of seed {scene.seed} in {scenes.name!r} changes {_in_words(usual, here)}, and the episodes "
                f"of a folder have the same. Collect such scenes into a folder of their own: leave {_NOT_CHANGED} out "
                "of the changes, and give them as options of the environment."
            )


_NOT_CHANGED = "observe, image_size, cameras and what adds bodies to an observed state"
"""What makes another interface."""


def _interface(task: str, arguments: Mapping[str, Any]) -> Interface:
    with closing(make_environment(task, _SPLIT, dict(arguments))) as environment:
        return describe_interface(environment, task)


def _in_words(usual: Interface, here: Interface) -> str:
    """How what a scene gives or takes differs: names, or shapes of the first one."""
    for kind in ("observation", "action"):
        was, now = getattr(usual, kind), getattr(here, kind)
        if more := sorted(now.keys() - was.keys()):
            return f"what is observed (there {'is' if len(more) == 1 else 'are'} {', '.join(more)}, too)"
        if less := sorted(was.keys() - now.keys()):
            return f"what is observed (there is no {', no '.join(less)})"
        for name in sorted(was):
            if was[name] != now[name]:
                return f"{name} (shape {now[name].shape}, where others have {was[name].shape})"
    return "how actions are given"


def _claim(store: EpisodeStore, task: str, arguments: Mapping[str, Any], *, force: bool) -> None:
    """Note in the manifest what the episodes have in common, or compare."""
    environment = make_environment(task, _SPLIT, dict(arguments))
    try:
        settings = folder_settings(store, environment, task, _SPLIT, arguments)
    finally:
        environment.close()
    try:
        found = store.manifest()
    except MissingDataError:
        found = {OF_SCENES: True}
    if found.get(OF_SCENES) is not True:
        raise ConflictError(
            f"{store.folder} holds demonstrations that are not of a set of scenes: name another --data folder, and "
            "train on both with --more-data."
        )
    then, now = found.get("definition"), define(task, _SPLIT, arguments)
    if not force and len(store) and then and (words := changed(then, now, OF_THE_TASK)):
        raise ConflictError(
            f"{the_task_has_changed(str(store.folder), task, words)} Collect into another --data folder, or --force."
        )
    store.claim({**settings, OF_SCENES: True}, versions())
    store.note_definition(now)


def _check_same(store: EpisodeStore, task: str, wanted: Mapping[int, SceneSpec], own: Mapping[str, Any]) -> None:
    """Refuse an episode of the same seed that was made with other changes."""
    there = set(store.seeds())
    for seed in sorted(there & wanted.keys()):
        made = store.reader(seed).summary.metadata["arguments"]
        if differing_arguments(task, _without_renderer(made), _without_renderer(wanted[seed].arguments(own))):
            raise ConflictError(
                f"{store.path(seed)} is of the same seed with other changes: name another --data folder for this set."
            )


def _without_renderer(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in arguments.items() if key != "renderer"}


class _SceneWorker:
    """Demonstrates scenes; keeps the environment of the last one's changes."""

    def __init__(self, own: Mapping[str, Any]) -> None:
        keep_freed_memory()
        self._own = own
        self._made: tuple[dict[str, Any], gymnasium.Env[Any, Any]] | None = None

    def run(self, job: _Job) -> tuple[Attempt, float]:
        """The attempt at a scene, and its seconds."""
        start = time.perf_counter()
        arguments = job.scene.arguments(self._own)
        environment = self._open(job.task, arguments)
        rollout = roll_out(environment, OraclePolicy(environment), job.scene.seed)
        kept = rollout.score > SOLVED
        if kept:
            episode = to_episode(rollout, job.task, _SPLIT, arguments)
            noted = {**episode.metadata, "kind": job.scene.kind} if job.scene.kind else episode.metadata
            EpisodeStore(job.folder).write(replace(episode, metadata=noted), rollout.recording)
        return Attempt(rollout.result(), kept), time.perf_counter() - start

    def close(self) -> None:
        """Close the environment."""
        if self._made is not None:
            self._made[1].close()
            self._made = None

    def _open(self, task: str, arguments: dict[str, Any]) -> gymnasium.Env[Any, Any]:
        if self._made is None or self._made[0] != arguments:
            self.close()
            self._made = arguments, make_environment(task, _SPLIT, arguments)
        return self._made[1]
