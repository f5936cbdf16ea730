"""Units of work on a Ray cluster: the same units, the same files, on many machines that share a file system."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

from ravens_suite.errors import ConfigError, WorkerError
from ravens_suite.execution.engine import Result, Unit, Worker
from ravens_suite.execution.processes import TRIES, Server, thread_limits

try:
    import ray
except ImportError as error:
    raise ConfigError("--engine ray needs Ray: pip install 'ravens-suite[ray]'.") from error

_LOG = logging.getLogger(__name__)


class RayEngine:
    """Runs units in Ray actors of one CPU each.

    It joins the cluster that ``RAY_ADDRESS`` names, or the one this process is connected to, or starts one here.

    Args:
        workers: number of actors, over all machines.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._actors: list[Any] = []
        self._started_ray = not ray.is_initialized()
        if self._started_ray:
            ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.WARNING)

    def map(self, make: Callable[[], Worker[Unit, Result]], units: Sequence[Unit]) -> Iterator[Result]:
        """See ``Engine``. A unit whose actor or machine died is tried again elsewhere, up to three times."""
        waiting = deque(range(len(units)))
        running: dict[Any, tuple[Any, int]] = {}
        deaths = [0] * len(units)
        done: dict[int, Any] = {}
        complete = False
        try:
            for expected in range(len(units)):
                while expected not in done:
                    self._hand_out(make, units, waiting, running)
                    ready, _ = ray.wait(list(running))
                    for reference in ready:
                        actor, index = running.pop(reference)
                        try:
                            ok, value = ray.get(reference)
                        except ray.exceptions.RayActorError:
                            self._actors.remove(actor)
                            deaths[index] += 1
                            if deaths[index] >= TRIES:
                                raise WorkerError(f"{units[index]} killed its actor {TRIES} times.") from None
                            _LOG.warning("A Ray actor died at %s; it is run again.", units[index])
                            waiting.appendleft(index)
                            continue
                        if not ok:
                            raise value
                        done[index] = value
                yield done.pop(expected)
            complete = True
        finally:
            if not complete:
                self._kill_actors()

    def close(self) -> None:
        """Stop the actors, and Ray if it was started here."""
        self._kill_actors()
        if self._started_ray and ray.is_initialized():
            ray.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _hand_out(
        self, make: Callable[[], Any], units: Sequence[Any], waiting: deque[int], running: dict[Any, tuple[Any, int]]
    ) -> None:
        busy = {id(actor) for actor, _ in running.values()}
        while waiting and len(running) < self._workers:
            idle = next((actor for actor in self._actors if id(actor) not in busy), None)
            if idle is None:
                idle = self._start()
            busy.add(id(idle))
            index = waiting.popleft()
            running[idle.answer.remote(make, units[index])] = (idle, index)

    def _start(self) -> Any:
        # An actor is one of many on its machine, as far as anyone here knows: it draws in its own thread.
        variables = {**thread_limits(self._workers), "LP_NUM_THREADS": "0"}
        remote: Any = ray.remote(Server)
        actor = remote.options(num_cpus=1, runtime_env={"env_vars": variables}).remote()
        self._actors.append(actor)
        return actor

    def _kill_actors(self) -> None:
        if ray.is_initialized():
            for actor in self._actors:
                ray.kill(actor)
        self._actors.clear()
