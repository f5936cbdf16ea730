"""Muon for many small matrices at once.

Muon (K. Jordan, 2024, "Muon: an optimizer for hidden layers in neural networks") updates a weight matrix by its
averaged gradient after orthogonalisation: all singular values become about one, so that rare directions are learned as
fast as common ones. Newton-Schulz iterations do that without a decomposition. For matrices with few rows and many
columns they need only the small Gram matrix of the rows; the Gram matrices of all weights go through the iterations as
one batch, which takes a fraction of the time of one weight after the other.

Weights, gradients and averages are float32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import ParamsT

_A, _B, _C = 3.4445, -4.7750, 2.0315
"""Coefficients of Jordan's quintic iteration (2024); singular values end between about 0.7 and 1.2."""
_ITERATIONS = 5
_MATCH_ADAM = 0.2
"""Root mean square of an update, that of AdamW's, so that both take the same learning rate (arXiv 2502.16982, section
2.2)."""


class Muon(torch.optim.Optimizer):
    """The optimiser, in torch's interface.

    Args:
        weights: matrices, (rows, columns) each, or kernels of convolutions, (outputs, inputs, height, width), of which
            each output is a row; or groups of them as for other optimisers.
        lr: learning rate, of the size of AdamW's; as a tensor on the device of the weights, it is read at each step.
        weight_decay: decoupled from the gradient.
        momentum: decay of the averaged gradient (Nesterov momentum).
    """

    def __init__(self, weights: ParamsT, lr: float | Tensor, weight_decay: float = 0.0, momentum: float = 0.95) -> None:
        super().__init__(weights, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One step; a closure is not called."""
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if not weights:
                continue
            gradients = [weight.grad for weight in weights]
            for weight in weights:
                if not self.state[weight]:
                    self.state[weight]["momentum_buffer"] = torch.zeros_like(weight)
            buffers = [self.state[weight]["momentum_buffer"] for weight in weights]
            torch._foreach_lerp_(buffers, gradients, 1 - group["momentum"])
            averaged = torch._foreach_lerp(gradients, buffers, group["momentum"])
            updates = orthogonalise([each.flatten(1) for each in averaged])
            torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
            torch._foreach_mul_(updates, [-group["lr"] * _MATCH_ADAM * math.sqrt(max(each.shape)) for each in updates])
            torch._foreach_add_(weights, [each.reshape(w.shape) for each, w in zip(updates, weights, strict=True)])


def orthogonalise(matrices: Sequence[Tensor]) -> list[Tensor]:
    """Matrices of any shapes with singular values close to one and unchanged singular vectors, in the same shapes."""
    wide = [matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T for matrix in matrices]
    wide = [matrix / matrix.norm().clamp(min=1e-7) for matrix in wide]
    side = max(len(matrix) for matrix in wide)
    grams = torch.stack([_padded(matrix @ matrix.T, side) for matrix in wide])
    one = torch.eye(side, dtype=grams.dtype, device=grams.device)
    factors = one.expand_as(grams)
    for _ in range(_ITERATIONS):
        factor = _A * one + _B * grams + _C * grams @ grams
        grams, factors = factor @ grams @ factor, factor @ factors
    results = [factor[: len(matrix), : len(matrix)] @ matrix for factor, matrix in zip(factors, wide, strict=True)]
    return [
        result if result.shape == matrix.shape else result.T for result, matrix in zip(results, matrices, strict=True)
    ]


def _padded(square: Tensor, side: int) -> Tensor:
    """A square matrix with zeros after its rows and columns, (side, side)."""
    zeros = side - len(square)
    return nn.functional.pad(square, (0, zeros, 0, zeros))
