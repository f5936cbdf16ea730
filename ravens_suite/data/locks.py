"""Locks, so that one process at a time writes to a folder or to a file.

The lock is ``flock`` on a small file beside what is locked. The system gives it up when the process ends, however that
happens; the file that is then left behind is taken over, and removed, by the next process that locks the same.

The lock also holds between machines that share a file system: on NFS, Linux turns ``flock`` into a lock of the server
(since 2.6.12, see ``man 2 flock``), for which the file must be open for writing, which a folder cannot be. Where a file
system knows no locks at all, as some of clusters and of FUSE, a warning says so and nothing is locked.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ravens_suite.data.atomic import check_is_no_folder, remove_leftovers
from ravens_suite.errors import ConflictError

try:
    import fcntl
except ImportError:  # Not a POSIX system, so no lock that ends with its process.
    fcntl = None  # type: ignore[assignment]

_LOG = logging.getLogger(__name__)
_LOCK = ".lock"
_NAME_LENGTH = 100
"""Characters of a file's name in that of its lock."""
_HELD = (errno.EAGAIN, errno.EACCES)
_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF)


@contextmanager
def locked(folder: Path, doing: str, *, wait: bool = False) -> Iterator[None]:
    """Lock a folder, which is made, and delete what killed processes left half written in it.

    The lock ends with the context, and with the process, even if that is killed. Folders that were made for it and hold
    nothing at its end are removed.

    Args:
        folder: what to lock.
        doing: what the process does there, for the message to others; for example ``"collecting into"``.
        wait: for another process to end.

    Raises:
        ConflictError: another process holds the lock, and it is not waited for.
        OSError: the folder cannot be made.
    """
    with _made(folder), _held(folder / _LOCK, f"{doing} {folder}", wait=wait):
        remove_leftovers(folder)
        yield


@contextmanager
def locked_file(path: Path, doing: str, *, wait: bool = False) -> Iterator[None]:
    """Lock a file that is replaced as a whole, so that others in its folder can be written meanwhile.

    Args:
        path: of the file, which need not be there; its folder is made, as by ``locked``.
        doing: as of ``locked``.
        wait: for another process to end.

    Raises:
        ConflictError: another process holds the lock, and it is not waited for.
        OSError: the folder cannot be made, or ``path`` is a folder itself.
    """
    check_is_no_folder(path)
    lock = path.with_name(f".{path.name[:_NAME_LENGTH]}{_LOCK}")
    with _made(path.parent), _held(lock, f"{doing} {path}", wait=wait):
        remove_leftovers(path.parent)
        yield


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """A folder; of it and of those around it, what had to be made and is still empty at the end goes again."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        with suppress(OSError):  # The first that is not empty.
            for each in missing:
                each.rmdir()


@contextmanager
def _held(path: Path, doing: str, *, wait: bool = False) -> Iterator[None]:
    handle = _take(path, doing, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB) if fcntl is not None else None
    try:
        yield
    finally:
        if handle is not None:
            # Removed while it is locked: who opened it meanwhile sees that it has no name any more, and makes another.
            with suppress(OSError):
                path.unlink()
            os.close(handle)


def _take(path: Path, doing: str, how: int) -> int | None:
    """The open and locked file; ``None`` where nothing can be locked."""
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            if path.is_symlink():
                raise
            path.parent.mkdir(parents=True, exist_ok=True)  # Another process made it, left it empty and removed it.
            continue
        except OSError as error:
            if error.errno not in _READ_ONLY or not path.parent.is_dir():
                raise
            if not path.exists():
                return None  # A folder that cannot be written to: what needs to be written fails by itself.
            handle = os.open(path, os.O_RDONLY)  # The lock of another user.
        try:
            fcntl.flock(handle, how)
            if _is_at(handle, path):
                return handle
            os.close(handle)
        except OSError as error:
            os.close(handle)
            if error.errno in _HELD:
                raise ConflictError(f"Another process is {doing}: wait for it to end.") from None
            if error.errno not in _NO_LOCKS:
                raise
            _LOG.warning("%s cannot be locked (%s): let no two processes write there at once.", path.parent, error)
            return None


def _is_at(handle: int, path: Path) -> bool:
    """Whether an open file is still the one of this name."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
