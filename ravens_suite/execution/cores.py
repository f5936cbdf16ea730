"""The cores of this machine, and how several processes share them."""

from __future__ import annotations

import os

_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)


def available_cores() -> int:
    """Number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def thread_limits(workers: int) -> dict[str, str]:
    """Environment variables that keep several processes on one machine from using each other's cores.

    Numerical libraries get one thread a process; Mesa's software renderer (llvmpipe) gets the cores that are then free.

    Args:
        workers: number of processes on this machine.
    """
    share = available_cores() // workers
    # Mesa's threads work beside the one that draws. With 0 of them that one does the work: with one core it is faster.
    return {**dict.fromkeys(_ONE_THREAD, "1"), "LP_NUM_THREADS": str(share if share > 1 else 0)}
