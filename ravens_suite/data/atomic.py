"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np

from ravens_suite.errors import DamagedDataError, MissingDataError

try:
    import fcntl
except ImportError:  # Not a POSIX system.
    fcntl = None  # type: ignore[assignment]

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]+\.tmp")
"""Names of temporary files."""
UNFINISHED = ".unfinished"
"""In the names of hidden folders that are being written, to be moved to their place when they are whole."""
_NAME_LENGTH = 100
"""Characters of a file's name in that of its temporary file, which is then never too long where the file's is not."""
_cleaned: set[Path] = set()
"""Folders that this process has looked through for what killed processes left."""


def write_bytes(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file so that a reader sees the old one or all of the new one; its folder is made.

    The bytes go to a temporary file in the same folder, which is flushed to disk and renamed. The first write of a
    process into a folder also removes what killed processes left there.

    Args:
        path: of the file.
        parts: its content, in order.

    Raises:
        OSError: it cannot be written; it names ``path``, which is as it was.
    """
    check_is_no_folder(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if (folder := path.parent.absolute()) not in _cleaned:
            _cleaned.add(folder)
            remove_leftovers(folder)
        _replace(path, parts)
    except OSError as error:
        if error.filename is not None and not _TEMPORARY.fullmatch(Path(os.fsdecode(error.filename)).name):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def check_is_no_folder(path: Path) -> None:
    """Refuse to write a file over a folder, also where the path has no name at all (``.`` and ``/``).

    Raises:
        IsADirectoryError: it is one.
    """
    if not path.name or path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))


def check_writable(path: Path) -> None:
    """Refuse a file that ``write_bytes`` could not write, before the work whose result it is; nothing is written.

    Args:
        path: of the file; its folder need not be there.

    Raises:
        OSError: it is a folder, or its folder cannot be made or written to.
    """
    check_is_no_folder(path)
    there = next(folder for folder in path.absolute().parents if folder.exists())
    if not there.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(there))
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def _replace(path: Path, parts: Iterable[bytes]) -> None:
    temporary, file = _open_temporary(path)
    try:
        with file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _open_temporary(path: Path) -> tuple[Path, BinaryIO]:
    """A new file beside ``path``, locked for as long as it is open: so ``remove_leftovers`` knows that it is in use."""
    while True:
        temporary = path.with_name(f".{path.name[:_NAME_LENGTH]}.{uuid.uuid4().hex}.tmp")
        file = temporary.open("xb")
        if fcntl is None:
            return temporary, file
        with suppress(OSError):  # Some file systems know no locks. There, nobody can take it for left behind either.
            fcntl.flock(file, fcntl.LOCK_EX)
        if temporary.exists():  # Unless it was looked at, and removed, before it was locked.
            return temporary, file
        file.close()


def files_below(folder: Path, pattern: str) -> list[Path]:
    """Files in a folder and below, in order; none of what is being written there, or of what a killed process left.

    Args:
        folder: itself it may be such a one.
        pattern: as of ``Path.rglob``.
    """
    return [path for path in sorted(folder.rglob(pattern)) if not _is_unfinished(path.relative_to(folder))]


def _is_unfinished(path: Path) -> bool:
    return any(name.startswith(".") and UNFINISHED in name for name in path.parent.parts)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON value atomically: sorted keys, two spaces, the same bytes for the same value.

    Numbers of NumPy's are written as Python's: whoever counts seeds with it finds no error after the work is done.

    Raises:
        ValueError: the value holds a NaN or an infinity, which JSON cannot express.
        TypeError: it holds something else that JSON cannot express.
    """
    text = json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False, default=of_numpy)
    write_bytes(path, [text.encode(), b"\n"])


def of_numpy(value: Any) -> Any:
    """A number of NumPy's as Python's, where JSON is written.

    Raises:
        TypeError: it is something else.
    """
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} {value!r:.80} is no value of JSON.")


def read_json(path: Path, way_out: str = "delete it and run the command again") -> Any:
    """The value in a JSON file.

    Args:
        path: of the file.
        way_out: how to mend a file that is not JSON. The default is for what the suite writes anew; a file that a
            person or another program wrote must not be deleted.

    Raises:
        MissingDataError: there is no such file.
        DamagedDataError: it is not JSON, or holds a number that float64 cannot.
    """
    try:
        # Editors on Windows put a mark before UTF-8.
        text = path.read_text(encoding="utf-8-sig")
        return json.loads(text, parse_constant=_refuse_number, parse_float=_finite, parse_int=_finite_int)
    except FileNotFoundError as error:
        raise MissingDataError(f"There is no file {path}.") from error
    except (ValueError, RecursionError) as error:
        raise DamagedDataError(f"{path} is not valid JSON ({error}): {way_out}.") from error


def _refuse_number(text: str) -> NoReturn:
    raise ValueError(f"{text:.40} is no number of JSON, or too large")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse_number(text)


def _finite_int(text: str) -> int:
    _finite(text)
    return int(text)


def remove_leftovers(folder: Path) -> None:
    """Delete temporary files that killed processes left in ``folder``, but not those that are being written."""
    if fcntl is None:
        return
    with suppress(OSError):  # A folder that cannot be read or written has nothing that could be removed.
        for path in [path for path in folder.iterdir() if _TEMPORARY.fullmatch(path.name)]:
            with suppress(OSError), path.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
