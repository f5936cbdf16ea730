"""Locks on folders, so that one process at a time writes there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ravens_suite.errors import ConflictError


@contextmanager
def locked(folder: Path, doing: str) -> Iterator[None]:
    """Lock a folder, which is made. The lock ends with the context, and with the process, even if that is killed.

    Args:
        folder: what to lock.
        doing: what the process does there, for the message to others; for example ``"collecting into"``.

    Raises:
        ConflictError: another process holds the lock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # Not a POSIX system, so no lock that ends with its process.
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
