"""What a report shows of the policies on one task: films, heatmaps, failures."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ravens_suite.core.types import Action
from ravens_suite.data.outcomes import EpisodeOutcome
from ravens_suite.errors import RavensError
from ravens_suite.report.drawing import (
    PICK_COLOR,
    PLACE_COLOR,
    Picture,
    action_picture,
    data_uri,
    draw_action,
    heat_picture,
    map_picture,
    resize,
)
from ravens_suite.report.forecasts import warnings_of
from ravens_suite.report.runs import Run, Score, stale, without_folders
from ravens_suite.report.video import encode_video
from ravens_suite.rollout.replay import Decision, Replay, replay

_LOG = logging.getLogger(__name__)

_VIEW_WIDTH, _STEP_WIDTH = 480, 320
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
        """From a picture (rows, columns, 3) uint8."""
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
class TaskSection:
    """What is shown of one task.

    Attributes:
        shown: label of the run that the films and scenes are of; empty when there is none to show.
        films: of test scenes, failed ones first.
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


def make_section(
    runs: Sequence[Run], *, films: int, scenes: int, failures: int, on_note: Callable[[str], None] = lambda note: None
) -> TaskSection:
    """Run some test episodes of the policies on one task again.

    Films and scenes are of the run with most demonstrations (of equals, the lowest seed): films of what failed, the
    worst first, then of the first test scenes; scenes are the first ones. Failures are the worst of every run in turn,
    with every action. A run that cannot be run again, or whose evaluation is of something else by now, is passed over.

    Args:
        runs: of one task.
        films: how many episodes to film.
        scenes: how many scenes to draw heatmaps of.
        failures: how many failed episodes to draw.
        on_note: called with every finished piece of work.
    """
    tested = [(run, run.test) for run in runs if run.test is not None]
    if not tested:
        return TaskSection()
    replays = _Replays(on_note)
    shown, filmed, drawn = _first_scenes(tested, films, scenes, replays)
    recorded = {} if shown is None else {outcome.seed: 100 * outcome.score for outcome in shown[1].outcomes}
    failed = _failures(tested, failures, replays)
    return TaskSection(
        shown="" if shown is None else shown[0].label,
        films=[_film(seed, episode, recorded[seed]) for seed, episode in filmed.items()],
        scenes=[_scene(seed, episode, recorded[seed]) for seed, episode in drawn.items() if _explained(episode)],
        failures=failed,
        failure_note=_failure_note(tested, len(failed)),
        problems=tuple(replays.problems.values()),
    )


def _first_scenes(
    tested: Sequence[tuple[Run, Score]], films: int, scenes: int, replays: _Replays
) -> tuple[tuple[Run, Score] | None, dict[int, Replay], dict[int, Replay]]:
    """The run that is shown, its test episodes on film, failed ones first, and the first ones with heatmaps."""
    for run, score in sorted(tested, key=lambda pair: (-pair[0].demos, pair[0].seed)):
        seeds = [outcome.seed for outcome in score.outcomes if outcome.placed]
        failed = score.failed_seeds
        worst_first = [*failed, *(seed for seed in seeds if seed not in set(failed))]
        filmed = replays.of(run, score, worst_first[:films], film=True)
        others = replays.of(run, score, [seed for seed in seeds[:scenes] if seed not in filmed], film=False)
        if run.folder not in replays.problems:
            both = {**filmed, **others}
            return (run, score), filmed, {seed: both[seed] for seed in seeds[:scenes] if seed in both}
    return None, {}, {}


class _Replays:
    """Runs episodes again.

    Args:
        on_note: called with every finished piece of work.

    Attributes:
        problems: label of every run that cannot be run again, and why, by its folder.
    """

    def __init__(self, on_note: Callable[[str], None]) -> None:
        self._on_note = on_note
        self.problems: dict[Path, tuple[str, str]] = {}

    def of(self, run: Run, score: Score, seeds: Sequence[int], *, film: bool, every: bool = False) -> dict[int, Replay]:
        """Episodes of a run by seed; none when it cannot be run again."""
        if not seeds or run.folder in self.problems:
            return {}
        if why := stale(run, score):
            _LOG.warning("%s, %s is not shown: %s", run.title, run.label, why)
            self.problems[run.folder] = (run.label, why)
            return {}
        try:
            return replay(
                run.policy,
                run.task,
                seeds,
                arguments=score.arguments,
                film=film,
                every=every,
                on_episode=lambda seed: self._on_note(f"{run.title}, test scene {seed}"),
            )
        except (RavensError, ImportError) as error:
            _LOG.warning("%s, %s is not shown: %s", run.title, run.label, error)
            self.problems[run.folder] = (run.label, without_folders(run, error))
            return {}


def _film(seed: int, episode: Replay, recorded: float) -> Film:
    video = encode_video(episode.frames)
    poster = data_uri(resize(episode.frames[0], _VIEW_WIDTH), quality=70)
    return Film(seed, 100 * episode.rollout.score, recorded, episode.rollout.steps, video.speed, video.uri, poster)


def _scene(seed: int, episode: Replay, recorded: float) -> SceneView:
    decision = episode.decisions[0]
    action = Action.from_dict(decision.action, ())
    picture = action_picture(decision.maps["color"], decision.maps["height"], action)
    panels = (Panel.of("Scene and action", picture), *heat_panels(decision), *_predicted_panels(episode.decisions, 0))
    return SceneView(seed, recorded, "", _told([decision]), panels)


