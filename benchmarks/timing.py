"""How the benchmarks time one thing."""

from __future__ import annotations

import time
from collections.abc import Callable


def best_milliseconds(action: Callable[[], object], repetitions: int) -> float:
    """Least CPU time of several runs, after one that is not counted."""
    action()
    times = []
    for _ in range(repetitions):
        start = time.process_time_ns()
        action()
        times.append(time.process_time_ns() - start)
    return min(times) / 1e6
