"""How closely the tool follows its command, and how the oracle fares with it, on the tasks that drag or push.

    python benchmarks/tracking.py [--tasks T...] [--splits train test] [--episodes 100] [--stiffness S]
        [--out results/tracking.json]

For each task and split: seeds 0, 1, ... of the oracle, its mean score and steps, and millimetres between the tool and
its commanded pose after each simulated physics step (median, 95 %, greatest). ``--stiffness`` puts another one in place
of the tools' own, to compare. Prints a JSON line for each, and puts them into the file, in place of those of the same
task, split and stiffness.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from made_by import made_by

from ravens_suite.data.atomic import write_json
from ravens_suite.errors import OracleGaveUpError, PlacementError
from ravens_suite.rollout.environments import make_environment
from ravens_suite.sim.grippers import Spatula, Suction

TASKS = ("sweeping-piles", "manipulating-rope", "align-rope")


def measure(task: str, split: str, episodes: int) -> dict[str, Any]:
    """One line of the output."""
    environment = make_environment(task, split, {"observe": ["state"]})
    inner: Any = environment.unwrapped
    scene, robot = inner._scene, inner._robot
    lags: list[float] = []
    scores, steps, physics = [], [], 0

    def on_step() -> None:
        lags.append(math.dist(scene.pose(robot.tool.name).position, robot.tool.tip.position))

    for seed in range(episodes):
        try:
            environment.reset(seed=seed)
        except PlacementError:
            continue
        begun = scene.steps
        score, count, over = 0.0, 0, False
        while not over:
            scene.on_step = on_step
            try:
                _, reward, terminated, truncated, _ = environment.step(inner.oracle_action())
            except OracleGaveUpError:
                break
            finally:
                scene.on_step = None
            score, count, over = score + float(reward), count + 1, terminated or truncated
        scores.append(score)
        steps.append(count)
        physics += scene.steps - begun
    environment.close()
    millimetres = 1000 * np.array(lags)
    return {
        "task": task,
        "split": split,
        "stiffness": robot.tool.stiffness,
        "episodes": len(scores),
        "score": round(100 * float(np.mean(scores)), 2),
        "mean_steps": round(float(np.mean(steps)), 2),
        "physics_steps_per_action": round(physics / sum(steps), 1),
        "lag_mm_median": round(float(np.median(millimetres)), 2),
        "lag_mm_95": round(float(np.quantile(millimetres, 0.95)), 2),
        "lag_mm_max": round(float(millimetres.max()), 2),
    }


def keep(path: Path, found: dict[str, Any]) -> None:
    """Put a line into the file."""
    rows: list[dict[str, Any]] = json.loads(path.read_text())["rows"] if path.exists() else []
    key = ("task", "split", "stiffness")
    rows = [row for row in rows if any(row[name] != found[name] for name in key)]
    rows = sorted([*rows, {**found, **made_by()}], key=lambda row: [str(row[name]) for name in key])
    write_json(path, {"rows": rows})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    parser.add_argument("--splits", nargs="+", default=("train", "test"))
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--stiffness", type=float, default=None)
    parser.add_argument("--out", type=Path, help="JSON file to write; nothing is written without it")
    options = parser.parse_args()
    if options.stiffness is not None:
        for tool in (Spatula, Suction):
            tool.stiffness = options.stiffness
    for task in options.tasks:
        for split in options.splits:
            found = measure(task, split, options.episodes)
            print(json.dumps(found), flush=True)
            if options.out:
                keep(options.out, found)


if __name__ == "__main__":
    main()
