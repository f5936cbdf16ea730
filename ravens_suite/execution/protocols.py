"""The parts of a job pool: a worker does jobs, a pool runs workers, an outcome says what came of one job.

A job is idempotent: its result depends on nothing but the job, the files it writes are written whole or not at all, and
a job that was done before is found done. So a job whose process died is simply run again, in this pool or in another.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar, cast

from ravens_suite.errors import RavensError

Job = TypeVar("Job")
Result = TypeVar("Result")
_Job_contra = TypeVar("_Job_contra", contravariant=True)
_Result_co = TypeVar("_Result_co", covariant=True)


class Worker(Protocol[_Job_contra, _Result_co]):
    """Does jobs one after the other in one process, and keeps between them what is expensive to make."""

    def run(self, job: _Job_contra, /) -> _Result_co:
        """Do one job."""

    def close(self) -> None:
        """Release what it holds."""


class ReportingWorker(Protocol[_Job_contra, _Result_co]):
    """A worker that says how far its job is."""

    def run(self, job: _Job_contra, on_note: Callable[[str], None], /) -> _Result_co:
        """Do one job.

        Args:
            job: what to do.
            on_note: called with a few words on how far the job is, as often as the worker likes.
        """

    def close(self) -> None:
        """Release what it holds."""


@dataclass(frozen=True)
class Outcome(Generic[Job, Result]):
    """What came of a job.

    Attributes:
        index: place of the job in the sequence of jobs.
        job: what was to be done.
        result: what the worker returned; ``None`` when the job failed.
        error: why the job failed; ``None`` when it did not.
    """

    index: int
    job: Job
    result: Result | None = None
    error: Exception | None = None

    @property
    def failure(self) -> str:
        """Why the job failed, in one line; empty when it did not."""
        if self.error is None:
            return ""
        text = " ".join(str(self.error).split())
        return text if text and isinstance(self.error, RavensError) else f"{type(self.error).__name__}: {text}"

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes of the error, such as the traceback of an unexpected one in another process."""
        return tuple(getattr(self.error, "__notes__", ()))

    def unwrap(self) -> Result:
        """The result.

        Raises:
            Exception: the job failed with it.
        """
        if self.error is not None:
            raise self.error
        return cast("Result", self.result)


def ignore_note(job: Any, note: str) -> None:
    """Where notes go that nobody asked for."""


class JobPool(ABC):
    """Runs jobs, one call of ``outcomes`` or ``map`` at a time."""

    @abstractmethod
    def outcomes(
        self,
        make: Callable[[], ReportingWorker[Job, Result]],
        jobs: Sequence[Job],
        on_note: Callable[[Job, str], None] = ignore_note,
    ) -> Generator[Outcome[Job, Result], None, None]:
        """One outcome a job, in the order in which they are done; a job that fails does not stop the others.

        Args:
            make: makes a worker. Like jobs and results it must be picklable, unless the pool is this process.
            jobs: what to do.
            on_note: called with a job and a note of its worker.
        """

    def map(self, make: Callable[[], Worker[Job, Result]], jobs: Sequence[Job]) -> Generator[Result, None, None]:
        """Results in the order of the jobs, each as soon as it and those before it are there.

        Args:
            make: makes a worker. Like jobs and results it must be picklable, unless the pool is this process.
            jobs: what to do.

        Raises:
            RavensError: raised by a job; jobs that are under way are given up.
            WorkerError: a job's process died too often, or the job failed with an error of another kind, whose
                traceback is a note of this one. A pool that is this process raises that error itself.
        """
        results: dict[int, Result] = {}
        following = 0
        with closing(self.outcomes(_MakeSilent(make), jobs)) as outcomes:
            for outcome in outcomes:
                results[outcome.index] = outcome.unwrap()
                while following in results:
                    yield results.pop(following)
                    following += 1

    @abstractmethod
    def close(self) -> None:
        """Stop the processes at once; may be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


@dataclass(frozen=True)
class _MakeSilent(Generic[Job, Result]):
    """Makes workers that report nothing."""

    make: Callable[[], Worker[Job, Result]]

    def __call__(self) -> _SilentWorker[Job, Result]:
        return _SilentWorker(self.make())


@dataclass(frozen=True)
class _SilentWorker(Generic[Job, Result]):
    """A ``Worker`` as a ``ReportingWorker``."""

    worker: Worker[Job, Result]

    def run(self, job: Job, on_note: Callable[[str], None], /) -> Result:
        return self.worker.run(job)

    def close(self) -> None:
        self.worker.close()
