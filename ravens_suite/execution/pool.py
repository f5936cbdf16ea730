"""The job pool: makes one by name, and re-exports what its users need."""

from __future__ import annotations

import operator

from ravens_suite.errors import ConfigError, UnknownNameError
from ravens_suite.execution.cores import available_cores, thread_limits
from ravens_suite.execution.protocols import JobPool, Outcome, ReportingWorker, Worker

__all__ = [
    "ENGINES",
    "MOST_WORKERS",
    "JobPool",
    "Outcome",
    "ReportingWorker",
    "Worker",
    "available_cores",
    "make_pool",
    "thread_limits",
]

ENGINES = ("processes", "ray")
MOST_WORKERS = 4096
"""More processes than any machine or cluster has cores for one job; a mistyped number starts none."""


def make_pool(
    engine: str = "processes", workers: int = 1, *, tries: int = 3, nested: bool = False, cores: int = 1
) -> JobPool:
    """A job pool.

    Args:
        engine: ``"processes"`` of this machine, or actors of a ``"ray"`` cluster.
        workers: number of processes or actors. One process means this one, unless the jobs are nested.
        tries: number of processes that may die at one job before it counts as failed.
        nested: for long jobs that start processes of their own: each gets a process of its own, which ends with all of
            its processes when this one ends.
        cores: that a job takes of its machine, on Ray; for nested jobs, and for those with several threads.

    Raises:
        UnknownNameError: there is no such engine.
        ConfigError: fewer than one worker or try, too many workers, or no whole number of them.
        MissingLibraryError: Ray is not installed.
    """
    workers, tries = _whole("--workers", workers), _whole("tries", tries)
    if workers < 1:
        raise ConfigError(f"--workers must be at least 1, not {workers}.")
    if workers > MOST_WORKERS:
        raise ConfigError(f"--workers must be at most {MOST_WORKERS}, not {workers}.")
    if tries < 1:
        raise ConfigError(f"A job needs at least one try, not {tries}.")
    if engine not in ENGINES:
        raise UnknownNameError("engine", engine, ENGINES)
    if engine == "ray":
        from ravens_suite.execution.ray import RayPool

        return RayPool(workers, tries, cores)
    if workers == 1 and not nested:
        from ravens_suite.execution.serial import SerialPool

        return SerialPool()
    from ravens_suite.execution.processes import ProcessPool

    return ProcessPool(workers, tries, nested)


def _whole(option: str, value: int) -> int:
    """One of Python's or of NumPy's whole numbers; half of the cores of a machine may be none."""
    try:
        return operator.index(value)
    except TypeError:
        raise ConfigError(f"{option} must be a whole number, not {value!r}.") from None
