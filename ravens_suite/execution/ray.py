"""A job pool on a Ray cluster: the same jobs and the same files, on several machines that share a file system."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ravens_suite.errors import WorkerError, missing_library
from ravens_suite.execution.cores import thread_limits
from ravens_suite.execution.protocols import Job, JobPool, Outcome, ReportingWorker, Result, ignore_note
from ravens_suite.execution.server import Server, encode, encode_job, read_answer, to_outcome

try:
    import ray
except ImportError as error:
    raise missing_library("ray") from error

_LOG = logging.getLogger(__name__)


@dataclass
class _Call:
    """The state of one call of ``outcomes``.

    Attributes:
        make: encoded.
        jobs: what to do.
        waiting: indices of jobs that no actor has.
        deaths: by job, how many actors died at it.
        running: by the reference of an answer, the actor and the index of its job.
    """

    make: bytes
    jobs: Sequence[Any]
    waiting: deque[int]
    deaths: list[int]
    running: dict[Any, tuple[Any, int]] = field(default_factory=dict)


_PREFIX = "RAVENS_SUITE_"
"""Of the environment variables that say where tasks and agents without a package are; see ``registry``."""


def _of_the_suite() -> dict[str, str]:
    """What an actor has to know of this process's environment: a cluster that ran before has its own."""
    return {name: value for name, value in os.environ.items() if name.startswith(_PREFIX)}


class _Server(Server):
    """Works in the folder of the process that started it, where its machine has that: names of files mean the same.

    Args:
        folder: to work in.
    """

    def __init__(self, folder: str) -> None:
        super().__init__()
        with suppress(OSError):
            os.chdir(folder)


class RayPool(JobPool):
    """Runs jobs in Ray actors.

    It joins the cluster that ``RAY_ADDRESS`` names, or the one this process is connected to, or starts one here.

    Args:
        workers: number of actors, over all machines.
        tries: number of actors that may die at one job before it counts as failed.
        cores: that an actor takes of its machine.

    Raises:
        WorkerError: Ray did not start, or the cluster that is named does not answer.
    """

    def __init__(self, workers: int, tries: int = 3, cores: int = 1) -> None:
        self._workers, self._tries, self._cores = workers, tries, cores
        self._actors: list[Any] = []
        self._started_ray = not ray.is_initialized()
        if self._started_ray:
            try:
                ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.WARNING)
            except Exception as error:  # A plain Exception, too (Ray 2.60.0): on a busy machine it starts too slowly.
                raise WorkerError(
                    f"Ray did not start, or no cluster answers at RAY_ADDRESS ({' '.join(str(error).split())}): "
                    "start one (ray start --head), or work without --engine ray."
                ) from error

    def outcomes(
        self,
        make: Callable[[], ReportingWorker[Job, Result]],
        jobs: Sequence[Job],
        on_note: Callable[[Job, str], None] = ignore_note,
    ) -> Generator[Outcome[Job, Result], None, None]:
        """See ``JobPool``; notes are not passed on."""
        call = _Call(encode(make), jobs, deque(range(len(jobs))), [0] * len(jobs))
        missing = len(jobs)
        try:
            while missing:
                self._hand_out(call)
                arrived = self._gather(call)
                missing -= len(arrived)
                # An actor that is done with its job gets the next one before the caller takes time for an outcome.
                self._hand_out(call)
                yield from arrived
        finally:
            if missing or call.running:
                self._kill_actors()

    def close(self) -> None:
        """Stop the actors, and Ray if it was started here."""
        self._kill_actors()
        if self._started_ray and ray.is_initialized():
            ray.shutdown()

    def _hand_out(self, call: _Call) -> None:
        busy = [actor for actor, _ in call.running.values()]
        idle = [actor for actor in self._actors if not any(actor is other for other in busy)]
        while call.waiting and len(call.running) < self._workers:
            actor = idle.pop() if idle else self._start()
            index = call.waiting.popleft()
            call.running[actor.answer.remote(encode_job(call.make, call.jobs[index]))] = (actor, index)

    def _gather(self, call: _Call) -> list[Outcome[Any, Any]]:
        """Wait for actors; the outcomes of those that are done."""
        arrived: list[Outcome[Any, Any]] = []
        for reference in ray.wait(list(call.running))[0]:
            actor, index = call.running.pop(reference)
            try:
                arrived.append(to_outcome(index, call.jobs[index], read_answer(ray.get(reference))))
            except ray.exceptions.RayActorError:
                self._actors.remove(actor)
                arrived += self._died(index, call)
        return arrived

    def _died(self, index: int, call: _Call) -> list[Outcome[Any, Any]]:
        """Put the job of a dead actor back; its outcome, if that was its last try."""
        job = call.jobs[index]
        call.deaths[index] += 1
        if call.deaths[index] < self._tries:
            _LOG.warning("A Ray actor died at %s; the job is run again.", job)
            call.waiting.appendleft(index)
            return []
        error = WorkerError(f"The Ray actor died {self._tries} times at {job}: its machine may be short of memory.")
        return [Outcome(index, job, error=error)]

    def _start(self) -> Any:
        # Nobody here knows how many actors are on its machine, so it draws in a single thread.
        variables = {**_of_the_suite(), **thread_limits(self._workers), "LP_NUM_THREADS": "0"}
        remote: Any = ray.remote(_Server)
        actor = remote.options(num_cpus=self._cores, runtime_env={"env_vars": variables}).remote(str(Path.cwd()))
        self._actors.append(actor)
        return actor

    def _kill_actors(self) -> None:
        if ray.is_initialized():
            for actor in self._actors:
                ray.kill(actor)
        self._actors.clear()
