"""What every export has in common: where the episodes come from, and what is noted of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import gymnasium

from ravens_suite.data.episode import EpisodeReader
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import MissingDataError, UnknownNameError
from ravens_suite.execution.progress import Progress
from ravens_suite.registry import environment_id
from ravens_suite.rollout.collect_scenes import OF_SCENES
from ravens_suite.rollout.environments import differing_arguments, make_environment, versions

MARK = "ravens_suite"
"""Under which an export notes what it holds."""
_TINY = "tiny"
"""The renderer that runs on every machine."""
_NO_SETTINGS = ("seeds", "checksum", "versions")
"""Keys of a store's manifest that do not say how its episodes were made."""


@dataclass(frozen=True)
class Exported:
    """A dataset that was written, or was there already.

    Attributes:
        name: by which the other library loads it.
        episodes: in it.
        steps: in it.
        folder: it lies in.
    """

    name: str
    episodes: int
    steps: int
    folder: Path


class Source:
    """A store, as what is exported.

    Args:
        store: with episodes.
    """

    def __init__(self, store: EpisodeStore) -> None:
        self.store = store
        self.seeds = store.seeds()

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Of the store."""
        return self.store.manifest()

    @cached_property
    def first(self) -> EpisodeReader:
        """The episode of the lowest seed."""
        return self.store.reader(self.seeds[0])

    @cached_property
    def acting(self) -> EpisodeReader:
        """The first episode with an action, which says what actions are; the first of all where none has one."""
        return next((reader for reader in map(self.store.reader, self.seeds) if reader.summary.steps), self.first)

    @property
    def task(self) -> str:
        """The manifest's, or the episodes' own where it does not say."""
        return str(self.manifest.get("task", self.first.summary.task))

    @property
    def split(self) -> str:
        """As ``task``."""
        return str(self.manifest.get("split", self.first.summary.split))

    @property
    def name(self) -> str:
        """Of a dataset of these episodes alone."""
        return f"{MARK}/{slug(self.task)}/{slug(self.split)}-v0"

    @cached_property
    def mark(self) -> dict[str, Any]:
        """What is compared with an export that is there already."""
        manifest = self.manifest
        settings = {key: value for key, value in manifest.items() if key not in _NO_SETTINGS}
        cameras = manifest.get("cameras", [camera.to_json() for camera in self.first.summary.cameras])
        return {
            "cameras": cameras,
            "seeds": self.seeds,
            "renderer": manifest.get("renderer", "unknown"),
            "settings": settings,
            "digest": self.store.digest(),
            "versions": {"collected": manifest.get("versions", {}), "exported": versions()},
        }

    @cached_property
    def one_environment(self) -> bool:
        """Whether all episodes are of the environment that the manifest describes; sets of scenes may change it.

        Data of a task that has no environment name none that could be another.
        """
        if self.manifest.get(OF_SCENES) is not True or not self.has_environment:  # Of own data it may be anything.
            return True
        own = self.manifest.get("arguments", {})
        made = [self.store.reader(seed).summary.metadata.get("arguments", own) for seed in self.seeds]
        ignored = {"renderer": None}
        return not any(differing_arguments(self.task, {**own, **ignored}, {**each, **ignored}) for each in made)

    @cached_property
    def has_environment(self) -> bool:
        """Whether there is a task of this name; of one's own data there is none."""
        try:
            environment_id(self.task)
        except UnknownNameError:
            return False
        return True

    @contextmanager
    def environment(self) -> Iterator[gymnasium.Env[Any, Any] | None]:
        """The environment of the episodes; None for data of a task that has none."""
        if not self.has_environment:
            yield None
            return
        # What drew them is said where that is to be had on every machine: the usual choice may draw other images.
        drawn = {"renderer": _TINY} if self.manifest.get("renderer") == _TINY else {}
        arguments = {**self.manifest.get("arguments", {}), **drawn}
        with closing(make_environment(self.task, self.split, arguments)) as environment:
            yield environment

    @property
    def requirements(self) -> list[str]:
        """What an environment of the dataset needs, for pip."""
        version = self.manifest.get("versions", {}).get("ravens-suite", "")
        return [f"ravens-suite=={version}"] if re.fullmatch(r"[0-9][0-9A-Za-z.+!-]*", str(version)) else []


def sources_in(folder: Path) -> list[Source]:
    """The stores of a folder that hold episodes, by path.

    Args:
        folder: with collected episodes, directly or below (``data/<task>/<split>``).

    Raises:
        MissingDataError: there is none.
    """
    found = [Source(EpisodeStore(path.parent)) for path in sorted(folder.rglob("manifest.json"))]
    if not (sources := [source for source in found if source.seeds]):
        raise MissingDataError(f"There are no episodes in {folder}: collect some first (ravens-suite collect).")
    return sources


def slug(text: str) -> str:
    """A text without what a file name or an address may not have."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", text)


def shifted(on_progress: Progress, before: int, everything: int) -> Progress:
    """Progress of one part of the work, told as progress of all of it."""

    def tell(done: int, total: int, note: str = "") -> None:
        on_progress(before + done, everything, note)

    return tell
