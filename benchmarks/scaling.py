"""How much faster two worker processes collect than one, and what this machine would allow.

    python benchmarks/scaling.py [--task block-insertion] [--episodes 400] [--rounds 3] [--out results/scaling.json]

Each round collects the same demonstrations with one worker process on the first core and with two on two; wall time of
the whole call, the start of the processes included: half a second, so few episodes say little. Then two collections
that know nothing of each other run at once, one worker and one core each: cores share memory, caches and a host, and
are not equally fast, so two of them may do less than twice the work of one whatever the software does. The median of
each ratio counts. With fewer than two free cores the figures say nothing. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ravens_suite.data.atomic import write_json
from ravens_suite.execution.pool import available_cores
from ravens_suite.execution.processes import ProcessPool
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.provenance import provenance


def seconds(task: str, episodes: int, cores: list[int]) -> float:
    """Wall time of collecting into an empty folder, with one worker a core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            with ProcessPool(len(cores)) as pool:
                collect(task, episodes=episodes, data=folder, pool=pool)
            return time.perf_counter() - start
    finally:
        os.sched_setaffinity(0, before)


def ceiling(task: str, episodes: int, cores: list[int]) -> float:
    """How many times the work of the first core alone two cores did, each with a collection of its own."""
    alone = seconds(task, episodes, cores[:1])
    with ThreadPoolExecutor(len(cores)) as pool:
        # Workers are pinned by the thread that starts them.
        both = list(pool.map(lambda core: seconds(task, episodes, [core]), cores))
    return sum(alone / taken for taken in both)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="block-insertion")
    parser.add_argument("--episodes", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        parser.error("it takes two cores: start it without taskset, or on another machine.")
    rounds = []
    for index in range(options.rounds):
        order = (cores[:1], cores) if index % 2 == 0 else (cores, cores[:1])
        taken = {len(chosen): seconds(options.task, options.episodes, chosen) for chosen in order}
        row = {"one": taken[1], "two": taken[2], "ratio": taken[1] / taken[2]}
        row["ceiling"] = ceiling(options.task, options.episodes, cores)
        rounds.append({name: round(value, 3) for name, value in row.items()})
        print(json.dumps(rounds[-1]), flush=True)
    result = {
        "task": options.task,
        "episodes": options.episodes,
        "cores": available_cores(),
        "median_ratio": statistics.median(row["ratio"] for row in rounds),
        "median_ceiling": statistics.median(row["ceiling"] for row in rounds),
        "rounds": rounds,
        **provenance(),
    }
    print(json.dumps(result, indent=1))
    if options.out:
        write_json(options.out, result)


if __name__ == "__main__":
    main()
