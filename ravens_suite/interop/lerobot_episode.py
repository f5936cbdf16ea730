"""One episode as frames of a LeRobot data set, and as the files beside them; see ``interop/lerobot.py``."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.observations import GOAL
from ravens_suite.data.episode import Episode, EpisodeReader, write_episode
from ravens_suite.data.recording import Recording
from ravens_suite.errors import (
    ConfigError,
    ConflictError,
    UnknownNameError,
)
from ravens_suite.interop.exports import MARK, Source, slug
from ravens_suite.interop.lerobot_features import LeRobotFeatures
from ravens_suite.interop.lerobot_options import LeRobotOptions
from ravens_suite.interop.lerobot_statistics import PixelStatistics
from ravens_suite.interop.resize import resized_camera, resized_observation
from ravens_suite.interop.vectors import VectorActions, VectorState, space_of_actions
from ravens_suite.registry import control_of
from ravens_suite.rollout.sentences import needs_sentence, sentence_of

END = "end"
"""Beside a set, the folder of what the cameras saw after the last action: each an episode without an action."""
_FRAME_KEY = "frame"
"""Added to the observations of the episode files beside a set, so that there is one at least."""
_MILLIMETRES = 1000
_LARGEST_DEVIATION = 0.01
"""Of the length of a quaternion of own data from 1, as rounding leaves it."""
_FAST_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]
# With a level and no filter OpenCV tries all filters on every row, which takes three times as long, and rendered images
# come out no smaller. OpenCV 4.10 cannot choose one (modules/imgcodecs/src/grfmt_png.cpp).
if hasattr(cv2, "IMWRITE_PNG_FILTER"):
    _FAST_PNG += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP]


class ConvertedEpisode:
    """One episode, as the frames and the files that become of it."""

    def __init__(self, source: Source, seed: int, options: LeRobotOptions, features: LeRobotFeatures) -> None:
        self._source, self._seed, self._features = source, seed, features
        self._reader: EpisodeReader = source.store.reader(seed)
        self._resizes = options.image_size
        self._arrays = self._reader.actions()
        space = space_of_actions(self._arrays or source.acting.actions())  # An episode may be over before an action.
        self._actions = VectorActions(space, options.actions)
        if self._actions.names != features.action or (self._reader.summary.steps and not self._arrays):
            raise ConflictError(
                f"The actions of seed {seed} of {source.task} ({', '.join(self._arrays) or 'none'}) are others than "
                "those of the first episode: export them alone."
            )
        self._check_poses()
        self._state = VectorState(self._reader.keys, self._actions)
        # What becomes no frame and keeps its size goes from file to file as it is coded.
        shown = ("color", "depth") if options.depth else ("color",)
        frames = (*shown, *(GOAL + key for key in shown if features.goal))
        images = self._reader.image_keys
        self._copied = [key for key in images if key not in frames] if self._resizes is None else []
        coded = (*frames, "depth") if self._resizes else frames
        self._images = [key for key in dict.fromkeys(coded) if key in images and key not in self._copied]
        done = (*self._images, *self._copied)
        self._rest = self._reader.observations(keys=[key for key in self._reader.keys if key not in done])

    def _check_poses(self) -> None:
        """Refuse seven numbers of own data that are no poses, such as the joints of an arm: they would be changed.

        An environment takes quaternions of any length, so of its actions nothing is checked.
        """
        if self._source.has_environment:
            return
        for key, values in self._arrays.items():
            lengths = np.linalg.norm(values[:, 3:], axis=1) if values.ndim == 2 else np.ones(len(values))
            off = np.flatnonzero(np.abs(lengths - 1) > _LARGEST_DEVIATION)
            if len(off):
                raise ConfigError(
                    f"The action {key!r} of seed {self._seed} of {self._source.task} is no pose at step {off[0]}: its "
                    f"last four numbers have length {lengths[off[0]]:.3g}, those of a quaternion 1. LeRobot sets of "
                    "this suite have poses and grippers only: normalise quaternions, or export what else it is to "
                    "Minari."
                )

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
        added = _key_beside(self._reader.keys)
        if self._reader.summary.steps:
            writer.add(self._frames(recording, added, pool, ahead), self._reader.summary.success)
        steps = self._reader.summary.steps
        end = Recording()
        if self._resizes is None:
            end.images["color"] = self._reader.coded("color", steps)
            last = self._observed(steps, [key for key in self._images if key != "color"])
        else:
            last = self._observed(steps, self._images)
            end.add({"color": last.pop("color")})
        recording.add({**last, added: np.array(steps)})
        recording.images |= {key: self._reader.coded(key) for key in self._copied}
        episode = self._episode()
        write_episode(beside / f"{self._seed:06}.safetensors", episode, recording)
        nothing = replace(episode, actions={}, rewards=np.zeros(0), poses={}, metadata={})
        write_episode(beside / END / f"{self._seed:06}.safetensors", nothing, end)

    def _frames(self, recording: Recording, added: str, pool: ThreadPoolExecutor, ahead: int) -> Iterator[Any]:
        from ravens_suite.interop.lerobot_writer import Frame

        rewards, shown = self._reader.rewards(), self._features.goal
        last: NDArray[np.float32] | None = None
        for step, (seen, embedded, counted) in enumerate(self._seen(pool, ahead)):
            color = self._views(seen, "color")
            del seen["color"]
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
            text = str(seen["instruction"]) if "instruction" in seen else self._words(shown)
            recording.add({**seen, added: np.array(step)})
            yield Frame(text, state, vector, float(rewards[step]), color, embedded), counted
            last = vector

    def _words(self, shown: bool) -> str:
        """See ``_words`` below."""
        arguments = self._reader.summary.metadata.get("arguments")  # Of own data it may be anything.
        return _words(self._source.task, shown, json.dumps(arguments if isinstance(arguments, Mapping) else {}))

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
        color = self._views(seen, "color")
        sizes = {image.shape[:2] for image in color}
        if sizes != {self._features.size} or len(color) != len(self._features.color_keys):
            raise ConflictError(
                f"The images of seed {self._seed} of {self._source.task} differ from those of the first episode: give "
                "--image-size, or export them alone."
            )
        for key, image in zip(self._features.color_keys, color, strict=True):
            counted[key] = PixelStatistics(3)
            counted[key].add(image)
            if key in self._features.embedded_keys:
                embedded[key] = png(image)
        for key, image in zip(self._features.depth_keys, self._views(seen, "depth"), strict=False):
            millimetres = np.minimum(np.rint(image * _MILLIMETRES), 2**16 - 1).astype(np.uint16)
            counted[key] = PixelStatistics(1, 2**16, 1.0)
            counted[key].add(millimetres[..., None])
            embedded[key] = _coded_image(".tiff", millimetres, [])
        return seen, embedded, counted

    def _views(self, seen: Mapping[str, Any], key: str) -> list[NDArray[Any]]:
        """Images of each camera, then those of the goal scene, where they are features."""
        return [*seen.get(key, ()), *(seen.get(GOAL + key, ()) if self._features.goal else ())]

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


def _key_beside(keys: Collection[str]) -> str:
    """``_FRAME_KEY``, or longer than those of one's own that are called so, for which ``added_key`` would take it."""
    own = [key for key in keys if _is_frame_key(key)]
    return max(own, key=len) + "_" if own else _FRAME_KEY


