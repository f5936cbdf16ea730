"""Looks for mistakes in what a robot recorded, before anything is trained on it.

Numbers alone show wrong units and orders. Whether cameras are where they are said to be shows in the images: where a
pick is, a camera sees a surface, and that place looks different afterwards; and much of what it sees is the table. A
camera that fails this is tried again with each usual mistake undone; what then succeeds is what to mend. Swapped red
and blue cannot be told from the data: look at the picture.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.conventions import CAMERA_AXES
from ravens_suite.core.geometry import Array, Pose, tilt_error
from ravens_suite.core.projection import project, world_points
from ravens_suite.core.robot_setup import RobotSetup
from ravens_suite.errors import ConfigError, RavensError, RavensWarning
from ravens_suite.interop.arrays import RecordedEpisode, Recordings

SAMPLES = 10
"""Steps whose images are looked at, each of another episode."""

_FAR = 20.0
"""Metres that nothing on a table is away; in millimetres, everything is."""
_SLACK = 0.01
"""Metres by which a pose may lie outside of the workspace."""
_TILTED = math.radians(60)
_UPRIGHT = math.radians(30)
_LEAST_MEASURED = 0.1
"""Share of a depth image."""
_CENTRAL = (0.25, 0.75)
"""Of an image's width and height: where the optical axis is, unless images are cropped."""
_OTHER_SIZE = math.log(1.15)
"""Of the ratio of two image sizes."""
_FOCAL = (0.2, 20.0)
"""Focal length over the image's larger side."""
_ON_SURFACE = 0.03
"""Metres between a pick and what is seen there."""
_PATCH = 0.015
"""Metres around a pick."""
_CHANGED_COLOR, _CHANGED_DEPTH = 30, 0.01
_STILL = 0.2
"""Share of an image that may change in an action for changes to say where it was."""
_ENOUGH = 0.5
_PLANE = 0.1
_THIN = 8
"""Every so many pixels, along both axes, are enough to see the table."""


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
    cameras = [_Camera(recordings.setup, index) for index in range(next(recordings.samples(1))[0].color.shape[1])]
    for episode, step in recordings.samples(SAMPLES):
        for camera in cameras:
            camera.add(episode, step)
    # Where picks are wrong, images cannot say whether cameras are.
    seen = [problem for camera in cameras for problem in camera.problems(geometry=not misplaced)]
    problems = [*misplaced, *_quaternions(recordings), *seen]
    return Findings(tuple(problems), () if problems else tuple(text for each in cameras for text in each.warnings()))


def _positions(recordings: Recordings) -> Iterator[str]:
    """Units and places of picks and places."""
    setup, found = recordings.setup, list(recordings.actions())
    positions = np.array([pose[:3] for *_, pose in found])
    if np.abs(positions).max() > _FAR:
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
    if np.median(tilts) < _TILTED:
        return
    other = "wxyz" if setup.quaternions == "xyzw" else "xyzw"
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
        f"as the quaternions are read, the tool is tilted by {math.degrees(float(np.median(tilts))):.0f} degrees from "
        f"straight down (median). Either {', or '.join(ways)} (in robot.json)"
    )


def _tilts(setup: RobotSetup, poses: Sequence[Array]) -> Array:
    """Radians by which each pose tilts the tool."""
    return np.array([tilt_error(Pose.from_vector(setup.to_suite(pose)), Pose()) for pose in poses])


@dataclass(frozen=True)
class _Reading:
    """A way of reading a camera's matrices: the declared one, or that with a usual mistake undone.

    Attributes:
        setup: by which extrinsics are read.
        mistake: in words; empty for the declared way.
        centred: whether intrinsics are scaled so that the optical axis is in the middle of the image.
    """

    setup: RobotSetup
    mistake: str = ""
    centred: bool = False


def _readings(setup: RobotSetup) -> list[_Reading]:
    """The declared way, then the others."""
    turned = "camera_from_world" if setup.extrinsics == "world_from_camera" else "world_from_camera"
    found = [_Reading(setup)]
    for extrinsics in (setup.extrinsics, turned):
        for axes in (setup.camera_axes, *(each for each in CAMERA_AXES if each != setup.camera_axes)):
            words = []
            if extrinsics != setup.extrinsics:
                words.append(f'its extrinsics are inverted, "extrinsics": "{extrinsics}"')
            if axes != setup.camera_axes:
                words.append(f'its axes are those of another frame, "camera_axes": "{axes}"')
            if words:
                other = replace(setup, extrinsics=extrinsics, camera_axes=axes)
                found.append(_Reading(other, " and ".join(words)))
    found.append(_Reading(setup, "its intrinsics are those of another image size", centred=True))
    return found


