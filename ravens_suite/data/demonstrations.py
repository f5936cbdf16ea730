"""Recorded episodes to learn from, of one task or of several, read from disk when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ravens_suite.data.episode import EpisodeReader
from ravens_suite.errors import ConfigError

_OPEN_READERS = 512
"""Headers kept in memory, about 20 kB each."""


def acting(demonstrations: Iterable[EpisodeReader]) -> list[EpisodeReader]:
    """Those with an action; others may have been recorded without the names of actions.

    Raises:
        ConfigError: no episode has one.
    """
    if found := [episode for episode in demonstrations if episode.summary.steps]:
        return found
    raise ConfigError("No demonstration has an action to learn from: collect other episodes.")


class Demonstrations(Sequence[EpisodeReader]):
    """A sequence of episodes. Opening one reads its header only; its arrays are read by the reader's methods.

    What an agent makes of them is its own: single steps (``reader.observation``), windows and frame pairs
    (``reader.window``) or whole episodes (``reader.episode``), all in memory or read again at each step.

    Args:
        paths: of the episode files.

    Raises:
        ConfigError: there is none.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        if not paths:
            raise ConfigError("There is no demonstration to learn from: collect at least one episode.")
        self._paths = tuple(paths)
        self._open: Callable[[Path], EpisodeReader] = lru_cache(maxsize=_OPEN_READERS)(EpisodeReader)

    @classmethod
    def of_one(cls, reader: EpisodeReader) -> Demonstrations:
        """The episode alone that a reader has opened."""
        made = cls([reader.path])
        made._open = lambda _: reader
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        """Copied and pickled, as for processes that load data, without the headers that were read."""
        return type(self), (self._paths,)

    def __len__(self) -> int:
        """Number of episodes."""
        return len(self._paths)

    def __getitem__(self, index: int) -> EpisodeReader:  # type: ignore[override]  # No slices: a plain loop reads one by one.
        """The reader of one episode."""
        return self._open(self._paths[index])

    def __iter__(self) -> Iterator[EpisodeReader]:
        """Readers one after the other."""
        return (self[index] for index in range(len(self)))

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks, in the order of their first episodes."""
        return tuple(dict.fromkeys(reader.summary.task for reader in self))

    def sample(self, rng: np.random.Generator) -> tuple[EpisodeReader, int]:
        """An episode drawn uniformly, and the number of one of its actions (Transporter Networks, section 4.2).

        Raises:
            ConfigError: no episode has an action.
        """
        while True:
            reader = self[int(rng.integers(len(self)))]
            if reader.summary.steps:
                return reader, int(rng.integers(reader.summary.steps))
            if not any(each.summary.steps for each in self):
                raise ConfigError("No demonstration has an action to learn from: collect other episodes.")
