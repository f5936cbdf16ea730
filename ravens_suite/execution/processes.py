"""Worker processes that do not fight for cores, survive each other's deaths and never outlive their parent."""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any, Self

from ravens_suite.errors import RavensError, WorkerError
from ravens_suite.execution.engine import Result, Unit, Worker, available_cores

_LOG = logging.getLogger(__name__)
_environment_lock = threading.Lock()
TRIES = 3
"""Deaths of a process at one unit after which it is given up."""
_AHEAD = 2
"""Units that a process has at most: the one it is at and the next, so that it does not wait for its parent."""
_SMALL = 2**15
"""Bytes of a unit that may be sent ahead: a pipe takes as many whether or not the other end reads."""
_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)


@dataclass(eq=False)
class _Process:
    """A child, our end of its pipe, and the units it has: the first is the one it is at."""

    process: BaseProcess
    connection: Connection
    units: deque[int] = field(default_factory=deque)

    def stop(self) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.join()


class ProcessEngine:
    """Runs units in spawned processes, each with one thread for numerical libraries.

    Args:
        workers: number of processes; they start when they are first needed.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._processes: list[_Process] = []

    def map(self, make: Callable[[], Worker[Unit, Result]], units: Sequence[Unit]) -> Iterator[Result]:
        """See ``Engine``. A unit whose process died is tried again, up to three times."""
        waiting = deque(range(len(units)))
        deaths = [0] * len(units)
        done: dict[int, Any] = {}
        complete = False
        try:
            for expected in range(len(units)):
                while expected not in done:
                    self._hand_out(make, units, waiting)
                    self._gather(units, waiting, deaths, done)
                # Whoever came back has the next unit before the caller takes its time with this result.
                self._hand_out(make, units, waiting)
                yield done.pop(expected)
            complete = True
        finally:
            if not complete:
                self.close()

    def close(self) -> None:
        """Stop the processes at once: units write whole files or none."""
        for process in self._processes:
            process.stop()
        self._processes.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _hand_out(self, make: Callable[[], Any], units: Sequence[Any], waiting: deque[int]) -> None:
        while len(self._processes) < min(self._workers, len(waiting)):
            self._processes.append(self._start())
        for had in range(_AHEAD):
            for process in self._processes:
                # Nobody has units ahead of others while too few are left for all.
                if len(process.units) != had or len(waiting) <= (len(self._processes) if had else 0):
                    continue
                message = ForkingPickler.dumps((make, units[waiting[0]]))
                if had and len(message) > _SMALL:
                    continue
                process.units.append(waiting.popleft())
                try:
                    process.connection.send_bytes(message)
                except (BrokenPipeError, ConnectionResetError):
                    _LOG.debug("A process died before it was handed a unit.")

    def _gather(self, units: Sequence[Any], waiting: deque[int], deaths: list[int], done: dict[int, Any]) -> None:
        """Wait for a process, and take its result or bury it."""
        busy = {process.connection: process for process in self._processes if process.units}
        if not busy:
            raise WorkerError("No process has the unit that is waited for. Please report this bug.")
        for connection in wait(list(busy)):
            process = busy[connection]  # type: ignore[index]
            index = process.units[0]
            try:
                ok, value = process.connection.recv()
            except (EOFError, OSError):  # The latter in the middle of a message.
                self._bury(process)
                deaths[index] += 1
                if deaths[index] >= TRIES:
                    raise WorkerError(f"{units[index]} killed its process {TRIES} times: is memory short?") from None
                _LOG.warning("A worker process died at %s; it is run again.", units[index])
                waiting.extendleft(reversed(process.units))
                continue
            process.units.popleft()
            if not ok:
                raise value
            done[index] = value

    def _bury(self, process: _Process) -> None:
        process.stop()
        self._processes.remove(process)

    def _start(self) -> _Process:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        child = context.Process(target=_serve, args=(theirs,), daemon=True)
        with _environment(thread_limits(self._workers)):
            child.start()
        theirs.close()
        return _Process(child, ours)


def thread_limits(workers: int) -> dict[str, str]:
    """Environment variables that leave each of several processes on one machine its share of the cores.

    Args:
        workers: processes on this machine.
    """
    share = available_cores() // workers
    # Mesa's threads rasterise beside the one that draws; without any, it does so itself, and a fork loses none.
    return {**dict.fromkeys(_ONE_THREAD, "1"), "LP_NUM_THREADS": str(share if share > 1 else 0)}


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Processes started within have these environment variables; one thread at a time."""
    with _environment_lock:
        before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


class Server:
    """Answers units in a process of its own; keeps its worker from one unit to the next."""

    def __init__(self) -> None:
        self._made_by: bytes | None = None
        self._worker: Worker[Any, Any] | None = None

    def answer(self, make: Callable[[], Worker[Any, Any]], unit: Any) -> tuple[bool, Any]:
        """(True, result), or (False, error)."""
        try:
            wanted = pickle.dumps(make)
            if self._worker is None or wanted != self._made_by:
                self.close()
                self._made_by, self._worker = wanted, make()
            return True, self._worker.run(unit)
        except Exception as error:
            return False, _portable(error)

    def close(self) -> None:
        """Close the worker."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None


def _serve(connection: Connection) -> None:
    """The child: units in, answers out, until the other end of the pipe is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle.
    server = Server()
    try:
        while True:
            make, unit = connection.recv()
            connection.send(server.answer(make, unit))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass
    finally:
        server.close()


def _portable(error: Exception) -> Exception:
    """An error that survives the pipe: our own keep class and message, others become a note with their traceback."""
    if isinstance(error, RavensError):
        try:
            return type(error)(str(error))
        except TypeError:
            return WorkerError(str(error))
    failure = WorkerError(f"A worker failed with {type(error).__name__}: {error}")
    failure.add_note("".join(traceback.format_exception(error)))
    return failure
