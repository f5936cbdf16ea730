"""Seconds a training step and an act() of both agents, at the same input, in one run.

    python benchmarks/training.py [--threads 1] [--steps 30] [--reference-steps 2] [--out results/training.json]

The input is one demonstration of block-insertion's kind: a heightmap of 320 x 160 pixels, drawn here, so nothing has
to be collected, and three camera images of the published size for act(). ``step`` and ``act`` are the least wall time
of several, after three that are not counted (of the reference none: each would add half a minute to the wait). Both
agents' steps are of one example here; ``default_batch_seconds`` is a step of ours on as many as its settings say, and
``default_batch_ratio`` the reference's step over that. A step's ``correlation`` is the cross-correlation of query
and key with its gradient, of ours with turning the query (the reference turns images instead), at the step's own
shapes; ``network`` is all the rest of forward and backward; ``step`` also holds augmentation and the optimiser.
``ratio`` is the reference's step over ours.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor

from ravens_suite.agents import transporter_2020
from ravens_suite.agents.common.resnet import count_parameters
from ravens_suite.agents.pick_place.dataset import PickPlaceDataset
from ravens_suite.agents.pick_place.steps import step_from_maps
from ravens_suite.agents.transporter import placing
from ravens_suite.agents.transporter.agent import Transporter
from ravens_suite.agents.transporter.config import TransporterConfig
from ravens_suite.core.cameras import published_cameras
from ravens_suite.core.geometry import Pose
from ravens_suite.core.heightmap import Heightmap
from ravens_suite.core.memory import keep_freed_memory
from ravens_suite.core.observations import Observation
from ravens_suite.core.types import quantize_depth
from ravens_suite.core.workspace import AGENT_WORKSPACE
from ravens_suite.data.atomic import write_json
from ravens_suite.envs.observations import camera_matrices
from ravens_suite.rollout.provenance import provenance

CORRELATIONS = ("match_everywhere", "match_nearby", "correlate_nearby")


class Stopwatch:
    """Runs the correlations of an agent's module, and keeps copies of what they were given."""

    def __init__(self) -> None:
        self.calls: list[tuple[Callable[..., Tensor], tuple[Tensor, ...]]] = []

    def watch(self, module: Any, stack: ExitStack) -> None:
        """Stand in for the module's correlations while the stack is open."""
        for name in CORRELATIONS:
            if hasattr(module, name):
                stack.enter_context(mock.patch.object(module, name, self._wrap(getattr(module, name))))

    def seconds(self, *, gradient: bool) -> float:
        """Wall time of the recorded calls, each made again alone."""
        total = 0.0
        for function, tensors in self.calls:
            given = [tensor.requires_grad_(gradient and tensor.ndim > 1) for tensor in tensors]
            start = time.perf_counter()
            with torch.set_grad_enabled(gradient):
                result = function(*given)
            if gradient:
                result.sum().backward()  # type: ignore[no-untyped-call]
            total += time.perf_counter() - start
        return total

    def _wrap(self, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def call(*tensors: Tensor) -> Tensor:
            self.calls.append((function, tuple(tensor.detach().clone() for tensor in tensors)))
            return function(*tensors)

        return call


def demonstration() -> PickPlaceDataset:
    """One step: a block that goes from one spot of the table to another, turned."""
    shape = AGENT_WORKSPACE.shape

    def draw(row: int, column: int, rows: int, columns: int) -> Heightmap:
        color = np.full((*shape, 3), 51, np.uint8)
        height = np.full(shape, 2.5e-4, np.float32)
        block = slice(row, row + rows), slice(column, column + columns)
        color[block], height[block] = (255, 87, 89), 0.04
        return Heightmap(color, height)

    pick = Pose.planar(*AGENT_WORKSPACE.to_metres(110, 50))
    place = Pose.planar(*AGENT_WORKSPACE.to_metres(210, 100), yaw=np.pi / 2)
    return PickPlaceDataset([[step_from_maps(draw(98, 44, 24, 12), draw(204, 88, 12, 24), pick, place)]])


def observation() -> Observation:
    """Images of the published size: noise in colour, and a table one metre away."""
    rng = np.random.default_rng(0)
    shape = (len(published_cameras()), *published_cameras()[0].image_size)
    return {
        "color": rng.integers(0, 255, (*shape, 3), dtype=np.uint8),
        "depth": quantize_depth(np.full(shape, 1.0) + rng.uniform(0, 0.01, shape)),
        **camera_matrices(published_cameras()),
    }


def least(action: Callable[[], object], repetitions: int) -> float:
    """Least wall time of several runs, in seconds."""
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def measure(
    agent: Transporter | transporter_2020.Transporter2020, module: Any, steps: int, acts: int, warm_up: int
) -> dict[str, Any]:
    """The figures of one agent.

    Args:
        agent: fresh.
        module: of its class, whose correlations are timed apart.
        steps: gradient steps, the last of which is looked at closely.
        acts: decisions.
        warm_up: steps and decisions that are not counted.
    """
    demos, seen = demonstration(), observation()

    def act() -> None:
        agent.reset()
        agent.act(seen)

    for step in range(warm_up):
        agent.fit_step(demos, step)
        act()
    step_seconds = least(lambda: agent.fit_step(demos, 0), steps - 1) if steps > 1 else float("inf")
    training, acting = Stopwatch(), Stopwatch()
    with ExitStack() as stack:
        training.watch(module, stack)
        step_seconds = min(step_seconds, least(lambda: agent.fit_step(demos, 0), 1))
    correlation = min(training.seconds(gradient=True) for _ in range(3))
    with ExitStack() as stack:
        acting.watch(module, stack)
        act()
    act_seconds = least(act, acts)
    act_correlation = min(acting.seconds(gradient=False) for _ in range(3))
    return {
        "parameters": count_parameters(agent.net),
        "bfloat16": agent.use_bfloat16,
        "step_seconds": round(step_seconds, 4),
        "step_correlation_seconds": round(correlation, 4),
        "step_network_seconds": round(step_seconds - correlation, 4),
        "act_seconds": round(act_seconds, 4),
        "act_correlation_seconds": round(act_correlation, 4),
        "act_network_seconds": round(act_seconds - act_correlation, 4),
        "steps_measured": steps,
        # Of the process so far: the smaller agent is measured first.
        "peak_memory_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000),
    }


def measure_batch(steps: int) -> dict[str, Any]:
    """Our step with the number of examples of the settings, after three that are not counted."""
    agent, demos = Transporter(), demonstration()
    for step in range(3):
        agent.fit_step(demos, step)
    seconds = least(lambda: agent.fit_step(demos, 0), steps)
    return {"default_batch": agent.config.batch, "default_batch_seconds": round(seconds, 4)}


def main() -> None:
    """Measure, print JSON, and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1, help="of numerical work (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=30, help="of transporter (default: %(default)s)")
    parser.add_argument("--reference-steps", type=int, default=2, help="of transporter-2020 (default: %(default)s)")
    parser.add_argument("--reference", default="{}", help="settings of transporter-2020 that differ, as JSON")
    parser.add_argument("--out", type=Path, help="also write the JSON to this file")
    options = parser.parse_args()
    if options.out is not None and options.out.is_dir():
        parser.error(f"--out {options.out} is a folder; name a file in it.")
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    ours = measure(Transporter(TransporterConfig(batch=1)), placing, options.steps, acts=10, warm_up=3)
    ours |= measure_batch(options.steps)
    config = transporter_2020.Transporter2020Config(**json.loads(options.reference))
    reference = measure(
        transporter_2020.Transporter2020(config), transporter_2020, options.reference_steps, acts=1, warm_up=0
    )
    result = {
        **provenance(),
        "torch": torch.__version__,
        "threads": options.threads,
        "transporter": ours,
        "transporter-2020": reference,
        "ratio": round(reference["step_seconds"] / ours["step_seconds"], 1),
        "default_batch_ratio": round(reference["step_seconds"] / ours["default_batch_seconds"], 1),
        "act_ratio": round(reference["act_seconds"] / ours["act_seconds"], 1),
    }
    if options.out is not None:
        write_json(options.out, result)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
