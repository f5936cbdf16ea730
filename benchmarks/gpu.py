"""What a GPU gains: views drawn, gradient steps and examples a second, seconds to a trained agent.

    python benchmarks/gpu.py --data data [--parts views steps solve cell] [--out results/gpu.json]

The demonstrations in ``--data`` (ten each of block-insertion and stack-block-pyramid) are collected where they are
missing. All times are wall times.

``views``: milliseconds a view of 480 x 640 (colour and depth) of the standard scene of ``rendering.py``.
``steps``: a step of ``transporter`` on ten demonstrations of block-insertion, on this GPU and on one core, for several
batch sizes; with and without recording it as one CUDA graph, with and without processes that make examples.
``solve``: seconds of training until block-insertion scores 95 on twenty validation scenes, which are not counted.
``cell``: seconds of training of 1,400 steps on stack-block-pyramid, and the score on forty validation scenes.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rendering import standard_scene

from ravens_suite.agents.common import cuda_graph
from ravens_suite.agents.pick_place.dataset import PickPlaceDataset
from ravens_suite.agents.transporter.agent import Transporter
from ravens_suite.agents.transporter.config import TransporterConfig
from ravens_suite.core.cameras import published_cameras
from ravens_suite.core.observations import Interface
from ravens_suite.data.atomic import write_json
from ravens_suite.execution.pool import available_cores
from ravens_suite.execution.processes import ProcessPool
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.provenance import provenance
from ravens_suite.sim.rendering.factory import make_renderer
from ravens_suite.training.data import open_demonstrations
from ravens_suite.training.run_record import begin
from ravens_suite.training.settings import TrainingPlan
from ravens_suite.training.validation import Validator

DEMOS = 10
WARM = 12
"""Steps before the clock starts: the first ones choose algorithms and record graphs."""


class Cell:
    """An agent and what it learns from.

    Args:
        task: its name.
        data: folder of all demonstrations.
    """

    def __init__(self, task: str, data: Path) -> None:
        with ProcessPool(available_cores()) as pool:
            collect(task, episodes=DEMOS, data=data, pool=pool)
        self.record = begin(TrainingPlan(agent="transporter", tasks=(task,), demos=DEMOS), data, None, False)
        self.demonstrations = open_demonstrations(data, self.record["demonstrations"])

    def agent(self, **settings: Any) -> Transporter:
        """A new one."""
        return Transporter(replace(TransporterConfig(), **settings), 0, Interface.from_json(self.record["interface"]))

    def dataset(self) -> PickPlaceDataset:
        """What it learns from."""
        return self.agent(device="cpu").make_dataset(self.demonstrations)

    def validator(self) -> Validator:
        """Scores agents on validation scenes."""
        return Validator(self.record["environments"])


def views(data: Path) -> dict[str, Any]:
    """Milliseconds a view."""
    del data  # Nothing is learned.
    scene, cameras, renderer = standard_scene(40), published_cameras(), make_renderer("moderngl")
    times = []
    for _ in range(40):
        start = time.perf_counter()
        renderer.render(scene, cameras)
        times.append((time.perf_counter() - start) * 1000 / len(cameras))
    renderer.close()
    return {"milliseconds_a_view": round(min(times), 3)}


def seconds_a_step(agent: Transporter, dataset: PickPlaceDataset, steps: int) -> float:
    """The mean over some steps, after ``WARM``."""
    for step in range(WARM):
        agent.fit_step(dataset, step)
    start = time.perf_counter()
    for step in range(WARM, WARM + steps):
        agent.fit_step(dataset, step)
    return (time.perf_counter() - start) / steps


def steps(data: Path) -> dict[str, Any]:
    """Seconds a step, by how it was done."""
    cell = Cell("block-insertion", data)
    dataset, found = cell.dataset(), dict[str, Any]()

    def note(name: str, seconds: float, batch: int) -> None:
        found[name] = {
            "batch": batch,
            "milliseconds_a_step": round(seconds * 1000, 2),
            "examples_a_second": round(batch / seconds, 1),
        }
        print(name, found[name], flush=True)

    if torch.cuda.is_available():
        eager = cuda_graph._EAGER
        cuda_graph._EAGER = 10**9
        note("gpu, kernel by kernel", seconds_a_step(cell.agent(device="cuda", workers=0), dataset, 60), 2)
        cuda_graph._EAGER = eager
        for batch, workers in ((2, 0), (2, 4), (8, 8), (32, 12)):
            agent = cell.agent(device="cuda", workers=workers, batch=batch)
            name = f"gpu, recorded, {workers} processes, batch {batch}"
            note(name, seconds_a_step(agent, dataset, 200 if batch == 2 else 40), batch)
        found["gpu_memory_megabytes"] = round(torch.cuda.max_memory_allocated() / 2**20)
    torch.set_num_threads(1)
    note("one core", seconds_a_step(cell.agent(device="cpu"), dataset, 6), 2)
    return found


def _trained(cell: Cell, until: float | None, every: int, scenes: int) -> dict[str, Any]:
    """A whole run, or one until it scores so much; its score is looked at every so many steps."""
    agent, dataset, seconds, scores = cell.agent(), cell.dataset(), 0.0, dict[int, float]()
    with cell.validator() as validator:
        for step in range(agent.config.steps):
            start = time.perf_counter()
            agent.fit_step(dataset, step)
            seconds += time.perf_counter() - start
            if (step + 1) % every == 0:
                scores[step + 1] = validator(agent, "val", range(scenes)) or 0.0
                print(step + 1, round(seconds, 1), scores[step + 1], flush=True)
                if until is not None and scores[step + 1] >= until:
                    break
    return {"steps": step + 1, "training_seconds": round(seconds, 1), "validation": scores}


def solve(data: Path) -> dict[str, Any]:
    """Seconds until block-insertion is solved."""
    return _trained(Cell("block-insertion", data), 95.0, 50, 20)


def cell(data: Path) -> dict[str, Any]:
    """A whole run of stack-block-pyramid."""
    return _trained(Cell("stack-block-pyramid", data), None, 1400, 40)


PARTS = {"views": views, "steps": steps, "solve": solve, "cell": cell}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    result: dict[str, Any] = provenance() | {
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    }
    for part in options.parts:
        result[part] = PARTS[part](options.data)
        print(json.dumps({part: result[part]}), flush=True)
        if options.out is not None:
            write_json(options.out, result)


if __name__ == "__main__":
    main()
