"""What runs in a process of a pool: it takes messages with a job, and answers each with a result or a failure."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from typing import Any, Literal

from ravens_suite.errors import RavensError, WorkerError
from ravens_suite.execution.protocols import Outcome, ReportingWorker

Kind = Literal["note", "result", "failure"]
Answer = tuple[Kind, Any]
"""A note with its text, a result, or a failure with its ``Failure``."""


@dataclass(frozen=True)
class Failure:
    """An error that can be sent to another process, whatever its class takes to be made.

    Attributes:
        kind: class of the error.
        message: its text.
        notes: what was added with ``add_note``.
    """

    kind: type[RavensError]
    message: str
    notes: tuple[str, ...] = ()

    @staticmethod
    def of(error: Exception) -> Failure:
        """A ``RavensError`` keeps its class; any other becomes a ``WorkerError`` with the traceback as a note."""
        if isinstance(error, RavensError):
            return Failure(type(error), str(error), tuple(getattr(error, "__notes__", ())))
        trace = "".join(traceback.format_exception(error))
        return Failure(WorkerError, f"A worker failed with {type(error).__name__}: {error}", (trace,))

    def error(self) -> RavensError:
        """The error again. Its constructor is not called: it may take something else than the message."""
        error = self.kind.__new__(self.kind, self.message)
        error.args = (self.message,)
        for note in self.notes:
            error.add_note(note)
        return error


def encode(value: Any) -> bytes:
    """Something as bytes for another process.

    Raises:
        Exception: it cannot be pickled.
    """
    return bytes(ForkingPickler.dumps(value))


def decode(data: bytes) -> Any:
    """The inverse of ``encode``."""
    return ForkingPickler.loads(data)


def encode_job(make: bytes, job: Any) -> bytes:
    """What a server is sent: a job, and how to make the worker that does it.

    Args:
        make: the encoded function that makes a worker; equal bytes keep the worker of the last job.
        job: what to do.
    """
    return encode((make, job))


def to_outcome(index: int, job: Any, answer: Answer) -> Outcome[Any, Any]:
    """What an answer says of a job."""
    kind, value = answer
    return Outcome(index, job, error=value.error()) if kind == "failure" else Outcome(index, job, value)


class Server:
    """Does the jobs of messages, and keeps its worker from one job to the next."""

    def __init__(self) -> None:
        self._made_by = b""
        self._worker: ReportingWorker[Any, Any] | None = None

    def answer(self, message: bytes, on_note: Callable[[str], None] = lambda note: None) -> bytes:
        """Do the job of a message; an encoded ``Answer``."""
        try:
            make, job = decode(message)
            return encode(("result", self._worker_of(make).run(job, on_note)))
        except Exception as error:
            return encode(("failure", Failure.of(error)))

    def close(self) -> None:
        """Close the worker."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def _worker_of(self, make: bytes) -> ReportingWorker[Any, Any]:
        if self._worker is None or make != self._made_by:
            self.close()
            self._worker = decode(make)()
            self._made_by = make
        return self._worker
