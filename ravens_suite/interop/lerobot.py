"""Collected episodes as LeRobot data sets (https://github.com/huggingface/lerobot), format v3.0, without LeRobot.

One data set a split, of all its tasks: ``OUT/train`` is what ``--dataset.root`` takes. A frame is an observation and
the action that followed it; see ``interop/lerobot_features.py`` for its keys, ``interop/vectors.py`` for its vectors.

What the format has no place for lies beside it, in ``ravens_suite/<task>/``: episode files without their colour
images, and in ``end`` what the cameras saw after the last action. So ``ravens-suite import`` makes the same episodes of
a data set. LeRobot reads neither.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.numbers import check_number
from ravens_suite.data.atomic import read_json, write_bytes, write_json
from ravens_suite.data.episode import Episode, EpisodeReader, write_episode
from ravens_suite.data.locks import locked
from ravens_suite.data.recording import Recording
from ravens_suite.data.store import EpisodeStore, differences
from ravens_suite.errors import (
    ConfigError,
    ConflictError,
    DamagedDataError,
    MissingDataError,
    UnknownNameError,
    missing_library,
)
from ravens_suite.execution.progress import Progress, silent
from ravens_suite.interop.exports import MARK, Exported, Source, slug, sources_in
from ravens_suite.interop.lerobot_features import ImageForm, LeRobotFeatures
from ravens_suite.interop.lerobot_statistics import PixelStatistics
from ravens_suite.interop.resize import Size, resized_camera, resized_observation
from ravens_suite.interop.vectors import LayoutName, VectorActions, VectorState, space_of_actions
from ravens_suite.registry import control_of, load_task

MARK_FILE = "export.json"
"""In the folder ``ravens_suite`` of a data set: of what it was made, and how long its files are."""
END = "end"
"""Beside a set, the folder of what the cameras saw after the last action: each an episode without an action."""
FRAME_KEY = "frame"
"""Added to the observations of the episode files beside a set, so that there is one at least."""
_UNFINISHED = ".unfinished-"
_MILLIMETRES = 1000
_FAST_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]
# With a level and no filter OpenCV tries all filters on every row, which takes three times as long, and rendered images
# come out no smaller. OpenCV 4.10 cannot choose one (modules/imgcodecs/src/grfmt_png.cpp).
if hasattr(cv2, "IMWRITE_PNG_FILTER"):
    _FAST_PNG += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP]
_SMALLEST, _LARGEST = 8, 4096
_MOST_WORKERS = 256


@dataclass(frozen=True)
class LeRobotOptions:
    """How episodes become frames.

    Attributes:
        images: ``png``: every pixel as it was; ``video``: H.264, smaller, and not.
        image_size: (rows, columns) of every image; ``None`` for that of the episodes.
        actions: layout of the action's numbers; see ``interop/vectors.py``.
        depth: whether frames have depth images, too, in whole millimetres.
        fps: frames a second; ``None`` for 1 with actions of pick and place, 5 with way-points.
    """

    images: ImageForm = "png"
    image_size: Size | None = None
    actions: LayoutName = "yaw"
    depth: bool = False
    fps: int | None = None

    def check(self) -> None:
        """Refuse what cannot be.

        Raises:
            ConfigError: an image size or a rate is out of bounds.
        """
        for length in self.image_size or ():
            check_number("--image-size", length, _SMALLEST, _LARGEST)
        if self.fps is not None:
            check_number("--fps", self.fps, 1, 1000)
        if self.images == "video" and any(length % 2 for length in self.image_size or ()):
            raise ConfigError("Films have an even number of rows and columns: choose another --image-size.")


def export_lerobot(
    folder: Path,
    out: Path,
    options: LeRobotOptions | None = None,
    *,
    workers: int = 2,
    on_progress: Progress = silent,
) -> list[Exported]:
    """Write every split in a folder as a LeRobot data set; what was written of the same episodes before is left.

    Args:
        folder: with collected episodes, directly or below (``data/<task>/<split>``).
        out: where the data sets go, ``out/<split>``.
        options: how.
        workers: threads that decode and code images; the files are the same with any number.
        on_progress: called for every episode.

    Raises:
        MissingDataError: there is nothing to export.
        ConflictError: something else lies where a set should go, tasks cannot share a set, or another process exports
            to ``out``.
        ConfigError: an option does not fit the episodes.
        DamagedDataError: an episode is damaged.
        MissingLibraryError: pyarrow is not installed.
    """
    options = options or LeRobotOptions()
    options.check()
    check_number("--workers", workers, 1, _MOST_WORKERS)
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise missing_library("pyarrow") from error
    sources = sorted(sources_in(folder), key=lambda source: (source.split, source.task))
    total, done, results = sum(len(source.seeds) for source in sources), 0, []
    with locked(out, "exporting to"):
        for leftover in out.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(leftover)
        for split, group in groupby(sources, key=lambda source: source.split):
            job = _Job(tuple(group), options, out / slug(split))
            if not job.is_there():
                job.write(out, workers, lambda count, before=done: on_progress(before + count, total))
            done += job.seeds
            results.append(job.exported())
            on_progress(done, total, results[-1].name)
    return results


class _Job:
    """One data set that is to be written."""

    def __init__(self, sources: tuple[Source, ...], options: LeRobotOptions, target: Path) -> None:
        self._sources, self._options, self._target = sources, options, target
        self.seeds = sum(len(source.seeds) for source in sources)
        names = [slug(source.task) for source in sources]
        if twice := [source for source in sources if names.count(slug(source.task)) > 1]:
            raise ConflictError(
                f"{twice[0].store.folder} and {twice[1].store.folder} hold episodes of one task and split: export one "
                "at a time, each to an --out folder of its own."
            )
        self._mark = {
            "tasks": {source.task: source.mark for source in sources},
            "options": {**asdict(options), "image_size": list(options.image_size) if options.image_size else None},
        }

    def is_there(self) -> bool:
        """Whether the set of these episodes is there already, whole and unchanged.

        Raises:
            ConflictError: another one is, or something that is none.
        """
        if not self._target.exists():
            return False
        advice = "name another --out, or delete that folder to export again"
        try:
            found = read_json(self._target / MARK / MARK_FILE)
            sizes, then = found["files"], {key: found[key] for key in ("tasks", "options")}
        except (DamagedDataError, MissingDataError, OSError, KeyError, TypeError):
            raise ConflictError(f"{self._target} is in the way: it is not a whole export. {advice}.") from None
        if sizes != _sizes(self._target):
            raise ConflictError(f"{self._target} has been changed since it was exported: {advice}.")
        before, now = _comparable(then), _comparable(self._mark)
        if before == now:
            return True
        what = "; ".join(list(differences(before, now))[:5])
        raise ConflictError(f"{self._target} was exported otherwise ({what}): {advice}.")

    def exported(self) -> Exported:
        """What is there now."""
        about = read_json(self._target / "meta" / "info.json")
        name = f"{MARK}/{self._target.name}"
        return Exported(name, int(about["total_episodes"]), int(about["total_frames"]), self._target)

    def write(self, out: Path, workers: int, on_done: Any) -> None:
        """Write the set beside its place, and move it there when it is whole."""
        from ravens_suite.interop.lerobot_writer import SetWriter

        folder = out / f"{_UNFINISHED}{uuid.uuid4().hex}"
        folder.mkdir(parents=True)
        try:
            features = self._features()
            writer = SetWriter(folder, features)
            done = 0
            try:
                with ThreadPoolExecutor(workers) as pool:
                    for source in self._sources:
                        for seed in source.seeds:
                            _Converted(source, seed, self._options, features).write(writer, folder, pool, 2 * workers)
                            done += 1
                            on_done(done)
                        _keep_records(source.store, folder / MARK / slug(source.task))
                if not writer.episodes:
                    raise MissingDataError("No episode has an action: there is nothing to export.")
                split = self._sources[0].split
                writer.close({slug(split): f"0:{writer.episodes}"})
            finally:
                writer.release()
            write_json(folder / MARK / MARK_FILE, {**self._mark, "files": _sizes(folder)})
            folder.rename(self._target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _features(self) -> LeRobotFeatures:
        """What every frame has, of all tasks.

        Raises:
            ConflictError: two tasks differ in it.
        """
        found = {source.task: _features_of(source, self._options) for source in self._sources}
        first, *rest = found.items()
        for task, features in rest:
            if differing := list(differences(asdict(first[1]), asdict(features))):
                raise ConflictError(
                    f"{first[0]} and {task} cannot share a data set ({differing[0]}): export each alone, or collect "
                    "both with the same images and the same kind of control."
                )
        return first[1]


def _features_of(source: Source, options: LeRobotOptions) -> LeRobotFeatures:
    reader = source.first
    if "color" not in reader.keys or (options.depth and "depth" not in reader.keys):
        raise MissingDataError(
            f"The episodes in {source.store.folder} have no images, which frames of LeRobot are made of: collect with "
            "--observe images."
        )
    count, *size = reader.window(0, 1, ["color"])["color"].shape[1:4]
    cameras = tuple(slug(camera.name) for camera in reader.summary.cameras)
    if len(cameras) != count:
        cameras = tuple(f"camera_{number}" for number in range(count))
    rows, columns = options.image_size or (size[0], size[1])
    if options.images == "video" and (rows % 2 or columns % 2):
        raise ConfigError(f"Films have an even number of rows and columns, not {rows} x {columns}: give --image-size.")
    arrays = reader.actions()
    actions = VectorActions(space_of_actions(arrays), options.actions)
    state = VectorState(reader.keys, actions)
    fps = options.fps or (5 if "gripper" in arrays else 1)
    return LeRobotFeatures(cameras, (rows, columns), state.names, actions.names, fps, options.images, options.depth)


class _Converted:
    """One episode, as the frames and the files that become of it."""

    def __init__(self, source: Source, seed: int, options: LeRobotOptions, features: LeRobotFeatures) -> None:
        self._source, self._seed, self._features = source, seed, features
        self._reader: EpisodeReader = source.store.reader(seed)
        self._resizes = options.image_size
        self._arrays = self._reader.actions()
        self._actions = VectorActions(space_of_actions(self._arrays), options.actions)
        self._state = VectorState(self._reader.keys, self._actions)
        # What becomes no frame and keeps its size goes from file to file as it is coded.
        frames = ("color", "depth") if options.depth else ("color",)
        images = self._reader.image_keys
        self._copied = [key for key in images if key not in frames] if self._resizes is None else []
        self._images = [key for key in ("color", "depth") if key in images and key not in self._copied]
        done = (*self._images, *self._copied)
        self._rest = self._reader.observations(keys=[key for key in self._reader.keys if key not in done])
        self._words = _words(source.task)

    def write(self, writer: Any, folder: Path, pool: ThreadPoolExecutor, ahead: int) -> None:
        """Write the frames into the set, and what a set has no place for beside it.

        Args:
            writer: of the set.
            folder: of the set.
            pool: that codes images.
            ahead: how many steps are coded before they are asked for.
        """
        beside = folder / MARK / slug(self._source.task)
        recording = Recording()
        if self._reader.summary.steps:
            writer.add(self._frames(recording, pool, ahead), self._reader.summary.success)
        steps = self._reader.summary.steps
        end = Recording()
        if self._resizes is None:
            end.images["color"] = self._reader.coded("color", steps)
            last = self._observed(steps, [key for key in self._images if key != "color"])
        else:
            last = self._observed(steps, self._images)
            end.add({"color": last.pop("color")})
        recording.add({**last, FRAME_KEY: np.array(steps)})
        recording.images |= {key: self._reader.coded(key) for key in self._copied}
        episode = self._episode()
        write_episode(beside / f"{self._seed:06}.safetensors", episode, recording)
        nothing = replace(episode, actions={}, rewards=np.zeros(0), poses={}, metadata={})
        write_episode(beside / END / f"{self._seed:06}.safetensors", nothing, end)

    def _frames(self, recording: Recording, pool: ThreadPoolExecutor, ahead: int) -> Iterator[Any]:
        from ravens_suite.interop.lerobot_writer import Frame

        rewards = self._reader.rewards()
        last: NDArray[np.float32] | None = None
        for step, (seen, embedded, counted) in enumerate(self._seen(pool, ahead)):
            color = list(seen.pop("color"))
            # The episode's own values: texts in ``seen`` may be cut to the longest of this episode only.
            action = {key: values[step] for key, values in self._arrays.items()}
            try:
                vector = self._actions.encode(action, seen.get("tip_pose"))
            except ConfigError:
                raise
            except ValueError as error:
                raise ConfigError(
                    f"Action {step} of seed {self._seed} of {self._source.task} does not fit: it tilts the tool. "
                    "Choose --actions quaternion."
                ) from error
            state = self._state.of(seen, last)
            text = str(seen["instruction"]) if "instruction" in seen else self._words
            recording.add({**seen, FRAME_KEY: np.array(step)})
            yield Frame(text, state, vector, float(rewards[step]), color, embedded), counted
            last = vector

    def _seen(self, pool: ThreadPoolExecutor, ahead: int) -> Iterator[Any]:
        """What was seen before each action; some are read ahead."""
        waiting: list[Any] = []
        for step in range(self._reader.summary.steps):
            waiting.append(pool.submit(self._coded, step))
            if len(waiting) >= ahead:
                yield waiting.pop(0).result()
        for one in waiting:
            yield one.result()

    def _coded(self, step: int) -> tuple[dict[str, Any], dict[str, bytes], dict[str, PixelStatistics]]:
        seen = self._observed(step, self._images)
        embedded: dict[str, bytes] = {}
        counted: dict[str, PixelStatistics] = {}
        if seen["color"].shape[1:3] != self._features.size or len(seen["color"]) != len(self._features.cameras):
            raise ConflictError(
                f"The images of seed {self._seed} of {self._source.task} differ from those of the first episode: give "
                "--image-size, or export them alone."
            )
        for key, image in zip(self._features.color_keys, seen["color"], strict=True):
            counted[key] = PixelStatistics(3)
            counted[key].add(image)
            if key in self._features.embedded_keys:
                embedded[key] = png(image)
        for key, image in zip(self._features.depth_keys, seen.get("depth", ()), strict=False):
            millimetres = np.minimum(np.rint(image * _MILLIMETRES), 2**16 - 1).astype(np.uint16)
            counted[key] = PixelStatistics(1, 2**16, 1.0)
            counted[key].add(millimetres[..., None])
            embedded[key] = _coded_image(".tiff", millimetres, [])
        return seen, embedded, counted

    def _observed(self, step: int, images: Sequence[str]) -> dict[str, Any]:
        seen = self._reader.observation(step, images)
        for key, values in self._rest.items():
            seen[key] = str(values[step]) if values.dtype.kind == "U" else values[step]
        return seen if self._resizes is None else resized_observation(seen, self._resizes)

    def _episode(self) -> Episode:
        """All but what was seen."""
        summary = self._reader.summary
        cameras = summary.cameras
        if self._resizes is not None:
            cameras = tuple(resized_camera(camera, self._resizes) for camera in cameras)
        return Episode(
            task=summary.task,
            split=summary.split,
            seed=summary.seed,
            observations={},
            actions=self._arrays,
            rewards=self._reader.rewards(),
            poses=self._reader.poses(),
            cameras=cameras,
            success=summary.success,
            metadata=summary.metadata,
        )


def png(image: NDArray[np.uint8]) -> bytes:
    """An RGB image (rows, columns, 3) as a PNG file; the same image gives the same bytes."""
    return _coded_image(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), _FAST_PNG)


def _coded_image(suffix: str, image: Any, options: Sequence[int]) -> bytes:
    written, coded = cv2.imencode(suffix, image, list(options))
    if not written:
        raise ConfigError(f"An image of {image.shape} cannot be written as {suffix}.")
    return bytes(coded.tobytes())


def _words(task: str) -> str:
    """What is to be done where no instruction was observed: the task's own sentence, or its name."""
    try:
        control_of(task)
        sentence = load_task(task)[0].instruction
    except UnknownNameError:
        sentence = ""
    return sentence or task.replace("-", " ")


def _keep_records(store: EpisodeStore, folder: Path) -> None:
    """Keep what a store says of its episodes."""
    write_json(folder / "store.json", store.manifest())
    attempts = store.folder / "attempts.jsonl"
    if attempts.exists():
        write_bytes(folder / attempts.name, [attempts.read_bytes()])


def _sizes(folder: Path) -> dict[str, int]:
    """Length of every file of a set, by path."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != MARK_FILE)
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in paths}


def _comparable(mark: dict[str, Any]) -> dict[str, Any]:
    tasks = {
        task: {key: one.get(key) for key in ("settings", "seeds", "digest")} for task, one in mark["tasks"].items()
    }
    return {"tasks": tasks, "options": mark["options"]}
