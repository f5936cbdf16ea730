"""Seconds an oracle demonstration takes, task by task, and where they go.

    OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/simulation.py [--episodes 10] [--tasks T...] [--out results]

One process on one core: training seeds 0, 1, ... through the real path of ``ravens-suite collect`` (reset, oracle,
steps, three views of 480 x 640, the compressed file on disk). Beside it stand the seconds that the original took for
the same (``REFERENCE_SECONDS``: measured on two x86 cores without a GPU, software rendering, ten training seeds a task)
and a fixed reference workload of this run, so that figures of different machines can be compared by ratio: Bullet's
TinyRenderer drawing a standard scene that is built here, and plain physics steps of it.
"""

from __future__ import annotations

import argparse
import csv
import functools
import json
import math
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from made_by import made_by

from ravens_suite.core.cameras import published_cameras
from ravens_suite.core.geometry import Pose
from ravens_suite.core.memory import keep_freed_memory
from ravens_suite.core.palette import PALETTE
from ravens_suite.data import episode, recording
from ravens_suite.envs import controls, environment
from ravens_suite.rollout.environments import make_environment
from ravens_suite.rollout.policies import OraclePolicy
from ravens_suite.rollout.rollout import roll_out, to_episode
from ravens_suite.sim import kinematics
from ravens_suite.sim.bodies import Box, solid
from ravens_suite.sim.rendering.opengl import ModernglRenderer
from ravens_suite.sim.rendering.tiny import TinyRenderer
from ravens_suite.sim.scene import Scene

REFERENCE_SECONDS = {
    "block-insertion": 3.5,
    "place-red-in-green": 11.0,
    "towers-of-hanoi": 16.2,
    "align-box-corner": 3.3,
    "stack-block-pyramid": 15.4,
    "palletizing-boxes": 69.2,
    "assembling-kits": 12.4,
    "packing-boxes": 16.1,
    "manipulating-rope": 15.5,
    "sweeping-piles": 37.9,
}
"""Seconds a demonstration of the original."""

PARTS = ("rendering", "physics", "kinematics", "placement", "oracle", "disk")


@dataclass
class Stopwatch:
    """Wall-clock seconds by part; time inside a nested part counts for the inner one only."""

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))
    _stack: list[list[Any]] = field(default_factory=list)

    def wrap(self, owner: Any, name: str, part: str) -> None:
        """Count the calls of ``owner.name`` for a part."""
        inner: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(inner)
        def timed(*arguments: Any, **keywords: Any) -> Any:
            frame = [time.perf_counter(), 0.0]
            self._stack.append(frame)
            try:
                return inner(*arguments, **keywords)
            finally:
                self._stack.pop()
                spent = time.perf_counter() - frame[0]
                self.seconds[part] += spent - frame[1]
                if self._stack:
                    self._stack[-1][1] += spent

        setattr(owner, name, timed)


def measure(task: str, episodes: int, watch: Stopwatch, renderer: str, folder: Path) -> dict[str, Any]:
    """Figures of one task; the first episode warms up and does not count."""
    env = make_environment(task, "train", {"renderer": renderer})
    policy = OraclePolicy(env)
    path = folder / f"{task}.episode"
    roll_out(env, policy, 0)
    before = dict(watch.seconds)
    steps = 0
    start = time.perf_counter()
    for seed in range(episodes):
        rollout = roll_out(env, policy, seed)
        episode.write_episode(path, to_episode(rollout, task, "train", {}), rollout.recording)
        steps += rollout.steps
    mean = (time.perf_counter() - start) / episodes
    parts = {part: (watch.seconds[part] - before[part]) / episodes for part in PARTS}
    resets = [_milliseconds(functools.partial(env.reset, seed=seed)) for seed in range(episodes)]
    env.close()
    return {
        "task": task,
        "seconds_per_demo": mean,
        "steps": steps / episodes,
        "reset_milliseconds": float(np.median(resets)),
        **{f"{part}_seconds": value for part, value in parts.items()},
        "ratio": REFERENCE_SECONDS[task] / mean if task in REFERENCE_SECONDS else math.nan,
        "reference_seconds": REFERENCE_SECONDS.get(task, math.nan),
    }


def reference_workload() -> dict[str, float]:
    """Milliseconds of Bullet's own renderer and physics on a standard scene, for comparing machines."""
    scene = Scene()
    rng = np.random.default_rng(0)
    colors = list(PALETTE.values())
    for index in range(20):
        x, y = rng.uniform((0.3, -0.4), (0.7, 0.4))
        pose = Pose.planar(x, y, 0.02 + 0.05 * (index % 3), rng.uniform(0, 6))
        scene.add(
            f"box {index}", solid(Box((0.04, 0.05, 0.04)), colors[index % len(colors)], mass=0.1), pose, "movable"
        )
    renderer = TinyRenderer()
    cameras = published_cameras()[:1]
    draws = [_milliseconds(lambda: renderer.render(scene, cameras)) for _ in range(5)]
    steps = [_milliseconds(lambda: scene.step(200)) / 200 for _ in range(5)]
    renderer.close()
    scene.close()
    return {"tiny_renderer_view_milliseconds": min(draws), "physics_step_milliseconds": min(steps)}


def _milliseconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return 1e3 * (time.perf_counter() - start)


def _watch() -> Stopwatch:
    watch = Stopwatch()
    watch.wrap(ModernglRenderer, "render", "rendering")
    watch.wrap(TinyRenderer, "render", "rendering")
    watch.wrap(Scene, "step", "physics")
    watch.wrap(Scene, "settle", "physics")
    watch.wrap(kinematics, "inverse", "kinematics")
    watch.wrap(controls, "oracle_action", "oracle")
    watch.wrap(environment.RavensEnv, "_build", "placement")
    watch.wrap(recording.Recording, "add", "disk")
    watch.wrap(episode, "write_episode", "disk")
    return watch


def main() -> None:
    """Measure, print a table, write the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=list(REFERENCE_SECONDS))
    parser.add_argument("--episodes", type=int, default=10)
    parser.add_argument("--renderer", default="auto")
    parser.add_argument("--out", type=Path, help="folder for simulation.csv and simulation.json")
    options = parser.parse_args()
    keep_freed_memory()  # As the processes that collect do.
    watch = _watch()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for task in options.tasks:
            rows.append(measure(task, options.episodes, watch, options.renderer, Path(folder)))
            row = rows[-1]
            print(f"{task:22s} {row['seconds_per_demo']:7.3f} s  ratio {row['ratio']:6.1f}  steps {row['steps']:5.1f}")
    ratios = [row["ratio"] for row in rows if math.isfinite(row["ratio"])]
    summary = {
        "geometric_mean_ratio": math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else math.nan,
        "least_ratio": min(ratios, default=math.nan),
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "renderer": options.renderer,
        "machine": f"{platform.machine()}, {platform.processor() or 'cpu'}, Python {platform.python_version()}",
        **reference_workload(),
    }
    print(json.dumps(summary, indent=1))
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        with (options.out / "simulation.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows({k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()} for row in rows)
        result = {**summary, **made_by(), "tasks": rows}
        (options.out / "simulation.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
