"""One episode: what was seen, done and earned, and the file it lies in.

The file is lossless and compressed, holds the same bytes for the same episode, and has every byte under a checksum. The
container is safetensors (see ``container.py``). Images are coded frame by frame (see ``frames.py``) into arrays named
``observations/<key>/<frame>/<plane>``; everything else lies there as it is: ``observations/<key>``,
``actions/<key>``, ``rewards`` and ``poses`` (bodies, T+1, 7). Texts lie in the header, each once with the steps it
was seen at.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.cameras import Camera
from ravens_suite.core.numbers import UNREADABLE
from ravens_suite.core.observations import missing_keys_message
from ravens_suite.core.seeding import checked_seed
from ravens_suite.data.container import Container, write_container
from ravens_suite.data.episode_header import FORMAT, EpisodeSummary, Header, image_name
from ravens_suite.data.frames import Encoder, check_frames, coded_plane, decode, decode_each, decode_frame
from ravens_suite.data.recording import Recording, check_name
from ravens_suite.errors import ConfigError, DamagedDataError, MissingDataError


@dataclass(frozen=True)
class Episode:
    """T actions and the T + 1 observations around them.

    Attributes:
        task: for example ``"block-insertion"``.
        split: ``train``, ``val`` or ``test``.
        seed: of the scene.
        observations: by key, the step as first axis: ``"color"`` (T+1, N, H, W, 3) uint8, ``"depth"`` (T+1, N, H, W)
            float32, and what else the environment was asked to observe (``core/observations.py``); texts are (T+1,)
            arrays of strings. None if they are in a recording.
        actions: by key, ``"pick"`` and ``"place"`` (T, 7) float64: position, then quaternion (xyzw), world frame.
        rewards: (T,) finite numbers, which become float64.
        poses: privileged. Body name to (T+1, 7) world poses, which become float64; NaN rows where the body is absent.
        cameras: the N cameras of the images, in order.
        success: strict success at the end.
        metadata: JSON values: versions, renderer, environment arguments, motion outcomes.

    Raises:
        ConfigError: an array does not have as many steps as the others, the seed is no whole number >= 0, success is
            neither true nor false, or the name of an action is empty or has a slash.
    """

    task: str
    split: str
    seed: int
    observations: dict[str, NDArray[Any]]
    actions: dict[str, NDArray[Any]]
    rewards: NDArray[np.float64]
    poses: dict[str, NDArray[np.float64]]
    cameras: tuple[Camera, ...]
    success: bool
    metadata: dict[str, Any]

    def __post_init__(self) -> None:
        # As they are stored: what is written in another form would not be read again.
        object.__setattr__(self, "seed", checked_seed(self.seed))
        object.__setattr__(self, "success", _truth(self.success))
        object.__setattr__(self, "rewards", _numbers(self.rewards, "The rewards"))
        poses = {name: _numbers(rows, f"The poses of {name!r}") for name, rows in self.poses.items()}
        object.__setattr__(self, "poses", poses)
        for name in self.actions:
            check_name("action", name)
        object.__setattr__(self, "actions", {name: np.asarray(rows) for name, rows in self.actions.items()})
        if self.rewards.ndim != 1:
            raise ConfigError(f"The rewards have shape {self.rewards.shape}: give one number an action.")
        for group, length in ((self.observations, self.steps + 1), (self.actions, self.steps)):
            for name, array in group.items():
                if len(array) != length:
                    raise ConfigError(f"{name!r} has {len(array)} rows; an episode of {self.steps} steps has {length}.")
        for name, array in self.poses.items():
            if array.shape != (self.steps + 1, 7):
                raise ConfigError(f"The poses of {name!r} have shape {array.shape}, not {(self.steps + 1, 7)}.")

    @property
    def steps(self) -> int:
        """Number of actions, T."""
        return len(self.rewards)

    @property
    def score(self) -> float:
        """Sum of rewards, 1 when every goal is met."""
        return float(np.sum(self.rewards))

    @property
    def summary(self) -> EpisodeSummary:
        """The episode without its arrays."""
        return EpisodeSummary(
            self.task, self.split, self.seed, self.steps, self.score, self.success, self.cameras, self.metadata
        )


def write_episode(path: Path | str, episode: Episode, recording: Recording | None = None) -> None:
    """Write an episode whole or not at all; the same episode always gives the same bytes.

    Args:
        path: of the file; its folder is made.
        episode: what to write. Its metadata must be JSON without NaN.
        recording: what was seen, in place of the episode's observations.

    Raises:
        ConfigError: the recording does not have as many observations as the episode, a reward is not finite, or
            something is of a type that is not stored.
    """
    if not np.isfinite(episode.rewards).all():
        raise ConfigError(f"The rewards of seed {episode.seed} are not all finite: {episode.rewards.tolist()!r:.80}.")
    arrays: dict[str, NDArray[Any] | bytes] = {"rewards": episode.rewards}
    bodies = sorted(episode.poses)
    arrays["poses"] = np.array([episode.poses[name] for name in bodies]).reshape(-1, episode.steps + 1, 7)
    for key, array in sorted(episode.actions.items()):
        arrays[f"actions/{key}"] = array
    recording = recording or _recorded(episode)
    recording.check(episode.steps + 1)
    for key, values in sorted(recording.values.items()):
        arrays[f"observations/{key}"] = np.stack(values)
    for key, encoder in sorted(recording.images.items()):
        for frame, planes in enumerate(encoder.coded):
            for plane, blob in enumerate(planes):
                arrays[image_name(key, frame, plane)] = blob
    layouts = {key: asdict(encoder.layout) for key, encoder in sorted(recording.images.items())}
    texts = {key: _runs(lines) for key, lines in sorted(recording.texts.items())}
    write_container(Path(path), arrays, _value(episode, bodies, layouts, texts))


def _truth(value: Any) -> bool:
    """A truth value, also of NumPy, or 0 or 1; ConfigError for anything else."""
    given = np.asarray(value)
    if given.size != 1 or given.dtype.kind not in "biuf" or given.item() not in (0, 1):
        raise ConfigError(f"success of an episode must be true or false; got {value!r:.80}.")
    return bool(given.item())


def _numbers(values: Any, what: str) -> NDArray[np.float64]:
    """An array as float64, which is what is stored; the same one where it is."""
    try:
        return np.asarray(values, dtype=np.float64)
    except UNREADABLE:
        raise ConfigError(f"{what} must be numbers; got {values!r:.80}.") from None


def _runs(lines: Sequence[str]) -> list[list[Any]]:
    """Equal strings in a row as one: [how many, text]."""
    return [[len(list(group)), text] for text, group in groupby(lines)]


def _recorded(episode: Episode) -> Recording:
    """An episode's observations."""
    recording = Recording()
    for step in range(episode.steps + 1):
        recording.add({key: array[step] for key, array in episode.observations.items()})
    return recording


