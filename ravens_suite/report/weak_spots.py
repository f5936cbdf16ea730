"""What a report shows of weak spots: the kinds of scenes in which an agent was sure and wrong, each with pictures."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ravens_suite.data.scenes import SceneSet, SceneSpec, kinds_of, read_scenes
from ravens_suite.errors import DamagedDataError, MissingDataError, RavensError
from ravens_suite.insight.weak_spots import WEAK_SPOTS
from ravens_suite.report.drawing import resize
from ravens_suite.report.robustness import labels_of
from ravens_suite.report.runs import Run, task_changes, without_folders
from ravens_suite.report.sections import Panel, heat_panels
from ravens_suite.rollout.definitions import the_task_has_changed
from ravens_suite.rollout.replay import Replay, replay

_LOG = logging.getLogger(__name__)
_WIDTH = 320
_MOST_KINDS = 6
"""Of each run that are shown with a picture."""


@dataclass(frozen=True)
class KindView:
    """One kind of weak spots.

    Attributes:
        kind: what was changed, and what went wrong.
        count: scenes of it.
        example: the one that is shown, in words.
        panels: its pictures; empty where it cannot be run again.
    """

    kind: str
    count: int
    example: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class WeakSpotsView:
    """The weak spots of one run on one task.

    Attributes:
        label: of the run.
        summary: how many there are, in words.
        kinds: the most frequent first.
        problem: why there are no pictures; empty where there are.
    """

    label: str
    summary: str
    kinds: tuple[KindView, ...]
    problem: str = ""


def weak_spots_views(runs: Sequence[Run], on_note: Callable[[str], None] = lambda note: None) -> list[WeakSpotsView]:
    """Of the runs of one task; one scene of each kind is run again for its pictures.

    Runs whose weights are other ones by now, or whose task has changed since, are left out, with a warning.

    Args:
        runs: of one task.
        on_note: called with every finished piece of work.
    """
    labels = labels_of(runs)
    return [_view(run, scenes, labels[run.folder], on_note) for run in runs if (scenes := _scenes_of(run)) is not None]


def _scenes_of(run: Run) -> SceneSet | None:
    path = run.folder / WEAK_SPOTS / f"{run.task}.json"
    try:
        scenes = read_scenes(str(path))
    except MissingDataError:
        return None
    except DamagedDataError as error:
        _LOG.warning("Left out of the report: %s", error)
        return None
    policy = scenes.notes.get("policy")
    if isinstance(policy, dict) and run.weights_differ(str(policy.get("fingerprint", ""))):
        _LOG.warning("%s is of other weights than the run holds now: search again.", path)
        return None
    if words := _changes(scenes):
        _LOG.warning("%s Search again.", the_task_has_changed(str(path), scenes.task, words))
        return None
    return scenes


def _changes(scenes: SceneSet) -> list[str]:
    """What of the task has changed since the search, in words; nothing where no scene or no definition is noted."""
    definition, arguments = scenes.notes.get("definition"), scenes.notes.get("arguments")
    if not scenes.scenes or not isinstance(definition, dict) or not isinstance(arguments, dict):
        return []
    return task_changes(scenes.task, scenes.scenes[0].split, arguments, definition)


def _view(run: Run, scenes: SceneSet, label: str, on_note: Callable[[str], None]) -> WeakSpotsView:
    budget = scenes.notes.get("budget", "?")
    summary = f"Sure and wrong in {len(scenes.scenes)} of {budget} episodes of the search"
    kinds: list[KindView] = []
    problem = ""
    for kind in kinds_of(scenes.scenes)[:_MOST_KINDS]:
        own = [scene for scene in scenes.scenes if scene.kind == kind]
        panels: tuple[Panel, ...] = ()
        if not problem:
            try:
                panels = _panels(run, own[0], scenes.notes.get("arguments") or {})
            except (RavensError, ImportError) as error:
                _LOG.warning("%s, %s is not shown: %s", run.task, label, error)
                problem = without_folders(run, error)
        on_note(f"{run.task}, weak spots")
        kinds.append(KindView(kind, len(own), _words(scenes.scenes.index(own[0]) + 1, own[0]), panels))
    return WeakSpotsView(label, summary, tuple(kinds), problem)


def _words(number: int, scene: SceneSpec) -> str:
    step, confidence = scene.notes.get("step"), scene.notes.get("confidence")
    wrong = f", wrong at action {step}" if step is not None else ""
    sure = f", {100 * confidence:.0f} % sure" if isinstance(confidence, int | float) else ""
    return f"Scene {number} of the file: {scene.split} seed {scene.seed}{wrong}{sure}"


def _panels(run: Run, scene: SceneSpec, own: Mapping[str, Any]) -> tuple[Panel, ...]:
    """Before the wrong action, where the agent would pick and place, and the end of the episode."""
    episodes = replay(run.policy, run.task, [scene.seed], split=scene.split, arguments=scene.arguments(own), every=True)
    return tuple(_pictures(episodes[scene.seed], int(scene.notes.get("step", 1)))) if scene.seed in episodes else ()


def _pictures(episode: Replay, step: int) -> list[Panel]:
    panels = []
    if step <= len(episode.decisions):
        decision = episode.decisions[step - 1]
        panels.append(Panel.of(f"Before action {step}", resize(episode.frames[step - 1], _WIDTH)))
        if "color" in decision.maps:
            panels += heat_panels(decision, f", action {step}")
    return [*panels, Panel.of("End", resize(episode.frames[-1], _WIDTH))]
