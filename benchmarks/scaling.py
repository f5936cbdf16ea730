"""How much faster two worker processes collect than one.

    python benchmarks/scaling.py [--task block-insertion] [--episodes 200] [--rounds 3] [--out results/scaling.json]

Each round collects the same demonstrations with one worker process on one core, and with two on two; wall time of the
whole call, the start of the processes included. Machines wander, so the rounds alternate which comes first, and the
median of their ratios counts. With fewer than two free cores the figure says nothing. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

from ravens_suite.data.atomic import write_json
from ravens_suite.jobs.collect import collect
from ravens_suite.jobs.engine import available_cores
from ravens_suite.jobs.provenance import provenance
from ravens_suite.jobs.workers import ProcessEngine


def seconds(task: str, episodes: int, workers: int) -> float:
    """Wall time of collecting into an empty folder."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(cores)[:workers])
    try:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            with ProcessEngine(workers) as engine:
                collect(task, episodes=episodes, data=folder, engine=engine)
            return time.perf_counter() - start
    finally:
        os.sched_setaffinity(0, cores)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="block-insertion")
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rounds = []
    for index in range(options.rounds):
        order = (1, 2) if index % 2 == 0 else (2, 1)
        taken = {workers: seconds(options.task, options.episodes, workers) for workers in order}
        rounds.append({"one": round(taken[1], 2), "two": round(taken[2], 2), "ratio": round(taken[1] / taken[2], 3)})
        print(json.dumps(rounds[-1]), flush=True)
    result = {
        "task": options.task,
        "episodes": options.episodes,
        "cores": available_cores(),
        "median_ratio": statistics.median(row["ratio"] for row in rounds),
        "rounds": rounds,
        **provenance(),
    }
    print(json.dumps(result, indent=1))
    if options.out:
        write_json(options.out, result)


if __name__ == "__main__":
    main()
