"""A job pool that is this process."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial

from ravens_suite.errors import WorkerError
from ravens_suite.execution.protocols import Job, JobPool, Outcome, ReportingWorker, Result, ignore_note


class SerialPool(JobPool):
    """Runs jobs one after the other in this process. Errors of any kind stay as they are."""

    def outcomes(
        self,
        make: Callable[[], ReportingWorker[Job, Result]],
        jobs: Sequence[Job],
        on_note: Callable[[Job, str], None] = ignore_note,
    ) -> Generator[Outcome[Job, Result], None, None]:
        """See ``JobPool``; the worker lives until the last outcome was taken."""
        worker: ReportingWorker[Job, Result] | None = None
        try:
            for index, job in enumerate(jobs):
                try:
                    worker = make() if worker is None else worker
                    outcome = Outcome(index, job, worker.run(job, partial(on_note, job)))
                except SystemExit as error:
                    outcome = Outcome(index, job, error=WorkerError(f"The job ended its process (sys.exit({error}))."))
                except Exception as error:
                    outcome = Outcome(index, job, error=error)
                yield outcome
        finally:
            if worker is not None:
                worker.close()

    def close(self) -> None:
        """There is no process to stop."""
