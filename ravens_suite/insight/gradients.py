"""Gradients of single demonstrated steps, small enough to be kept for every step and every checkpoint.

The inner product of two gradients says by how much a gradient step on one example changes the loss of the other
(TracIn, Pruthi et al., NeurIPS 2020, arXiv 2002.08484). A network has more parameters than can be kept for each
example, so gradients are projected at random.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from ravens_suite.agents.base import Agent
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.episode import EpisodeReader
from ravens_suite.errors import ConfigError, DivergedError, blame

Gradient = NDArray[np.float32]
SKETCH = "by a prime number"
"""Which random projection it is; inner products of gradients by different ones mean nothing."""
FEW_STEPS = 48
"""Up to so many steps, natural gradients are computed at several checkpoints, from nearly all terms of the curvature.
With more steps, one checkpoint and one sum of terms a step must do, so that it costs little beside training."""
_SUMS_OF_FEW = 512
"""Sums of curvature terms over all steps, where these are few."""
_DAMPING_NATURAL = 1e-4
"""Share of the trace of the Gauss-Newton matrix. Chosen with ``state-mlp`` on three tasks (docs/influence.md)."""
CURVATURE = f"Gauss-Newton, {_DAMPING_NATURAL:g}, {_SUMS_OF_FEW} sums up to {FEW_STEPS} steps"
"""Which natural gradients these are; those that were kept in another way are computed anew."""
_TINY = 1e-12


class GradientSketch:
    """A random projection of gradients that keeps inner products in expectation (count sketch).

    Every entry of the gradient is added, with a random sign, to one of ``size`` sums. That takes as long as reading the
    gradient, whatever the size (Charikar et al., "Finding frequent items in data streams", 2002). The inner product of
    two projections is off by about ``|a| |b| / sqrt(size)``. Which sum it is goes round by a prime number, so that
    entries of one row or column of a layer are not added to each other again and again.

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
            self._prime = _largest_prime(size)
            signs = np.random.default_rng(seed).integers(2, size=count, dtype=np.int8) * 2 - 1
            self._signs = torch.from_numpy(signs).float().to(self._parameters[0].device)

    def __call__(self, loss: torch.Tensor) -> tuple[Gradient, float]:
        """The projected gradient of a loss, (size,) float32, and the norm of the whole gradient.

        Args:
            loss: () float32.

        Raises:
            DivergedError: the gradient is not finite.
        """
        gradient = _flat(torch.autograd.grad(loss, self._parameters, allow_unused=True), self._parameters)
        norm = float(gradient.norm())
        if not np.isfinite(norm):
            raise DivergedError("The gradient of a demonstrated step is not finite: train with a lower learning_rate.")
        return self._projected(gradient), norm

    def of_sums(self, terms: torch.Tensor, directions: torch.Tensor) -> Gradient:
        """The projected gradients of weighted sums of terms.

        Args:
            terms: (k,) float32.
            directions: (n, k), the weights of the terms in each sum, of the dtype and on the device of the terms.

        Returns:
            (n, size) float32.

        Raises:
            DivergedError: one is not finite.
        """
        rows = np.zeros((len(directions), self.size), dtype=np.float32)
        for row, weights in zip(rows, directions, strict=True):
            found = torch.autograd.grad(terms, self._parameters, weights, allow_unused=True, retain_graph=True)
            row[:] = self._projected(_flat(found, self._parameters))
        if not np.isfinite(rows).all():
            raise DivergedError(
                "A gradient of curvature_terms is not finite: train with a lower learning_rate, or detach the factors "
                "of the outputs there."
            )
        return rows

    def _projected(self, gradient: torch.Tensor) -> Gradient:
        """(size,) float32: sums of entries as far apart as the prime number, and zeros."""
        if not self.whole:
            signed = gradient * self._signs
            full = len(signed) // self._prime * self._prime
            gradient = functional.pad(signed[:full].view(-1, self._prime).sum(dim=0), (0, self.size - self._prime))
            gradient[: len(signed) - full] += signed[full:]
        return np.asarray(gradient.cpu().numpy(), dtype=np.float32)


def _flat(found: Sequence[torch.Tensor | None], parameters: Sequence[torch.Tensor]) -> torch.Tensor:
    """(count,) float32: the gradients of all parameters, of which some may not be used."""
    parts = [
        torch.zeros_like(parameter) if part is None else part for part, parameter in zip(found, parameters, strict=True)
    ]
    return torch.cat([part.detach().flatten().float() for part in parts])