class _Camera:
    """What the images of one camera say, over several samples.

    Args:
        setup: as declared.
        index: of the camera.
    """

    def __init__(self, setup: RobotSetup, index: int) -> None:
        self._setup, self._index = setup, index
        self._readings = _readings(setup)
        self._scores: list[list[tuple[float, float, float, float]]] = [[] for _ in self._readings]
        self._raw: list[float] = []
        self._measured: list[float] = []
        self._whole = False
        self._matrix: Array = np.eye(3)
        self._size = (1, 1)
        self._offsets: list[float] = []

    def add(self, episode: RecordedEpisode, step: int) -> None:
        """Look at the images before and after one action."""
        depth = episode.depth[step, self._index]
        with np.errstate(invalid="ignore"):
            positive = depth[np.isfinite(depth) & (depth > 0)]
        self._size = (int(depth.shape[0]), int(depth.shape[1]))
        self._whole = depth.dtype.kind in "ui"
        self._matrix = episode.intrinsics[step, self._index]
        self._measured.append(positive.size / depth.size)
        if positive.size:
            self._raw.append(float(np.median(positive)))
        metres = self._setup.metres(depth)
        change = self._change(episode, step, metres)
        pick = self._setup.suite_from_robot.apply(episode.pick[step, :3])
        for reading, scores in zip(self._readings, self._scores, strict=True):
            scores.append(self._score(reading, episode.extrinsics[step, self._index], metres, change, pick))

    def problems(self, *, geometry: bool = True) -> list[str]:
        """What is wrong with the camera, by all samples; with ``geometry`` also where it is, by the picks."""
        found = [*self._units(), *self._holes(), *self._intrinsics()]
        return found or (list(self._geometry()) if geometry else [])

    def warnings(self) -> Iterator[str]:
        """What may be wrong."""
        surface, _, change, _ = self._mean(0)
        if surface < _ENOUGH:
            yield (
                f"camera {self._index}: only {surface:.0%} of the picks lie on what it sees. Does something hide them, "
                "such as the robot? Look at the picture"
            )
        elif change < 0.3:
            yield (
                f"camera {self._index}: in only {change:.0%} of the actions something changes where the pick is. Do "
                "poses and cameras share one frame, to a centimetre? Look at the picture"
            )

    def _units(self) -> Iterator[str]:
        name, typical = f"camera {self._index}", float(np.median(self._raw)) if self._raw else 0.0
        if self._setup.depth_unit == "metres" and (typical > _FAR or (self._whole and typical)):
            yield (
                f"{name}: depth is typically {typical:.4g}, in {'whole ' if self._whole else ''}numbers that look like "
                'millimetres, not metres: write "depth_unit": "millimetres" in robot.json'
            )
        elif self._setup.depth_unit == "millimetres" and 0 < typical < _FAR:
            yield (
                f"{name}: depth is typically {typical:.4g}, which looks like metres, not millimetres: write "
                '"depth_unit": "metres" in robot.json'
            )

    def _holes(self) -> Iterator[str]:
        measured = float(np.mean(self._measured))
        if measured < _LEAST_MEASURED:
            yield (
                f"camera {self._index}: depth was measured in {measured:.1%} of its pixels, all else is 0 or not "
                "finite: is the depth stream on, and aligned to the colour image? Leave the camera out otherwise"
            )

    def _intrinsics(self) -> Iterator[str]:
        (fx, _, cx), (_, fy, cy) = self._matrix[:2].tolist()
        rows, columns = self._size
        larger = max(self._size)
        central = all(_CENTRAL[0] <= value <= _CENTRAL[1] for value in (cx / columns, cy / rows))
        focal = all(_FOCAL[0] <= value / larger <= _FOCAL[1] for value in (fx, fy))
        if focal and (central or self._setup.cropped):
            return
        yield (
            f"camera {self._index}: its intrinsics (fx {fx:.4g}, fy {fy:.4g}, cx {cx:.4g}, cy {cy:.4g}) look like "
            f"those of an image of about {2 * cy:.0f} rows and {2 * cx:.0f} columns, but its images have {rows} and "
            f"{columns}: scale fx and cx by the columns' ratio, fy and cy by the rows' (or, where images are cropped, "
            'write "cropped": true in robot.json)'
        )

    def _geometry(self) -> Iterator[str]:
        means = [self._mean(index) for index in range(len(self._readings))]
        surface, plane, change, visible = means[0]
        count = len(self._scores[0])
        # The best of the others must explain what the declared way does not.
        # An optical axis that is nearly in the middle does not speak for another image size.
        scales = self._centred()[:2].sum(axis=1) / self._matrix[:2].sum(axis=1)
        last = len(means) if np.abs(np.log(scales)).max() > _OTHER_SIZE else len(means) - 1
        best = max(range(1, last), key=lambda index: sum(means[index][:3]))
        better = means[best][0] >= _ENOUGH and (
            means[best][0] >= surface + 0.4 or means[best][1] >= plane + 0.3 or means[best][2] >= change + 0.5
        )
        seen_well = surface >= _ENOUGH and (change >= 0.3 or plane >= _PLANE)
        if better and sum(means[best][:3]) >= surface + plane + change + 0.4:
            yield (
                f"camera {self._index}: read as declared, {surface * count:.0f} of {count} picks lie on what it sees; "
                f"{means[best][0] * count:.0f} do if {self._readings[best].mistake}. Mend robot.json if that holds for "
                "all cameras, or the matrices of this one"
            )
        elif not seen_well and plane < _PLANE and surface < max(0.7 * min(visible, 1.0), 0.2):
            off = f"; what it sees there is {abs(float(np.median(self._offsets))):.2f} m off" if self._offsets else ""
            yield (
                f"camera {self._index}: {surface * count:.0f} of {count} picks lie on what it sees, and {plane:.0%} of "
                f"what it sees is the table{off}. Its extrinsics, its intrinsics, the unit of depth or the frame of "
                "the poses are wrong: look at the picture"
            )

    def _mean(self, reading: int) -> tuple[float, float, float, float]:
        surface, plane, change, visible = np.mean(self._scores[reading], axis=0).tolist()
        return surface, plane, change, visible

    def _change(self, episode: RecordedEpisode, step: int, before: NDArray[np.float32]) -> NDArray[np.bool_] | None:
        """(H, W) bool: what looks different after the action; ``None`` where too much does."""
        colors = episode.color[step : step + 2, self._index].astype(np.int16)
        after = self._setup.metres(episode.depth[step + 1, self._index])
        changed: NDArray[np.bool_] = np.abs(colors[1] - colors[0]).max(axis=-1) > _CHANGED_COLOR
        changed |= (np.abs(after - before) > _CHANGED_DEPTH) & (after > 0) & (before > 0)
        return changed if changed.mean() < _STILL else None

    def _score(
        self,
        reading: _Reading,
        extrinsics: Array,
        depth: NDArray[np.float32],
        change: NDArray[np.bool_] | None,
        pick: Array,
    ) -> tuple[float, float, float, float]:
        """Whether the pick is on a surface, how much is table, whether the pick's place changed, whether it is seen."""
        pose = reading.setup.camera_poses(extrinsics)
        matrix = self._centred() if reading.centred else self._matrix
        plane = self._plane(depth, matrix, pose)
        try:
            (u, v), distance = project(pick, matrix, pose)
        except RavensError:
            return 0.0, plane, 0.0, 0.0
        rows, columns = self._size
        if not (distance > 0 and 0 <= u < columns and 0 <= v < rows):
            return 0.0, plane, 0.0, 0.0
        radius = max(round(_PATCH * matrix[0, 0] / float(distance)), 1)
        row, column = int(v), int(u)
        window = np.s_[max(row - radius, 0) : row + radius + 1, max(column - radius, 0) : column + radius + 1]
        measured = depth[window][depth[window] > 0]
        offsets = measured - distance
        if not reading.mistake and measured.size:
            self._offsets.append(float(np.median(offsets)))
        surface = measured.size > 0 and float(np.abs(offsets).min()) < _ON_SURFACE
        changed = change is None or float(change[window].mean()) > 0.25
        return float(surface), plane, float(surface and changed), 1.0

    def _plane(self, depth: NDArray[np.float32], matrix: Array, pose: Array) -> float:
        """Share of the measured pixels that lie on the table, in the workspace."""
        thin = depth[_THIN // 2 :: _THIN, _THIN // 2 :: _THIN]
        if not (thin > 0).any():
            return 0.0
        scaled = matrix.copy()
        scaled[:2] /= _THIN
        points = world_points(thin, scaled, pose)
        points = points[np.isfinite(points[..., 0])]
        setup = self._setup
        corners = setup.suite_from_robot.apply(np.array([setup.low, setup.high]))
        inside = (points[:, :2] >= corners[:, :2].min(axis=0)) & (points[:, :2] <= corners[:, :2].max(axis=0))
        return float((inside.all(axis=1) & (np.abs(points[:, 2]) < _ON_SURFACE)).mean())

    def _centred(self) -> Array:
        """Intrinsics scaled so that the optical axis is in the middle of the image."""
        rows, columns = self._size
        scaled = self._matrix.copy()
        scaled[0] *= columns / 2 / max(float(scaled[0, 2]), 1e-6)
        scaled[1] *= rows / 2 / max(float(scaled[1, 2]), 1e-6)
        return scaled


def _text(values: Sequence[float] | Array) -> str:
    return "(" + ", ".join(f"{float(value):.3f}" for value in values) + ")"
