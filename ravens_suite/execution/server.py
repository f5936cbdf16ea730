"""What runs in a process of a pool: it takes messages with a job, and answers each with a result or a failure."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from typing import Any, Literal

from ravens_suite.errors import RavensError, WorkerError, named
from ravens_suite.execution.protocols import Outcome, ReportingWorker

Kind = Literal["ready", "note", "result", "failure"]
Answer = tuple[Kind, Any]
"""The process has started, a note with its text, a result, or a failure with its ``Failure``."""


@dataclass(frozen=True)
class Failure:
    """An error that can be sent to another process, whatever its class is and takes to be made.

    Attributes:
        pickled: the error, encoded; empty where it cannot be.
        message: its class and text.
        notes: what was added with ``add_note``, and the traceback of an unexpected error.
    """

    pickled: bytes
    message: str
    notes: tuple[str, ...] = ()

    @staticmethod
    def of(error: BaseException) -> Failure:
        """A ``RavensError`` stays what it is; any other becomes a ``WorkerError`` with the traceback as a note.

        What is no fault of the job but of the machine (``errors.named``) becomes one of ours, without a traceback.
        """
        ours = named(error)
        if ours is None:
            trace = "".join(traceback.format_exception(error))
            return Failure(b"", f"{type(error).__name__}: {_text(error)}".rstrip(": "), (trace,))
        text, notes = _text(ours), tuple(map(str, getattr(ours, "__notes__", ())))
        return Failure(_pickled(ours, text, notes), f"{type(ours).__name__}: {text}", notes)

    def error(self) -> RavensError:
        """The error again; a ``WorkerError`` with its message where its class is not known here."""
        try:
            error = decode(self.pickled) if self.pickled else None
        except Exception:
            error = None
        if isinstance(error, RavensError):
            return error
        told = WorkerError(f"A worker failed with {self.message}")
        for note in self.notes:
            told.add_note(note)
        return told


def _pickled(error: RavensError, text: str, notes: tuple[str, ...]) -> bytes:
    """An error as bytes: with its attributes, or, where these cannot be pickled, with message and notes alone."""
    plain = error.__class__.__new__(error.__class__, text)
    plain.args = (text,)
    for note in notes:
        plain.add_note(note)
    for candidate in (error, plain):
        try:
            data = encode(candidate)
            decode(data)
        except Exception:
            continue
        return data
    return b""


def _text(error: BaseException) -> str:
    """The text of an error; some classes fail at telling it."""
    try:
        return str(error)
    except Exception:
        return "(an error without a text)"


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


def read_answer(message: bytes) -> Answer:
    """The inverse of what ``Server.answer`` does; a result that cannot be decoded here is a failure, too."""
    try:
        answer: Answer = decode(message)
    except Exception as error:
        return "failure", Failure.of(error)
    return answer


def to_outcome(index: int, job: Any, answer: Answer) -> Outcome[Any, Any]:
    """What an answer says of a job."""
    kind, value = answer
    return Outcome(index, job, error=value.error()) if kind == "failure" else Outcome(index, job, value)


class Stopped(BaseException):  # Nothing has gone wrong, and no job shall catch it.
    """This process is to end now; raised wherever it is, so that what it holds is released."""


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
        except Stopped:
            raise
        except BaseException as error:  # A job that calls sys.exit has failed, too.
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
