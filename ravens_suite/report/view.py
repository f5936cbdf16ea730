"""A recorded episode to look at: as a page that needs nothing else, or as one picture."""

from __future__ import annotations

import os
import subprocess
import sys
import webbrowser
from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.heightmap import fuse_observation
from ravens_suite.core.observations import CAMERA_KEYS
from ravens_suite.core.types import Action
from ravens_suite.data.atomic import write_bytes
from ravens_suite.data.episode import Episode, read_episode
from ravens_suite.data.store import SUFFIX
from ravens_suite.errors import ConfigError, DamagedDataError, MissingDataError
from ravens_suite.report.drawing import (
    Picture,
    action_picture,
    depth_picture,
    height_picture,
    label,
    png,
    resize,
)
from ravens_suite.report.sections import Panel
from ravens_suite.report.video import encode_video
from ravens_suite.rollout.replay import RecordedActions, environment_of, recorded_order
from ravens_suite.rollout.rollout import roll_out

FORMATS = ("html", "png")
_WIDTH = 400


@dataclass(frozen=True)
class StepView:
    """One observation of an episode and what was done on it.

    Attributes:
        title: "Step 1 of 3", or "End".
        facts: what became of the action; empty at the end.
        pictures: names and pictures, (rows, columns, 3) uint8, in the order they are shown.
    """

    title: str
    facts: tuple[str, ...]
    pictures: tuple[tuple[str, Picture], ...]

    @property
    def panels(self) -> list[Panel]:
        """The pictures, for a page."""
        return [Panel.of(name, picture) for name, picture in self.pictures]


def view_episode(
    path: Path | str,
    out: Path | str | None = None,
    *,
    image_format: str = "html",
    depth: bool = False,
    film: bool = False,
) -> Path:
    """Write what can be seen of an episode.

    Args:
        path: of the episode file.
        out: what to write; by default the episode's path with the ending of the format.
        image_format: one of ``FORMATS``; the ending of ``out`` counts when that is given.
        depth: show the cameras' depth images too.
        film: carry out the actions once more, and put a film of it into the page.

    Returns:
        What was written.

    Raises:
        MissingDataError: there is no such file.
        DamagedDataError: the file is not a whole episode.
        ConfigError: there is no such format.
    """
    path = Path(path)
    out = None if out is None else Path(out)
    kind = out.suffix.lstrip(".").lower() if out else image_format
    if kind not in FORMATS:
        raise ConfigError(f"An episode can be shown as {' or '.join(FORMATS)}, not {kind!r}.")
    episode = read_viewed(path)
    steps = step_views(episode, depth=depth)
    target = out or path.with_suffix(f".{kind}")
    if kind == "png":
        write_bytes(target, [png(contact_sheet(steps))])
    else:
        write_bytes(target, [_page(path, episode, steps, play(episode) if film else None).encode()])
    return target


def read_viewed(path: Path) -> Episode:
    """The episode that a person wants to see.

    Raises:
        MissingDataError: there is no such file, or it is a folder.
        DamagedDataError: the file is not a whole episode.
    """
    if path.is_dir():
        raise MissingDataError(f"{path} is a folder: name an episode file in it, for example {_example(path)}.")
    if path.is_file() and path.suffix != SUFFIX:
        raise DamagedDataError(f"{path} is no episode: name the file of one, which ends in {SUFFIX}.")
    if not path.exists():
        beside = _episodes(path.parent.glob(f"*{SUFFIX}"))
        hint = f"another one there is {beside[0]}" if beside else "name the file of an episode, or run one with --seed"
        raise MissingDataError(f"There is no file {path}: {hint}.")
    return read_episode(path)


@dataclass(frozen=True)
class Playback:
    """A film of a recorded episode, whose actions were carried out once more with the whole motion simulated.

    Attributes:
        uri: of the film.
        speed: simulated seconds a second of playing.
        score: of the episode then, 0 to 100: travel with physics may end otherwise in a rare case.
    """

    uri: str
    speed: int
    score: float


def play(episode: Episode) -> Playback:
    """Film an episode.

    Args:
        episode: of a task that is registered here.

    Raises:
        RavensError: its environment cannot be made here.
    """
    # Recorded actions look at nothing: neither images of all cameras nor an oracle episode for the goal is needed.
    unseen = {"observe": ["proprioception"]}
    environment = environment_of(episode, motion="simulated", render_mode="rgb_array_list", **unseen)
    try:
        rollout = roll_out(environment, RecordedActions(episode.actions), episode.seed, record=False)
        frames: Any = environment.render()
    finally:
        environment.close()
    video = encode_video(list(frames))
    return Playback(video.uri, video.speed, 100 * rollout.score)


def step_views(episode: Episode, *, depth: bool = False) -> list[StepView]:
    """Everything there is to see, one entry an observation.

    Args:
        episode: what was not observed is not shown.
        depth: with the cameras' depth images.
    """
    return [_step_view(episode, step, depth) for step in range(episode.steps + 1)]


def contact_sheet(steps: list[StepView]) -> Picture:
    """All pictures as one (rows, columns, 3) uint8: a row an observation, each with its name on it."""
    rows = []
    for step in steps:
        named = [label(resize(picture, _WIDTH), f"{step.title}: {name}") for name, picture in step.pictures]
        tallest = max(len(picture) for picture in named)
        rows.append(np.concatenate([_padded(picture, tallest) for picture in named], axis=1))
    widest = max(row.shape[1] for row in rows)
    return np.concatenate([np.pad(row, ((0, 6), (0, widest - row.shape[1]), (0, 0))) for row in rows])


