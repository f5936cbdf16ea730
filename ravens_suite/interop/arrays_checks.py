"""Looks for mistakes in what a robot recorded, before anything is trained on it.

Units, places and orders of picks and places show in the numbers; what is wrong with cameras shows in their images
(``arrays_cameras.py``). Swapped red and blue cannot be told from the data: look at the picture.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ravens_suite.core.geometry import Array, Pose, tilt_error
from ravens_suite.core.robot_setup import RobotSetup
from ravens_suite.errors import ConfigError, RavensWarning
from ravens_suite.interop.arrays import Recordings
from ravens_suite.interop.arrays_cameras import CameraEvidence
from ravens_suite.rollout.own_robot import FAR

SAMPLES = 10
"""Steps whose images are looked at, each of another episode."""

_SLACK = 0.01
"""Metres by which a pose may lie outside of the workspace."""
_TILTED = math.radians(60)
_UPRIGHT = math.radians(30)
_LEVEL = math.radians(3)
_FEW = 3
"""How many picks, over all cameras, must show the same."""


@dataclass(frozen=True)
class Findings:
    """What was found in recordings.

    Attributes:
        problems: what is wrong, in words, and how to mend it.
        warnings: what may be.
    """

    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def report(self, folder: Path, *, force: bool = False) -> None:
        """Warn of what may be wrong.

        Args:
            folder: of the recordings.
            force: only warn of what is wrong, too.

        Raises:
            ConfigError: something is wrong; the message says all of it.
        """
        found = "; ".join(f"({number}) {text}" for number, text in enumerate(self.problems, 1))
        if found and not force:
            raise ConfigError(f"What was recorded in {folder} cannot be right: {found}. Mend it, or --force.")
        for text in (*self.problems, *self.warnings):
            warnings.warn(f"{folder}: {text}.", RavensWarning, stacklevel=3)


def check_recordings(recordings: Recordings) -> Findings:
    """Look for mistakes.

    Raises:
        ConfigError: arrays are missing or have other shapes than they should.
        DamagedDataError: a file cannot be read.
    """
    recordings.check_alike()
    misplaced = [*_positions(recordings)]
    count = next(recordings.samples(1))[0].color.shape[1]
    cameras = [CameraEvidence(recordings.setup, index, count) for index in range(count)]
    for episode, step in recordings.samples(SAMPLES):
        for camera in cameras:
            camera.add(episode, step)
    # Where picks are wrong, images cannot say whether cameras are.
    seen = [problem for camera in cameras for problem in camera.problems(geometry=not misplaced)]
    problems = [*misplaced, *_quaternions(recordings), *seen]
    if not problems:
        problems += _order(cameras)
    problems += _sentences(recordings)
    return Findings(tuple(problems), () if problems else tuple(text for each in cameras for text in each.warnings()))


def _order(cameras: Sequence[CameraEvidence]) -> Iterator[str]:
    """Whether things vanish where picks are, and not the other way round."""
    moved = [sign for camera in cameras for sign in camera.vanished]
    if len(moved) >= _FEW and set(moved) == {-1}:
        yield (
            "things appear where the picks are, instead of vanishing: pick and place are swapped, or images are in "
            "another order than actions (one before each action, one after the last)"
        )


def _positions(recordings: Recordings) -> Iterator[str]:
    """Units and places of picks and places."""
    setup, found = recordings.setup, list(recordings.actions())
    positions = np.array([pose[:3] for *_, pose in found])
    if np.abs(positions).max() > FAR:
        yield (
            f"positions of picks and places reach to {np.abs(positions).max():.0f} m: they look like millimetres; "
            "divide them by 1000"
        )
        return
    low, high = np.subtract(setup.low, _SLACK), np.add(setup.high, _SLACK)
    outside = ((positions < low) | (positions > high)).any(axis=1)
    if outside.any():
        name, kind, step, pose = found[int(np.argmax(outside))]
        yield (
            f"{outside.sum()} of {len(found)} picks and places lie outside of the workspace, first the {kind} of "
            f"{name}, step {step}, at {_text(pose[:3])}; the workspace is from {_text(setup.low)} to "
            f"{_text(setup.high)}, picks and places from {_text(positions.min(axis=0))} to "
            f"{_text(positions.max(axis=0))}: mend the workspace in robot.json, or give the poses in the frame of the "
            "cameras' extrinsics"
        )


def _sentences(recordings: Recordings) -> Iterator[str]:
    """Whether all episodes have a sentence, or none: an agent is told in every one what the first has."""
    if silent := recordings.without_sentence():
        yield (
            f"{len(silent)} of {len(recordings.seeds)} episodes have no instruction, first {silent[0]}, and others do: "
            "write one into each file, or into none"
        )


def _quaternions(recordings: Recordings) -> Iterator[str]:
    """Order of quaternions, and the tool's frame."""
    setup, poses = recordings.setup, [pose for *_, pose in recordings.actions()]
    lengths = np.linalg.norm([pose[3:] for pose in poses], axis=1)
    if np.abs(lengths - 1).max() > 0.05:
        yield (
            f"quaternions of picks and places have lengths from {lengths.min():.2f} to {lengths.max():.2f}, not 1: a "
            "pose is position, then quaternion"
        )
        return
    tilts = _tilts(setup, poses)
    other = "wxyz" if setup.quaternions == "xyzw" else "xyzw"
    # In the wrong order few may be tilted. But what is level in the other order, every one, is no coincidence.
    level = float(_tilts(replace(setup, quaternions=other), poses).max()) < _LEVEL
    if np.median(tilts) < _TILTED and not (level and np.percentile(tilts, 90) > _UPRIGHT):
        return
    a, b, c, d = first = [round(float(value), 4) for value in poses[0][3:]]
    ways = []
    for order, words in (
        (other, f'the quaternions are {other}: write "quaternions": "{other}"'),
        (setup.quaternions, ""),
    ):
        as_declared = replace(setup, quaternions=order)
        if words and np.percentile(_tilts(as_declared, poses), 90) < _UPRIGHT:
            ways.append(words)
        elif np.percentile(_tilts(replace(as_declared, tool_down=(a, b, c, d)), poses), 90) < _UPRIGHT:
            down = f'the tool\'s frame is another one when it points straight down: write "tool_down": {first}'
            ways.append(f"{words}; and {down}" if words else down)
    if not ways:
        ways.append('write in "tool_down" its quaternion when it points straight down')
    yield (
        f"as the quaternions are read, the tool is tilted by {math.degrees(float(np.percentile(tilts, 75))):.0f} "
        f"degrees from straight down (a quarter of the poses by more). Either {', or '.join(ways)} (in robot.json)"
    )


def _tilts(setup: RobotSetup, poses: Sequence[Array]) -> Array:
    """Radians by which each pose tilts the tool."""
    return np.array([tilt_error(Pose.from_vector(setup.to_suite(pose)), Pose()) for pose in poses])


def _text(values: Sequence[float] | Array) -> str:
    return "(" + ", ".join(f"{float(value):.3f}" for value in values) + ")"
