"""Collected episodes in the formats of other libraries.

Minari (https://minari.farama.org): one dataset a task and split, HDF5, written through the library itself
(``minari.create_dataset_from_buffers``), images stored as they are, not as JPEG: lossless, and as large as they are in
memory (about 6.5 MB an observation of the published cameras).
"""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import uuid
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from ravens_suite.data.atomic import UNFINISHED, read_json, write_bytes
from ravens_suite.data.episode import Episode
from ravens_suite.data.locks import locked
from ravens_suite.data.outcomes import DONE, FAILED
from ravens_suite.data.store import EpisodeStore, differences
from ravens_suite.errors import ConflictError, DamagedDataError, MissingDataError, UnknownNameError
from ravens_suite.execution.progress import Progress, silent
from ravens_suite.interop.exports import MARK, Exported, Source, shifted, sources_in
from ravens_suite.interop.minari_spaces import space_of, space_text, widened
from ravens_suite.rollout.actors import EXPERIENCE

_LOG = logging.getLogger(__name__)
_ROOT = "MINARI_DATASETS_PATH"
_FILE = "main_data.hdf5"
_UNFINISHED = f"{UNFINISHED}-"
_UNKNOWN = "unknown"
_FACTS = ("score", "success", "outcome", "record", "goals")
"""Attributes of an episode beside Minari's own; of ``record`` an import makes the episode again."""
_POLICY = "policy"
"""One more: who acted. Nobody looks for it in an export of demonstrations, where it is the oracle."""
_ROOM = 4 * 2**20
"""Bytes beside those of its arrays that there must be room for: HDF5's own, and what it has not written yet."""


def export(folder: Path | str, to: str, out: Path | str, *, on_progress: Progress = silent) -> list[Exported]:
    """Write every dataset in a folder in another format; what was written of the same episodes before is left as it is.

    Args:
        folder: with collected episodes, directly or below (``data/<task>/<split>``).
        to: one of ``FORMATS``.
        out: where the datasets go.
        on_progress: called for every episode.

    Raises:
        MissingDataError: there is nothing to export, or the other library is not installed.
        ConflictError: something else lies where a dataset should go, or what an earlier build made of these episodes
            with less of what is known of them; two folders have the same task and split, or
            another process exports to ``out``.
        DamagedDataError: an episode is damaged.
    """
    folder, out = Path(folder), Path(out)
    if to not in FORMATS:
        raise UnknownNameError("format", to, FORMATS)
    sources = sources_in(folder)
    _check_names(sources)
    total, before, results = sum(len(source.seeds) for source in sources), 0, []
    with locked(out, "exporting to"):
        for source in sources:
            results.append(FORMATS[to](source.store, out, shifted(on_progress, before, total)))
            before += len(source.seeds)
            on_progress(before, total, results[-1].name)
    return results


def to_minari(store: EpisodeStore, out: Path, on_progress: Progress = silent) -> Exported:
    """Write a store as a Minari dataset. ``MINARI_DATASETS_PATH=out`` finds it under its name.

    Its metadata holds, under ``ravens_suite``, the cameras of the images, in order, the seeds, how the episodes were
    made, and a digest of them. Its environment specification has the arguments that they were collected with; there is
    none of scenes that change these (``collect --scenes``), each of which has its own under ``record``. An
    episode's ``infos`` hold ``poses`` by body (of ``mug/handle`` beside ``mug``, as ``mug%2Fhandle``, since HDF5 has no
    such names), ``success`` and ``motion``; its metadata ``score``, ``success``,
    ``outcome``, ``policy`` and ``goals`` (JSON). Episodes without an action, which Minari cannot hold, are left out.
    An episode that was done or has failed for good is terminated, any other one truncated.

    Args:
        store: what to write.
        out: folder of Minari datasets.
        on_progress: called for every episode.

    Raises:
        MissingDataError: a library is not installed, or no episode has an action.
        ConflictError: other episodes, or something else, lies where the dataset should go.
        DamagedDataError: an episode is damaged.
    """
    minari = _library("minari", "minari")
    _library("h5py", "minari")
    _library("PIL", "minari")
    source = Source(store)
    folder = out / source.name
    facts = (*_FACTS, _POLICY) if source.manifest.get(EXPERIENCE) is True else _FACTS
    if not _is_there(folder, source, facts):
        _write(minari, source, out, on_progress)
    metadata = read_json(folder / "data" / "metadata.json")
    return Exported(source.name, int(metadata["total_episodes"]), int(metadata["total_steps"]), folder)


def _check_names(sources: list[Source]) -> None:
    """Refuse two stores that would be one dataset."""
    by_name: dict[str, Source] = {}
    for source in sources:
        other = by_name.setdefault(source.name, source)
        if other is not source:
            raise ConflictError(
                f"{other.store.folder} and {source.store.folder} would both be the dataset {source.name}: export one "
                "at a time, each to an --out folder of its own."
            )