def open_in_viewer(path: Path) -> bool:
    """Show a file: a recording in Rerun, others in a browser; ``False`` where there is no display or no browser."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    if path.suffix == ".rrd":
        # A program of its own, which stays when the command has ended. Unless told otherwise, it lets every machine of
        # the network log to it (rerun-sdk 0.26.2).
        command = [sys.executable, "-m", "rerun", "--bind", "127.0.0.1", str(path)]
        subprocess.Popen(command, start_new_session=True)
        return True
    return webbrowser.open(path.resolve().as_uri())


def _step_view(episode: Episode, step: int, depth: bool) -> StepView:
    last = step == episode.steps
    title = "End" if last else f"Step {step + 1} of {episode.steps}"
    return StepView(title, facts(episode, step), tuple(_pictures(episode, step, depth)))


def _pictures(episode: Episode, step: int, depth: bool) -> Iterator[tuple[str, Picture]]:
    """The cameras' images, and the map fused from them with the action drawn in."""
    seen = {key: values[step] for key, values in episode.observations.items()}
    if "color" in seen:
        yield from zip(camera_names(episode, seen["color"]), seen["color"], strict=True)
    if seen.keys() >= {"color", "depth", *CAMERA_KEYS}:
        heightmap = fuse_observation(seen)
        action = recorded_action(episode, step)
        yield "from above", action_picture(heightmap.color, heightmap.height, action)
        yield "height", height_picture(heightmap.height)
    if depth and "depth" in seen:
        named = zip(camera_names(episode, seen["depth"]), seen["depth"], strict=True)
        yield from ((f"{name}, depth", depth_picture(image)) for name, image in named)
    if "goal_color" in seen:
        named = zip(camera_names(episode, seen["goal_color"]), seen["goal_color"], strict=True)
        yield from ((f"{name}, goal", image) for name, image in named)
    if not seen.keys() & {"color", "goal_color"}:
        yield "nothing was drawn", np.full((40, _WIDTH, 3), 230, np.uint8)


def camera_names(episode: Episode, images: Sized) -> list[str]:
    """Names of the cameras of some images; ``camera_0`` and so on where the episode does not say, as own data need not.

    Args:
        episode: of an observation.
        images: that its cameras saw at one step, or their matrices.
    """
    names = [camera.name for camera in episode.cameras]
    return names if len(names) == len(images) else [f"camera_{index}" for index in range(len(images))]


def recorded_action(episode: Episode, step: int) -> Action:
    """The poses of a step's action, in the order of the task's primitive; none at the end."""
    action = {key: values[step] for key, values in episode.actions.items() if step < episode.steps}
    usual = action.keys() <= {"pick", "place"}  # Then no task has to be made for it.
    return Action.from_dict(action) if usual else Action.from_dict(action, recorded_order(episode))


def _texts(episode: Episode, step: int) -> tuple[str, ...]:
    """Observed sentences."""
    return tuple(
        f"{key}: {values[step]}" for key, values in sorted(episode.observations.items()) if key.endswith("instruction")
    )


def facts(episode: Episode, step: int) -> tuple[str, ...]:
    """Observed sentences, and what became of the action of a step, for a person; at the end the sentences alone."""
    return (*_texts(episode, step), *(_motion_facts(episode, step) if step < episode.steps else ()))


def _motion_facts(episode: Episode, step: int) -> tuple[str, ...]:
    facts = [f"{key} {_numbers(values[step])}" for key, values in sorted(episode.actions.items())]
    facts.append(f"reward {episode.rewards[step]:+.3f}")
    motions = episode.metadata.get("motion")  # Of own data it may be anything.
    motion = motions[step] if isinstance(motions, list) and step < len(motions) else None
    if isinstance(motion, dict):
        grasped = "something lifted" if motion.get("grasped") else "nothing lifted"
        facts.append(f"{motion.get('outcome', '')}, {grasped}, {motion.get('steps', 0)} simulation steps")
    return tuple(facts)


def _numbers(values: NDArray[Any]) -> str:
    return "(" + ", ".join(f"{value:.3f}" for value in np.ravel(values).tolist()) + ")"


def _padded(picture: Picture, rows: int) -> Picture:
    return np.pad(picture, ((0, rows - len(picture)), (0, 6), (0, 0)))


def _episodes(paths: Iterable[Path]) -> list[Path]:
    return sorted(path for path in paths if path.stem.isdigit())


def _example(folder: Path) -> str:
    found = _episodes(folder.rglob(f"*{SUFFIX}"))
    return str(found[0]) if found else str(folder / "000000.safetensors")


def _page(path: Path, episode: Episode, steps: list[StepView], film: Playback | None) -> str:
    from ravens_suite.report.page import render

    metadata = episode.metadata
    versions = metadata.get("versions", {})  # Of own data it may be anything.
    if isinstance(versions, dict):
        versions = ", ".join(f"{name} {number}" for name, number in versions.items())
    facts = [
        ("file", path.name),
        ("size", f"{path.stat().st_size / 1e6:.2f} MB"),
        ("cameras", ", ".join(f"{c.name} {c.image_size[0]} x {c.image_size[1]}" for c in episode.cameras)),
        ("environment", f"{metadata.get('environment', '')} {metadata.get('arguments', '')}"),
        ("renderer", str(metadata.get("renderer", ""))),
        ("versions", str(versions)),
        ("bodies", ", ".join(sorted(episode.poses))),
    ]
    return render("episode.html.j2", {"episode": episode, "steps": steps, "facts": facts, "film": film})
