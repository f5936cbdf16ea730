"""Collected episodes in the formats of other libraries.

Minari (https://minari.farama.org): one dataset a task and split, HDF5, written through the library itself
(``minari.create_dataset_from_buffers``), images stored as they are, not as JPEG: lossless, and as large as they are in
memory (about 6.5 MB an observation of the published cameras).
"""

from __future__ import annotations

import copy
import os
import re
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
from numpy.typing import NDArray

from ravens_suite.data.episode import Episode
from ravens_suite.data.outcomes import DONE
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConflictError, MissingDataError, UnknownNameError
from ravens_suite.execution.progress import Progress, silent
from ravens_suite.rollout.environments import make_environment, versions

_MARK = "ravens_suite"
_ROOT = "MINARI_DATASETS_PATH"


@dataclass(frozen=True)
class Exported:
    """A dataset that was written.

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


def export(folder: Path, to: str, out: Path, *, on_progress: Progress = silent) -> list[Exported]:
    """Write every dataset in a folder in another format; one that is there already is left as it is.

    Args:
        folder: with collected episodes, directly or below (``data/<task>/<split>``).
        to: one of ``FORMATS``.
        out: where the datasets go.
        on_progress: called for every episode.

    Raises:
        MissingDataError: there is nothing to export, or the other library is not installed.
        ConflictError: something else lies where a dataset should go.
        DamagedDataError: an episode is damaged.
    """
    if to not in FORMATS:
        raise UnknownNameError("format", to, FORMATS)
    stores = [EpisodeStore(path.parent) for path in sorted(folder.rglob("manifest.json"))]
    stores = [store for store in stores if len(store)]
    if not stores:
        raise MissingDataError(f"There are no episodes in {folder}: collect some first (ravens-suite collect).")
    total, before, results = sum(len(store) for store in stores), 0, []
    for store in stores:
        results.append(FORMATS[to](store, out, _shifted(on_progress, before, total)))
        before += len(store)
        on_progress(before, total, results[-1].name)
    return results


def to_minari(store: EpisodeStore, out: Path, on_progress: Progress = silent) -> Exported:
    """Write a store as a Minari dataset. ``MINARI_DATASETS_PATH=out`` finds it under its name.

    The dataset's metadata holds, under ``ravens_suite``, the cameras of the images, in order, the seeds and the
    versions. Its environment specification has the arguments that the episodes were collected with.

    Args:
        store: what to write.
        out: folder of Minari datasets.
        on_progress: called for every episode.
    """
    minari = _library("minari", "minari")
    _library("h5py", "minari")
    _library("PIL", "minari")
    manifest, seeds = store.manifest(), store.seeds()
    task, split = manifest["task"], manifest["split"]
    name = f"{_MARK}/{_slug(task)}/{_slug(split)}-v0"
    mark = {
        "cameras": manifest["cameras"],
        "seeds": seeds,
        "renderer": manifest["renderer"],
        "versions": {"collected": manifest["versions"], "exported": versions()},
    }
    with _datasets_in(out):
        if not _is_there(out / name, mark):
            _write_minari(minari, name, store, mark, on_progress)
        dataset = minari.load_dataset(name)
        return Exported(name, int(dataset.total_episodes), int(dataset.total_steps), out / name)


def _write_minari(minari: Any, name: str, store: EpisodeStore, mark: dict[str, Any], on_progress: Progress) -> None:
    manifest = store.manifest()
    environment = make_environment(manifest["task"], manifest["split"], manifest["arguments"])
    dataset = None
    try:
        for done, seed in enumerate(mark["seeds"], 1):
            buffer = [_buffer(store.read(seed), done - 1)]
            if dataset is None:
                dataset = _create(minari, name, buffer, environment, manifest)
            else:
                dataset.update_dataset_from_buffer(buffer)
            on_progress(done, len(mark["seeds"]))
    finally:
        environment.close()
    # Written last: without it the dataset is known to be incomplete and is made anew.
    if dataset is not None:
        dataset.storage.update_metadata({_MARK: mark})


def _create(
    minari: Any, name: str, buffer: list[Any], environment: gymnasium.Env[Any, Any], manifest: Mapping[str, Any]
) -> Any:
    with warnings.catch_warnings():
        # It asks for an author and a link to the code, which only who publishes the dataset can give.
        warnings.simplefilter("ignore", UserWarning)
        return minari.create_dataset_from_buffers(
            dataset_id=name,
            buffer=buffer,
            env=copy.deepcopy(environment.spec),
            observation_space=environment.observation_space,
            action_space=environment.action_space,
            algorithm_name="scripted oracle",
            description=f"Demonstrations of the scripted oracle, {manifest['task']}, split {manifest['split']}.",
            data_format="hdf5",
            jpeg_encoding=False,
        )


def _buffer(episode: Episode, number: int) -> Any:
    from minari.data_collector import EpisodeBuffer

    last = episode.steps - 1
    done = episode.metadata.get("outcome") == DONE
    return EpisodeBuffer(
        id=number,
        seed=episode.seed,
        observations={key: _storable(values) for key, values in episode.observations.items()},
        actions=dict(episode.actions),
        rewards=episode.rewards.tolist(),
        terminations=[done and step == last for step in range(episode.steps)],
        truncations=[not done and step == last for step in range(episode.steps)],
    )


def _storable(values: NDArray[Any]) -> Any:
    """Texts as a list: of an array of strings Minari 0.5.4 makes HDF5 strings, to which h5py does not convert it."""
    return values.tolist() if values.dtype.kind == "U" else values


def _is_there(folder: Path, mark: dict[str, Any]) -> bool:
    """Whether the dataset is there and whole; what is left of one that was not finished is deleted.

    Raises:
        ConflictError: it holds other episodes.
    """
    if not folder.exists():
        return False
    import minari

    try:
        found = minari.load_dataset(str(folder.relative_to(folder.parents[2]))).storage.metadata.get(_MARK)
    except Exception:
        found = None
    if found is None:
        shutil.rmtree(folder)
        return False
    if found["seeds"] != mark["seeds"]:
        raise ConflictError(f"{folder} holds other episodes ({len(found['seeds'])}): name another --out, or delete it.")
    return True


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


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", text)


def _shifted(on_progress: Progress, before: int, everything: int) -> Progress:
    def tell(done: int, total: int, note: str = "") -> None:
        on_progress(before + done, everything, note)

    return tell


FORMATS: dict[str, Callable[[EpisodeStore, Path, Progress], Exported]] = {"minari": to_minari}
