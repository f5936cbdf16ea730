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
_CURVATURE_ROWS = 512
"""Gradients of sums of curvature terms at a checkpoint, over all steps, but one a step at least. So they cost little
beside training, and with few demonstrations every term counts by itself."""
_DAMPING_NATURAL = 5e-5
"""Share of the trace of the Gauss-Newton matrix. Chosen with ``state-mlp`` on three tasks (docs/influence.md)."""
_TINY = 1e-12


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
            self._signs = torch.from_numpy(rng.integers(2, size=count, dtype=np.int8) * 2 - 1).float().to(device)

    def __call__(self, loss: torch.Tensor) -> tuple[Gradient, float]:
        """The projected gradient of a loss, (size,) float32, and the norm of the whole gradient.

        Args:
            loss: () float32.

        Raises:
            DivergedError: the gradient is not finite.
        """
        gradient = self._gradient(loss, None)
        norm = float(gradient.norm())
        if not np.isfinite(norm):
            raise DivergedError("The gradient of a demonstrated step is not finite: train with a lower learning_rate.")
        return self._projected(gradient), norm

    def of_sums(self, terms: torch.Tensor, directions: torch.Tensor) -> Gradient:
        """The projected gradients of weighted sums of terms.

        Args:
            terms: (k,) float32.
            directions: (n, k) float32, the weights of the terms in each sum.

        Returns:
            (n, size) float32.
        """
        return np.stack([self._projected(self._gradient(terms, direction)) for direction in directions])

    def _gradient(self, outputs: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
        found = torch.autograd.grad(
            outputs, self._parameters, weights, allow_unused=True, retain_graph=weights is not None
        )
        parts = [
            torch.zeros_like(parameter) if part is None else part
            for part, parameter in zip(found, self._parameters, strict=True)
        ]
        return torch.cat([part.detach().flatten().float() for part in parts])

    def _projected(self, gradient: torch.Tensor) -> Gradient:
        if not self.whole:
            sums = torch.zeros(self.size, dtype=torch.float32, device=gradient.device)
            gradient = sums.scatter_add_(0, self._sums, gradient * self._signs)
        return np.asarray(gradient.cpu().numpy(), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class StepGradients:
    """Gradients of the steps of some demonstrations at one checkpoint.

    Attributes:
        losses: (steps,) float64.
        norms: (steps,) float64 of the whole gradients.
        gradients: (steps, size) float32, projected.
        natural: of the same shape, see ``natural_gradients``; ``None`` where they were not asked for.
    """

    losses: NDArray[np.float64]
    norms: NDArray[np.float64]
    gradients: Gradient
    natural: Gradient | None = None


def step_gradients(
    agent: Agent[Any], datasets: Sequence[tuple[Any, Sequence[int]]], size: int, *, natural: bool = False
) -> StepGradients:
    """Gradients of demonstrated steps, one after the other.

    Args:
        agent: with the weights of a checkpoint.
        datasets: what the agent made of one demonstration each, and which steps of it.
        size: of a projection, see ``GradientSketch``.
        natural: whether to compute natural gradients, too, for which the agent must give its curvature.
    """
    sketch = GradientSketch(agent.trained_parameters(), size)
    sums = max(_CURVATURE_ROWS // sum(len(steps) for _, steps in datasets), 1)
    losses, norms, gradients, rows = [], [], [], []
    for dataset, steps in datasets:
        for step in steps:
            with blame(f"example_loss of the agent {agent.name}"), torch.enable_grad():
                loss = agent.example_loss(dataset, step)
            gradient, norm = sketch(loss)
            losses.append(float(loss.detach()))
            norms.append(norm)
            gradients.append(gradient)
            if natural:
                with blame(f"curvature_terms of the agent {agent.name}"), torch.enable_grad():
                    terms = agent.curvature_terms(dataset, step)
                    assert terms is not None
                rows.append(sketch.of_sums(terms, _directions(len(terms), sums, len(rows)).to(terms.device)))
    stacked = np.stack(gradients)
    bent = natural_gradients(stacked, np.concatenate(rows)) if natural else None
    return StepGradients(np.array(losses), np.array(norms), stacked, bent)


def _directions(terms: int, sums: int, seed: int) -> torch.Tensor:
    """Weights of sums of terms whose outer products add up to the identity, on average where they are fewer.

    Returns:
        (min(terms, sums), terms) float32: orthogonal rows.
    """
    if sums >= terms:
        return torch.eye(terms)
    drawn = np.linalg.qr(np.random.default_rng(seed).normal(size=(terms, sums)))[0].T
    return torch.from_numpy(drawn * (terms / sums) ** 0.5).float()


def natural_gradients(gradients: Gradient, rows: Gradient) -> Gradient:
    """``(G + d)^-1 g`` of gradients ``g``: how the weights would be without each, but for a factor (Amari, 1998).

    ``G`` is the Gauss-Newton matrix of the loss of all demonstrations, the sum of the outer products of the rows. This
    is the influence function of Koh and Liang (2017, arXiv 1703.04730). The outer products of the gradients themselves,
    the empirical Fisher matrix, are no measure of curvature where demonstrations are fitted and gradients are small.
    ``d`` is a share of the trace of ``G``, since training ends before the flattest directions are learnt.

    Args:
        gradients: (steps, size) float32.
        rows: (n, size) float32.

    Returns:
        (steps, size) float32.
    """
    g, r = gradients.astype(np.float64), rows.astype(np.float64)
    damping = max(_DAMPING_NATURAL * float(np.square(r).sum()), _TINY)
    if len(r) > r.shape[1]:
        solved = np.linalg.solve(r.T @ r + damping * np.eye(r.shape[1]), g.T).T
    else:  # The same by Woodbury's identity, with a matrix as small as there are rows.
        inner = np.linalg.solve(r @ r.T + damping * np.eye(len(r)), r @ g.T)
        solved = (g - inner.T @ r) / damping
    return np.asarray(solved, dtype=np.float32)


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