def _write(minari: Any, source: Source, out: Path, on_progress: Progress) -> None:
    """Write a dataset beside its place, and move it there when it is whole."""
    for leftover in out.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(leftover)
    root = out / f"{_UNFINISHED}{uuid.uuid4().hex}"
    root.mkdir(parents=True)
    try:
        with ExitStack() as stack:
            environment = stack.enter_context(source.environment())
            stack.enter_context(_datasets_in(root))
            _fill(minari, source, environment, root, on_progress)
        target = out / source.name
        target.parent.mkdir(parents=True, exist_ok=True)
        for path in sorted(root.rglob("namespace_metadata.json")):
            if not (out / path.relative_to(root)).exists():
                path.replace(out / path.relative_to(root))
        (root / source.name).rename(target)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _fill(
    minari: Any, source: Source, environment: gymnasium.Env[Any, Any] | None, out: Path, on_progress: Progress
) -> None:
    facts: list[dict[str, Any]] = []
    spaces: dict[str, gymnasium.spaces.Dict] = {}

    def episodes() -> Iterator[Any]:
        for done, seed in enumerate(source.seeds, 1):
            episode = source.store.read(seed)
            if not episode.steps:
                _LOG.warning("Episode %s of %s has no action: left out of %s.", seed, source.store.folder, source.name)
                continue
            _check_room(out, episode)
            for kind, arrays in (("observation", episode.observations), ("action", episode.actions)):
                space = spaces.get(f"{kind}_space") or space_of(arrays, _space(environment, kind))
                spaces[f"{kind}_space"] = widened(space, arrays)
            yield _buffer(episode, len(facts))
            facts.append(_facts(episode, source))
            on_progress(done, len(source.seeds))

    nothing = gymnasium.spaces.Discrete(1)  # The true spaces, which are long, are written once, at the end.
    with warnings.catch_warnings():
        # It asks for an author and a link to the code, which only who publishes the dataset can give.
        warnings.simplefilter("ignore", UserWarning)
        # All episodes in one call, as they are read: each call reads and writes the metadata again. The environment as
        # an object: Minari makes one of a specification, and does not close it.
        dataset = minari.create_dataset_from_buffers(
            dataset_id=source.name,
            buffer=episodes(),
            env=environment if source.one_environment else None,
            observation_space=nothing,
            action_space=nothing,
            algorithm_name=_UNKNOWN,
            description=f"{_kind(source)}, {source.task}, split {source.split}.",
            data_format="hdf5",
            requirements=source.requirements,
            jpeg_encoding=False,
        )
    if not facts:
        raise MissingDataError(f"No episode in {source.store.folder} has an action: there is nothing to export.")
    dataset.storage.update_episode_metadata(facts)
    path = Path(dataset.storage.data_path) / "metadata.json"
    mark = {**source.mark, "bytes": path.with_name(_FILE).stat().st_size}
    metadata = read_json(path) | {name: space_text(space) for name, space in spaces.items()} | {MARK: mark}
    metadata["algorithm_name"] = "; ".join(dict.fromkeys(one[_POLICY] for one in facts))
    write_bytes(path, [json.dumps(metadata).encode()])


def _check_room(folder: Path, episode: Episode) -> None:
    """Refuse to write an episode for which there is no room on the disk.

    HDF5 (2.0.0, in h5py 3.16.0) notices a full disk when it closes the file, and then ends the process by a
    segmentation fault. What others write meanwhile, and quotas, are not foreseen.
    """
    arrays = (*episode.observations.values(), *episode.actions.values(), *episode.poses.values())
    if shutil.disk_usage(folder).free < sum(array.nbytes for array in arrays) + _ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder.parent))


def _space(environment: gymnasium.Env[Any, Any] | None, kind: str) -> gymnasium.Space[Any] | None:
    return None if environment is None else getattr(environment, f"{kind}_space")


def _buffer(episode: Episode, number: int) -> Any:
    from minari.data_collector import EpisodeBuffer

    last = episode.steps - 1
    outcome = str(episode.metadata.get("outcome"))
    done = outcome == DONE or outcome.startswith(f"{FAILED}: ")  # A rule of the task was broken.
    return EpisodeBuffer(
        id=number,
        seed=episode.seed,
        observations={key: _storable(values) for key, values in episode.observations.items()},
        actions=dict(episode.actions),
        rewards=episode.rewards.tolist(),
        terminations=[done and step == last for step in range(episode.steps)],
        truncations=[not done and step == last for step in range(episode.steps)],
        infos=_infos(episode),
    )


def _infos(episode: Episode) -> dict[str, Any]:
    """What was not observed, T + 1 values each, as Minari's own collector keeps an environment's ``info``."""
    success = np.zeros(episode.steps + 1, dtype=bool)
    success[-1] = episode.success
    written = _names_in_file(episode.poses)
    infos: dict[str, Any] = {"success": success, "poses": {written.get(k, k): v for k, v in episode.poses.items()}}
    motions = episode.metadata.get("motion")
    if isinstance(motions, list) and len(motions) == episode.steps and all(isinstance(row, dict) for row in motions):
        reset = {"outcome": "reset", "grasped": False, "clipped": False, "steps": 0}
        rows = [reset, *motions]
        infos["motion"] = {key: [row.get(key, reset[key]) for row in rows] for key in reset}
    return infos


