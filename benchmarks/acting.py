"""A decision of a trained transporter: places for all picks, or for those alone that can change the action.

    python benchmarks/acting.py RUN [RUN ...] [--episodes 6] [--runs 3] [--out results/acting.json]

Each run acts on validation scenes of its task, on one thread, each time in a new process: with all instructions of this
processor (``all``; bfloat16 where it has them), and with those up to AVX2 in float32 (``avx2``). Both ways decide in
turn about the same images after the same moves. Counted are processor seconds from images to poses, the mean of all
decisions. ``ratio`` is the first way's figure over the second's, ``same`` the share of actions that are equal to 0.1 mm
(sums of float32 differ in their last digits with the number of picks), and ``picks`` how many picks are given places.
``load`` is how many processes wanted a core before.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import pinned
from refusals import only_task
from steps import PROCESSORS

from ravens_suite.core.numbers import MOST_EPISODES, check_number
from ravens_suite.core.observations import groups_with
from ravens_suite.data.atomic import check_writable, write_json
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.errors import ConfigError
from ravens_suite.rollout.provenance import provenance

_MEASURE = """
import json, statistics, sys, time
from functools import partial
from pathlib import Path
import numpy as np
import torch
from ravens_suite.agents.transporter import agent as acting
from ravens_suite.registry import load_agent
from ravens_suite.rollout.environments import make_environment
torch.set_num_threads(1)
folder, task, episodes, precision = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
kind = load_agent("transporter")
ways = {"all": kind.load(folder), "some": kind.load(folder)}
for policy in ways.values():
    policy.use_bfloat16 = policy.use_bfloat16 and precision != "float32"
find = acting.find_candidates
counts = []
def spied(*args, all_picks, way, **options):
    found = find(*args, all_picks=way == "all", **options)
    if way == "some":
        counts.append(len(found.picks))
    return found
env = make_environment(task, "val", {"observe": ["images"]})
seconds, same = {"all": [], "some": []}, []
for seed in range(episodes):
    observation, _ = env.reset(seed=seed)
    for policy in ways.values():
        if not same:
            policy.act(observation)  # Kernels are made and memory is taken at the first one.
        policy.reset(seed)
    over = False
    while not over:
        actions = {}
        for way in sorted(ways, reverse=bool(len(same) % 2)):
            acting.find_candidates = partial(spied, way=way)
            start = time.process_time()
            actions[way] = ways[way].act(observation)
            seconds[way].append(time.process_time() - start)
        same.append(all(np.allclose(actions["all"][key], actions["some"][key], atol=1e-4) for key in actions["all"]))
        observation, _, terminated, truncated, _ = env.step(actions["some"])
        over = terminated or truncated
print(json.dumps({
    **{way: statistics.mean(values) for way, values in seconds.items()},
    "same": statistics.mean(same), "decisions": len(same), "picks": statistics.mean(counts[1:]),
}))
"""


def _check(run: RunFolder) -> None:
    """Refuse a run that cannot be measured, before any is.

    Raises:
        ConfigError: it is no run of a transporter on one task that sees images alone.
        RavensError: there is no run, or its agent is not there yet.
    """
    only_task(run)
    if (agent := run.policy.agent()) != "transporter":
        raise ConfigError(f"{run.path} is a run of {agent}: name runs of transporter.")
    if more := sorted({*groups_with(run.policy.interface().observation)} - {"images"}):
        raise ConfigError(f"{run.path} observes {', '.join(more)}, too: name runs that see images alone.")


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """One row a run of the agent, processor and repetition."""
    rows = []
    for run in map(RunFolder, options.trained):
        task = only_task(run)
        for _ in range(options.runs):
            for processor, (variables, precision) in PROCESSORS.items():
                row: dict[str, Any] = {"task": task, "processor": processor, "load": pinned.load()}
                arguments = [run.policy.path.resolve(), task, options.episodes, precision]
                row |= pinned.run(_MEASURE, arguments, None, variables={"OMP_NUM_THREADS": "1", **variables})
                rows.append(row)
                print(json.dumps(row), flush=True)
    return rows


def summarised(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Median and range of the repetitions, by task and processor."""
    tables: dict[str, Any] = {}
    for key in sorted({(row["task"], row["processor"]) for row in rows}):
        some = [row for row in rows if (row["task"], row["processor"]) == key]
        tables.setdefault(key[0], {})[key[1]] = {
            "ratio": pinned.spread([row["all"] / row["some"] for row in some]),
            "seconds": pinned.spread([row["some"] for row in some]),
            "same": min(row["same"] for row in some),
            "picks": statistics.mean(row["picks"] for row in some),
            "decisions": some[0]["decisions"],
        }
    return tables


def main() -> None:
    """Act, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trained", type=Path, nargs="+", metavar="RUN", help="folders of runs of `transporter`")
    parser.add_argument("--episodes", type=int, default=6)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    for option in ("episodes", "runs"):
        check_number(f"--{option}", getattr(options, option), 1, MOST_EPISODES)
    for run in map(RunFolder, options.trained):
        _check(run)
    if options.out:
        check_writable(options.out)
    rows = measure(options)
    tables = summarised(rows)
    print(json.dumps(tables, indent=1))
    if options.out:
        # Where the runs lie is of no use to others.
        result = {"tasks": tables, "runs": rows, "instruction_sets": pinned.instruction_sets(), **provenance()}
        result["command"] = " ".join(
            ["acting.py", *sorted(tables), f"--episodes {options.episodes} --runs {options.runs}"]
        )
        write_json(options.out, result)


if __name__ == "__main__":
    from refusals import in_one_line

    in_one_line(main)