def added_key(keys: Collection[str]) -> str:
    """Which of the keys in an episode file beside a set is none of the episode's own."""
    return max(filter(_is_frame_key, keys), key=len)


def _is_frame_key(key: str) -> bool:
    return key.rstrip("_") == _FRAME_KEY


def png(image: NDArray[np.uint8]) -> bytes:
    """An RGB image (rows, columns, 3) uint8 as a PNG file; the same image gives the same bytes."""
    return _coded_image(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), _FAST_PNG)


def _coded_image(suffix: str, image: Any, options: Sequence[int]) -> bytes:
    written, coded = cv2.imencode(suffix, image, list(options))
    if not written:
        raise ConfigError(f"An image of {image.shape} cannot be written as {suffix}.")
    return bytes(coded.tobytes())


@lru_cache(maxsize=1)
def _words(task: str, shown: bool = False, made_with: str = "{}") -> str:
    """What is to be done where no instruction was observed: the task's own sentence, or its name.

    Args:
        task: of the episodes.
        shown: whether images of the goal scene say it.
        made_with: arguments of the environment as JSON; an option of the task may decide what is said.

    Raises:
        ConfigError: what is to be done changes from scene to scene, and was not recorded.
    """
    try:
        control_of(task)
        arguments = json.loads(made_with)
        sentence, needed = sentence_of(task, arguments), needs_sentence(task, arguments)
    except UnknownNameError:
        sentence, needed = "", False
    if needed:
        if not shown:
            raise ConfigError(
                f"What {task} asks for is said by its instruction alone, which these episodes do not have: collect "
                "them with --observe images instruction."
            )
        sentence = ""
    return sentence or task.replace("-", " ")
