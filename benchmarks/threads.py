"""Seconds of a training step with one thread and with the default number, on an idle and on a busy machine.

    python benchmarks/threads.py [--steps 6] [--runs 3] [--out results/threads.json]

The agent is ``transporter`` with its own settings, imported as a notebook would; the default number is torch's, one a
core. Busy means that one process a core computes beside it. ``idle_gain`` is one thread's time over the default's,
``busy_loss`` the default's over one thread's, each by the clock, medians of steps of processes that take turns. It says
something only where nothing else runs: ``load`` is how many processes wanted a core before each round.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pinned

from ravens_suite.data.atomic import write_json
from ravens_suite.execution.pool import available_cores
from ravens_suite.rollout.provenance import provenance

_STEPS = f"""
import json, statistics, sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
threads, steps = int(sys.argv[1]), int(sys.argv[2])
from ravens_suite.agents.transporter.agent import Transporter
import torch
from training import demonstration
from ravens_suite.core.memory import keep_freed_memory
keep_freed_memory()
torch.set_num_threads(threads or torch.get_num_threads())
agent, data, taken = Transporter(), demonstration(), []
for step in range(steps + 1):
    start = time.perf_counter()
    agent.fit_step(data, step)
    taken.append(time.perf_counter() - start)
print(json.dumps({{"threads": torch.get_num_threads(), "seconds": statistics.median(taken[1:])}}))
"""
_SPIN = "while True: pass"


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """So many processes compute meanwhile."""
    spinning = [subprocess.Popen([sys.executable, "-c", _SPIN]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def measure(steps: int, runs: int) -> list[dict[str, Any]]:
    """The seconds of a step, idle and busy, with one thread and with the default number; one row a run."""
    rows = []
    for number in range(runs):
        row: dict[str, Any] = {"load": pinned.load()}
        for name, others in (("idle", 0), ("busy", available_cores())):
            with busy(others):
                made = {threads: pinned.run(_STEPS, [threads, steps]) for threads in ((1, 0), (0, 1))[number % 2]}
            row[name] = {"one": made[1]["seconds"], "default": made[0]["seconds"], "threads": made[0]["threads"]}
        rows.append(row)
        print(json.dumps(row), flush=True)
    return rows


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rows = measure(options.steps, options.runs)
    result = {
        "idle_gain": pinned.spread([row["idle"]["one"] / row["idle"]["default"] for row in rows]),
        "busy_loss": pinned.spread([row["busy"]["default"] / row["busy"]["one"] for row in rows]),
        "runs": rows,
        "instruction_sets": pinned.instruction_sets(),
        **provenance(),
    }
    print(json.dumps({name: result[name] for name in ("idle_gain", "busy_loss")}, indent=1))
    if options.out:
        write_json(options.out, result)


if __name__ == "__main__":
    main()