def _largest_prime(most: int) -> int:
    """The largest prime number that is at most ``most``; 1 if there is none."""
    return next((n for n in range(most, 1, -1) if all(n % d for d in range(2, math.isqrt(n) + 1))), 1)


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

    Raises:
        ConfigError: what the agent gives is no loss, no curvature, or depends on no parameter.
    """
    if not (parameters := agent.trained_parameters()):
        raise ConfigError(
            f"trained_parameters of the agent {agent.name} gives none: let it return what fit_step changes, by name "
            "(docs/influence.md)."
        )
    sketch = GradientSketch(parameters, size)
    count = sum(len(steps) for _, steps in datasets)
    sums = _SUMS_OF_FEW // count if count <= FEW_STEPS else 1
    losses, norms, gradients = [], [], []
    rows: list[Gradient] = []
    for dataset, steps in datasets:
        for step in steps:
            with blame(f"example_loss of the agent {agent.name}"), torch.enable_grad():
                loss = _checked_loss(agent.example_loss(dataset, step), agent.name)
            gradient, norm = sketch(loss)
            losses.append(float(loss.detach()))
            norms.append(norm)
            gradients.append(gradient)
            if natural:
                with blame(f"curvature_terms of the agent {agent.name}"), torch.enable_grad():
                    terms = _checked(agent.curvature_terms(dataset, step), agent.name)
                    rows.append(sketch.of_sums(terms, _directions(len(terms), sums, len(rows)).to(terms)))
    stacked = np.stack(gradients)
    solved = natural_gradients(stacked, np.concatenate(rows)) if natural else None
    return StepGradients(np.array(losses), np.array(norms), stacked, solved)


def _checked(terms: Any, name: str) -> torch.Tensor:
    """Terms of curvature, if they are."""
    if not isinstance(terms, torch.Tensor) or terms.ndim != 1 or not terms.requires_grad:
        raise ConfigError(
            f"curvature_terms of the agent {name} must be a (k,) tensor with a gradient; got {_given(terms)}: "
            "see docs/influence.md."
        )
    return terms


def _checked_loss(loss: Any, name: str) -> torch.Tensor:
    """The loss of a step, if it is one."""
    if not isinstance(loss, torch.Tensor) or loss.numel() != 1 or not loss.requires_grad:
        raise ConfigError(
            f"example_loss of the agent {name} must be a () tensor with a gradient; got {_given(loss)}: see "
            "docs/influence.md."
        )
    return loss


def _given(value: Any) -> str:
    if not isinstance(value, torch.Tensor):
        return f"a {type(value).__name__}"
    return f"a {tuple(value.shape)} tensor{'' if value.requires_grad else ' without one'}"


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
    """``(G + c)^-1 g`` of gradients ``g``: how leaving each out would change the weights, up to a factor (Amari, 1998).

    ``G`` is the Gauss-Newton matrix of the loss of all demonstrations, the sum of the outer products of the rows. This
    is the influence function of Koh and Liang (2017, arXiv 1703.04730). The outer products of the gradients themselves,
    the empirical Fisher matrix, are no measure of curvature where demonstrations are fitted and gradients are small.
    ``c`` is a share of the trace of ``G``, since training ends before the flattest directions are learnt.

    Args:
        gradients: (steps, size) float32.
        rows: (n, size) float32.

    Returns:
        (steps, size) float32.
    """
    g, r = gradients.astype(np.float64), rows.astype(np.float64)
    by_rows = len(r) <= r.shape[1]
    inner = r @ r.T if by_rows else r.T @ r
    damping = max(_DAMPING_NATURAL * float(np.trace(inner)), _TINY)
    inner += damping * np.eye(len(inner))
    # Woodbury's identity leaves a matrix that is as small as there are rows.
    solved = np.linalg.solve(inner, r @ g.T if by_rows else g.T).T
    if by_rows:
        solved = (g - solved @ r) / damping
    return np.asarray(solved, dtype=np.float32)


def datasets_of(agent: Agent[Any], demonstrations: Iterable[EpisodeReader]) -> list[tuple[Any, Sequence[int]]]:
    """What an agent makes of each demonstration alone, and the numbers of its steps; none of those without a step."""
    agent.check_example_losses()
    made: list[tuple[Any, Sequence[int]]] = []
    for reader in demonstrations:
        if reader.summary.steps:
            with blame(f"make_dataset of the agent {agent.name}"):
                made.append((agent.make_dataset(Demonstrations.of_one(reader)), range(reader.summary.steps)))
    if not made:
        raise ConfigError("No demonstration has a step: there is nothing that could have taught the agent anything.")
    return made
