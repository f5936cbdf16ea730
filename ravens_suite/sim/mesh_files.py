"""Meshes as files for Bullet, which takes the parts of a compound, and several visual shapes of a body, only so.

A file is written afresh in a private folder, lives only while Bullet reads it, and is compared afterwards. So nothing
depends on files that somebody may delete or cut short later, and a process that ends leaves none behind.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from ravens_suite.errors import MeshError

_PREFIX = "ravens_suite_meshes_"
_PLAIN = re.compile(r"[A-Za-z0-9 _.,+=@~():/\\-]{1,200}")
"""Folders whose names Bullet 3.2.7 can take: ``createCollisionShapeArray`` and ``createVisualShapeArray`` read file
names as ASCII (``PyUnicode_AsASCIIString`` in ``pybullet.c``), and its search for files has buffers of fixed length."""

_FALLBACKS = ("/tmp", "/var/tmp", "/dev/shm")
_STALE_SECONDS = 600.0
"""Age after which a folder is taken to be left behind by a process that was killed: they live for milliseconds."""


@contextlib.contextmanager
def mesh_files(contents: Sequence[bytes]) -> Iterator[list[str]]:
    """OBJ files with these contents, as long as the context lasts.

    Yields:
        Absolute paths that Bullet can take, in the order of the contents.

    Raises:
        MeshError: they cannot be written anywhere, or were no longer whole when the context ended, so that Bullet may
            have read something else.
    """
    if not contents:
        yield []
        return
    reasons: list[str] = []
    for parent in _parents():
        if not _PLAIN.fullmatch(parent):
            reasons.append(f"{parent!r} has a name that Bullet cannot take")
            continue
        # Named before it is made, so that it is removed even if a signal ends this process in the midst of that.
        folder = Path(parent, f"{_PREFIX}{secrets.token_hex(8)}")
        paths = [folder / f"{index}.obj" for index in range(len(contents))]
        try:
            try:
                _sweep(parent)
                _write(folder, paths, contents)
            except (OSError, MeshError) as error:
                reasons.append(f"{parent}: {getattr(error, 'strerror', None) or error}")
                continue
            yield [str(path) for path in paths]
            _check(paths, contents)
            return
        finally:
            try:
                _remove(folder, paths)
            except BaseException:  # A signal, which is for whoever asked for the files: nothing is left behind first.
                _remove(folder, paths)
                raise
    raise MeshError(
        f"Bullet reads bodies of several parts from files, but none can be written ({'; '.join(reasons)}). Free some "
        "disk space, or let TMPDIR name a folder that can be written to, of ASCII letters, digits and -_./ only."
    )


def _write(folder: Path, paths: Sequence[Path], contents: Sequence[bytes]) -> None:
    """A new private folder with the files."""
    folder.mkdir(mode=0o700)
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    _check(paths, contents)


def _remove(folder: Path, paths: Sequence[Path]) -> None:
    """Remove the folder, if it is there. A signal makes ``shutil.rmtree`` raise another error in its place."""
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()
    with contextlib.suppress(OSError):
        folder.rmdir()


def _parents() -> list[str]:
    """Where files may be written, best first."""
    parents = []
    with contextlib.suppress(FileNotFoundError):  # No temporary folder can be written to.
        parents.append(str(Path(tempfile.gettempdir()).absolute()))
    return list(dict.fromkeys([*parents, *(folder for folder in _FALLBACKS if Path(folder).is_dir())]))


def _check(paths: Sequence[Path], contents: Sequence[bytes]) -> None:
    for path, content in zip(paths, contents, strict=True):
        try:
            whole = path.read_bytes() == content
        except OSError:
            whole = False
        if not whole:
            raise MeshError(
                f"{path} was deleted or changed while Bullet read it. Keep other programs from tidying up {path.parent}"
                " meanwhile, or let TMPDIR name another folder, and reset the environment."
            )


@lru_cache(maxsize=8)
def _sweep(parent: str) -> None:
    """Once in a process: delete what killed processes of this user have left."""
    for folder in Path(parent).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            status = folder.lstat()
            if time.time() - status.st_mtime > _STALE_SECONDS and status.st_uid == os.geteuid():
                shutil.rmtree(folder, ignore_errors=True)
