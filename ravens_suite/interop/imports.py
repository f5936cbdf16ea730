"""Exports of this suite as episodes again, and recordings of robots as episodes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import (
    ConflictError,
    DamagedDataError,
    MissingDataError,
    RavensError,
    RavensWarning,
    UnknownNameError,
)
from ravens_suite.execution.progress import Progress, silent
from ravens_suite.interop.contents import Contents, what_was_done


@dataclass(frozen=True)
class Imported:
    """A store that was written, or completed.

    Attributes:
        folder: of the store.
        episodes: in it.
        exact: whether every pixel is as it was before the export.
    """

    folder: Path
    episodes: int
    exact: bool


def import_episodes(
    folder: Path | str, source: str, out: Path | str, *, force: bool = False, on_progress: Progress = silent
) -> list[Imported]:
    """Make episodes of an export of this suite, or of what a robot recorded; those that are there already are left.

    Actions, rewards and whatever else is no image are what they were, and so are images that were stored without loss
    in their own size. Recordings (``interop/arrays.py``) are checked first, and brought to the suite's frame.

    Args:
        folder: of the export, or above it; of the recording.
        source: one of ``READERS``.
        out: folder of all data; episodes go to ``out/<task>/<split>``.
        force: take recordings although the checks find mistakes in them.
        on_progress: called for every episode.

    Raises:
        MissingDataError: there is no export of this suite.
        ConflictError: episodes made otherwise, or in which something else was done, lie where they should go.
        DamagedDataError: a file is not what was written.
        ConfigError: what was recorded cannot be right; the message names every mistake that was found.
        MissingLibraryError: a library is not installed.
    """
    folder, out = Path(folder), Path(out)
    if source not in READERS:
        raise UnknownNameError("format", source, READERS)
    if source == "arrays":
        _check_recordings(folder, force)
    with _names_what_is_damaged(folder):
        found = list(READERS[source](folder))
    if not found:
        raise MissingDataError(
            f"There is no {source} data set in {folder} that ravens-suite export made: only those can be imported."
        )
    total, done, results = sum(len(one.seeds) for one in found), 0, []
    for one in found:
        store = EpisodeStore.of(out, one.task, one.split)
        with store.locked():
            store.claim(one.settings(), dict(one.manifest.get("versions", {})))
            if "definition" in one.manifest and one.exact:
                store.note_definition(one.manifest["definition"])
            for seed in one.seeds:
                if _is_there(store, one, seed):
                    with _names_what_is_damaged(folder):
                        _check_same(store, one, seed, folder)
                else:
                    with _names_what_is_damaged(folder):
                        episode = one.read(seed)
                    store.write(episode)
                done += 1
                on_progress(done, total)
            # Without any record all episodes count; a record of some would leave the others out.
            if one.attempts and (store.has_record or not set(store.seeds()) - set(one.seeds)):
                store.take_over(one.attempts)
            store.finish()
            _name_removed(store, one, folder)
        results.append(Imported(store.folder, len(store), one.exact))
    return results


@contextmanager
def _names_what_is_damaged(folder: Path) -> Iterator[None]:
    """Whatever a reader stumbles over in files that were altered is said of the export."""
    try:
        yield
    except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, RavensError):
            raise
        why = " ".join(str(error).split())[:200] or type(error).__name__
        raise DamagedDataError(
            f"{folder} is not as it was exported ({type(error).__name__}: {why}): export it again."
        ) from error


def _check_recordings(folder: Path, force: bool) -> None:
    from ravens_suite.interop.arrays import Recordings
    from ravens_suite.interop.arrays_checks import check_recordings

    check_recordings(Recordings(folder)).report(folder, force=force)


def _is_there(store: EpisodeStore, one: Contents, seed: int) -> bool:
    """Whether an episode lies in a store undamaged, and is made of what is there now."""
    if not (store.path(seed).exists() and store.intact(seed)):
        return False
    return one.source is None or store.reader(seed).summary.metadata.get("source") == one.source(seed)


def _check_same(store: EpisodeStore, one: Contents, seed: int, folder: Path) -> None:
    """Refuse an episode of the same seed in which something else was done, such as that of another policy.

    Raises:
        ConflictError: names its file.
    """
    if one.done is None:
        return
    reader, wanted = store.reader(seed), one.done(seed)
    found = what_was_done(reader.actions(), reader.rewards())
    if found.keys() != wanted.keys() or not all(_equal(found[name], wanted[name]) for name in wanted):
        raise ConflictError(
            f"{store.path(seed)} is another episode than that of seed {seed} in {folder}: name another --out folder, "
            "or delete that one."
        )


def _equal(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f" == other.dtype.kind)


def _name_removed(store: EpisodeStore, one: Contents, folder: Path) -> None:
    """Warn of episodes of recordings that are no more; they may be of another folder, so they are not removed."""
    if one.source is None or not (gone := sorted(set(store.seeds()) - set(one.seeds))):
        return
    named = ", ".join(map(str, gone[:10])) + (", ..." if len(gone) > 10 else "")
    warnings.warn(
        f"{store.folder} keeps {len(gone)} episodes (seeds {named}) of recordings that are not in {folder}, and agents "
        f"learn from them. If you have removed these recordings, remove the episodes, too ({store.path(gone[0]).name} "
        "and so on), and import again.",
        RavensWarning,
        stacklevel=3,
    )


def _lerobot(folder: Path) -> Iterable[Contents]:
    from ravens_suite.interop.lerobot_reader import contents

    return contents(folder)


def _minari(folder: Path) -> Iterable[Contents]:
    from ravens_suite.interop.minari_reader import contents

    return contents(folder)


def _arrays(folder: Path) -> Iterable[Contents]:
    from ravens_suite.interop.arrays import contents

    return contents(folder)


READERS: dict[str, Callable[[Path], Iterable[Contents]]] = {"arrays": _arrays, "lerobot": _lerobot, "minari": _minari}
