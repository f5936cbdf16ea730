"""Muon and AdamW on one learning-rate cycle, with a moving average of the weights; the whole state is tensors by name.

Muon updates the weight matrices, and kernels of convolutions where it is told to; AdamW all other weights. Weights,
averages and moments are float32.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from .equivariant import forget_kernels
from .muon import Muon

Net = TypeVar("Net", bound=nn.Module)

_WARM_UP = 0.15
"""Share of the cycle in which the learning rate rises."""
_START, _END = 0.1, 0.01
"""Learning rates at the start and at the end, as shares of the highest one."""
_LARGEST_GRADIENT = 100.0
"""Largest norm of a gradient. A wrong placement gives a norm of about 50. A lower limit would scale down just those
examples that are not learned yet; with one, the agent never learned one of the seven moves of towers-of-hanoi."""


@dataclass(frozen=True)
class OptimiserConfig:
    """Settings of the optimiser.

    Attributes:
        steps: length of the cycle.
        learning_rate: the highest one of the cycle.
        weight_decay: decoupled from the gradient.
        ema_decay: decay of the exponential moving average (EMA) of the weights.
        use_muon: whether Muon updates the weight matrices; its time grows with the third power of the widest of them.
            Without it AdamW updates all weights.
        convolutions: whether kernels of convolutions count as matrices, with an output channel a row.
    """

    steps: int
    learning_rate: float
    weight_decay: float
    ema_decay: float
    use_muon: bool = True
    convolutions: bool = False


def one_cycle(step: int, steps: int, top: float) -> float:
    """Learning rate of a step: it rises along a cosine, then falls along another (one-cycle policy, arXiv 1708.07120).

    Args:
        step: from 0.
        steps: length of the cycle; later steps have the last rate.
        top: the highest rate.
    """
    progress = min(step / max(steps, 1), 1.0)
    if progress < _WARM_UP:
        low, part = _START, progress / _WARM_UP
    else:
        low, part = _END, 1 - (progress - _WARM_UP) / (1 - _WARM_UP)
    return top * (low + (1 - low) * (1 - math.cos(math.pi * part)) / 2)


def wound_down(step: int, steps: int, top: float, periods: Sequence[tuple[int, int]]) -> float:
    """Learning rate of a step of ``one_cycle`` that comes down before its end, too.

    Args:
        step: from 0.
        steps: length of the cycle.
        top: the highest rate.
        periods: steps (first, end) over which it comes down; after each of them the cycle goes on.
    """
    rate = one_cycle(step, steps, top)
    for first, end in periods:
        if first <= step < end:
            share = (1 + math.cos(math.pi * (step + 1 - first) / (end - first))) / 2
            return top * _END + max(rate - top * _END, 0.0) * share
    return rate


class Optimiser(Generic[Net]):
    """Trains a network in place.

    Args:
        net: what to train.
        config: settings.

    Attributes:
        ema: a copy of the network with the exponential moving average (EMA) of the weights.
        periods: steps (first, end) over which the learning rate comes down before the end of the cycle, as it does
            there. After each of them the cycle goes on.
    """

    def __init__(self, net: Net, config: OptimiserConfig) -> None:
        self.net, self.config = net, config
        self.periods: tuple[tuple[int, int], ...] = ()
        self.ema: Net = copy.deepcopy(net).requires_grad_(False).eval()
        self._acting = tuple(self.ema.modules())
        matrices, others = list[nn.Parameter](), list[nn.Parameter]()
        for weight in net.parameters():
            (matrices if config.use_muon and _is_matrix(weight, config.convolutions) else others).append(weight)
        device = next(net.parameters()).device
        # A step that was recorded for a GPU reads the learning rate from where it was then.
        on_gpu = device.type == "cuda"
        self._rate = torch.tensor(config.learning_rate, device=device) if on_gpu else None
        rate = config.learning_rate if self._rate is None else self._rate
        self.muon = Muon([{"params": matrices}], rate, config.weight_decay)
        self.adam = torch.optim.AdamW(
            others, rate, (0.9, 0.98), weight_decay=config.weight_decay, fused=True, capturable=on_gpu
        )

    def step(self, loss: Tensor, step: int) -> float:
        """One gradient step: ``begin``, ``descend`` and ``finish``.

        Args:
            loss: () float32.
            step: its number in the run, from 0.

        Returns:
            The learning rate that was used.
        """
        rate = self.begin(step)
        self.descend(loss)
        self.finish(step)
        return rate

    def begin(self, step: int) -> float:
        """Set the learning rate of a step, and return it."""
        rate = self.rate(step)
        if self._rate is not None:
            self._rate.fill_(rate)
        else:
            for group in [*self.muon.param_groups, *self.adam.param_groups]:
                group["lr"] = rate
        return rate

    def descend(self, loss: Tensor) -> None:
        """Change the weights by the gradient of a () float32 loss; everything is done on the device."""
        self.net.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.net.parameters(), _LARGEST_GRADIENT)
        self.muon.step()
        self.adam.step()

    def finish(self, step: int) -> None:
        """Let the average follow the weights."""
        # Early on, the average must forget the random initial weights.
        decay = min(self.config.ema_decay, (1 + step) / (10 + step))
        with torch.no_grad():
            averages: list[Tensor] = list(self.ema.parameters())
            weights: list[Tensor] = list(self.net.parameters())
            torch._foreach_lerp_(averages, weights, 1 - decay)
        # Not every operator over lists raises versions, and layers keep what they made of these weights.
        torch.autograd.graph.increment_version(averages)
        forget_kernels(self._acting)

    def rate(self, step: int) -> float:
        """Learning rate of a step."""
        return wound_down(step, self.config.steps, self.config.learning_rate, self.periods)

    def state(self) -> dict[str, Tensor]:
        """Weights (``net.``), their averages (``average.``) and moments (``moment.``), each by the parameter's name.

        Averages and moments have the shape of their weight, which may be any shape; numbers of steps are ().
        """
        state = {f"net.{name}": value for name, value in self.net.state_dict().items()}
        state |= {f"average.{name}": value for name, value in self.ema.state_dict().items()}
        return state | moments(self.muon, self.net) | moments(self.adam, self.net)

    def set_state(self, state: dict[str, Tensor]) -> None:
        """The inverse of ``state``: tensors by name, of the same shapes."""
        self.net.load_state_dict(under("net.", state))
        self.ema.load_state_dict(under("average.", state))
        forget_kernels(self._acting)
        set_moments(self.muon, self.net, state)
        set_moments(self.adam, self.net, state)


def _is_matrix(weight: Tensor, convolutions: bool) -> bool:
    """Whether Muon updates a weight; a single row is a vector."""
    return (weight.ndim == 2 or (convolutions and weight.ndim == 4)) and len(weight) > 1


def moments(optimiser: torch.optim.Optimizer, net: nn.Module) -> dict[str, Tensor]:
    """The moments of an optimiser by name, ``moment.<moment>.<parameter>``.

    Args:
        optimiser: of some parameters of the network.
        net: gives the parameters their names.

    Returns:
        Tensors of any shape. Most moments have that of their parameter; numbers of steps are (), and so are others of
        some optimisers.
    """
    state = {}
    for name, parameter in net.named_parameters():
        for moment, value in optimiser.state.get(parameter, {}).items():
            state[f"moment.{moment}.{name}"] = value
    return state


@torch.no_grad()
def set_moments(optimiser: torch.optim.Optimizer, net: nn.Module, state: dict[str, Tensor]) -> None:
    """The inverse of ``moments``; moments of parameters of other optimisers are ignored.

    Those that there are change in place: a step that was recorded for a GPU goes on in their memory. What the state
    does not hold becomes zero, as at the beginning.

    Args:
        optimiser: of some parameters of the network.
        net: gives the parameters their names.
        state: tensors by name, of any shape, as of ``moments``; entries with other names are ignored.
    """
    mine = {id(parameter) for group in optimiser.param_groups for parameter in group["params"]}
    for name, parameter in net.named_parameters():
        if id(parameter) not in mine:
            continue
        values = {
            key.split(".")[1]: value
            for key, value in state.items()
            if key.startswith("moment.") and key.split(".", 2)[2] == name
        }
        present = {key: value for key, value in optimiser.state.get(parameter, {}).items() if isinstance(value, Tensor)}
        for key, value in present.items():
            value.copy_(values.pop(key, torch.zeros_like(value)))
        for key, value in values.items():
            # In the memory layout of the parameter: the fused step goes through both in the order of their memory.
            optimiser.state[parameter][key] = (
                torch.empty_like(parameter).detach().copy_(value)
                if key != "step" and value.shape == parameter.shape
                else value.clone().to(parameter.device)
            )


def under(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The entries, tensors of any shape, whose name begins with a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
