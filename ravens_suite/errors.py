"""Every error this package raises on purpose, each with a message that says how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class RavensError(Exception):
    """Base of all errors raised on purpose; the command line prints it as one line."""


class InvalidActionError(RavensError, ValueError):
    """An action has a wrong shape, a value that is not finite, or a zero quaternion."""


class PlacementError(RavensError, RuntimeError):
    """A scene could not be placed within its bounded retries."""


class OracleGaveUpError(RavensError, RuntimeError):
    """The scripted oracle has nothing left that it can do in this scene."""


class MeshError(RavensError, ValueError):
    """A shape cannot be simulated or drawn: its mesh file is missing or damaged, its size is none, or there is no room.

    The last means the files through which the simulator takes bodies of several parts.
    """


class RendererError(RavensError, RuntimeError):
    """The renderer asked for cannot run on this machine."""


class MissingDataError(RavensError, FileNotFoundError):
    """There is no data set, episode, run or checkpoint where one was looked for."""


class DamagedDataError(RavensError, ValueError):
    """A file does not match its checksum or its format."""


class ConflictError(RavensError, ValueError):
    """Data or a run on disk was made with settings that contradict those asked for now."""


class ConfigError(RavensError, ValueError):
    """A setting has a value that cannot work."""


class DivergedError(RavensError, ArithmeticError):
    """The training loss became infinite or not a number; checkpoints saved before are kept."""


class WorkerError(RavensError, RuntimeError):
    """A worker process died or failed; finished work is kept."""


class UnknownNameError(RavensError, LookupError):
    """A task, agent or option name is not registered.

    Args:
        kind: what the name should be, for example ``"task"``.
        name: the name that was asked for.
        known: the names that exist; the nearest one is suggested.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(names) or 'none'}."
        super().__init__(f"There is no {kind} named {name!r}. {hint}")
