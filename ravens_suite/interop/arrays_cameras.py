"""What the images of a camera say about whether it is where recordings say it is.

Where a pick is, a camera sees a surface, and that place looks different afterwards; and much of what it sees is the
table. A camera that fails this is tried again with each usual mistake undone; what then succeeds is what to mend.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.conventions import CAMERA_AXES
from ravens_suite.core.geometry import Array
from ravens_suite.core.projection import project, world_points
from ravens_suite.core.robot_setup import RobotSetup
from ravens_suite.errors import RavensError
from ravens_suite.interop.arrays import RecordedEpisode
from ravens_suite.rollout.own_robot import COVERS, FAR, in_whole_numbers, other_unit, surely_whole

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
class _Reading:
    """A way of reading a camera: the declared one, or that with a usual mistake undone.

    Attributes:
        setup: by which extrinsics are read.
        mistake: in words; empty for the declared way.
        intrinsics: how they are changed: not at all, ``centred``, scaled so that the optical axis is in the middle of
            the image, or ``swapped``, rows and columns.
        camera: whose extrinsics are taken.
        flipped: whether rows of depth are read from the bottom up: PFM files hold them so, and not every reader turns
            them (``findings/netpbm_depth_depends_on_reader.sh``); so do buffers of OpenGL.
    """

    setup: RobotSetup
    camera: int
    mistake: str = ""
    intrinsics: Literal["", "centred", "swapped"] = ""
    flipped: bool = False


def _readings(setup: RobotSetup, camera: int, cameras: int) -> list[_Reading]:
    """The declared way, then the others; what is as likely comes first."""
    turned = "camera_from_world" if setup.extrinsics == "world_from_camera" else "world_from_camera"
    found = [_Reading(setup, camera)]
    for extrinsics in (setup.extrinsics, turned):
        for axes in (setup.camera_axes, *(each for each in CAMERA_AXES if each != setup.camera_axes)):
            words = []
            if extrinsics != setup.extrinsics:
                words.append(f'its extrinsics are inverted, "extrinsics": "{extrinsics}"')
            if axes != setup.camera_axes:
                words.append(f'its axes are those of another frame, "camera_axes": "{axes}"')
            if words:
                other = replace(setup, extrinsics=extrinsics, camera_axes=axes)
                found.append(_Reading(other, camera, " and ".join(words)))
    for other_camera in range(cameras):
        if other_camera != camera:
            words_of_it = f"its extrinsics are those given for camera {other_camera}: cameras are in another order"
            found.append(_Reading(setup, other_camera, words_of_it))
    found.append(_Reading(setup, camera, "its intrinsics are those of another image size", "centred"))
    found.append(_Reading(setup, camera, "rows and columns of its intrinsics are swapped (cx and cy)", "swapped"))
    found.append(_Reading(setup, camera, "its depth is upside down (look whether its colours are)", flipped=True))
    return found


class CameraEvidence:
    """What the images of one camera say, over several samples.

    Args:
        setup: as declared.
        index: of the camera.
        cameras: how many there are.

    Attributes:
        vanished: of each pick that it sees, 1 where something vanished and -1 where something appeared.
    """

    def __init__(self, setup: RobotSetup, index: int, cameras: int) -> None:
        self._setup, self._index = setup, index
        self._readings = _readings(setup, index, cameras)
        self.vanished: list[int] = []
        self._away = 0.0
        self._scores: list[list[tuple[float, float, float, float]]] = [[] for _ in self._readings]
        self._raw: list[float] = []
        self._measured: list[float] = []
        self._whole = self._surely = True
        self._matrix: Array = np.eye(3)
        self._size = (1, 1)
        self._offsets: list[float] = []
        self._ratios: list[float] = []

    def add(self, episode: RecordedEpisode, step: int) -> None:
        """Look at the images before and after one action."""
        depth = episode.depth[step, self._index]
        with np.errstate(invalid="ignore"):
            positive = depth[np.isfinite(depth) & (depth > 0)]
        self._size = (int(depth.shape[0]), int(depth.shape[1]))
        self._whole = self._whole and in_whole_numbers(positive)
        self._surely = self._surely and surely_whole(positive)
        self._matrix = episode.intrinsics[step, self._index]
        self._measured.append(positive.size / depth.size)
        if positive.size:
            self._raw.append(float(np.median(positive)))
        metres = self._setup.metres(depth)
        change = self._change(episode, step, metres)
        pick = self._setup.suite_from_robot.apply(episode.pick[step, :3])
        for reading, scores in zip(self._readings, self._scores, strict=True):
            scores.append(self._score(reading, episode.extrinsics[step, reading.camera], metres, change, pick))
        self._away = max(self._away, float(np.abs(episode.extrinsics[step, self._index, :3, 3]).max()))
        if self._scores[0][-1][0]:
            self._look_what_vanished(episode, step, metres, pick)

    def problems(self, *, geometry: bool = True) -> list[str]:
        """What is wrong with the camera, by all samples; with ``geometry`` also where it is, by the picks."""
        found = [*self._units(), *self._far_away(), *self._holes(), *self._intrinsics()]
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
        typical = float(np.median(self._raw)) if self._raw else 0.0
        if unit := other_unit(self._setup, typical, whole=self._whole, surely=self._surely):
            yield (
                f"camera {self._index}: depth is typically {typical:.4g}, {'in whole numbers ' if self._whole else ''}"
                f'which looks like {unit}, not {self._setup.depth_unit}: write "depth_unit": "{unit}" in robot.json'
                f"{f', or see {COVERS}' if unit == 'metres' else ''}"
            )
        elif self._setup.depth_unit == "millimetres" and 0 < typical < FAR:
            yield (
                f"camera {self._index}: depth is typically {typical:.4g} millimetres, nearer than anything on a table: "
                "see what covers the camera, and leave it out otherwise"
            )

    def _far_away(self) -> Iterator[str]:
        if self._away > FAR:
            yield (
                f"camera {self._index}: its extrinsics move it by {self._away:.4g} m, which looks like millimetres: "
                "divide their last column by 1000"
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
        scales = self._read("centred")[:2].sum(axis=1) / self._matrix[:2].sum(axis=1)
        sized = np.abs(np.log(scales)).max() > _OTHER_SIZE
        others = [index for index, each in enumerate(self._readings) if each.mistake]
        others = [index for index in others if sized or self._readings[index].intrinsics != "centred"]
        best = max(others, key=lambda index: sum(means[index][:3]))
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
            ratio = float(np.median(self._ratios)) if self._ratios else 1.0
            # Of a wrong unit, every measurement is wrong by the same factor.
            if abs(ratio - 1) > 0.2 and float(np.std(self._ratios)) < 0.1 * ratio:
                off = f"; depth there is {ratio:.2g} times what the picks say, so look at its unit"
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
        matrix = self._read(reading.intrinsics)
        depth = depth[::-1] if reading.flipped else depth
        plane = self._plane(depth, matrix, pose)
        try:
            (u, v), distance = project(pick, matrix, pose)
        except RavensError:
            return 0.0, plane, 0.0, 0.0
        rows, columns = self._size
        if not (distance > 0 and 0 <= u < columns and 0 <= v < rows):
            return 0.0, plane, 0.0, 0.0
        radius = max(round(_PATCH * matrix[0, 0] / float(distance)), 1)
        window = _around(u, v, radius)
        measured = depth[window][depth[window] > 0]
        offsets = measured - distance
        if not reading.mistake and measured.size:
            self._offsets.append(float(np.median(offsets)))
            self._ratios.append(float(np.median(measured) / distance))
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

    def _look_what_vanished(
        self, episode: RecordedEpisode, step: int, before: NDArray[np.float32], pick: Array
    ) -> None:
        """Note whether what was at the pick is gone after the action, or has come."""
        pose = self._setup.camera_poses(episode.extrinsics[step, self._index])
        (u, v), _ = project(pick, self._matrix, pose)
        window = _around(u, v, 1)
        old, new = before[window], self._setup.metres(episode.depth[step + 1, self._index])[window]
        both = (old > 0) & (new > 0)
        if both.any() and abs(farther := float(np.median((new - old)[both]))) > _CHANGED_DEPTH:
            self.vanished.append(1 if farther > 0 else -1)

    def _read(self, how: str) -> Array:
        """The intrinsics, changed in a way of ``_Reading.intrinsics``."""
        rows, columns = self._size
        matrix = self._matrix.copy()
        if how == "centred":
            matrix[0] *= columns / 2 / max(float(matrix[0, 2]), 1e-6)
            matrix[1] *= rows / 2 / max(float(matrix[1, 2]), 1e-6)
        elif how == "swapped":
            matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2] = self._matrix[[1, 0, 1, 0], [1, 0, 2, 2]]
        return matrix


def _around(u: float, v: float, radius: int) -> tuple[slice, slice]:
    """Rows and columns within some pixels of an image point."""
    row, column = int(v), int(u)
    return (
        slice(max(row - radius, 0), row + radius + 1),
        slice(max(column - radius, 0), column + radius + 1),
    )