def _told(decisions: Sequence[Decision]) -> str:
    """What the policy was told, each sentence once; empty where it was told nothing."""
    said = dict.fromkeys(decision.told for decision in decisions if decision.told)
    return f"Told: {'; then: '.join(said)}." if said else ""


def heat_panels(decision: Decision, when: str = "") -> list[Panel]:
    """Where the agent would pick and place, over the scene; none for a policy that does not explain itself."""
    panels = []
    for part, tint in (("pick", PICK_COLOR), ("place", PLACE_COLOR)):
        if part in decision.maps:
            picture = heat_picture(decision.maps["color"], decision.maps[part], tint)
            marked = draw_action(picture, Action.from_dict(decision.action, ()), "first" if part == "pick" else "last")
            panels.append(Panel.of(f"Where to {part}{when}", marked))
    return panels


def _predicted_panels(decisions: Sequence[Decision], number: int) -> list[Panel]:
    """The scene that was expected of a decision, where the policy predicts one, beside the one that then was seen."""
    maps = decisions[number].maps
    if "predicted_color" not in maps:
        return []
    panels = [Panel.of(f"Expected after action {number + 1}", map_picture(maps["predicted_color"]))]
    if number + 1 < len(decisions) and "color" in decisions[number + 1].maps:
        seen = map_picture(decisions[number + 1].maps["color"])
        panels.append(Panel.of(f"Seen after action {number + 1}", seen))
    return panels


def _failures(tested: Sequence[tuple[Run, Score]], count: int, replays: _Replays) -> list[SceneView]:
    chosen = _choose_failures(tested, count)
    views = []
    for run, score in tested:
        seeds = [seed for owner, seed in chosen if owner is run]
        episodes = replays.of(run, score, seeds, film=False, every=True)
        views += [_failure(run, seed, episode, score.outcome(seed)) for seed, episode in episodes.items()]
    return views


def _choose_failures(tested: Sequence[tuple[Run, Score]], count: int) -> list[tuple[Run, int]]:
    """The worst of each run in turn, until there are enough."""
    queues = [(run, list(score.failed_seeds)) for run, score in tested]
    chosen: list[tuple[Run, int]] = []
    while len(chosen) < count and any(queue for _, queue in queues):
        chosen += [(run, queue.pop(0)) for run, queue in queues if queue][: count - len(chosen)]
    return chosen


def _failure(run: Run, seed: int, episode: Replay, recorded: EpisodeOutcome) -> SceneView:
    panels = []
    for number, decision in enumerate(episode.decisions, 1):
        if number < len(episode.frames):
            panels.append(Panel.of(f"Before action {number}", resize(episode.frames[number - 1], _STEP_WIDTH)))
        if "color" in decision.maps:
            panels += heat_panels(decision, f", action {number}")
            panels += _predicted_panels(episode.decisions, number - 1)
    panels.append(Panel.of("End", resize(episode.frames[-1], _STEP_WIDTH)))
    told = (_told(episode.decisions), _what_happened(recorded), warnings_of(run, seed))
    detail = " ".join(filter(None, told))
    if episode.rollout.success:
        detail += " Run again for this page, it succeeded."
    return SceneView(seed, 100 * recorded.score, run.label, detail, tuple(panels))


def _what_happened(recorded: EpisodeOutcome) -> str:
    words = [f"{recorded.steps} action{'' if recorded.steps == 1 else 's'}, {recorded.outcome}."]
    missed = sorted(name for name, met in recorded.goals.items() if not met)
    if missed:
        more = f" and {len(missed) - 4} more" if len(missed) > 4 else ""
        words.append(f"Not where it should be: {', '.join(missed[:4])}{more}.")
    motions = recorded.motions
    # A push that was carried out has nothing to lift.
    empty = sum(not motion.get("grasped", True) and motion.get("outcome") != "done" for motion in motions)
    if empty and any(motion.get("grasped") for motion in motions):
        words.append(f"{empty} {'pick' if empty == 1 else 'picks'} lifted nothing.")
    elif empty and empty == len(motions):
        words.append("No pick lifted anything.")
    return " ".join(words)


def _failure_note(tested: Sequence[tuple[Run, Score]], shown: int) -> str:
    failed = sum(len(score.failed_seeds) for _, score in tested)
    total = sum(score.summary.episodes for _, score in tested)
    where = f" of {len(tested)} runs" if len(tested) > 1 else ""
    if failed == 0:
        return f"None: all {total} test episodes{where} ended with every goal met."
    some = "all are shown" if shown == failed else f"shown: {shown or 'none'}, the worst of each run in turn"
    broken = sum(score.summary.failures for _, score in tested)
    rule = f", {broken} of them because a rule of the task was broken" if broken else ""
    return f"{failed} of {total} test episodes{where} ended with a goal not met{rule}; {some}."


def _explained(episode: Replay) -> bool:
    return bool(episode.decisions) and "color" in episode.decisions[0].maps


def _tone(score: float) -> str:
    return "good" if score >= _SOLVED else "bad" if score < 50 else ""
