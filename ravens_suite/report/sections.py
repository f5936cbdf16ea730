"""What a report shows of a trained agent: films, heatmaps, failures."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ravens_suite.errors import RavensError
from ravens_suite.report.drawing import (
    PICK_COLOR,
    PLACE_COLOR,
    Picture,
    action_picture,
    data_uri,
    draw_action,
    heat_picture,
    resize,
)
from ravens_suite.report.runs import Run, Score
from ravens_suite.report.video import encode_video
from ravens_suite.rollout.replay import Thought, Witnessed, witness

_LOG = logging.getLogger(__name__)

_VIEW_WIDTH = 480
_SOLVED = 99.0


@dataclass(frozen=True)
class Panel:
    """A picture with its name."""

    name: str
    uri: str
    width: int
    height: int

    @staticmethod
    def of(name: str, picture: Picture) -> Panel:
        """From a picture."""
        return Panel(name, data_uri(picture), picture.shape[1], picture.shape[0])


@dataclass(frozen=True)
class Film:
    """A test episode in motion; ``score`` is 0 to 100, as is the ``recorded`` one of the evaluation."""

    seed: int
    score: float
    recorded: float
    steps: int
    speed: int
    uri: str
    poster: str

    @property
    def tone(self) -> str:
        """How the score is coloured."""
        return _tone(self.score)


@dataclass(frozen=True)
class SceneView:
    """A test scene in pictures.

    Attributes:
        seed: of the scene.
        score: of its episode, 0 to 100.
        label: of the run.
        detail: what became of it.
        panels: the pictures.
    """

    seed: int
    score: float
    label: str
    detail: str
    panels: tuple[Panel, ...]

    @property
    def tone(self) -> str:
        """How the score is coloured."""
        return _tone(self.score)


@dataclass(frozen=True)
class Exhibit:
    """What is shown of one task.

    Attributes:
        shown: label of the run that the films and scenes are of; empty when there is none to show.
        films: of the first test scenes.
        scenes: heatmaps of the first decision in the first test scenes.
        failures: test episodes that failed, over all runs of the task.
        failure_note: how many failed, and how many of them are shown.
        problems: label of every run that cannot be shown, and why.
    """

    shown: str = ""
    films: list[Film] = field(default_factory=list)
    scenes: list[SceneView] = field(default_factory=list)
    failures: list[SceneView] = field(default_factory=list)
    failure_note: str = "Not evaluated on test scenes yet."
    problems: tuple[tuple[str, str], ...] = ()


def make_exhibit(
    runs: Sequence[Run], *, films: int, scenes: int, failures: int, done: Callable[[str], None] = lambda what: None
) -> Exhibit:
    """Let the agents of one task live some of their test episodes again.

    Films and scenes are the first test scenes, not chosen ones, of the run with most demonstrations (of equals, the
    lowest seed). Failures are the worst of every run in turn. A run that cannot be lived again is passed over.

    Args:
        runs: of one task.
        films: how many episodes to film.
        scenes: how many scenes to draw heatmaps of.
        failures: how many failed episodes to draw.
        done: told of every finished piece of work.
    """
    tested = [(run, run.test) for run in runs if run.test is not None]
    if not tested:
        return Exhibit()
    theatre = _Theatre(done)
    shown, filmed, lived = _first_scenes(tested, films, scenes, theatre)
    recorded = {} if shown is None else {row["seed"]: 100 * row["score"] for row in shown[1].value["results"]}
    failed = _failures(tested, failures, theatre)
    return Exhibit(
        shown="" if shown is None else shown[0].label,
        films=[_film(seed, episode, recorded[seed]) for seed, episode in filmed.items()],
        scenes=[_scene(seed, episode, recorded[seed]) for seed, episode in lived.items() if _explained(episode)],
        failures=failed,
        failure_note=_failure_note(tested, len(failed)),
        problems=tuple(theatre.problems.values()),
    )


def _first_scenes(
    tested: Sequence[tuple[Run, Score]], films: int, scenes: int, theatre: _Theatre
) -> tuple[tuple[Run, Score] | None, dict[int, Witnessed], dict[int, Witnessed]]:
    """The run that is shown, and its first test episodes: those on film, and those with heatmaps."""
    for run, score in sorted(tested, key=lambda pair: (-pair[0].demos, pair[0].seed)):
        seeds = [row["seed"] for row in score.value["results"]]
        filmed = theatre.live(run, score, seeds[:films], film=True)
        drawn = theatre.live(run, score, [seed for seed in seeds[:scenes] if seed not in filmed], film=False)
        if run.folder not in theatre.problems:
            lived = {**filmed, **drawn}
            return (run, score), filmed, {seed: lived[seed] for seed in seeds[:scenes] if seed in lived}
    return None, {}, {}


class _Theatre:
    """Lets episodes be lived again.

    Args:
        done: told of every finished piece of work.

    Attributes:
        problems: label of every run that cannot be lived again, and why, by its folder.
    """

    def __init__(self, done: Callable[[str], None]) -> None:
        self._done = done
        self.problems: dict[Path, tuple[str, str]] = {}

    def live(self, run: Run, score: Score, seeds: Sequence[int], *, film: bool) -> dict[int, Witnessed]:
        """Episodes of a run by seed; none when the run cannot be lived again."""
        if not seeds or run.folder in self.problems:
            return {}
        arguments = {key: value for key, value in score.value.get("arguments", {}).items() if key != "motion"}
        try:
            return witness(
                run.policy,
                run.agent,
                run.task,
                seeds,
                arguments=arguments,
                film=film,
                done=lambda seed: self._done(f"{run.task}, test scene {seed}"),
            )
        except (RavensError, ImportError) as error:
            _LOG.warning("%s, %s is not shown: %s", run.task, run.label, error)
            # The page is for others, too: no folders of this machine.
            self.problems[run.folder] = (run.label, str(error).replace(f"{run.folder.parent}{os.sep}", ""))
            return {}


def _film(seed: int, episode: Witnessed, recorded: float) -> Film:
    video = encode_video(episode.frames)
    poster = data_uri(resize(episode.frames[0], _VIEW_WIDTH), quality=70)
    return Film(seed, 100 * episode.rollout.score, recorded, episode.rollout.steps, video.speed, video.uri, poster)


def _scene(seed: int, episode: Witnessed, recorded: float) -> SceneView:
    thought = episode.thoughts[0]
    picture = action_picture(thought.maps["color"], thought.maps["height"], thought.action)
    panels = (Panel.of("Scene and action", picture), *_heat_panels(thought))
    return SceneView(seed, recorded, "", "", panels)


def _heat_panels(thought: Thought, when: str = "") -> list[Panel]:
    panels = []
    for part, tint in (("pick", PICK_COLOR), ("place", PLACE_COLOR)):
        if part in thought.maps:
            picture = heat_picture(thought.maps["color"], thought.maps[part], tint)
            marked = draw_action(picture, thought.action, "pick" if part == "pick" else "place")
            panels.append(Panel.of(f"Where to {part}{when}", marked))
    return panels


def _failures(tested: Sequence[tuple[Run, Score]], count: int, theatre: _Theatre) -> list[SceneView]:
    chosen = _choose_failures(tested, count)
    views = []
    for run, score in tested:
        seeds = [seed for owner, seed in chosen if owner is run]
        episodes = theatre.live(run, score, seeds, film=False)
        recorded = {row["seed"]: row for row in score.value["results"]}
        views += [_failure(run, seed, episode, recorded[seed]) for seed, episode in episodes.items()]
    return views


def _choose_failures(tested: Sequence[tuple[Run, Score]], count: int) -> list[tuple[Run, int]]:
    """The worst of each run in turn, until there are enough."""
    queues = [(run, list(score.failed_seeds)) for run, score in tested]
    chosen: list[tuple[Run, int]] = []
    while len(chosen) < count and any(queue for _, queue in queues):
        chosen += [(run, queue.pop(0)) for run, queue in queues if queue][: count - len(chosen)]
    return chosen


def _failure(run: Run, seed: int, episode: Witnessed, recorded: dict[str, Any]) -> SceneView:
    start, end = (Panel.of(name, resize(episode.frames[at], _VIEW_WIDTH)) for name, at in (("Start", 0), ("End", -1)))
    steps = len(episode.thoughts)
    thoughts = [thought for thought in episode.thoughts if "color" in thought.maps]
    panels = [start, *(_heat_panels(thoughts[0], ", first action" if steps > 1 else "") if thoughts else []), end]
    if len(thoughts) > 1:
        panels += _heat_panels(thoughts[-1], f", action {steps}")
    detail = _what_happened(recorded)
    if episode.rollout.success:
        detail += " Lived again for this page, it succeeded."
    return SceneView(seed, 100 * recorded["score"], run.label, detail, tuple(panels))


def _what_happened(recorded: dict[str, Any]) -> str:
    words = [f"{recorded['steps']} actions, {recorded['outcome']}."]
    missed = sorted(name for name, met in recorded.get("goals", {}).items() if not met)
    if missed:
        more = f" and {len(missed) - 4} more" if len(missed) > 4 else ""
        words.append(f"Not where it should be: {', '.join(missed[:4])}{more}.")
    motions = recorded.get("motions", [])
    empty = sum(not motion.get("grasped", True) for motion in motions)
    if empty and any(motion.get("grasped") for motion in motions):
        words.append(f"{empty} {'pick' if empty == 1 else 'picks'} lifted nothing.")
    elif empty and empty == len(motions):
        words.append("No pick lifted anything.")
    return " ".join(words)


def _failure_note(tested: Sequence[tuple[Run, Score]], shown: int) -> str:
    failed = sum(len(score.failed_seeds) for _, score in tested)
    total = sum(score.episodes for _, score in tested)
    where = f" of {len(tested)} runs" if len(tested) > 1 else ""
    if failed == 0:
        return f"None: all {total} test episodes{where} ended with every goal met."
    some = "all are shown" if shown == failed else f"shown: {shown or 'none'}, the worst of each run in turn"
    return f"{failed} of {total} test episodes{where} ended with a goal not met; {some}."


def _explained(episode: Witnessed) -> bool:
    return bool(episode.thoughts) and "color" in episode.thoughts[0].maps


def _tone(score: float) -> str:
    return "good" if score >= _SOLVED else "bad" if score < 50 else ""
