"""A folder of episodes of one task and one split.

``DIR/<task>/<split>/`` holds ``manifest.json`` (what all its episodes have in common), ``attempts.jsonl`` (one line for
every seed that was tried, in order) and ``<seed>.safetensors`` for every episode that was kept. Nothing in it depends
on the time, the machine's name or the number of processes that wrote it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ravens_suite.data.atomic import read_json, remove_leftovers, write_bytes, write_json
from ravens_suite.data.episode import Episode, EpisodeReader, Recording, write_episode
from ravens_suite.data.episode_header import FORMAT
from ravens_suite.data.locks import locked
from ravens_suite.data.outcomes import EpisodeOutcome
from ravens_suite.errors import ConflictError, DamagedDataError, MissingDataError

_LOG = logging.getLogger(__name__)
_SUFFIX = ".safetensors"
_RECORDED_ONLY = ("versions", "seeds", "checksum")
"""Keys of the manifest in which two collections may differ and still share a folder."""


@dataclass(frozen=True)
class Attempt:
    """What came of one seed, whether its episode was kept or not.

    Attributes:
        outcome: of the episode.
        kept: whether its episode is in the folder.
    """

    outcome: EpisodeOutcome
    kept: bool

    @property
    def seed(self) -> int:
        """Of the scene."""
        return self.outcome.seed


class EpisodeStore:
    """Episodes of one task and one split.

    Args:
        folder: ``DIR/<task>/<split>``; see ``EpisodeStore.of``. It need not exist yet.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)

    @classmethod
    def of(cls, data: Path | str, task: str, split: str) -> EpisodeStore:
        """The store of a task and a split within a data folder."""
        return cls(Path(data) / task / split)

    def path(self, seed: int) -> Path:
        """Where the episode of a seed lies."""
        return self.folder / f"{seed:06}{_SUFFIX}"

    def seeds(self) -> list[int]:
        """Seeds of the episodes in the folder, ascending; empty when there is no folder."""
        return sorted(int(path.stem) for path in self.folder.glob(f"*{_SUFFIX}") if path.stem.isdigit())

    def __len__(self) -> int:
        return len(self.seeds())

    def reader(self, seed: int) -> EpisodeReader:
        """Open the episode of a seed without reading its images.

        Raises:
            MissingDataError: it is not in the folder; the message says which are.
            DamagedDataError: its header is damaged.
        """
        if not self.path(seed).exists():
            raise MissingDataError(
                f"There is no episode of seed {seed} in {self.folder}, which holds {len(self)}: collect more."
            )
        return EpisodeReader(self.path(seed))

    def read(self, seed: int) -> Episode:
        """The whole episode of a seed; raises what ``reader`` does."""
        return self.reader(seed).episode()

    def write(self, episode: Episode, recording: Recording | None = None) -> Path:
        """Write an episode under its seed, replacing one that is there; see ``write_episode``."""
        path = self.path(episode.seed)
        write_episode(path, episode, recording)
        return path

    def intact(self, seed: int) -> bool:
        """Whether the episode of a seed is there and every checksum is right; a damaged file is logged."""
        try:
            EpisodeReader(self.path(seed)).check()
        except MissingDataError:
            return False
        except DamagedDataError as error:
            _LOG.warning("%s", error)
            return False
        return True

    def manifest(self) -> dict[str, Any]:
        """What all episodes have in common, and their seeds.

        Raises:
            MissingDataError: nothing was collected here.
            DamagedDataError: its checksum is wrong.
        """
        if not self._manifest_path.exists():
            raise MissingDataError(f"There is no dataset in {self.folder}: collect one first (ravens-suite collect).")
        manifest: dict[str, Any] = read_json(self._manifest_path)
        if not isinstance(manifest, dict) or manifest.get("checksum") != _checksum(manifest):
            raise DamagedDataError(
                f"{self._manifest_path} is damaged: delete it and run the same collect command again."
            )
        return manifest

    def claim(self, settings: dict[str, Any], versions: dict[str, str]) -> None:
        """Record the settings of all episodes of the folder, or check them. Several processes may do so at once.

        Args:
            settings: JSON; must equal those of the episodes already here.
            versions: of the software; recorded when the folder is new, not compared later.

        Raises:
            ConflictError: the folder holds episodes made with other settings; the message names them.
            DamagedDataError: the manifest is damaged.
        """
        wanted = {**json.loads(json.dumps(settings)), "format": FORMAT}
        try:
            manifest = self.manifest()
        except MissingDataError:
            self._write_manifest({**wanted, "versions": versions, "seeds": []})
            return
        found = {key: value for key, value in manifest.items() if key not in _RECORDED_ONLY}
        differences = list(_differences(found, wanted))
        if differences:
            raise ConflictError(
                f"{self.folder} was collected with other settings ({'; '.join(differences)}): "
                "use these, name another --data folder, or delete this one."
            )

    def finish(self) -> None:
        """Write the seeds of kept episodes into the manifest; delete episodes that are not on record as kept."""
        kept = [attempt.seed for attempt in self.attempts() if attempt.kept]
        for seed in set(self.seeds()).difference(kept):
            self.path(seed).unlink(missing_ok=True)
        remove_leftovers(self.folder)
        manifest = self.manifest()
        if manifest["seeds"] != kept:
            self._write_manifest({**manifest, "seeds": kept})

    def attempts(self) -> list[Attempt]:
        """What came of seeds 0, 1, 2, ..., up to the first damaged line of the record."""
        result: list[Attempt] = []
        for line in self._attempt_lines():
            attempt = _parse(line)
            if attempt is None or attempt.seed != len(result):
                break
            result.append(attempt)
        return result

    def repair(self) -> None:
        """Cut damaged lines off the end of the record of attempts; their seeds are to be tried again."""
        intact = "".join(f"{_line(attempt)}\n" for attempt in self.attempts()).encode()
        if self._attempts_path.exists() and self._attempts_path.read_bytes() != intact:
            _LOG.warning("The end of %s is damaged; the seeds it named are tried again.", self._attempts_path)
            write_bytes(self._attempts_path, [intact])
        remove_leftovers(self.folder)

    def record(self, attempts: Iterable[Attempt]) -> None:
        """Append to the record of attempts, which must be undamaged (see ``repair``)."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._attempts_path.open("ab") as file:
            file.write("".join(f"{_line(attempt)}\n" for attempt in attempts).encode())
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder against other processes that collect.

        Raises:
            ConflictError: another process collects into it.
        """
        with locked(self.folder, "collecting into"):
            yield

    @property
    def _manifest_path(self) -> Path:
        return self.folder / "manifest.json"

    @property
    def _attempts_path(self) -> Path:
        return self.folder / "attempts.jsonl"

    def _attempt_lines(self) -> list[str]:
        if not self._attempts_path.exists():
            return []
        return self._attempts_path.read_bytes().decode(errors="replace").splitlines()

    def _write_manifest(self, manifest: dict[str, Any]) -> None:
        write_json(self._manifest_path, {**manifest, "checksum": _checksum(manifest)})


def _checksum(manifest: dict[str, Any]) -> str:
    rest = {key: value for key, value in manifest.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _line(attempt: Attempt) -> str:
    text = json.dumps({**attempt.outcome.to_json(), "kept": attempt.kept}, sort_keys=True)
    return f'{text[:-1]}, "crc32": {zlib.crc32(text.encode())}}}'


def _parse(line: str) -> Attempt | None:
    """The attempt of a line; ``None`` when the line is damaged."""
    try:
        value = json.loads(line)
        value.pop("crc32")
        kept = value.pop("kept")
        attempt = Attempt(EpisodeOutcome.from_json(value), kept)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return attempt if _line(attempt) == line else None


def _differences(found: Any, wanted: Any, where: str = "") -> Iterator[str]:
    """Each place where two JSON values differ, as "image_size is [60, 80], not [480, 640]"."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in sorted(found.keys() | wanted.keys()):
            yield from _differences(found.get(key), wanted.get(key), f"{where}.{key}".lstrip("."))
    elif found != wanted:
        yield f"{where} is {_short(found)}, not {_short(wanted)}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
