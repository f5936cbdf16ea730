"""Resident memory of environments: of one, after many episodes and resets, of many that are made and dropped.

    python benchmarks/memory.py [--episodes 1000] [--resets 100] [--many-resets 3000] [--environments 200]
                                [--tasks [T...]] [--out results/memory.json]

Each figure comes from a process of its own, so that none inherits what another has allocated. Beside memory it counts
open files, and what the process leaves among temporary files when it ends. The exit status is 1 where memory grows by
more than ``LIMIT``, files by any, or something is left. Linux only: it reads ``/proc/self``. Episodes are short (block
insertion, one action of the oracle), with the published images.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from made_by import made_by

from ravens_suite.envs.environment import RavensEnv
from ravens_suite.registry import task_names

EPISODES_TASK = "block-insertion"
DROPPED_TASK = "place-red-in-green"
"""Its bowls are compounds, which reach the simulator through files."""

EARLY = 50
"""Episodes after which memory counts as the environment's own."""

LIMIT = 20.0
"""Megabytes by which memory may grow over many resets or many environments."""

WARM_UP = 20
"""Resets before growth is counted: caches of meshes and of views fill up first."""


def resident_megabytes() -> float:
    """Resident memory of this process now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def over_episodes(episodes: int) -> dict[str, float]:
    """Megabytes after the imports, the first reset, ``EARLY`` episodes and all of them."""
    result = {"imported": resident_megabytes()}
    env = RavensEnv(EPISODES_TASK)
    for seed in range(episodes):
        env.reset(seed=seed)
        if seed == 0:
            result["first_reset"] = resident_megabytes()
        env.step(env.oracle_action())
        if seed + 1 == min(EARLY, episodes):
            result["early"] = resident_megabytes()
    result["late"] = resident_megabytes()
    result["growth_percent"] = 100 * (result["late"] / result["early"] - 1)
    env.close()
    return result


def over_resets(task: str, resets: int) -> dict[str, float]:
    """Megabytes after ``WARM_UP`` resets of a task, and by how many they grow over ``resets`` more."""
    env = RavensEnv(task)
    for seed in range(WARM_UP):
        env.reset(seed=seed)
    start, files = resident_megabytes(), open_files()
    for seed in range(WARM_UP, WARM_UP + resets):
        env.reset(seed=seed)
    end, files_end = resident_megabytes(), open_files()
    env.close()
    return {"start": start, "end": end, "growth": end - start, "files_start": files, "files_end": files_end}


def over_environments(environments: int) -> dict[str, float]:
    """Megabytes and open files after ``WARM_UP`` environments and after many more; none of them is closed."""
    result: dict[str, float] = {}
    for seed in range(WARM_UP + environments):
        env = RavensEnv(DROPPED_TASK)
        env.reset(seed=seed)
        env.step(env.oracle_action())
        del env
        if seed + 1 == WARM_UP:
            result = {"start": resident_megabytes(), "files_start": open_files()}
    result |= {"end": resident_megabytes(), "files_end": open_files()}
    result["growth"] = result["end"] - result["start"]
    return result


def open_files() -> int:
    """Number of file descriptors of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


def in_own_process(action: Callable[..., dict[str, float]], *arguments: Any) -> dict[str, float]:
    """The result of a function that runs in a fresh process, and ``left``: its temporary files after its end."""
    before = os.environ.get("TMPDIR")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TMPDIR"] = folder
        try:
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                result = pool.submit(action, *arguments).result()
        finally:
            del os.environ["TMPDIR"]
            if before is not None:
                os.environ["TMPDIR"] = before
        return result | {"left": len(list(Path(folder).iterdir()))}


def wrong(name: str, figures: dict[str, float]) -> list[str]:
    """What a process should not have done, in words."""
    grown = figures.get("growth", 0.0)
    files = figures.get("files_end", 0) - figures.get("files_start", 0)
    said = [f"{name}: memory grew by {grown:.1f} MB"] if grown > LIMIT else []
    said += [f"{name}: {files:.0f} files stay open"] if files > 0 else []
    return said + ([f"{name}: {figures['left']:.0f} temporary files are left"] if figures["left"] else [])


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=1000)
    parser.add_argument("--resets", type=int, default=100)
    parser.add_argument("--many-resets", type=int, default=3000)
    parser.add_argument("--environments", type=int, default=200)
    parser.add_argument("--tasks", nargs="*", default=task_names())
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    result: dict[str, Any] = {
        "unit": "MB resident",
        "episodes": options.episodes,
        "resets": options.resets,
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        EPISODES_TASK: in_own_process(over_episodes, options.episodes),
        "many_resets": {
            "resets": options.many_resets,
            **in_own_process(over_resets, DROPPED_TASK, options.many_resets),
        },
        "dropped": {"environments": options.environments, **in_own_process(over_environments, options.environments)},
        "tasks": {},
    }
    for name in (EPISODES_TASK, "many_resets", "dropped"):
        print(name, json.dumps(result[name]), flush=True)
    for task in options.tasks:
        result["tasks"][task] = in_own_process(over_resets, task, options.resets)
        print(task, json.dumps(result["tasks"][task]), flush=True)
    result["most_growth"] = max((figures["growth"] for figures in result["tasks"].values()), default=0.0)
    everything = {name: result[name] for name in (EPISODES_TASK, "many_resets", "dropped")} | result["tasks"]
    result["wrong"] = [line for name, figures in everything.items() for line in wrong(name, figures)]
    print(*result["wrong"], sep="\n")
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps({**result, **made_by()}, indent=1) + "\n")
    sys.exit(bool(result["wrong"]))


if __name__ == "__main__":
    main()
