"""Time to a trained agent with the fast settings, beside the first build of this project, task by task.

    python benchmarks/column.py --runs FOLDER [--tasks T...] [--demos 10] [--seed 0] [--timed 30] [--out FILE]

For each task, on one thread: the first build takes some gradient steps and is timed, today's agent is trained and
tested by ``ravens-suite benchmark``, and the first build is timed again. All its steps take as long as each other, so
that the median of both times that number is what it takes for its 1,400 steps; today's time is of the whole training,
with the trials on validation scenes that end it. Both are by the clock: on a machine that has other work, both suffer
from it. ``ratio`` is today's time over the first build's. Scores are of test seeds 0 to 99 in ``FOLDER/scores.csv``.
A run that was killed goes on with the tasks that are not done. Several of these may run at once, each with tasks and
a folder of its own; ``--merge`` makes one table of their files.
"""

from __future__ import annotations

import argparse
import csv
import json
import shlex
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pinned
from refusals import rows_in
from steps import FIRST, check_first_task

from ravens_suite.core.numbers import MOST_EPISODES, check_number
from ravens_suite.data.atomic import check_writable, read_json, write_json
from ravens_suite.rollout.provenance import joined, provenance

STEPS = 1400
"""Gradient steps, of both; fewer where today's agent has nothing left to learn."""
FAST = [
    "--until",
    "solved",
    "--steps",
    str(STEPS),
    "--val-episodes",
    "20",
    "--config",
    '{"transporter": {"halves": 0.8}}',
]
_TIMED = """
import json, statistics, sys, time
from pathlib import Path
import torch
from ravens_suite.registry import load_agent
from ravens_suite.jobs.collect import collect
{imports}
torch.set_num_threads(1)
keep_freed_memory()
task, count, data, steps, seed = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
collect(task, episodes=count, data=data)
kind = load_agent("transporter")
agent = kind(kind.config_type(), seed)
{read}
taken = []
for step in range(steps + 2):
    start = time.perf_counter()
    agent.fit_step(dataset, step)
    taken.append(time.perf_counter() - start)
print(json.dumps(statistics.median(taken[2:])))
"""


def first_step(task: str, tree: Path, options: argparse.Namespace) -> float:
    """Seconds of a gradient step of the first build."""
    program = _TIMED.format(imports=FIRST["imports"], read=FIRST["read"])
    with tempfile.TemporaryDirectory() as data:
        arguments = [task, options.demos, data, options.timed, options.seed]
        return float(pinned.run(program, arguments, tree, variables={"OMP_NUM_THREADS": "1"}))  # type: ignore[arg-type]


def fast_row(task: str, options: argparse.Namespace) -> dict[str, str]:
    """The row of ``scores.csv`` of today's agent, trained and tested unless it was before."""
    command = [sys.executable, "-m", "ravens_suite", "benchmark", "--agents", "transporter", "--tasks", task]
    command += ["--demos", str(options.demos), "--seeds", str(options.seed), "--pool", "100", "--episodes", "100"]
    command += ["--threads", "1", *FAST, "--out", str(options.runs)]
    if options.data:
        command += ["--data", str(options.data)]
    subprocess.run(command, check=True)
    with (options.runs / "scores.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["task"] == task]
    return rows[-1]


def measure(task: str, tree: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Both builds' figures of a task."""
    load, before = pinned.load(), first_step(task, tree, options)
    row = fast_row(task, options)
    after = first_step(task, tree, options)
    first, today = STEPS * statistics.fmean([before, after]), float(row["train_seconds"])
    return {
        "task": task,
        "first_step": [round(before, 4), round(after, 4)],
        "first_seconds": round(first, 1),
        "seconds": today,
        "steps": int(row["steps"]),
        "ratio": round(today / first, 3),
        "score": float(row["score"]),
        "strict": float(row["strict"]),
        "load": load,
    }


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Of all tasks together."""
    return {
        "ratio": round(sum(row["seconds"] for row in rows) / sum(row["first_seconds"] for row in rows), 3),
        "median_ratio": statistics.median(row["ratio"] for row in rows),
        "mean_score": round(statistics.fmean(row["score"] for row in rows), 2),
        "least_score": min(row["score"] for row in rows),
    }


def main() -> None:
    """Train and time, or merge; print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=["block-insertion"])
    parser.add_argument("--demos", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timed", type=int, default=30)
    parser.add_argument("--runs", type=Path, default=Path("runs/column"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--merge", type=Path, nargs="+", default=[])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    check_number("--timed", options.timed, 1, MOST_EPISODES)
    if options.out:
        check_writable(options.out)
    for task in options.tasks:
        check_first_task(task)
    if options.merge:
        rows = sorted((row for path in options.merge for row in rows_in(path)), key=lambda row: float(row["ratio"]))
        print(json.dumps(summary(rows), indent=1))
        if options.out:
            made: dict[str, Any] = {}
            for path in options.merge:
                made = joined(made, read_json(path))
            write_json(options.out, {**made, **summary(rows), "rows": rows})
        return
    known = {row["task"]: row for row in (rows_in(options.out) if options.out else [])}
    before = read_json(options.out) if known else {}
    with pinned.commit() as tree:
        for task in options.tasks:
            if task not in known:
                known[task] = measure(task, tree, options)
            rows = list(known.values())
            print(json.dumps(known[task]), flush=True)
            if options.out:
                result = {
                    "compared_with": pinned.FIRST,
                    "settings": shlex.join(FAST),
                    **summary(rows),
                    "rows": rows,
                    "instruction_sets": pinned.instruction_sets(),
                    **joined(before, provenance()),
                }
                write_json(options.out, result)


if __name__ == "__main__":
    from refusals import in_one_line

    in_one_line(main)
