"""Temporary: the interface of the job pool on top of the old engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ravens_suite.execution.engine import available_cores, make_engine
from ravens_suite.execution.isolation import run_here, run_isolated

__all__ = ["JobPool", "available_cores", "make_pool"]


class _Outcome:
    def __init__(self, outcome: Any) -> None:
        self.job, self.result, self.failure = outcome.item, outcome.result, outcome.failure


class JobPool:
    def __init__(self, engine: Any, workers: int, nested: bool) -> None:
        self._engine, self._workers, self._nested = engine, workers, nested

    def map(self, make: Callable[[], Any], jobs: Sequence[Any]) -> Iterator[Any]:
        return self._engine.map(make, jobs)

    def outcomes(self, make: Any, jobs: Sequence[Any], on_note: Any = lambda job, note: None) -> Iterator[Any]:
        run = run_isolated if self._nested else run_here
        return (_Outcome(o) for o in run(_Work(make), jobs, self._workers, on_note))

    def close(self) -> None:
        self._engine.close()

    def __enter__(self) -> JobPool:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


class _Work:
    def __init__(self, make: Any) -> None:
        self._make = make

    def __call__(self, job: Any, note: Any) -> Any:
        return self._make().run(job, note)


def make_pool(engine: str = "processes", workers: int = 1, *, tries: int = 3, nested: bool = False) -> JobPool:
    return JobPool(make_engine(engine, workers), workers, nested)
