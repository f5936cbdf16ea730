"""What a command leaves, as something that can be compared, and what it should not have left."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ravens_suite.data.tables import read_rows

Left = Callable[[Path], Any]
"""What is left in a folder."""

_TIMES = ("seconds", "created", "command", "commit", "dirty", "machine", "when", "date", "train_seconds", "minutes")
"""Keys whose values differ from one run to the next."""


def bytes_of(*patterns: str) -> Left:
    """SHA-256 of the files that some patterns name."""

    def digest(folder: Path) -> Any:
        files = sorted(path for pattern in patterns for path in folder.glob(pattern) if path.is_file())
        return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    return digest


def outcomes(*patterns: str) -> Left:
    """The outcomes of evaluations, and the rows of all tables, without times."""

    def found(folder: Path) -> Any:
        files = sorted(path for pattern in patterns for path in folder.glob(pattern))
        values = {str(path.relative_to(folder)): _timeless(json.loads(path.read_text())) for path in files}
        tables = {path.name: [_timeless(dict(row)) for row in read_rows(path)] for path in folder.rglob("*.csv")}
        return json.loads(json.dumps([values, tables], default=str))

    return found


def names_of(*patterns: str) -> Left:
    """Names of the files that some patterns name and that hold something; for what bears times."""

    def names(folder: Path) -> Any:
        files = [path for pattern in patterns for path in folder.glob(pattern) if path.is_file()]
        return sorted(str(path.relative_to(folder)) for path in files if path.stat().st_size > 0)

    return names


def half_written(folder: Path) -> list[str]:
    """Temporary files, locks and unfinished folders that are left."""
    hidden = [path for path in folder.rglob(".*") if path.suffix in (".tmp", ".lock") or "unfinished" in path.name]
    return sorted(str(path.relative_to(folder)) for path in hidden)


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if key not in _TIMES}
    return [_timeless(item) for item in value] if isinstance(value, list) else value
