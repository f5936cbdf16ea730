"""AdamW on one learning-rate cycle, with a moving average of the weights.

Weights, averages and moments are float32.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from ..common.optimiser import moments, set_moments, under, wound_down
from .config import VisualForesightConfig
from .lightning import Lightning
from .models.base import WorldModel

_WEIGHT_DECAY = 1e-4
_LARGEST_GRADIENT = 1.0
"""Largest norm of a gradient."""


class Optimiser:
    """Trains a model in place.

    Args:
        model: what to train. One without weights is left as it is.
        config: settings of the agent.

    Attributes:
        ema: a copy of the model with the exponential moving average (EMA) of the weights.
        periods: steps (first, end) over which the learning rate comes down before the end of its cycle.
    """

    def __init__(self, model: WorldModel, config: VisualForesightConfig) -> None:
        self.model, self.config = model, config
        self.periods: tuple[tuple[int, int], ...] = ()
        self.ema: WorldModel = copy.deepcopy(model).requires_grad_(False).eval()
        weights = list(model.parameters())
        self.adam = (
            torch.optim.AdamW(weights, config.learning_rate, weight_decay=_WEIGHT_DECAY, fused=True)
            if weights
            else None
        )
        self.lightning: Lightning | None = None

    def join(self, device: torch.device, rank: int, port: int) -> None:
        """Train through Lightning from now on; see ``Lightning``."""
        if self.adam is not None:
            self.lightning = Lightning(self.model, self.adam, self.config, device, rank, port)

    def rate(self, step: int) -> float:
        """Learning rate of a step."""
        return wound_down(step, self.config.steps, self.config.learning_rate, self.periods)

    def step(self, loss: Tensor, step: int) -> float:
        """One gradient step.

        Args:
            loss: () float32.
            step: its number in the run, from 0.

        Returns:
            The learning rate that was used.
        """
        rate = self.rate(step)
        if self.adam is None:
            return rate
        for group in self.adam.param_groups:
            group["lr"] = rate
        self.adam.zero_grad(set_to_none=True)
        if self.lightning is None:
            loss.backward()  # type: ignore[no-untyped-call]
        else:
            self.lightning.fabric.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), _LARGEST_GRADIENT)
        if self.lightning is None:
            self.adam.step()
        else:
            self.lightning.adam.step()
        # Early on, the average must forget the random initial weights.
        decay = min(self.config.average, (1 + step) / (10 + step))
        with torch.no_grad():
            averages: list[Tensor] = list(self.ema.parameters())
            now: list[Tensor] = list(self.model.parameters())
            torch._foreach_lerp_(averages, now, 1 - decay)
            # Such as the statistics of a batch normalisation, which average themselves.
            for kept, buffer in zip(self.ema.buffers(), self.model.buffers(), strict=True):
                kept.copy_(buffer)
        return rate

    def state(self) -> dict[str, Tensor]:
        """Weights (``net.``), their averages (``average.``) and moments (``moment.``), each by the parameter's name.

        Averages and moments have the shape of their weight, which may be any shape; numbers of steps are ().
        """
        if self.adam is None:
            return {}
        state = {f"net.{name}": value for name, value in self.model.state_dict().items()}
        state |= {f"average.{name}": value for name, value in self.ema.state_dict().items()}
        return state | moments(self.adam, self.model)

    def set_state(self, state: dict[str, Tensor]) -> None:
        """The inverse of ``state``: tensors by name, of the same shapes."""
        if self.adam is None:
            return
        self.model.load_state_dict(under("net.", state))
        self.ema.load_state_dict(under("average.", state))
        set_moments(self.adam, self.model, state)
