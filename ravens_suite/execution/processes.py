"""A job pool of several processes, which share the cores, survive each other's deaths, and end with their parent."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, NoReturn

from ravens_suite.errors import ConfigError, WorkerError
from ravens_suite.execution.cores import thread_limits
from ravens_suite.execution.protocols import Job, JobPool, Outcome, ReportingWorker, Result, ignore_note
from ravens_suite.execution.server import Server, Stopped, encode, encode_job, read_answer, to_outcome

_LOG = logging.getLogger(__name__)
_environment_lock = threading.Lock()
_AHEAD = 2
"""Most jobs that a process has: the one it does and the next, so that it need not wait for its parent."""
_SMALL = 2**15
"""Bytes of a job that may be sent while its process is busy: a pipe holds as many before anyone reads them."""
_NOTE_SECONDS = 1.0
_GRACE_SECONDS = 10.0
_ORPHAN_SECONDS = 10.0
"""Time that a process has to release what it holds once its parent has ended."""
_NAME = "ravens-suite worker"
"""What the processes of a pool are called."""
_UNGUARDED = 78
"""Exit status of a process that was made to run the main script again, which wanted processes of its own."""
_GUARD = (
    'put what your script does below the line `if __name__ == "__main__":`, since every worker process imports the '
    "script (or take one worker)"
)


@dataclass(eq=False)
class _Process:
    """A child process, our end of its pipe, and the indices of its jobs: it does the first of them.

    Attributes:
        ready: whether it has begun to take jobs; until then it imports the main script.
    """

    process: BaseProcess
    connection: Connection
    jobs: deque[int] = field(default_factory=deque)
    ready: bool = False

    def stop(self) -> None:
        """End it at once: it releases what it holds, such as temporary files, or is killed if that takes too long."""
        self.connection.close()
        self.process.terminate()
        self.process.join(_GRACE_SECONDS)
        self.process.kill()
        self.process.join()

    def finish(self) -> None:
        """Wait until it has ended by itself, for it has nothing left to do; end it should that take too long."""
        self.connection.close()
        self.process.join(_GRACE_SECONDS)
        self.stop()

    def cause_of_death(self) -> str:
        """How it died, and what to look for."""
        code = self.process.exitcode or 0
        if code == -signal.SIGKILL:
            return "signal 9: the machine may be short of memory"
        return f"signal {-code}" if code < 0 else f"exit status {code}: see what it wrote above"


@dataclass
class _Call:
    """The state of one call of ``outcomes``.

    Attributes:
        make: encoded.
        jobs: what to do.
        on_note: see ``outcomes``.
        waiting: indices of jobs that no process has.
        deaths: by job, how many processes died at it.
    """

    make: bytes
    jobs: Sequence[Any]
    on_note: Callable[[Any, str], None]
    waiting: deque[int]
    deaths: list[int]


class ProcessPool(JobPool):
    """Runs jobs in spawned processes.

    Args:
        workers: number of processes; they start when they are first needed.
        tries: number of processes that may die at one job before it counts as failed.
        nested: for long jobs that start processes of their own. Each job gets a new process, without limits on its
            threads.
    """

    def __init__(self, workers: int, tries: int = 3, nested: bool = False) -> None:
        _refuse_unguarded_script()
        self._workers, self._tries, self._nested = workers, tries, nested
        self._processes: list[_Process] = []

    def outcomes(
        self,
        make: Callable[[], ReportingWorker[Job, Result]],
        jobs: Sequence[Job],
        on_note: Callable[[Job, str], None] = ignore_note,
    ) -> Generator[Outcome[Job, Result], None, None]:
        """See ``JobPool``. Of each job at most one note a second is passed on."""
        if any(process.jobs for process in self._processes):
            raise ConfigError(
                "This pool is busy with other jobs: take all of their results first, or make a second pool."
            )
        call = _Call(encode(make), jobs, on_note, deque(range(len(jobs))), [0] * len(jobs))
        missing = len(jobs)
        try:
            while missing:
                self._hand_out(call)
                arrived = self._gather(call)
                missing -= len(arrived)
                # A process that is done with its jobs gets the next one before the caller takes time for an outcome.
                self._hand_out(call)
                yield from arrived
        finally:
            if missing or any(process.jobs for process in self._processes):
                self.close()

    def close(self) -> None:
        """Stop the processes at once: what they write is written whole or not at all."""
        for process in self._processes:
            process.stop()
        self._processes.clear()

    def _hand_out(self, call: _Call) -> None:
        """Start the processes that are missing, and give each its jobs."""
        idle = sum(not process.jobs for process in self._processes)
        for _ in range(min(self._workers - len(self._processes), len(call.waiting) - idle)):
            self._processes.append(self._start())
        for had in range(1 if self._nested else _AHEAD):
            for process in self._processes:
                # No process has a second job while there may be too few for all.
                if len(process.jobs) == had and len(call.waiting) > (len(self._processes) if had else 0):
                    self._send(process, call)

    def _send(self, process: _Process, call: _Call) -> None:
        """Send a process the next job, unless it is busy and the job is large: then both might wait for the other."""
        data = encode_job(call.make, call.jobs[call.waiting[0]])
        if process.jobs and len(data) > _SMALL:
            return
        process.jobs.append(call.waiting.popleft())
        try:
            process.connection.send_bytes(data)
        except (BrokenPipeError, ConnectionResetError):
            _LOG.debug("A process died before it was sent a job.")

    def _gather(self, call: _Call) -> list[Outcome[Any, Any]]:
        """Wait for messages from processes; the outcomes among them."""
        busy = {process.connection: process for process in self._processes if process.jobs}
        if not busy:
            raise WorkerError("Jobs are missing that no process has. Please report this bug.")
        arrived: list[Outcome[Any, Any]] = []
        for connection in wait(list(busy)):
            process = busy[connection]  # type: ignore[index]
            index = process.jobs[0]
            try:
                answer = read_answer(process.connection.recv_bytes())
            except (EOFError, OSError):  # The latter in the middle of a message.
                arrived += self._died(process, call)
                continue
            if answer[0] == "ready":
                process.ready = True
                continue
            if answer[0] == "note":
                call.on_note(call.jobs[index], answer[1])
                continue
            process.jobs.popleft()
            arrived.append(to_outcome(index, call.jobs[index], answer))
            if self._nested:
                self._processes.remove(process)
                process.finish()
        return arrived

    def _died(self, process: _Process, call: _Call) -> list[Outcome[Any, Any]]:
        """Put the jobs of a dead process back; the outcome of the one it died at, if that was its last try."""
        process.finish()
        self._processes.remove(process)
        _check_start(process)
        index = process.jobs.popleft()
        call.waiting.extendleft(reversed(process.jobs))
        job, how = call.jobs[index], process.cause_of_death()
        call.deaths[index] += 1
        if call.deaths[index] < self._tries:
            _LOG.warning("A worker process died at %s (%s); the job is run again.", job, how)
            call.waiting.appendleft(index)
            return []
        times = f" {self._tries} times" if self._tries > 1 else ""
        error = WorkerError(f"The worker process died{times} at {job} ({how}).")
        return [Outcome(index, job, error=error)]

    def _start(self) -> _Process:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        # A daemon may not have processes of its own.
        child = context.Process(target=_serve, args=(theirs,), daemon=not self._nested, name=_NAME)
        with _environment({} if self._nested else thread_limits(self._workers)):
            child.start()
        theirs.close()
        return _Process(child, ours)


def _refuse_unguarded_script() -> None:
    """End a worker process that imports the main script, when that makes a pool again.

    Without a main guard, the script would start processes that start processes; Python then raises a RuntimeError in
    each of them, whose traceback would hide the cause.
    """
    process = multiprocessing.current_process()
    # Python's own check for this (multiprocessing/spawn.py, 3.11 to 3.13).
    if process.name == _NAME and getattr(process, "_inheriting", False):
        sys.exit(_UNGUARDED)


def _check_start(process: _Process) -> None:
    """Refuse to go on when a process ended by itself before it took jobs, for every other would, too.

    Raises:
        ConfigError: the main script lacks its guard.
        WorkerError: something else is wrong with it.
    """
    code = process.process.exitcode or 0
    if process.ready or code < 0:
        return
    if code == _UNGUARDED:
        raise ConfigError(f"The main script has no guard: {_GUARD}.") from None
    raise WorkerError(
        f"A worker process could not start (exit status {code}: see what it wrote above). If this is a script of "
        f"yours: {_GUARD}."
    ) from None


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


def _serve(connection: Connection) -> None:
    """The child process: jobs in, answers out, until the parent closes the pipe or ends."""
    try:
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # The parent handles Ctrl-C.
            signal.signal(signal.SIGTERM, _stop)
            sys.unraisablehook = _say_unraisable
            _answer_jobs(connection)
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # It ends by itself now.
    except Stopped:
        pass


def _answer_jobs(connection: Connection) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    server = Server()
    try:
        connection.send_bytes(encode(("ready", None)))
        while True:
            connection.send_bytes(server.answer(connection.recv_bytes(), _NoteSender(connection)))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass
    finally:
        server.close()


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stopped


def _say_unraisable(told: sys.UnraisableHookArgs) -> None:
    """Being ended within a finaliser, which cannot raise, is nothing to tell: the closed pipe ends the process then."""
    if not isinstance(told.exc_value, Stopped):
        sys.__unraisablehook__(told)


class _NoteSender:
    """Sends the notes of one job, but none within a second of the last."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._last = float("-inf")

    def __call__(self, note: str) -> None:
        if time.monotonic() - self._last > _NOTE_SECONDS:
            self._last = time.monotonic()
            self._connection.send_bytes(encode(("note", note)))


def _end_with_parent() -> None:
    """End this process as soon as its parent has ended, even if that was killed; processes of its own then end too."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_ORPHAN_SECONDS)
        os._exit(1)
