"""Where units of work run: in this process, or in several.

A unit is idempotent: what it writes depends on nothing but itself, is written whole or not at all, and a unit that was
done already is found done. So a unit whose process died is simply run again, on this engine or any other.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from ravens_suite.errors import ConfigError, UnknownNameError

_LOG = logging.getLogger(__name__)

Unit_contra = TypeVar("Unit_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)
Unit = TypeVar("Unit")
Result = TypeVar("Result")

ENGINES = ("processes", "ray")


class Worker(Protocol[Unit_contra, Result_co]):
    """Runs units one after the other in one process, and keeps between them what is dear to make."""

    def run(self, unit: Unit_contra) -> Result_co:
        """Do one unit of work."""

    def close(self) -> None:
        """Give back what it holds."""


class Engine(Protocol):
    """Runs units of work."""

    def map(self, make: Callable[[], Worker[Unit, Result]], units: Sequence[Unit]) -> Iterator[Result]:
        """Results in the order of the units, each as soon as it and those before it are there.

        Args:
            make: makes a worker; must be picklable, as units and results must.
            units: what to do.

        Raises:
            RavensError: what a unit raised; units under way are given up.
            WorkerError: a unit killed its process again and again, or failed in a way nobody foresaw.
        """

    def close(self) -> None:
        """Stop the processes; twice is fine."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class SerialEngine:
    """Runs units in this process."""

    def map(self, make: Callable[[], Worker[Unit, Result]], units: Sequence[Unit]) -> Iterator[Result]:
        """See ``Engine``."""
        if not units:
            return
        worker = make()
        try:
            for unit in units:
                yield worker.run(unit)
        finally:
            worker.close()

    def close(self) -> None:
        """Nothing to stop."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def available_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def make_engine(name: str = "processes", workers: int = 1) -> Engine:
    """An engine by name.

    Args:
        name: one of ``ENGINES``.
        workers: number of processes; with ``processes``, one means this process.

    Raises:
        UnknownNameError: there is no such engine.
        ConfigError: fewer than one worker, or the engine is not installed.
    """
    if workers < 1:
        raise ConfigError(f"--workers must be at least 1, not {workers}.")
    if name not in ENGINES:
        raise UnknownNameError("engine", name, ENGINES)
    if name == "ray":
        from ravens_suite.execution.ray_engine import RayEngine

        return RayEngine(workers)
    if workers == 1:
        return SerialEngine()
    from ravens_suite.execution.processes import ProcessEngine

    return ProcessEngine(workers)
