"""An agent trained in memory, with copies of its weights from along the way, and its gradients and losses by them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ravens_suite.agents.base import Agent, config_from_json
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.insight.gradients import StepGradients, datasets_of, step_gradients
from ravens_suite.insight.training_gradients import PROJECTION, DemonstratedStep, TrainingGradients, late
from ravens_suite.registry import load_agent
from ravens_suite.training.data import read_task
from ravens_suite.training.loop import kept_steps

Array = NDArray[np.float64]
CHECKPOINTS = 5
CONFIG: dict[str, Any] = {}
"""Settings of the agent, of ``--config`` of ``benchmarks/influence.py``."""


@dataclass(frozen=True)
class Trained:
    """An agent, and copies of its weights from along the way, the last of the end."""

    agent: Agent[Any]
    copies: list[dict[str, torch.Tensor]]
    seconds: float


def fit(name: str, task: str, data: Path, paths: Sequence[Path], steps: int, seed: int) -> Trained:
    """Train without logs and files."""
    kind = load_agent(name)
    config = {**({"steps": steps} if steps else {}), "device": "cpu", **CONFIG}
    agent = kind(config_from_json(kind.config_type, config), seed, read_task(kind, task, data).interface)
    dataset = agent.make_dataset(Demonstrations(paths))
    total = int(agent.config.steps)
    kept = kept_steps(total, CHECKPOINTS)
    copies, start = [], time.perf_counter()
    for step in range(total):
        agent.fit_step(dataset, step)
        if step + 1 in kept:
            copies.append({key: value.detach().clone() for key, value in agent.weights().items()})
    return Trained(agent, copies, time.perf_counter() - start)


def gradients_of(
    trained: Trained, paths: Sequence[Path], size: int = PROJECTION, *, curved: bool = True
) -> TrainingGradients:
    """What ``insight/training_gradients.py`` computes, without files; with natural gradients where ``curved``."""
    datasets = datasets_of(trained.agent, Demonstrations(paths))
    found: list[StepGradients] = []
    kept = sorted(kept_steps(int(trained.agent.config.steps), CHECKPOINTS))
    steps = sum(len(count) for _, count in datasets)
    for step, copy in zip(kept, trained.copies, strict=True):
        trained.agent.set_weights(copy)
        natural = curved and trained.agent.gives_curvature() and step in late(kept, steps)
        found.append(step_gradients(trained.agent, datasets, size, natural=natural))
    demonstrated = [DemonstratedStep("", number, step) for number, (_, count) in enumerate(datasets) for step in count]
    return TrainingGradients(
        tuple(demonstrated),
        tuple(range(len(found))),
        np.stack([each.losses for each in found]),
        np.stack([each.norms for each in found]),
        np.stack([each.gradients for each in found]),
        np.stack(bent) if (bent := [each.natural for each in found if each.natural is not None]) else None,
    )


def losses_of(trained: Trained, paths: Sequence[Path]) -> Array:
    """Mean loss of the steps of each demonstration, by the last weights, (demonstrations,)."""
    trained.agent.set_weights(trained.copies[-1])
    with torch.no_grad():
        return np.array(
            [
                np.mean([float(trained.agent.example_loss(dataset, step)) for step in steps])
                for dataset, steps in datasets_of(trained.agent, Demonstrations(paths))
            ]
        )
