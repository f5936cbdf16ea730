"""Reads a Minari dataset that this suite wrote, with h5py alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.cameras import Camera
from ravens_suite.data.atomic import files_below, read_json
from ravens_suite.data.episode import Episode
from ravens_suite.errors import DamagedDataError, missing_library
from ravens_suite.interop.contents import Contents, what_was_done
from ravens_suite.interop.exports import MARK

_FILE = "main_data.hdf5"


def contents(folder: Path) -> Iterator[Contents]:
    """What the datasets in a folder hold, or in folders below it.

    Raises:
        MissingLibraryError: h5py is not installed.
        DamagedDataError: a dataset was exported by a version that kept too little of the episodes.
    """
    try:
        import h5py  # noqa: F401
    except ImportError as error:
        raise missing_library("h5py") from error
    for path in files_below(folder, f"data/{_FILE}"):
        metadata = read_json(path.with_name("metadata.json"), "copy the data set again, or export it again")
        if MARK in metadata:
            yield _contents(path, metadata[MARK])


def _contents(path: Path, mark: dict[str, Any]) -> Contents:
    import h5py

    with h5py.File(path, "r") as file:
        facts = {name: json.loads(group.attrs.get("record", "null")) for name, group in file.items()}
    if not all(facts.values()):
        raise DamagedDataError(f"{path} was exported by an earlier version: export the episodes again.")
    by_seed = {record["seed"]: (name, record) for name, record in facts.items()}
    first = next(iter(facts.values()))
    return Contents(
        task=first["task"],
        split=first["split"],
        manifest={**mark["settings"], "versions": mark["versions"]["collected"]},
        exact=True,
        seeds=tuple(sorted(by_seed)),
        read=partial(_read, path, by_seed),
        done=partial(_done, path, by_seed),
    )


def _done(path: Path, by_seed: dict[int, tuple[str, dict[str, Any]]], seed: int) -> dict[str, NDArray[Any]]:
    import h5py

    with h5py.File(path, "r") as file:
        group = file[by_seed[seed][0]]
        actions = {key: _array(values) for key, values in group["actions"].items()}
        return what_was_done(actions, np.asarray(group["rewards"][()], dtype=np.float64))


def _read(path: Path, by_seed: dict[int, tuple[str, dict[str, Any]]], seed: int) -> Episode:
    import h5py

    name, record = by_seed[seed]
    names = record.get("names", {})  # Of bodies whose own HDF5 cannot keep.
    with h5py.File(path, "r") as file:
        group = file[name]
        return Episode(
            task=record["task"],
            split=record["split"],
            seed=seed,
            observations={key: _array(values) for key, values in group["observations"].items()},
            actions={key: _array(values) for key, values in group["actions"].items()},
            rewards=np.asarray(group["rewards"][()], dtype=np.float64),
            poses={names.get(body, body): rows for body, rows in _poses(group["infos"].get("poses", {})).items()},
            cameras=tuple(Camera.from_json(camera) for camera in record["cameras"]),
            success=record["success"],
            metadata=record["metadata"],
        )


def _poses(group: Any, before: str = "") -> dict[str, NDArray[Any]]:
    """Those of each body; HDF5 makes groups of names with slashes."""
    found: dict[str, NDArray[Any]] = {}
    for key, values in group.items():
        inner = hasattr(values, "items")
        found |= _poses(values, f"{before}{key}/") if inner else {f"{before}{key}": _array(values)}
    return found


def _array(values: Any) -> NDArray[Any]:
    """An array as it was; texts are stored as bytes in UTF-8."""
    array = values[()]
    if array.dtype.kind in "OS":
        return np.array([text.decode() if isinstance(text, bytes) else str(text) for text in array])
    return np.asarray(array)
