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
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ravens_suite.core.observations import TEXT, WAYPOINT_KEYS, ArraySpec, Interface
from ravens_suite.data.atomic import of_numpy, read_json, remove_leftovers, write_bytes, write_json
from ravens_suite.data.episode import Episode, EpisodeReader, write_episode
from ravens_suite.data.episode_header import FORMAT
from ravens_suite.data.fields import Damaged, Fields, is_number, is_whole, parse_json
from ravens_suite.data.locks import locked
from ravens_suite.data.outcomes import EpisodeOutcome
from ravens_suite.data.recording import Recording
from ravens_suite.errors import ConfigError, ConflictError, DamagedDataError, MissingDataError

_LOG = logging.getLogger(__name__)
SUFFIX = ".safetensors"
"""Of the file of an episode."""
_RECORDED_ONLY = ("versions", "seeds", "checksum", "definition", "earlier_definitions")
"""Keys of the manifest in which two collections may differ and still share a folder."""
_OF_ARGUMENTS = ("cameras", "interface")
"""Keys of the manifest that follow from the arguments of the environment."""


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
        return self.folder / f"{seed:06}{SUFFIX}"

    def seeds(self) -> list[int]:
        """Seeds of the episodes in the folder, ascending; empty when there is no folder.

        A file whose name is not that of its seed, such as ``7.safetensors`` for 000007, is none; ``finish`` names it.
        """
        files = (path for path in self.folder.glob(f"*{SUFFIX}") if path.stem.isdecimal())
        return sorted(int(path.stem) for path in files if path.name == self.path(int(path.stem)).name)

    def __len__(self) -> int:
        return len(self.seeds())

    def reader(self, seed: int) -> EpisodeReader:
        """Open the episode of a seed without reading its images.

        Raises:
            MissingDataError: it is not in the folder; the message says which are.
            DamagedDataError: its header is damaged, or it is the episode of another seed, task or split.
        """
        if not self.path(seed).exists():
            raise MissingDataError(
                f"There is no episode of seed {seed} in {self.folder}, which holds {len(self)}: collect more."
            )
        reader = EpisodeReader(self.path(seed))
        wanted = {"seed": seed, **self._whose()}
        if differing := [key for key, value in wanted.items() if getattr(reader.summary, key) != value]:
            key = differing[0]
            raise DamagedDataError(
                f"{self.path(seed)} is the episode of {key} {getattr(reader.summary, key)!r}, not {wanted[key]!r}: it "
                "was moved or renamed. Put it back, or delete it and make it again."
            )
        return reader

    def read(self, seed: int) -> Episode:
        """The whole episode of a seed; raises what ``reader`` does."""
        return self.reader(seed).episode()

    def write(self, episode: Episode, recording: Recording | None = None) -> Path:
        """Write an episode under its seed, replacing one that is there; see ``write_episode``.

        Raises:
            ConflictError: it is of another task or split than the folder was claimed for; nothing is written.
        """
        for key, claimed in self._whose().items():
            if (own := getattr(episode, key)) != claimed:
                raise ConflictError(
                    f"The episode of seed {episode.seed} is of {key} {own!r}, and {self.folder} was claimed for "
                    f"{claimed!r}: write it to another folder, or claim that one for the {key} of its episodes."
                )
        path = self.path(episode.seed)
        write_episode(path, episode, recording)
        return path

    def intact(self, seed: int) -> bool:
        """Whether the episode of a seed is there and every checksum is right; a damaged file is logged."""
        try:
            self.reader(seed).check()
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
            self._damaged("its content does not match its checksum")
        fields = Fields(manifest, self._damaged)
        fields.text("format")
        fields.wholes("seeds")
        fields.mapping("versions")
        _check_settings(manifest, self._damaged)
        return manifest

    def interface(self) -> Interface:
        """What the episodes hold, by the manifest, or by the first with an action where the manifest does not say.

        Raises:
            MissingDataError: there is no data set, or no episode in it.
            DamagedDataError: the manifest or the episode is damaged.
        """
        manifest = self.manifest()
        if "interface" in manifest:
            return Interface.from_json(manifest["interface"])
        seeds = self.seeds()
        if not seeds:
            raise MissingDataError(f"There is no episode in {self.folder}: write one first.")
        readers = map(self.reader, seeds)
        reader = next((each for each in readers if each.summary.steps), None) or self.reader(seeds[0])
        actions = reader.actions()
        control = "waypoint" if {*actions} >= WAYPOINT_KEYS else "primitive"
        return Interface(_specs(reader.observation(0)), _specs(actions, rows=True), control)

    def digest(self) -> str:
        """SHA-256 of how the episodes were made and of every byte of them; equal for the same data only."""
        manifest = {key: value for key, value in self.manifest().items() if key not in _RECORDED_ONLY}
        total = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode())
        for seed in self.seeds():
            total.update(f"{seed} ".encode())
            total.update(hashlib.sha256(self.path(seed).read_bytes()).digest())
        return total.hexdigest()

    def claim(self, settings: dict[str, Any], versions: dict[str, str]) -> None:
        """Record the settings of all episodes of the folder, or check them. Several processes may do so at once.

        Args:
            settings: JSON; must equal those of the episodes already here.
            versions: of the software; recorded when the folder is new, not compared later.

        Raises:
            ConflictError: the folder holds episodes made with other settings; the message names them.
            ConfigError: a setting is not JSON, named as what the manifest itself keeps, or has another form than the
                suite's own of this name.
            DamagedDataError: the manifest is damaged.
        """
        try:
            self.check_claim(settings)
        except MissingDataError:
            self._write_manifest({**_json_settings(settings), "format": FORMAT, "versions": versions, "seeds": []})

    def check_claim(self, settings: dict[str, Any]) -> None:
        """Refuse what ``claim`` would refuse, and write nothing.

        Args:
            settings: see ``claim``.

        Raises:
            MissingDataError: the folder is not claimed yet.
            RavensError: as ``claim`` does.
        """
        wanted = {**_json_settings(settings), "format": FORMAT}
        manifest = self.manifest()
        found = {key: value for key, value in manifest.items() if key not in _RECORDED_ONLY}
        if differing := list(differences(found, wanted)):
            asked = [text for text in differing if not text.startswith(_OF_ARGUMENTS)]
            named = asked if any(text.startswith("arguments") for text in asked) else differing
            raise ConflictError(
                f"{self.folder} was collected with other settings ({'; '.join(named)}): "
                "use these, name another --data folder, or delete this one."
            )

    def note_definition(self, definition: dict[str, str]) -> None:
        """Write into the manifest what defines the task of the episodes from now on; an earlier one is kept beside it.

        Args:
            definition: see ``envs/definition.py``.
        """
        manifest = self.manifest()
        earlier = manifest.get("earlier_definitions", [])
        if (former := manifest.get("definition")) not in (None, definition, *earlier):
            earlier = [*earlier, former]
        kept = {"earlier_definitions": earlier} if earlier else {}
        self._write_manifest({**manifest, "definition": definition, **kept})

    def finish(self) -> None:
        """Write the seeds of kept episodes into the manifest.

        Where no attempt was recorded at all (own data need none), every episode counts as kept. Otherwise an episode
        that nobody recorded is named in a warning and stays where it is, out of the manifest.
        """
        recorded = self.recorded()
        found = self.seeds()
        latest = {attempt.seed: attempt for attempt in recorded}
        kept = sorted(seed for seed, attempt in latest.items() if attempt.kept) if recorded else found
        if strays := [seed for seed in found if seed not in set(kept)]:
            _LOG.warning(
                "%s holds episodes that are not on record as kept (seeds %s): they stay out of the manifest. Record an "
                "attempt for each and call finish again, or move them away.",
                self.folder,
                ", ".join(map(str, strays[:10])) + (", ..." if len(strays) > 10 else ""),
            )
        if others := sorted(
            {path.name for path in self.folder.glob(f"*{SUFFIX}")} - {self.path(s).name for s in found}
        ):
            _LOG.warning(
                "%s holds files that are not named as the episode of a seed (%s): they are left out. Name each by its "
                "seed in six digits, such as %s.",
                self.folder,
                ", ".join(others[:10]) + (", ..." if len(others) > 10 else ""),
                self.path(7).name,
            )
        remove_leftovers(self.folder)
        manifest = self.manifest()
        if manifest["seeds"] != kept:
            self._write_manifest({**manifest, "seeds": kept})

    def attempts(self) -> list[Attempt]:
        """What came of seeds 0, 1, 2, ..., up to the first that was not tried."""
        by_seed = {attempt.seed: attempt for attempt in self.recorded()}
        result: list[Attempt] = []
        while (attempt := by_seed.get(len(result))) is not None:
            result.append(attempt)
        return result

    def recorded(self) -> list[Attempt]:
        """Every attempt on record, in the order they were recorded, up to the first damaged line."""
        return _parsed(self._attempts_path.read_bytes()) if self.has_record else []

    @property
    def has_record(self) -> bool:
        """Whether there is a record of attempts; own data need none."""
        return self._attempts_path.exists()

    def repair(self) -> None:
        """Cut damaged lines off the end of the record of attempts; their seeds are to be tried again."""
        intact = "".join(f"{_line(attempt)}\n" for attempt in self.recorded()).encode()
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

    def take_over(self, record: bytes) -> None:
        """Add what the record of attempts of another folder says of seeds that this one's lacks.

        Args:
            record: content of the other one's file, up to a damaged line.
        """
        if not self.has_record:
            write_bytes(self._attempts_path, [record])
            return
        self.repair()
        known = {attempt.seed for attempt in self.recorded()}
        others = [attempt for attempt in _parsed(record) if attempt.seed not in known]
        if others:
            self.record(others)

    def correct(self, attempt: Attempt) -> None:
        """Put an attempt in the place of the one on record of its seed; the record must be undamaged."""
        rows = [attempt if each.seed == attempt.seed else each for each in self.recorded()]
        write_bytes(self._attempts_path, ["".join(f"{_line(each)}\n" for each in rows).encode()])

    @contextmanager
    def locked(self, *, wait: bool = False) -> Iterator[None]:
        """Lock the folder against other processes that collect.

        Args:
            wait: for another one to end.

        Raises:
            ConflictError: another process collects into it, and it is not waited for.
        """
        with locked(self.folder, "collecting into", wait=wait):
            yield

    def _whose(self) -> dict[str, str]:
        """The task and the split of the episodes, as far as the manifest says."""
        try:
            manifest = self.manifest()
        except (MissingDataError, DamagedDataError):
            return {}
        return {key: manifest[key] for key in ("task", "split") if key in manifest}

    def _damaged(self, reason: str) -> NoReturn:
        raise DamagedDataError(
            f"{self._manifest_path} is damaged ({reason}): delete it and run the same collect command again."
        )

    @property
    def _manifest_path(self) -> Path:
        return self.folder / "manifest.json"

    @property
    def _attempts_path(self) -> Path:
        return self.folder / "attempts.jsonl"

    def _write_manifest(self, manifest: dict[str, Any]) -> None:
        write_json(self._manifest_path, {**manifest, "checksum": _checksum(manifest)})


