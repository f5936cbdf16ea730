"""Reads what a lab recorded with its own robot: one file of NumPy arrays an episode, and ``robot.json`` beside them.

    FOLDER/robot.json      task, workspace, units and conventions (core/robot_setup.py)
    FOLDER/000000.npz      one episode, of numpy.savez or savez_compressed; the number is its seed

| array | shape, dtype | meaning |
|---|---|---|
| ``color`` | (T+1, N, H, W, 3) uint8 | before each of T actions, and once after the last |
| ``depth`` | (T+1, N, H, W) | of the same pixels, along the optical axis, in ``depth_unit``; 0 or NaN: not measured |
| ``intrinsics`` | (N, 3, 3), or (T+1, N, 3, 3) | pixels |
| ``extrinsics`` | (N, 4, 4), or (T+1, N, 4, 4) | metres |
| ``pick``, ``place`` | (T, 7) | position in metres, then quaternion, of the tool's tip, in the robot's world frame |
| ``instruction`` | one text, or (T+1,) | may be left out |
| ``rewards``, ``success`` | (T,) and one truth value | may be left out: true, and 1 at the last action if it is true |
"""

from __future__ import annotations

import hashlib
import json
import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.cameras import Camera, check_intrinsics
from ravens_suite.core.geometry import Array, check_rigid
from ravens_suite.core.observations import Observation
from ravens_suite.core.robot_setup import RobotSetup
from ravens_suite.data.episode import Episode
from ravens_suite.errors import ConfigError, DamagedDataError, MissingDataError, RavensError, UnknownNameError
from ravens_suite.interop.contents import Contents
from ravens_suite.registry import environment_id

SETUP = "robot.json"
SPLIT = "train"
_NEEDED = ("color", "depth", "intrinsics", "extrinsics", "pick", "place")
_POSES = ("pick", "place")
_OPTIONAL = ("instruction", "rewards", "success")
_DIGITS = 10
_MOST_BYTES = 2**33
"""Of the arrays of an episode: 8 GiB."""


@dataclass(frozen=True, eq=False)
class RecordedEpisode:
    """The arrays of one file, as they were recorded; those of cameras one a step.

    Attributes:
        name: of the file.
        color: (T+1, N, H, W, 3) uint8.
        depth: (T+1, N, H, W), in its own unit.
        intrinsics: (T+1, N, 3, 3) float64.
        extrinsics: (T+1, N, 4, 4) float64.
        pick: (T, 7) float64.
        place: (T, 7) float64.
        rewards: (T,) float64.
        success: whether the task was done.
        instructions: (T+1,) texts; ``None`` where there are none.
    """

    name: str
    color: NDArray[np.uint8]
    depth: NDArray[Any]
    intrinsics: Array
    extrinsics: Array
    pick: Array
    place: Array
    rewards: Array
    success: bool
    instructions: NDArray[Any] | None

    @property
    def steps(self) -> int:
        """Number of actions, T."""
        return len(self.pick)

    def observations(self, setup: RobotSetup) -> Observation:
        """All steps as the suite knows them, (T + 1, ...) by key. See ``RobotSetup.observation``."""
        seen = setup.observation(self.color, self.depth, self.intrinsics, self.extrinsics)
        return seen if self.instructions is None else {**seen, "instruction": self.instructions}


