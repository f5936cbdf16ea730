"""Files that are written whole or not at all."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ravens_suite.errors import DamagedDataError, MissingDataError

_TEMPORARY = ".tmp"


def write_bytes(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file so that a reader sees the old one or all of the new one; its folder is made.

    The bytes go to a temporary file in the same folder, which is flushed to disk and renamed.

    Args:
        path: of the file.
        parts: its content, in order.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}{_TEMPORARY}")
    try:
        with temporary.open("xb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write a JSON value atomically: sorted keys, two spaces, the same bytes for the same value.

    Raises:
        ValueError: the value holds a NaN or an infinity, which JSON cannot express.
    """
    text = json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    write_bytes(path, [text.encode(), b"\n"])


def read_json(path: Path) -> Any:
    """The value in a JSON file.

    Raises:
        MissingDataError: there is no such file.
        DamagedDataError: it is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingDataError(f"There is no file {path}.") from error
    except ValueError as error:
        raise DamagedDataError(f"{path} is not valid JSON ({error}): delete it and run the command again.") from error


def remove_leftovers(folder: Path) -> None:
    """Delete temporary files that a killed process left in ``folder``."""
    for path in folder.glob(f".*{_TEMPORARY}"):
        path.unlink(missing_ok=True)