def _names_in_file(bodies: Collection[str]) -> dict[str, str]:
    """Names under which HDF5 can keep poses, of the bodies whose own it cannot; by body.

    HDF5 reads a name with slashes as a path: ``shelf/cup`` is ``cup`` in the group ``shelf``. So a body beside its part
    (``mug``, ``mug/handle``) cannot be kept, ``/cup`` would lie outside of the episode, and ``a//b`` is ``a/b``.
    """
    found: dict[str, str] = {}
    for name in bodies:
        parts = name.split("/")
        above = {"/".join(parts[:count]) for count in range(1, len(parts))}
        if {"", "."} & set(parts) or above & set(bodies):
            kept = name.replace("/", "%2F").replace(".", "%2E")
            while kept in bodies or kept in found.values():
                kept += "_"
            found[name] = kept
    return found


def _kind(source: Source) -> str:
    """What the episodes of a store are called."""
    return "Episodes" if source.manifest.get(EXPERIENCE) is True else "Demonstrations"


def _who(episode: Episode, source: Source) -> str:
    """Who acted: what ``collect`` noted; of demonstrations that it did not make, nobody knows."""
    if source.manifest.get(EXPERIENCE) is not True:
        return "scripted oracle" if "definition" in source.manifest else _UNKNOWN
    noted = episode.metadata.get("policy")
    policy = noted if isinstance(noted, dict) else {}
    explore = f" with {policy['explore']:.0%} random actions" if "explore" in policy else ""
    return f"{policy.get('name', _UNKNOWN)}{explore}"


def _facts(episode: Episode, source: Source) -> dict[str, Any]:
    """Attributes of one episode."""
    names = _names_in_file(episode.poses)
    return {
        _POLICY: _who(episode, source),
        "score": episode.score,
        "success": episode.success,
        "outcome": str(episode.metadata.get("outcome", "unknown")),
        "record": json.dumps(
            {
                "task": episode.task,
                "split": episode.split,
                "seed": episode.seed,
                "success": episode.success,
                "cameras": [camera.to_json() for camera in episode.cameras],
                "metadata": episode.metadata,
                **({"names": {kept: name for name, kept in names.items()}} if names else {}),
            }
        ),
        "goals": json.dumps(episode.metadata.get("goals", {}), sort_keys=True),
    }


def _missing_facts(file: Path, wanted: Sequence[str]) -> list[str]:
    """Attributes that no episode of a dataset has and this build would write."""
    import h5py

    with h5py.File(file, "r") as episodes:
        kept = {name for episode in episodes.values() for name in episode.attrs}
    return [name for name in wanted if name not in kept]


def _storable(values: NDArray[Any]) -> Any:
    """Texts as a list: of an array of strings Minari 0.5.4 makes HDF5 strings, to which h5py does not convert it."""
    return values.tolist() if values.dtype.kind == "U" else values


def _is_there(folder: Path, source: Source, facts: Sequence[str]) -> bool:
    """Whether the dataset of these episodes is there already, with some attributes of each.

    Raises:
        ConflictError: another one is, or something that is none.
    """
    if not folder.exists():
        return False
    advice = "name another --out, or delete that folder to export again"
    try:
        metadata = read_json(folder / "data" / "metadata.json")
    except (DamagedDataError, MissingDataError, OSError):
        metadata = None
    found = metadata.get(MARK) if isinstance(metadata, dict) else None
    if not isinstance(found, dict) or not isinstance(found.get("digest"), str):
        raise ConflictError(
            f"{folder} is in the way: it is not a whole export of this version of the suite. Move it away, or {advice}."
        )
    file = folder / "data" / _FILE
    if not file.is_file() or file.stat().st_size != found.get("bytes"):
        raise ConflictError(f"{folder} has been changed since it was exported: {advice}.")
    mark = source.mark
    if found["digest"] == mark["digest"]:
        if not source.one_environment and metadata.get("env_spec"):
            raise ConflictError(
                f"{folder} was exported by an earlier build, with an environment that not all scenes are of: {advice}."
            )
        if missing := _missing_facts(file, facts):
            raise ConflictError(
                f"{folder} was exported by an earlier build, without {', '.join(missing)} of its episodes: {advice}."
            )
        return True
    keys = ("settings", "seeds")
    then, now = ({key: part.get(key) for key in keys} for part in (found, mark))
    what = "; ".join(differences(then, now)) or "the same seeds, but other files"
    raise ConflictError(f"{folder} was exported from other episodes ({what}): {advice}.")


@contextmanager
def _datasets_in(folder: Path) -> Iterator[None]:
    """Let Minari read and write in a folder."""
    before = os.environ.get(_ROOT)
    os.environ[_ROOT] = str(folder.resolve())
    try:
        yield
    finally:
        if before is None:
            del os.environ[_ROOT]
        else:
            os.environ[_ROOT] = before


def _library(name: str, extra: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise MissingDataError(
            f"Exporting to {extra} needs {name}, which is not installed: pip install 'ravens-suite[{extra}]'."
        ) from error


FORMATS: dict[str, Callable[[EpisodeStore, Path, Progress], Exported]] = {"minari": to_minari}
