"""What is found in an export: the readers make it, the import writes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ravens_suite.data.episode import Episode

_NO_SETTINGS = ("format", "versions", "seeds", "checksum", "definition", "earlier_definitions")
_OF_ENVIRONMENT = ("arguments", "interface", "cameras")


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
        source: what the episode of a seed is made of, JSON, as its metadata say under ``source``; an episode that was
            made of something else is made anew. ``None`` where that cannot change.
    """

    task: str
    split: str
    manifest: Mapping[str, Any]
    exact: bool
    seeds: tuple[int, ...]
    read: Callable[[int], Episode]
    attempts: bytes = b""
    source: Callable[[int], Any] | None = None

    def settings(self) -> dict[str, Any]:
        """How the episodes were made. Those whose images changed were made by no environment, and so have none."""
        found = {key: value for key, value in self.manifest.items() if key not in _NO_SETTINGS}
        if self.exact:
            return found
        kept = {key: value for key, value in found.items() if key not in _OF_ENVIRONMENT}
        return {**kept, "task": self.task, "split": self.split, "images": "changed by an export"}
