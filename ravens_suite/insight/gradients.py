"""Gradients of single demonstrated steps, small enough to be kept for every step and every checkpoint.

The inner product of two gradients says by how much a gradient step on one example changes the loss of the other
(TracIn, Pruthi et al., NeurIPS 2020, arXiv 2002.08484). A network has more parameters than can be kept for each
example, so gradients are projected at random.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ravens_suite.agents.base import Agent
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.episode import EpisodeReader
from ravens_suite.errors import ConfigError, DivergedError, blame

Gradient = NDArray[np.float32]


class GradientSketch:
    """A random projection of gradients that keeps inner products in expectation (count sketch).

    Every entry of the gradient is added, with a random sign, to one of ``size`` sums that is drawn at random. That
    takes as long as reading the gradient, whatever the size (Charikar et al., "Finding frequent items in data streams",
    2002). The inner product of two projections is off by about ``|a| |b| / sqrt(size)``.

    Args:
        parameters: of the network, by name.
        size: of a projection; gradients that are no larger are kept whole, and all are with 0.
        seed: of the projection.
    """

    def __init__(self, parameters: Mapping[str, torch.nn.Parameter], size: int, seed: int = 0) -> None:
        self._parameters = list(parameters.values())
        count = sum(parameter.numel() for parameter in self._parameters)
        self.whole = size == 0 or count <= size
        self.size = count if self.whole else size
        if not self.whole:
            rng = np.random.default_rng(seed)
            device = self._parameters[0].device
            self._sums = torch.from_numpy(rng.integers(size, size=count)).to(device)
            self._signs = torch.from_numpy(rng.integers(2, size=count, dtype=np.int8) * 2 - 1).to(device)

    def __call__(self, loss: torch.Tensor) -> tuple[Gradient, float]:
        """The projected gradient of a loss, (size,) float32, and the norm of the whole gradient.

        Args:
            loss: () float32.

        Raises:
            DivergedError: the gradient is not finite.
        """
        found = torch.autograd.grad(loss, self._parameters, allow_unused=True)
        parts = [
            torch.zeros_like(parameter) if part is None else part
            for part, parameter in zip(found, self._parameters, strict=True)
        ]
        gradient = torch.cat([part.detach().flatten().float() for part in parts])
        norm = float(gradient.norm())
        if not np.isfinite(norm):
            raise DivergedError("The gradient of a demonstrated step is not finite: train with a lower learning_rate.")
        if not self.whole:
            sums = torch.zeros(self.size, dtype=torch.float32, device=gradient.device)
            gradient = sums.index_add_(0, self._sums, gradient * self._signs)
        return gradient.cpu().numpy(), norm


@dataclass(frozen=True, eq=False)
class StepGradients:
    """Gradients of the steps of some demonstrations at one checkpoint.

    Attributes:
        losses: (steps,) float64.
        norms: (steps,) float64 of the whole gradients.
        gradients: (steps, size) float32, projected.
    """

    losses: NDArray[np.float64]
    norms: NDArray[np.float64]
    gradients: Gradient


def step_gradients(agent: Agent[Any], datasets: Sequence[tuple[Any, Sequence[int]]], size: int) -> StepGradients:
    """Gradients of demonstrated steps, one after the other.

    Args:
        agent: with the weights of a checkpoint.
        datasets: what the agent made of one demonstration each, and which steps of it.
        size: of a projection, see ``GradientSketch``.
    """
    sketch = GradientSketch(agent.trained_parameters(), size)
    losses, norms, gradients = [], [], []
    for dataset, steps in datasets:
        for step in steps:
            with blame(f"example_loss of the agent {agent.name}"), torch.enable_grad():
                loss = agent.example_loss(dataset, step)
            gradient, norm = sketch(loss)
            losses.append(float(loss.detach()))
            norms.append(norm)
            gradients.append(gradient)
    return StepGradients(np.array(losses), np.array(norms), np.stack(gradients))


def datasets_of(agent: Agent[Any], demonstrations: Iterable[EpisodeReader]) -> list[tuple[Any, Sequence[int]]]:
    """What an agent makes of each demonstration alone, and the numbers of its steps; none of those without a step."""
    if not agent.gives_example_losses():
        agent.example_loss(None, 0)  # Says what is missing.
    made: list[tuple[Any, Sequence[int]]] = []
    for reader in demonstrations:
        if reader.summary.steps:
            with blame(f"make_dataset of the agent {agent.name}"):
                made.append((agent.make_dataset(Demonstrations([reader.path])), range(reader.summary.steps)))
    if not made:
        raise ConfigError("No demonstration has a step: there is nothing that could have taught the agent anything.")
    return made
