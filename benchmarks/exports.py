"""How long exports take, beside the other libraries' own writers, on the same episodes and one core.

    python benchmarks/exports.py [--task block-insertion] [--episodes 100] [--runs 3] [--cores 1]
        [--data DIR] [--lerobot-python PYTHON] [--out results/exports.json]

Writers take turns, each in a process of its own that counts from the first episode read to the last file closed,
imports left out. ``lerobot`` is ``export --to lerobot``; ``lerobot_own`` is LeRobot's ``LeRobotDataset`` with
``use_videos=False``, where the interpreter PYTHON has LeRobot and this suite; it is handed colours and numbers alone,
and writes no depth. ``minari`` is ``export --to minari``, which writes through Minari. Seconds are of the processor and
of the wall; on a busy machine the former say more.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ravens_suite.data.atomic import write_json
from ravens_suite.data.store import EpisodeStore
from ravens_suite.interop.lerobot import export_lerobot
from ravens_suite.interop.minari import export
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.provenance import provenance

_MEGABYTE = 1e6


def ours(data: Path, out: Path, cores: int) -> None:
    """``export --to lerobot``."""
    export_lerobot(data, out, workers=cores)


def through_minari(data: Path, out: Path, cores: int) -> None:
    """``export --to minari``."""
    export(data, "minari", out)


def their_own(data: Path, out: Path, cores: int) -> None:
    """LeRobot's writer, fed with the colours and the actions of the same episodes."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset  # type: ignore[import-not-found, unused-ignore]

    stores = [EpisodeStore(path.parent) for path in sorted(data.rglob("manifest.json"))]
    first = stores[0].reader(stores[0].seeds()[0])
    names = [camera.name for camera in first.summary.cameras]
    rows, columns = first.summary.cameras[0].image_size
    image = {"dtype": "image", "shape": (rows, columns, 3), "names": ["height", "width", "channels"]}
    vector = {"dtype": "float32", "shape": (14,), "names": None}
    features = {f"observation.images.{name}": image for name in names}
    made = LeRobotDataset.create(
        "ravens_suite/train",
        fps=1,
        features={**features, "observation.state": vector, "action": vector},
        root=out,
        use_videos=False,
    )
    for store in stores:
        for seed in store.seeds():
            reader = store.reader(seed)
            action = np.concatenate(list(reader.actions().values()), axis=1).astype(np.float32)
            for step in range(reader.summary.steps):
                color = reader.observation(step, ["color"])["color"]
                frame = dict(zip(features, color, strict=True))
                frame |= {"observation.state": np.zeros(14, np.float32), "action": action[step], "task": "insert"}
                made.add_frame(frame)
            made.save_episode()
    made.finalize()


WRITERS: dict[str, Callable[[Path, Path, int], None]] = {
    "lerobot": ours,
    "lerobot_own": their_own,
    "minari": through_minari,
}


def write_once(name: str, data: Path, out: Path, cores: int) -> dict[str, float]:
    """One writer in this process, on some cores: its seconds, and the megabytes it wrote."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])
    with tempfile.TemporaryDirectory() as folder:
        _warm(name, Path(folder))
    wall, cpu = time.perf_counter(), time.process_time()
    WRITERS[name](data, out, cores)
    found = {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return {**found, "megabytes": size / _MEGABYTE}


def _warm(name: str, folder: Path) -> None:
    """Import everything by writing one small episode."""
    collect("block-insertion", episodes=1, data=folder / "data", arguments={"image_size": [48, 64]})
    WRITERS[name](folder / "data", folder / "out", 1)


def in_a_process(python: str, name: str, data: Path, cores: int) -> dict[str, float]:
    """See ``write_once``."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryDirectory() as folder:
        command = [python, __file__, "--only", name, "--data", str(data), "--cores", str(cores), "--out"]
        done = subprocess.run(
            [*command, str(Path(folder) / "out")], env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def summary(runs: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Medians, and how many times as long the other writers take."""
    found: dict[str, Any] = {
        name: {figure: round(float(np.median([run[figure] for run in each])), 2) for figure in each[0]}
        | {"runs": [{figure: round(value, 2) for figure, value in run.items()} for run in each]}
        for name, each in runs.items()
    }
    for name in runs.keys() - {"lerobot"}:
        for figure in ("seconds", "cpu_seconds"):
            found[name][f"{figure}_to_ours"] = round(found[name][figure] / found["lerobot"][figure], 2)
    return found


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="block-insertion")
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--data", type=Path, help="folder of episodes that are there already")
    parser.add_argument("--lerobot-python", help="an interpreter that has LeRobot and this suite")
    parser.add_argument("--only", choices=WRITERS, help="one writer in this process, into --out")
    parser.add_argument("--out", type=Path, help="JSON file to write; nothing is written without it")
    given = parser.parse_args()
    if given.only:
        print(json.dumps(write_once(given.only, given.data, given.out, given.cores)))
        return
    interpreters = {"lerobot": sys.executable, "minari": sys.executable}
    if given.lerobot_python:
        interpreters["lerobot_own"] = given.lerobot_python
    with tempfile.TemporaryDirectory() as folder:
        data = given.data or Path(folder)
        if given.data is None:
            collect(given.task, episodes=given.episodes, data=data)
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in interpreters}
        for _ in range(given.runs):
            for name, python in interpreters.items():
                runs[name].append(in_a_process(python, name, data, given.cores))
                print(name, runs[name][-1], flush=True)
    about = {"task": given.task, "episodes": given.episodes, "cores": given.cores, **provenance()}
    if given.out:
        write_json(given.out, {**about, "load": os.getloadavg(), **summary(runs)})
    print(json.dumps(summary(runs), indent=1))


if __name__ == "__main__":
    main()
