"""A base for agents that are one network and one optimiser: what is left to write fits in one short file."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor, nn

from ravens_suite.core.observations import Interface

from ..base import Agent, Data, Trainee
from .devices import choose_device
from .optimiser import moments, set_moments, under

_EVALUATED = ("act", "explain", "update", "example_loss", "curvature_terms")
"""Methods in which the network is in evaluation mode, unless ``fit_step`` calls them."""


def _evaluated(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def evaluated(self: ModuleTrainee[Any], *arguments: Any, **options: Any) -> Any:
        if self._learns:  # It may descend example_loss itself, or by a method of its own that is called update.
            return method(self, *arguments, **options)
        modes = [(module, module.training) for module in self.net.modules()]
        if not any(training for _, training in modes):
            return method(self, *arguments, **options)
        self.net.eval()
        try:
            return method(self, *arguments, **options)
        finally:
            for module, training in modes:
                module.training = training

    return evaluated


def _learning(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def learning(self: ModuleTrainee[Any], *arguments: Any, **options: Any) -> Any:
        before, self._learns = self._learns, True
        try:
            return method(self, *arguments, **options)
        finally:
            self._learns = before

    return learning


class ModuleTrainee(Trainee[Data]):
    """What learns with a network ``net`` and an optimiser ``optimiser``.

    A subclass says in ``make_net`` what the network is, and takes its gradient steps with ``descend``. ``config`` needs
    ``steps: int`` and ``learning_rate: float``, and may have ``device: str``. While it acts or watches, and where it is
    asked for the loss of a step, the network is in evaluation mode: dropout drops nothing, and batch normalisation goes
    by what it has seen in training. What ``fit_step`` calls is computed in the mode that it left the network in.

    Attributes:
        device: of the network and of what it reads.
        net: the network, with initial weights that are a function of the seed.
        optimiser: AdamW with the constant learning rate of the config, unless ``make_optimiser`` says otherwise.

    Raises:
        ConfigError: there is no such device.
    """

    scheduled = False
    _learns = False
    """Whether ``fit_step`` is being carried out."""

    def __init__(self, config: Any = None, seed: int = 0, interface: Interface | None = None) -> None:
        super().__init__(config, seed, interface)
        self.device = choose_device(getattr(self.config, "device", "cpu"))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.net = self.make_net().to(self.device)
        self.optimiser = self.make_optimiser(self.net)

    def __init_subclass__(cls, **options: Any) -> None:
        """Let what a subclass computes for users be computed in evaluation mode."""
        super().__init_subclass__(**options)
        for name, wrapped in {**dict.fromkeys(_EVALUATED, _evaluated), "fit_step": _learning}.items():
            method = cls.__dict__.get(name)
            if callable(method) and not getattr(method, "__isabstractmethod__", False):
                setattr(cls, name, wrapped(method))

    @abstractmethod
    def make_net(self) -> nn.Module:
        """The network, by ``config`` and ``interface``. Random numbers of torch are a function of the seed here."""

    def make_optimiser(self, net: nn.Module) -> torch.optim.Optimizer:
        """The optimiser of all parameters of the network."""
        return torch.optim.AdamW(net.parameters(), self.config.learning_rate)

    def descend(self, loss: Tensor) -> dict[str, float]:
        """One gradient step.

        Args:
            loss: () float32.

        Returns:
            The figure to log, ``loss``.
        """
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        return {"loss": float(loss.detach())}

    def trained_parameters(self) -> dict[str, nn.Parameter]:
        """Parameters of the network, without those that are frozen: no loss has a gradient there."""
        return {name: parameter for name, parameter in self.net.named_parameters() if parameter.requires_grad}

    def weights(self) -> dict[str, Tensor]:
        """Parameters and buffers of the network. See ``Trainee``."""
        return dict(self.net.state_dict())

    def set_weights(self, weights: dict[str, Tensor]) -> None:
        """The inverse of ``weights``. See ``Trainee``."""
        self.net.load_state_dict(weights)

    def training_state(self) -> dict[str, Tensor]:
        """The network and the optimiser's moments. See ``Trainee``."""
        return {f"net.{name}": value for name, value in self.weights().items()} | moments(self.optimiser, self.net)

    def set_training_state(self, state: dict[str, Tensor]) -> None:
        """The inverse of ``training_state``. See ``Trainee``."""
        self.net.load_state_dict(under("net.", state))
        set_moments(self.optimiser, self.net, state)


class ModuleAgent(ModuleTrainee[Data], Agent[Data]):
    """An agent with a network ``net`` and an optimiser ``optimiser``; see ``ModuleTrainee``."""
