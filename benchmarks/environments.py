"""Memory and speed of many environments, beside the first build of this project.

    python benchmarks/environments.py [--tasks T...] [--many 32] [--steps 8] [--runs 3]
                                      [--out results/environments.json]

Memory is what an environment adds to its process, resident, after a reset and a step that gives the three published
images: ``first`` with Python and all libraries, ``further`` each of four more. ``together`` is the steps a second of
processor time of many environments in one process, which take their steps in turn, over those of one. ``workers`` is
the steps a second of ``make_vec`` with two worker processes over those with one, by the clock: on a machine that has
other work it says nothing. Every figure is of a process of its own; both builds take turns. A ratio of ``memory`` is
today's figure over the first build's. Linux only.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pinned

from ravens_suite.data.atomic import write_json
from ravens_suite.registry import environment_id
from ravens_suite.rollout.provenance import provenance

TASKS = ("block-insertion", "palletizing-boxes", "sweeping-piles")
FURTHER = 4

_ACTION = """
import gc, json, os, sys, time
from pathlib import Path
import numpy as np
def act(count):
    ends = ((0.4, -0.1, 0.02, 0.0, 0.0, 0.0, 1.0), (0.5, 0.1, 0.02, 0.0, 0.0, 0.0, 1.0))
    poses = [np.array(end) if count is None else np.tile(end, (count, 1)) for end in ends]
    return dict(zip(("pick", "place"), poses))
"""
_MEMORY = f"""{_ACTION}
def resident():
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
from ravens_suite.envs.environment import RavensEnv
environments, after = [], []
for seed in range({1 + FURTHER}):
    environments.append(RavensEnv(sys.argv[1]))
    environments[-1].reset(seed=seed)
    environments[-1].step(act(None))
    after.append(resident())
print(json.dumps({{"first": after[0], "further": (after[-1] - after[0]) / {FURTHER}}}))
"""
_TOGETHER = f"""{_ACTION}
from ravens_suite.envs.environment import RavensEnv
many, steps = int(sys.argv[2]), int(sys.argv[3])
def rate(environments, rounds):
    for seed, environment in enumerate(environments):
        environment.reset(seed=seed)
        environment.step(act(None))
    taken = 0.0
    for seed in range(rounds):
        for environment in environments:
            environment.reset(seed=seed)
            start = time.process_time()
            environment.step(act(None))
            taken += time.process_time() - start
    return rounds * len(environments) / taken
first = RavensEnv(sys.argv[1])
alone = [rate([first], many * steps // 4)]
others = [RavensEnv(sys.argv[1]) for _ in range(many - 1)]
together = rate([first, *others], steps)
alone.append(rate([first], many * steps // 4))
print(json.dumps({{"one": sum(alone) / 2, "many": together, "ratio": 2 * together / sum(alone)}}))
"""
_WORKERS = f"""{_ACTION}
import gymnasium, ravens_suite
def rate(workers, steps):
    environments = gymnasium.make_vec(sys.argv[2], workers, "async")
    environments.reset(seed=0)
    for _ in range(3):
        environments.step(act(workers))
    start = time.perf_counter()
    for _ in range(steps):
        environments.step(act(workers))
    taken = time.perf_counter() - start
    environments.close()
    return workers * steps / taken
if __name__ == "__main__":
    steps = int(sys.argv[3])
    ones, twos = zip(*[(rate(1, steps), rate(2, steps)) for _ in range(2)])
    print(json.dumps({{"one": max(ones), "two": max(twos), "ratio": max(twos) / max(ones)}}))
"""


def measure(task: str, many: int, steps: int, runs: int, first: Path) -> dict[str, Any]:
    """The figures of one task, each run's."""
    rows: dict[str, Any] = {"memory": [], "together": [], "workers": []}
    for number in range(runs):
        builds = {"today": None, "first": first}
        pair = {name: pinned.run(_MEMORY, [task], builds[name]) for name in list(builds)[:: 1 if number % 2 else -1]}
        rows["memory"].append({"load": pinned.load(), **pair})
        for name, program, arguments in (
            ("together", _TOGETHER, (many, steps)),
            ("workers", _WORKERS, (environment_id(task), 10 * steps)),
        ):
            figures = pinned.run(program, [task, *arguments], variables={"OMP_NUM_THREADS": "1"})
            rows[name].append({"load": pinned.load(), **figures})
        print(task, json.dumps({name: made[-1] for name, made in rows.items()}), flush=True)
    return rows


def ratios(rows: dict[str, Any]) -> dict[str, Any]:
    """Median and range of the ratios of one task."""
    memory = {
        name: pinned.spread([row["today"][name] / row["first"][name] for row in rows["memory"]])
        for name in ("first", "further")
    }
    return {"memory": memory} | {
        name: pinned.spread([row["ratio"] for row in rows[name]]) for name in ("together", "workers")
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    parser.add_argument("--many", type=int, default=32)
    parser.add_argument("--steps", type=int, default=8, help="of each environment (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with pinned.commit() as first:
        rows = {task: measure(task, options.many, options.steps, options.runs, first) for task in options.tasks}
    result = {
        "compared_with": pinned.FIRST,
        "many": options.many,
        "ratios": {task: ratios(made) for task, made in rows.items()},
        "runs": rows,
        "instruction_sets": pinned.instruction_sets(),
        **provenance(),
    }
    print(json.dumps(result["ratios"], indent=1))
    if options.out:
        write_json(options.out, result)


if __name__ == "__main__":
    main()
