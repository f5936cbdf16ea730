"""What is found in an export: the readers make it, the import writes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from ravens_suite.core.cameras import PUBLISHED_IMAGE_SIZE, cameras_from_json, published_cameras
from ravens_suite.data.episode import Episode
from ravens_suite.interop.resize import Size, resized_camera

_NO_SETTINGS = ("format", "versions", "seeds", "checksum", "definition", "earlier_definitions")
_OF_IMAGES = ("interface", "cameras")


@dataclass(frozen=True)
class Contents:
    """What an export holds of one task and split.

    Attributes:
        task: of the episodes.
        split: of the episodes.
        manifest: of the store that was exported.
        exact: whether every pixel is as it was.
        seeds: of the episodes.
        read: makes the episode of a seed.
        attempts: the record of attempts, as it was; empty where there was none.
        image_size: rows and columns that the images were brought to; ``None`` where they have their own.
        source: what the episode of a seed is made of, JSON, as its metadata say under ``source``; an episode that was
            made of something else is made anew. ``None`` where that cannot change.
        done: what was done in the episode of a seed, (T, ...) by name: its actions of the dtypes recorded, and its
            rewards, float64; nothing else is read. An episode that is there already must be the same. ``None`` where
            ``source`` says so.
    """

    task: str
    split: str
    manifest: Mapping[str, Any]
    exact: bool
    seeds: tuple[int, ...]
    read: Callable[[int], Episode]
    attempts: bytes = b""
    image_size: Size | None = None
    source: Callable[[int], Any] | None = None
    done: Callable[[int], Mapping[str, NDArray[Any]]] | None = None

    def settings(self) -> dict[str, Any]:
        """How the episodes were made.

        No environment made images that have changed. What is learned from them is still tried in the environment of the
        episodes, with images of their size.
        """
        found = {key: value for key, value in self.manifest.items() if key not in _NO_SETTINGS}
        if self.exact:
            return found
        kept = {key: value for key, value in found.items() if key not in _OF_IMAGES}
        if "arguments" in kept and self.image_size is not None:
            kept["arguments"] = _of_size(kept["arguments"], self.image_size)
        return {**kept, "task": self.task, "split": self.split, "images": "changed by an export"}


def what_was_done(actions: Mapping[str, NDArray[Any]], rewards: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """``Contents.done`` of actions by key, (T, ...) each of the dtypes recorded, and (T,) float64 rewards."""
    return {**{f"action {key}": values for key, values in actions.items()}, "rewards": rewards}


def _of_size(arguments: Mapping[str, Any], size: Size) -> dict[str, Any]:
    """Arguments of an environment whose images have another size, and show the same."""
    rows, columns = arguments.get("image_size") or PUBLISHED_IMAGE_SIZE
    cameras = arguments.get("cameras")
    if cameras is None and rows * size[1] == columns * size[0]:
        return {**arguments, "image_size": list(size)}
    old = published_cameras((rows, columns)) if cameras is None else cameras_from_json(cameras, (rows, columns))
    return {
        **arguments,
        "image_size": list(size),
        "cameras": [resized_camera(camera, size).to_json() for camera in old],
    }
