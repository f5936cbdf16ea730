"""Folders that one process at a time works in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ravens_suite.errors import ConflictError


@contextmanager
def locked(folder: Path, doing: str) -> Iterator[None]:
    """Keep other processes that ask for the same out of a folder, which is made; a killed process lets go.

    Args:
        folder: what to lock.
        doing: what the message says another process is doing, for example ``"collecting into"``.

    Raises:
        ConflictError: another process is at work here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # Not a POSIX system: there is no lock that a killed process gives back.
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError(f"Another process is {doing} {folder}: wait for it to end.") from error
        yield
    finally:
        os.close(handle)