def read_episode(path: Path | str) -> Episode:
    """Read a whole episode.

    Raises:
        MissingDataError: there is no such file.
        DamagedDataError: a byte is not what was written; the message names the file.
    """
    return EpisodeReader(path).episode()


class EpisodeReader:
    """Reads parts of an episode: opening costs the header only.

    Args:
        path: of the file.

    Attributes:
        summary: the episode without its arrays.

    Raises:
        MissingDataError: there is no such file.
        DamagedDataError: it is not an episode, or its header is damaged.
    """

    def __init__(self, path: Path | str) -> None:
        self._container = Container(Path(path))
        header = Header.of(self._container)
        self.summary = header.summary
        self._bodies, self._texts, self._layouts = header.bodies, header.texts, header.layouts

    @property
    def path(self) -> Path:
        """Of the file."""
        return self._container.path

    @property
    def checksum(self) -> str:
        """Hexadecimal, equal for equal files only; see ``Container``."""
        return self._container.checksum

    def actions(self) -> dict[str, NDArray[Any]]:
        """Actions by key, (T, ...) each, of the dtypes recorded: poses are (T, 7) float64, world frame."""
        return {name: self._container.array(f"actions/{name}") for name in self._names("actions")}

    def rewards(self) -> NDArray[np.float64]:
        """(T,) float64: the reward of each action, which is the change of progress."""
        return self._container.array("rewards")

    def poses(self) -> dict[str, NDArray[np.float64]]:
        """Body name to (T+1, 7) float64: position in metres and quaternion (x, y, z, w), world frame."""
        return dict(zip(self._bodies, self._container.array("poses"), strict=True))

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of what was observed, sorted."""
        return tuple(sorted([*self._names("observations"), *self._layouts, *self._texts]))

    def observations(self, stop: int | None = None, keys: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
        """Observations 0 to ``stop`` - 1 by key, (steps, ...) each of the dtype observed.

        Args:
            stop: how many; all T + 1 by default.
            keys: which; all by default.
        """
        return self.window(0, self.summary.steps + 1 if stop is None else stop, keys)

    def window(self, start: int, stop: int, keys: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
        """Observations ``start`` to ``stop`` - 1 by key, (steps, ...) each of the dtype observed; nothing else is read.

        ``start`` and ``stop`` are cut to 0 and T + 1, so that a window may reach over the ends of an episode.

        Args:
            start: first step.
            stop: the step after the last.
            keys: which; all by default.

        Raises:
            MissingDataError: a key was not observed.
        """
        count = self.summary.steps + 1
        steps = range(max(start, 0), max(min(stop, count), max(start, 0)))
        result: dict[str, NDArray[Any]] = {}
        for key in self._wanted(keys):
            if key in self._texts:
                result[key] = self._text(key)[steps.start : steps.stop]
            elif key not in self._layouts:
                result[key] = self._container.array(f"observations/{key}")[steps.start : steps.stop]
            else:
                result[key] = self._images(key, steps)
        return result

    def observation(self, step: int, keys: Collection[str] | None = None) -> dict[str, Any]:
        """One observation by key, as the environment gave it; no other is read.

        Args:
            step: 0 to T.
            keys: which; all by default.

        Raises:
            MissingDataError: a key was not observed.
        """
        if not 0 <= step <= self.summary.steps:
            raise IndexError(f"An episode of {self.summary.steps} steps has no observation {step}.")
        window = self.window(step, step + 1, keys)
        return {key: str(array[0]) if key in self._texts else array[0] for key, array in window.items()}

    def each(self, keys: Collection[str] | None = None) -> Iterator[dict[str, Any]]:
        """Observations 0 to T one after the other, as ``observation`` gives them; images of one are in memory.

        Args:
            keys: which; all by default.

        Raises:
            MissingDataError: a key was not observed.
        """
        wanted = self._wanted(keys)
        images = {key: decode_each(self._layouts[key], self._reader(key)) for key in wanted if key in self._layouts}
        others = self.observations(keys=[key for key in wanted if key not in images])
        for step in range(self.summary.steps + 1):
            observation = {key: str(row[step]) if key in self._texts else row[step] for key, row in others.items()}
            for key, frames in images.items():
                with self._decoding(key):
                    observation[key] = next(frames)
            yield observation

    @property
    def image_keys(self) -> tuple[str, ...]:
        """Names of the images that were observed: what is coded frame by frame."""
        return tuple(self._layouts)

    def image_shape(self, key: str) -> tuple[int, ...]:
        """(T + 1, N, H, W, ...) of the images of a key; none is read."""
        return self._layouts[key].shape

    def coded(self, key: str, start: int = 0) -> Encoder:
        """Images of a key from a step on as they lie in the file, for another file.

        Nothing is decoded; every byte that is read is checked.
        """
        layout, read = self._layouts[key], self._reader(key)
        planes, frames = range(layout.planes), range(start + 1, layout.shape[0])
        first = [coded_plane(read, start, plane) for plane in planes]
        return Encoder.of_coded(layout, [first, *([read(frame, plane) for plane in planes] for frame in frames)])

    def episode(self) -> Episode:
        """All of it; every byte is checked."""
        summary = self.summary
        return Episode(
            task=summary.task,
            split=summary.split,
            seed=summary.seed,
            observations=self.observations(),
            actions=self.actions(),
            rewards=self.rewards(),
            poses=self.poses(),
            cameras=summary.cameras,
            success=summary.success,
            metadata=summary.metadata,
        )

    def check(self) -> None:
        """Check every byte and decode every image, one at a time.

        Raises:
            DamagedDataError: something is not what was written.
        """
        for name in self._container.names:
            self._container.blob(name)
        for key, layout in self._layouts.items():
            with self._decoding(key):
                check_frames(layout, self._reader(key))
        if not np.isclose(float(np.sum(self.rewards())), self.summary.score, rtol=0.0, atol=1e-9):
            self._container.damaged("its score is not the sum of its rewards")

    def _images(self, key: str, steps: range) -> NDArray[Any]:
        layout, count = self._layouts[key], self.summary.steps + 1
        if len(steps) * layout.frame_bytes > _most_memory():
            raise ConfigError(
                f"{self._container.path}: {len(steps)} images of {key!r} have {len(steps) * layout.frame_bytes} bytes, "
                "more than this machine's memory: read fewer steps at a time (EpisodeReader.window)."
            )
        with self._decoding(key):
            if steps == range(count):
                return decode(layout, self._reader(key), count)
            frames = [decode_frame(layout, self._reader(key), step) for step in steps]
            if len(frames) == 1:
                return frames[0][None]  # As np.stack would give it, without a copy.
            return np.stack(frames) if frames else np.empty((0, *layout.shape[1:]), layout.dtype)

    @contextmanager
    def _decoding(self, key: str) -> Iterator[None]:
        """Name the file in what is said of its coded images."""
        try:
            yield
        except DamagedDataError:
            raise
        except ValueError as error:
            self._container.damaged(f"{key!r}: {error}")
        except MemoryError as error:
            raise ConfigError(f"{self._container.path}: {key!r} takes more memory than there is. {error}") from error

    def _wanted(self, keys: Collection[str] | None) -> list[str]:
        if keys is None:
            return list(self.keys)
        if isinstance(keys, str):
            raise ConfigError(f"keys must be a list of names; got {keys!r}: write [{keys!r}].")
        if missing := sorted(set(keys).difference(self.keys)):
            raise MissingDataError(f"{self._container.path}: {missing_keys_message(missing, self.keys)} Collect again.")
        return sorted(keys)

    def _text(self, key: str) -> NDArray[Any]:
        return np.array([text for count, text in self._texts[key] for _ in range(count)], dtype=np.str_)

    def _names(self, group: str) -> list[str]:
        prefix = f"{group}/"
        names = [name.removeprefix(prefix) for name in self._container.names if name.startswith(prefix)]
        return [name for name in names if name.split("/")[0] not in self._layouts or group != "observations"]

    def _reader(self, key: str) -> Any:
        return lambda frame, plane: self._container.blob(image_name(key, frame, plane))


def _most_memory() -> int:
    """Bytes of memory that this machine has; where the system does not say so, no limit that matters."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 2**63


def _value(
    episode: Episode, bodies: list[str], layouts: dict[str, Any], texts: dict[str, list[list[Any]]]
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "task": episode.task,
        "split": episode.split,
        "seed": episode.seed,
        "steps": episode.steps,
        "score": episode.score,
        "success": episode.success,
        "cameras": [camera.to_json() for camera in episode.cameras],
        "metadata": episode.metadata,
        "bodies": bodies,
        "images": layouts,
        "texts": texts,
    }