def _checksum(manifest: dict[str, Any]) -> str:
    rest = {key: value for key, value in manifest.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _line(attempt: Attempt) -> str:
    text = json.dumps({**attempt.outcome.to_json(), "kept": attempt.kept}, sort_keys=True, default=of_numpy)
    return f'{text[:-1]}, "crc32": {zlib.crc32(text.encode())}}}'


def _json_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as they come back from JSON."""
    if reserved := sorted({*_RECORDED_ONLY, "format"} & settings.keys()):
        raise ConfigError(f"The manifest keeps {reserved[0]!r} itself: name that setting otherwise.")
    try:
        value: dict[str, Any] = json.loads(json.dumps(settings, allow_nan=False, default=of_numpy))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"Settings of a data set must be JSON: {str(error).removesuffix('.')}.") from error
    _check_settings(value, _refuse_setting)  # What would be called damaged when it is read is not written.
    return value


def _check_settings(settings: Mapping[str, Any], wrong: Damaged) -> None:
    """Check those settings that the suite reads itself; others may be anything.

    Args:
        settings: JSON.
        wrong: called with a reason.
    """
    fields = Fields(settings, wrong)
    for name in {"task", "split", "environment", "renderer"} & settings.keys():
        fields.text(name)
    if "arguments" in settings:
        fields.mapping("arguments")
    if "cameras" in settings:
        for number, camera in enumerate(fields.items("cameras")):
            Fields(camera, wrong, f"camera {number}").text("name")
    if "interface" in settings:
        fields.interface("interface")


def _refuse_setting(reason: str) -> NoReturn:
    raise ConfigError(
        f"A setting of a data set has a name that the suite reads itself, and another form than there ({reason}): name "
        "it otherwise."
    )


def _specs(values: Mapping[str, Any], *, rows: bool = False) -> dict[str, ArraySpec]:
    """The specs of observed values, or of arrays whose rows are meant."""
    return {
        key: ArraySpec((), TEXT) if isinstance(value, str) else ArraySpec(value.shape[rows:], value.dtype.name)
        for key, value in sorted(values.items())
    }


def _parsed(record: bytes) -> list[Attempt]:
    """The attempts of a record, up to the first damaged line."""
    result: list[Attempt] = []
    for line in record.decode(errors="replace").splitlines():
        if (attempt := _parse(line)) is None:
            break
        result.append(attempt)
    return result


def _parse(line: str) -> Attempt | None:
    """The attempt of a line; ``None`` when the line is damaged."""
    try:
        value = parse_json(line)
        value.pop("crc32")
        kept = value.pop("kept")
        attempt = Attempt(EpisodeOutcome.from_json(value), kept)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    if not is_whole(attempt.seed) or not is_number(attempt.outcome.score) or not isinstance(kept, bool):
        return None
    return attempt if _line(attempt) == line else None


def differences(found: Any, wanted: Any, where: str = "") -> Iterator[str]:
    """Each place where two JSON values differ, as "image_size is [60, 80], not [480, 640]"."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in sorted(found.keys() | wanted.keys()):
            yield from differences(found.get(key), wanted.get(key), f"{where}.{key}".lstrip("."))
    elif found != wanted:
        yield f"{where} is {_short(found)}, not {_short(wanted)}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