class Recordings:
    """The episodes in a folder.

    Args:
        folder: with ``robot.json`` and files of arrays.

    Attributes:
        setup: what ``robot.json`` says.

    Raises:
        MissingDataError: there is no ``robot.json``, or no episode.
        ConfigError: ``robot.json`` says what cannot be, or a file has no number for a name.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / SETUP
        if not path.is_file():
            raise MissingDataError(
                f"There is no {path}: it says the task, the workspace and the units of the recorded arrays beside it."
            )
        try:
            value = json.loads(path.read_text(encoding="utf-8-sig"))
        except ValueError as error:
            raise ConfigError(f"{path} is no JSON: {error}.") from error
        try:
            self.setup = RobotSetup.from_json(value)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from error
        if _is_registered(self.setup.task):
            raise ConfigError(
                f"{path}: {self.setup.task} is an environment of the suite, and these episodes are not of it: choose a "
                "free name for task."
            )
        self.paths: dict[int, Path] = {}
        for each in sorted(folder.glob("*.npz")):
            if not (each.stem.isdecimal() and len(each.stem) < _DIGITS) or int(each.stem) in self.paths:
                raise ConfigError(f"{each}: name each episode by a number of its own, such as 000000.npz.")
            self.paths[int(each.stem)] = each
        if not self.paths:
            raise MissingDataError(f"There is no episode in {folder}: write one file a recorded episode, 000000.npz.")

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """Numbers of the episodes, ascending."""
        return tuple(sorted(self.paths))

    def read(self, seed: int) -> RecordedEpisode:
        """The arrays of an episode.

        Raises:
            ConfigError: an array is missing, or has another shape or type than it should; the message names the file.
            DamagedDataError: the file cannot be read.
        """
        path = self.paths[seed]
        with _names_the_file(path):
            return _checked(path.name, _arrays(path))

    def actions(self) -> Iterator[tuple[str, str, int, Array]]:
        """Of every pose: name of its file, ``pick`` or ``place``, its step, and (7,) float64 as recorded.

        Raises:
            ConfigError: poses are missing, or are none.
            DamagedDataError: a file cannot be read.
        """
        for path in (self.paths[seed] for seed in self.seeds):
            with _names_the_file(path):
                arrays = _arrays(path, _POSES)
                poses = {kind: _poses(arrays, kind) for kind in _POSES}
            for kind, values in poses.items():
                for step, pose in enumerate(values):
                    yield path.name, kind, step, pose

    def samples(self, count: int) -> Iterator[tuple[RecordedEpisode, int]]:
        """At most ``count`` steps, each of another episode, spread over all episodes."""
        chosen = sorted({round(value) for value in np.linspace(0, len(self.seeds) - 1, count)})
        for turn, index in enumerate(chosen):
            episode = self.read(self.seeds[index])
            yield episode, turn % episode.steps

    def first_steps(self, count: int) -> Iterator[tuple[str, Observation, dict[str, Array]]]:
        """Of at most ``count`` episodes one step each, as the suite knows it.

        Yields:
            A title, the observation (``core/observations.py``), and the action, whose ``pick`` and ``place`` are (7,)
            float64, position in metres and quaternion (x, y, z, w), world frame.
        """
        for episode, step in self.samples(count):
            matrices = episode.intrinsics[step], episode.extrinsics[step]
            seen = self.setup.observation(episode.color[step], episode.depth[step], *matrices)
            done = {"pick": self.setup.to_suite(episode.pick[step]), "place": self.setup.to_suite(episode.place[step])}
            yield f"{episode.name}, step {step}", seen, done

    def check_alike(self) -> None:
        """Check the headers of all files: every episode has the same cameras and image size.

        Raises:
            ConfigError: one has others.
        """
        first: tuple[int, ...] = ()
        for path in (self.paths[seed] for seed in self.seeds):
            shape = _headers(path).get("color", ((), ""))[0][1:]
            first = first or shape
            if shape != first:
                raise ConfigError(
                    f"{path}: images are {shape} (cameras, rows, columns, channels), those of the first episode "
                    f"{first}: all episodes need the same cameras and image size."
                )

    def without_sentence(self) -> list[str]:
        """Names of the files without ``instruction`` where others have it; empty where all have, or none."""
        silent = [path.name for seed in self.seeds if "instruction" not in _headers(path := self.paths[seed])]
        return silent if len(silent) < len(self.seeds) else []

    def episode(self, seed: int) -> Episode:
        """An episode of the suite, in the suite's frame."""
        recorded = self.read(seed)
        seen = recorded.observations(self.setup)
        size = recorded.color.shape[2:4]
        cameras = [
            Camera.from_matrices(f"camera_{index}", *matrices, size)
            for index, matrices in enumerate(zip(seen["camera_intrinsics"][0], seen["camera_poses"][0], strict=True))
        ]
        return Episode(
            task=self.setup.task,
            split=SPLIT,
            seed=seed,
            observations=seen,
            actions={
                "pick": np.stack([self.setup.to_suite(pose) for pose in recorded.pick]),
                "place": np.stack([self.setup.to_suite(pose) for pose in recorded.place]),
            },
            rewards=recorded.rewards,
            poses={},
            cameras=tuple(cameras),
            success=recorded.success,
            metadata={"source": self.source(seed), "outcome": "done" if recorded.success else "failed"},
        )

    def source(self, seed: int) -> dict[str, str]:
        """Name and SHA-256 of the file of an episode."""
        path = self.paths[seed]
        return {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def contents(folder: Path) -> Iterator[Contents]:
    """What the recordings in a folder hold. They are not looked at closely here: see ``arrays_checks.py``."""
    recordings = Recordings(folder)
    recordings.check_alike()
    yield Contents(
        task=recordings.setup.task,
        split=SPLIT,
        manifest={"task": recordings.setup.task, "split": SPLIT, "robot": recordings.setup.to_json()},
        exact=True,
        seeds=recordings.seeds,
        read=recordings.episode,
        source=partial(Recordings.source, recordings),
    )


def _is_registered(task: str) -> bool:
    try:
        environment_id(task)
    except UnknownNameError:
        return False
    return True


def _headers(path: Path) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and dtype of every array of a file, without reading any.

    Raises:
        DamagedDataError: it is no file of ``numpy.savez``, or says that it takes more memory than ``_MOST_BYTES``.
    """
    found: dict[str, tuple[tuple[int, ...], str]] = {}
    total = 0
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if not member.filename.endswith(".npy"):
                    continue
                with archive.open(member) as file:
                    version = np.lib.format.read_magic(file)
                    read = (
                        np.lib.format.read_array_header_1_0
                        if version == (1, 0)
                        else np.lib.format.read_array_header_2_0
                    )
                    shape, _, dtype = read(file)
                # NumPy takes memory for the whole shape before it reads.
                if math.prod(shape) * dtype.itemsize > member.file_size:
                    raise ValueError(f"{member.filename} is shorter than its shape {shape}")
                found[member.filename.removesuffix(".npy")] = shape, str(dtype)
                total += member.file_size
    except (EOFError, OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DamagedDataError(f"{path} cannot be read as a file of numpy.savez: {error}.") from error
    if total > _MOST_BYTES:
        raise DamagedDataError(f"{path} would take {total / 2**30:.1f} GiB of memory: write shorter episodes.")
    return found


def _arrays(path: Path, keys: tuple[str, ...] | None = None) -> dict[str, NDArray[Any]]:
    """The arrays of a file by name, without pickles.

    Raises:
        ConfigError: one is missing or unknown.
        DamagedDataError: the file cannot be read.
    """
    headers = _headers(path)
    if missing := [key for key in _NEEDED if key not in headers]:
        raise ConfigError(f"there is no {' and no '.join(missing)}; it has {', '.join(sorted(headers)) or 'nothing'}.")
    for key in headers:
        if key not in (*_NEEDED, *_OPTIONAL):
            raise UnknownNameError("array", key, (*_NEEDED, *_OPTIONAL))
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in (headers if keys is None else keys)}
    except (EOFError, OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DamagedDataError(f"{path} cannot be read: {error}.") from error


def _checked(name: str, arrays: Mapping[str, NDArray[Any]]) -> RecordedEpisode:
    """An episode whose arrays fit together; ConfigError where they do not."""
    color, depth = arrays["color"], arrays["depth"]
    poses = {key: _poses(arrays, key) for key in _POSES}
    steps = len(poses["pick"])
    if color.ndim != 5 or color.shape[-1] != 3 or color.dtype != np.uint8 or 0 in color.shape:
        raise ConfigError(f"color must be (T+1, N, H, W, 3) uint8 for N cameras; it is {color.shape} {color.dtype}.")
    count, views = color.shape[:2]
    if count != steps + 1:
        raise ConfigError(
            f"{steps} picks need {steps + 1} images of each camera, one before each action and one after the last, "
            f"which shows what the last one moved; there are {count}."
        )
    if depth.shape != color.shape[:4] or depth.dtype.kind not in "uif":
        raise ConfigError(f"depth must be numbers {color.shape[:4]}, as color is; it is {depth.shape} {depth.dtype}.")
    matrices = {}
    for key, side, check in (("intrinsics", 3, check_intrinsics), ("extrinsics", 4, check_rigid)):
        value = arrays[key]
        if value.shape not in ((views, side, side), (count, views, side, side)) or value.dtype.kind not in "uif":
            raise ConfigError(
                f"{key} must be numbers {(views, side, side)}, or {(count, views, side, side)} where cameras move; it "
                f"is {value.shape} {value.dtype}."
            )
        matrices[key] = np.broadcast_to(np.asarray(value, dtype=np.float64), (count, views, side, side)).copy()
        for matrix in np.asarray(value, dtype=np.float64).reshape(-1, side, side):
            check(matrix)
    return RecordedEpisode(
        name,
        color,
        depth,
        matrices["intrinsics"],
        matrices["extrinsics"],
        poses["pick"],
        poses["place"],
        _rewards(arrays, steps),
        _success(arrays),
        _instructions(arrays, count),
    )


def _poses(arrays: Mapping[str, NDArray[Any]], key: str) -> Array:
    """(T, 7) float64; ConfigError where there are none, not as many picks as places, or numbers that are not finite."""
    value, steps = arrays[key], len(np.atleast_1d(arrays["pick"]))
    if not steps:
        raise ConfigError("there are 0 picks: record at least one action an episode.")
    if value.dtype.kind not in "uif" or value.shape != (steps, 7) or not np.isfinite(value).all():
        raise ConfigError(
            f"{key} must be {(steps, 7)} finite numbers, position and quaternion; it is {value.shape} {value.dtype}."
        )
    return np.asarray(value, dtype=np.float64)


@contextmanager
def _names_the_file(path: Path) -> Iterator[None]:
    """What is wrong with the arrays of a file is said of it."""
    try:
        yield
    except DamagedDataError:
        raise
    except RavensError as error:
        raise ConfigError(f"{path}: {error}") from error


def _rewards(arrays: Mapping[str, NDArray[Any]], steps: int) -> Array:
    if "rewards" not in arrays:
        return np.array([0.0] * (steps - 1) + [float(_success(arrays))])
    rewards = arrays["rewards"]
    if rewards.shape != (steps,) or rewards.dtype.kind not in "uifb" or not np.isfinite(rewards).all():
        raise ConfigError(f"rewards must be {(steps,)} finite numbers; it is {rewards.shape} {rewards.dtype}.")
    return np.asarray(rewards, dtype=np.float64)


def _success(arrays: Mapping[str, NDArray[Any]]) -> bool:
    success = arrays.get("success", np.array(True))
    if success.size != 1 or success.dtype.kind not in "buif":
        raise ConfigError(f"success must be one truth value; it is {success.shape} {success.dtype}.")
    return bool(success.reshape(()))


def _instructions(arrays: Mapping[str, NDArray[Any]], count: int) -> NDArray[Any] | None:
    if "instruction" not in arrays:
        return None
    texts = arrays["instruction"]
    if texts.dtype.kind != "U" or texts.shape not in ((), (count,)):
        raise ConfigError(f"instruction must be one text, or {(count,)} of them; it is {texts.shape} {texts.dtype}.")
    return np.broadcast_to(texts, (count,)).copy()
