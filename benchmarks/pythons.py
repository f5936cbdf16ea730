"""Whether demonstrations are the same bytes under several Pythons.

    python benchmarks/pythons.py PYTHON [PYTHON ...] [--episodes 2] [--tasks T...] [--out results/pythons.json]

Each PYTHON is an interpreter with ``ravens-suite`` installed (``python -m venv V && V/bin/pip install ravens-suite``).
Each collects the same seeds with oracle and renderer; digests of images, actions, rewards, poses and states are
compared. The exit status is 1 when any differs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

TASKS = (
    "block-insertion",
    "stack-block-pyramid",
    "manipulating-rope",
    "sweeping-piles",
    "assembling-kits",
    "block-insertion-six-dof",
    "block-insertion-continuous",
)

_CHILD = """
import hashlib, json, sys, tempfile
import numpy as np
from ravens_suite.data.store import EpisodeStore
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.environments import versions

tasks, episodes = json.loads(sys.argv[1])
digests = {}
with tempfile.TemporaryDirectory() as folder:
    for task in tasks:
        collect(task, episodes=episodes, data=folder, arguments={"observe": ["images", "state", "instruction"]})
        store = EpisodeStore.of(folder, task, "train")
        for seed in store.seeds():
            episode = store.read(seed)
            arrays = {**episode.observations, **episode.actions, **episode.poses, "rewards": episode.rewards}
            for name, array in sorted(arrays.items()):
                text = array.dtype.kind == "U"
                content = str(array.tolist()).encode() if text else np.ascontiguousarray(array).tobytes()
                digests[f"{task}/{seed}/{name}"] = hashlib.sha256(content).hexdigest()
print(json.dumps({"versions": versions(), "digests": digests}))
"""


def measure(python: str, tasks: list[str], episodes: int) -> dict[str, Any]:
    """Versions and digests under one interpreter."""
    command = [python, "-c", _CHILD, json.dumps([tasks, episodes])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{python} failed:\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Collect, compare, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pythons", nargs="+")
    parser.add_argument("--episodes", type=int, default=2)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found = [measure(python, options.tasks, options.episodes) for python in options.pythons]
    first = found[0]["digests"]
    differing = sorted(
        {key for each in found for key in {*first, *each["digests"]} if each["digests"].get(key) != first.get(key)}
    )
    result = {
        "episodes": options.episodes,
        "tasks": options.tasks,
        "versions": [each["versions"] for each in found],
        "arrays_compared": len(first),
        "arrays_differing": differing,
    }
    print(json.dumps(result, indent=1))
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")
    sys.exit(bool(differing))


if __name__ == "__main__":
    main()
