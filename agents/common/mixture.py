"""Mixture density outputs (Bishop, "Mixture Density Networks", 1994), for when several answers are right.

All tensors are float32.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

_LEAST_DEVIATION = 0.02
"""Of a component, at least. Without it a component sinks into a single example, and its density grows for ever."""
_IMPROBABLE = 6.0
"""Logarithm of the share of the largest weight below which a component is no candidate."""


class LeadingLinear(nn.Linear):
    """A linear layer that reads as many inputs as it is given; those that are left out at the end count as zeros."""

    def forward(self, features: Tensor) -> Tensor:
        """(batch, fields) to (batch, ``out_features``) float32, where fields are at most ``in_features``."""
        return functional.linear(features, self.weight[:, : features.shape[1]], self.bias)


class MixtureDensity(nn.Module):
    """A mixture of Gaussians, each with one standard deviation for all axes, by a linear layer on features.

    Args:
        inputs: features.
        outputs: dimensions of a sample, in units in which samples spread by about 1.
        components: of the mixture.
        period: of the last axis, where that is an angle: samples that lie a period apart are then the same sample.
    """

    def __init__(self, inputs: int, outputs: int, components: int, period: float | None = None) -> None:
        super().__init__()
        self.outputs, self.components, self.period = outputs, components, period
        self.parameters_of = LeadingLinear(inputs, components * (2 + outputs))

    def forward(self, features: Tensor, least: float = _LEAST_DEVIATION) -> tuple[Tensor, Tensor, Tensor]:
        """The mixture.

        Args:
            features: (batch, inputs) float32; some may be left out at the end, which then count as zeros.
            least: what a standard deviation is at least.

        Returns:
            (batch, components) log-weights, (batch, components, outputs) means, and (batch, components) standard
            deviations.
        """
        values = self.parameters_of(features).float()
        weights, spread, means = values.split([self.components, self.components, self.components * self.outputs], dim=1)
        shape = (len(values), self.components, self.outputs)
        return weights.log_softmax(dim=1), means.view(shape), functional.softplus(spread) + least

    def loss(self, features: Tensor, samples: Tensor, least: float = _LEAST_DEVIATION) -> Tensor:
        """() mean negative log-likelihood of (batch, outputs) samples.

        Args:
            features: (batch, inputs).
            samples: (batch, outputs).
            least: see ``forward``.
        """
        weights, means, deviations = self(features, least)
        squares = self._away(samples[:, None] - means).square().sum(dim=2) / deviations.square()
        densities = -0.5 * squares - self.outputs * (deviations.log() + 0.5 * math.log(2 * math.pi))
        loss: Tensor = -(weights + densities).logsumexp(dim=1).mean()
        return loss

    def _away(self, differences: Tensor) -> Tensor:
        """(..., outputs) differences, that of an angle between minus and plus half its period."""
        if self.period is None:
            return differences
        angle = torch.remainder(differences[..., -1:] + self.period / 2, self.period) - self.period / 2
        return torch.cat([differences[..., :-1], angle], dim=-1)

    def best(self, features: Tensor) -> Tensor:
        """(batch, outputs): the mean of the component with the largest weight."""
        weights, means, _ = self(features)
        best: Tensor = means[torch.arange(len(means)), weights.argmax(dim=1)]
        return best

    def densest(self, weights: Tensor, means: Tensor, deviations: Tensor) -> Tensor:
        """(outputs,): of the means of components, the one at which the whole mixture is densest.

        Components with less than a four-hundredth of the largest weight are no candidates: one that is narrow enough
        would be dense, however improbable it is.

        Args:
            weights: (count,) logarithms, up to a constant, of any number of components.
            means: (count, outputs).
            deviations: (count,).
        """
        candidates = means[weights > weights.max() - _IMPROBABLE]
        squares = self._away(candidates[:, None] - means).square().sum(dim=2) / deviations.square()
        densities = (weights - 0.5 * squares - self.outputs * deviations.log()).logsumexp(dim=1)
        return candidates[densities.argmax()]
