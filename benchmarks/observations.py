"""Oracle steps a second of an environment that observes the state alone, beside one that observes images.

    OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/observations.py [--episodes 200] [--out results/observations.json]

One process on one core, both environments in turn over the same seeds, resets included; the best of three rounds.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from ravens_suite.data.atomic import write_json
from ravens_suite.rollout.environments import make_environment
from ravens_suite.rollout.policies import OraclePolicy
from ravens_suite.rollout.provenance import provenance
from ravens_suite.rollout.rollout import roll_out

GROUPS: dict[str, list[str]] = {
    "images": ["images"],
    "state": ["state"],
    "proprioception": ["proprioception"],
    "everything": ["images", "segmentation", "state", "proprioception", "goal", "instruction"],
}
ROUNDS = 3


def steps_a_second(task: str, observe: list[str], episodes: int) -> float:
    """Oracle steps a second of wall time, resets included."""
    environment = make_environment(task, "train", {"observe": observe})
    oracle = OraclePolicy(environment)
    for seed in range(5):
        roll_out(environment, oracle, seed, record=False)
    best = 0.0
    for _ in range(ROUNDS):
        start = time.perf_counter()
        steps = sum(roll_out(environment, oracle, seed, record=False).steps for seed in range(episodes))
        best = max(best, steps / (time.perf_counter() - start))
    environment.close()
    return best


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="block-insertion")
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rates = {
        name: round(steps_a_second(options.task, observe, options.episodes), 1) for name, observe in GROUPS.items()
    }
    result: dict[str, Any] = {
        "task": options.task,
        "episodes": options.episodes,
        "steps_a_second": {name: round(rate, 1) for name, rate in rates.items()},
        "state_over_images": round(rates["state"] / rates["images"], 2),
        **provenance(),
    }
    print(json.dumps(result, indent=1))
    if options.out:
        write_json(options.out, result)


if __name__ == "__main__":
    main()
