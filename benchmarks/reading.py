"""Time and memory from episodes on disk to the first training step, beside the first build of this project.

    python benchmarks/reading.py [--task palletizing-boxes] [--demos 100] [--runs 3] [--out results/reading.json]

Both builds collect the same seeds first, each in its own format, and then read them in turn, each time in a new process
with one thread: ``today`` for the first time, ``again`` with the heightmaps that this left beside the episodes. Counted
is what ``make_dataset`` of ``transporter`` does, and drawing the first example: processor and wall seconds, and the
memory by which the process grows, at most and at the end; beside it what it had before, with Python, NumPy and torch. A
ratio is the first build's figure over today's. Linux only.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pinned

from ravens_suite.agents.pick_place.kept_heightmaps import FOLDER
from ravens_suite.data.atomic import write_json
from ravens_suite.data.store import EpisodeStore
from ravens_suite.rollout.provenance import provenance

FIGURES = ("processor_seconds", "wall_seconds", "most_megabytes", "kept_megabytes")

_COLLECT = """
import json, sys
{imports}
collect(sys.argv[1], episodes=int(sys.argv[2]), data=Path(sys.argv[3]))
print(json.dumps(None))
"""
_READ = """
import gc, json, os, resource, sys, time
from pathlib import Path
import numpy as np
import torch
from ravens_suite.registry import load_agent
{imports}
agent = load_agent("transporter")()
keep_freed_memory()
task, count, data = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
before = resident()
wall, processor = time.perf_counter(), time.process_time()
{read}
dataset.sample(np.random.default_rng(0))
figures = {{"processor_seconds": time.process_time() - processor, "wall_seconds": time.perf_counter() - wall}}
gc.collect()
figures |= {{
    "libraries_megabytes": before,
    "most_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before,
    "kept_megabytes": resident() - before,
}}
print(json.dumps(figures))
"""
FIRST = {
    "collect": "from pathlib import Path\nfrom ravens_suite.jobs.collect import collect",
    "imports": "from ravens_suite.agents.nn.memory import keep_freed_memory\n"
    "from ravens_suite.data.store import EpisodeStore\nfrom ravens_suite.jobs.training import _read_demonstrations",
    "read": 'dataset = _read_demonstrations(EpisodeStore.of(data, task, "train"), range(count))',
}
TODAY = {
    "collect": "from pathlib import Path\nfrom ravens_suite.rollout.collect import collect",
    "imports": "from ravens_suite.core.memory import keep_freed_memory\n"
    "from ravens_suite.training.data import open_demonstrations",
    "read": "dataset = agent.make_dataset(open_demonstrations(data, {task: range(count)}))",
}


def measure(task: str, demos: int, runs: int, first: Path, folder: Path) -> list[dict[str, Any]]:
    """The figures of both builds, one row a run."""
    builds = {"first": (FIRST, first, "first"), "today": (TODAY, None, "today"), "again": (TODAY, None, "today")}
    for name in ("first", "today"):
        code, tree, _ = builds[name]
        pinned.run(_COLLECT.format(imports=code["collect"]), [task, demos, folder / name], tree)
    rows = []
    for number in range(runs):
        row: dict[str, Any] = {"load": pinned.load()}
        shutil.rmtree(EpisodeStore.of(folder / "today", task, "train").folder / FOLDER, ignore_errors=True)
        for name in ("first", "today", "again") if number % 2 else ("today", "again", "first"):
            code, tree, data = builds[name]
            program = _READ.format(imports=code["imports"], read=code["read"])
            row[name] = pinned.run(program, [task, demos, folder / data], tree, variables={"OMP_NUM_THREADS": "1"})
        rows.append(row)
        print(json.dumps(row), flush=True)
    return rows


def main() -> None:
    """Collect, read, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="palletizing-boxes")
    parser.add_argument("--demos", type=int, default=100)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with pinned.commit() as first, tempfile.TemporaryDirectory() as folder:
        rows = measure(options.task, options.demos, options.runs, first, Path(folder))
    result = {
        "task": options.task,
        "demos": options.demos,
        "compared_with": pinned.FIRST,
        "ratios": {
            build: {name: pinned.spread([row["first"][name] / row[build][name] for row in rows]) for name in FIGURES}
            for build in ("today", "again")
        },
        "runs": rows,
        "instruction_sets": pinned.instruction_sets(),
        **provenance(),
    }
    print(json.dumps(result["ratios"], indent=1))
    if options.out:
        write_json(options.out, result)


if __name__ == "__main__":
    main()
