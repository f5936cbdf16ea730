"""A contact sheet of all tasks: start, middle and end of an oracle episode, training and test split side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.data.atomic import check_writable, write_bytes
from ravens_suite.errors import OracleGaveUpError
from ravens_suite.execution.progress import Progress, silent
from ravens_suite.report.drawing import png
from ravens_suite.rollout.environments import make_environment
from ravens_suite.rollout.policies import OraclePolicy

Picture = NDArray[np.uint8]

_SPLITS = ("train", "test")
_SIZE = (240, 320)
_CAPTION = 26
_GAP = 6
_WHITE, _INK = 255, (40, 40, 40)


def draw_gallery(
    tasks: Sequence[str], out: Path | str, *, seed: int = 0, renderer: str = "auto", on_progress: Progress = silent
) -> Path:
    """Draw the sheet.

    Args:
        tasks: names, one row each.
        out: a ``.png`` file, or a folder in which ``gallery.png`` is written.
        seed: of the scene in each split.
        renderer: of the environments.
        on_progress: called after every task.

    Returns:
        The file written.
    """
    out = Path(out)
    path = out if out.suffix.lower() == ".png" else out / "gallery.png"
    check_writable(path)
    rows = []
    for done, task in enumerate(tasks, 1):
        rows.append(np.hstack([_strip(task, split, seed, renderer) for split in _SPLITS]))
        on_progress(done, len(tasks), task)
    write_bytes(path, [png(np.vstack(rows))])
    return path


@dataclass(frozen=True)
class OracleEpisode:
    """What a contact sheet shows of an episode.

    Attributes:
        frames: (rows, columns, 3) uint8, one before each action, and one after the last.
        said: the instruction at each of them.
        score: sum of rewards.
    """

    frames: Sequence[Picture]
    said: Sequence[str]
    score: float


def oracle_frames(task: str, split: str, seed: int, renderer: str = "auto") -> tuple[list[Picture], float]:
    """Frames (rows, columns, 3) uint8 before each action of an oracle episode and after the last, and its score."""
    episode = oracle_episode(task, split, seed, renderer)
    return list(episode.frames), episode.score


def oracle_episode(task: str, split: str, seed: int, renderer: str = "auto") -> OracleEpisode:
    """An episode of the oracle, seen from the front right."""
    arguments = {"renderer": renderer, "render_mode": "rgb_array", "observe": ["proprioception", "instruction"]}
    environment = make_environment(task, split, arguments)
    oracle = OraclePolicy(environment)
    observation, _ = environment.reset(seed=seed)
    frames: list[Any] = [environment.render()]
    said = [str(observation["instruction"])]
    score, over = 0.0, False
    while not over:
        try:
            observation, reward, terminated, truncated, _ = environment.step(oracle.act(observation))
        except OracleGaveUpError:
            break
        frames.append(environment.render())
        said.append(str(observation["instruction"]))
        score, over = score + float(reward), terminated or truncated
    environment.close()
    return OracleEpisode(frames, said, score)


def _strip(task: str, split: str, seed: int, renderer: str) -> Picture:
    """Captions, and three frames beside each other."""
    episode = oracle_episode(task, split, seed, renderer)
    frames = episode.frames
    chosen = [frames[0], frames[len(frames) // 2], frames[-1]]
    caption = f"{task}, {split}, seed {seed}: {len(frames) - 1} steps, score {100 * episode.score:.0f}"
    pictures = [_framed(cv2.resize(frame, _SIZE[::-1], interpolation=cv2.INTER_AREA)) for frame in chosen]
    width = len(pictures) * (_SIZE[1] + _GAP)
    return np.vstack([_caption(caption, width), _caption(_words(episode.said), width), np.hstack(pictures)])


def _words(said: Sequence[str]) -> str:
    """What is said at the start, and how many other sentences follow before the end."""
    others = len(dict.fromkeys(said[:-1])) - 1
    return said[0] + (f" ... and {others} more" if others > 0 else "")


def _framed(picture: Any) -> Picture:
    return np.pad(picture, ((0, _GAP), (0, _GAP), (0, 0)), constant_values=_WHITE).astype(np.uint8)


def _caption(text: str, width: int) -> Picture:
    strip = np.full((_CAPTION, width, 3), _WHITE, np.uint8)
    cv2.putText(strip, text, (4, _CAPTION - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _INK, 1, cv2.LINE_AA)
    return strip
