"""Long jobs, each in a process of its own: one that dies or fails is reported, and the others go on."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Generic, TypeVar

from ravens_suite.errors import RavensError

_LOG = logging.getLogger(__name__)
_TELL_SECONDS = 1.0

Item = TypeVar("Item")
Result = TypeVar("Result")
Tell = Callable[[str], None]
"""Told of how far a job is, in a few words."""
Work = Callable[[Item, Tell], Result]
"""A job. Like its item and its result it must be picklable; it writes whole files or none."""


@dataclass(frozen=True)
class Outcome(Generic[Item, Result]):
    """What came of a job.

    Attributes:
        item: what it was about.
        result: ``None`` when it failed.
        failure: one line; empty when it did not.
    """

    item: Item
    result: Result | None = None
    failure: str = ""


def run_here(
    work: Work[Item, Result], items: Sequence[Item], workers: int, tell: Callable[[Item, str], None]
) -> Iterator[Outcome[Item, Result]]:
    """Jobs one after the other in this process; for tests, and the same interface as ``run_isolated``."""
    for item in items:
        try:
            result = work(item, lambda note, item=item: tell(item, note))  # type: ignore[misc]
        except Exception as error:
            yield Outcome(item, failure=_one_line(error))
        else:
            yield Outcome(item, result)


def run_isolated(
    work: Work[Item, Result], items: Sequence[Item], workers: int, tell: Callable[[Item, str], None]
) -> Iterator[Outcome[Item, Result]]:
    """Jobs in spawned processes, several at once; outcomes as they come.

    When this process ends, however it does, the others end at once.

    Args:
        work: does one job.
        items: what the jobs are about.
        workers: how many processes at once.
        tell: told of how far each job is.
    """
    waiting = deque(items)
    running: dict[Connection, tuple[BaseProcess, Item]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                item = waiting.popleft()
                process, connection = _start(work, item)
                running[connection] = (process, item)
            for ready in wait(list(running)):
                connection = ready  # type: ignore[assignment]
                process, item = running[connection]
                try:
                    kind, value = connection.recv()
                except (EOFError, ConnectionResetError):
                    process.join()
                    kind, value = "failed", f"its process died ({_exit(process.exitcode)})"
                if kind == "note":
                    tell(item, value)
                    continue
                del running[connection]
                process.join()
                connection.close()
                yield Outcome(item, value) if kind == "done" else Outcome(item, failure=value)
    finally:
        for connection, (process, _) in running.items():
            process.terminate()
            process.join()
            connection.close()


def _start(work: Work[Item, Result], item: Item) -> tuple[BaseProcess, Connection]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    # Not a daemon: a job may have worker processes of its own.
    process = context.Process(target=_child, args=(theirs, work, item), daemon=False)
    process.start()
    theirs.close()
    return process, ours


def _child(connection: Connection, work: Work[Item, Result], item: Item) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle.
    threading.Thread(target=_end_with_parent, args=(connection,), daemon=True).start()
    last = 0.0

    def tell(note: str) -> None:
        nonlocal last
        if time.monotonic() - last > _TELL_SECONDS:
            last = time.monotonic()
            connection.send(("note", note))

    try:
        connection.send(("done", work(item, tell)))
    except Exception as error:
        if not isinstance(error, RavensError):
            _LOG.exception("A job failed in a way nobody foresaw.")
        connection.send(("failed", _one_line(error)))


def _end_with_parent(connection: Connection) -> None:
    """The parent never sends anything: what can be read is that it is gone, or that it has closed the pipe."""
    try:
        connection.recv()
    except (EOFError, OSError):
        os._exit(1)


def _exit(code: int | None) -> str:
    return f"signal {-code}; is memory short?" if code is not None and code < 0 else f"exit status {code}"


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, RavensError) else f"{type(error).__name__}: {text}"
