"""Demonstrations are the same bytes under every supported Python, whose simulators are different distributions.

    python benchmarks/pythons.py [PYTHON ...] [--install] [--episodes 2] [--tasks T...] [--out results/pythons.json]

Each PYTHON is an interpreter with ``ravens-suite`` installed (``python -m venv V && V/bin/pip install ravens-suite``).
With ``--install`` it is any interpreter, by default every supported one that is found: this checkout is installed in an
environment that is made of it, and removed at the end. Each collects the first demonstrations of every task. SHA-256 of
images, camera parameters, states, instructions, actions, rewards and poses are compared with those of the first
interpreter. The exit status is 1 when any differs.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ravens_suite.data.atomic import write_json
from ravens_suite.registry import task_names
from ravens_suite.rollout.provenance import provenance

CONTINUOUS = ("block-insertion-continuous", "manipulating-rope-continuous", "sweeping-piles-continuous")

SUPPORTED = ("python3.11", "python3.12", "python3.13")
_ROOT = Path(__file__).parents[1]

Digests = dict[str, str]
"""SHA-256 by ``<task>/<seed>/<array>``."""

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
            for name, array in arrays.items():
                content = json.dumps(array.tolist()).encode() if array.dtype.kind == "U" else array.tobytes()
                kind = f"{array.dtype}{array.shape}".encode()
                digests[f"{task}/{seed}/{name}"] = hashlib.sha256(kind + content).hexdigest()
print(json.dumps({"versions": versions(), "digests": digests}))
"""


def measure(python: str, tasks: Sequence[str], episodes: int) -> dict[str, Any]:
    """``versions`` and ``digests`` of the demonstrations that one interpreter collects."""
    found = shutil.which(python)
    if found is None:
        raise SystemExit(f"There is no interpreter {python!r}: name it as you would to run it.")
    command = [str(Path(found).absolute()), "-c", _CHILD, json.dumps([list(tasks), episodes])]
    with tempfile.TemporaryDirectory() as elsewhere:  # So that the installed package is imported, not this checkout.
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=elsewhere)
    if done.returncode:
        raise SystemExit(f"{python} failed:\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def installed(python: str, folder: Path) -> str:
    """An interpreter of an environment that is made of another one, with this checkout installed."""
    if not runs(python):
        raise SystemExit(f"There is no interpreter {python!r}: name it as you would to run it.")
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    made = str(folder / "bin" / "python")
    constraints = ["--constraint", str(_ROOT / "constraints.txt")]
    subprocess.run([made, "-m", "pip", "install", "--quiet", *constraints, str(_ROOT)], check=True)
    return made


def runs(python: str) -> bool:
    """Whether an interpreter is there, and more than a name that a version manager keeps."""
    found = shutil.which(python)
    return found is not None and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0


def differing(first: Digests, other: Digests) -> list[str]:
    """Names of the arrays that are not the same, or that only one of the two has."""
    return sorted(name for name in first.keys() | other.keys() if first.get(name) != other.get(name))


def main() -> None:
    """Collect, compare, print, write; the exit status is 1 when two interpreters differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pythons", nargs="*", metavar="PYTHON")
    parser.add_argument("--install", action="store_true", help="make an environment of each first")
    parser.add_argument("--episodes", type=int, default=2, help="of each task (default: %(default)s)")
    parser.add_argument(
        "--tasks", nargs="+", default=[*task_names(), *CONTINUOUS], help="default: all, three continuous"
    )
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    pythons = options.pythons or ([python for python in SUPPORTED if runs(python)] if options.install else [])
    if not pythons:
        parser.error("name interpreters, or give --install")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for number, python in enumerate(pythons):
            used = installed(python, Path(folder) / str(number)) if options.install else python
            found.append(measure(used, options.tasks, options.episodes))
            versions = found[-1]["versions"]
            differ = differing(found[0]["digests"], found[-1]["digests"])
            print(f"Python {versions['python']}: {f'DIFFERS in {differ}' if differ else 'same'}", flush=True)
    differ = sorted({name for each in found for name in differing(found[0]["digests"], each["digests"])})
    if options.out:
        record = provenance()
        names = [f"python{each['versions']['python']}" for each in found]
        summary = {
            "all_same": not differ,
            "episodes": options.episodes,
            "tasks": options.tasks,
            "arrays_compared": len(found[0]["digests"]),
            "arrays_differing": differ,
            "command": shlex.join(["pythons.py", *names, *sys.argv[1 + len(options.pythons) :]]),
            "commit": record["commit"],
            "machine": record["machine"],
            "versions": [each["versions"] for each in found],
        }
        write_json(options.out, summary)
    sys.exit(bool(differ))


if __name__ == "__main__":
    main()
