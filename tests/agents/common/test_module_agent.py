"""An agent of a network and an optimiser: what the base class does for it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from ravens_suite.agents.common.module_agent import ModuleAgent
from ravens_suite.core.observations import Observation
from ravens_suite.core.policy import Action
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.errors import ConfigError


@dataclass(frozen=True)
class LineConfig:
    steps: int = 10
    learning_rate: float = 0.1


class Line(ModuleAgent[Tensor]):
    """Fits a line; its data set is a tensor (n, 2)."""

    name = "line"
    config_type = LineConfig
    observation_keys = ("state",)

    def make_net(self) -> nn.Module:
        return nn.Sequential(nn.Linear(1, 3), nn.Tanh(), nn.Linear(3, 1))

    def make_dataset(self, demonstrations: Demonstrations) -> Tensor:
        raise NotImplementedError

    def fit_step(self, dataset: Tensor, step: int) -> dict[str, float]:
        return self.descend(nn.functional.mse_loss(self.net(dataset[:, :1]), dataset[:, 1:]))

    def act(self, observation: Observation) -> Action:
        return {"pick": self.net(torch.ones(1, 1))}


class Momentum(Line):
    """The same with another optimiser."""

    def make_optimiser(self, net: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.SGD(net.parameters(), self.config.learning_rate, momentum=0.9)


DATA = torch.tensor([[-1.0, 2.0], [0.0, 1.0], [1.0, -0.5]])


def test_initial_weights_are_a_function_of_the_seed_and_leave_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first = Line(seed=1)
    assert torch.equal(torch.rand(1), expected)
    again, other = Line(seed=1), Line(seed=2)
    assert all(torch.equal(first.weights()[name], again.weights()[name]) for name in first.weights())
    assert any(not torch.equal(first.weights()[name], other.weights()[name]) for name in first.weights())


def test_steps_descend() -> None:
    agent = Line()
    losses = [agent.fit_step(DATA, step)["loss"] for step in range(50)]
    assert losses[-1] < 0.1 * losses[0]


@pytest.mark.parametrize("kind", [Line, Momentum])
def test_training_goes_on_as_if_it_had_not_been_interrupted(kind: type[Line]) -> None:
    whole, resumed = kind(seed=3), kind(seed=4)
    for step in range(3):
        whole.fit_step(DATA, step)
    state = {name: value.clone() for name, value in whole.training_state().items()}
    resumed.set_training_state(state)
    for step in range(3, 6):
        whole.fit_step(DATA, step)
        resumed.fit_step(DATA, step)
    assert all(torch.equal(whole.weights()[name], resumed.weights()[name]) for name in whole.weights())


def test_moments_are_stored_by_the_names_of_parameters() -> None:
    agent = Line()
    agent.fit_step(DATA, 0)
    names = agent.training_state().keys()
    assert {"net.0.weight", "moment.exp_avg.0.weight", "moment.exp_avg_sq.2.bias", "moment.step.0.weight"} <= names


def test_weights_set_are_weights_acted_by() -> None:
    first, second = Line(seed=1), Line(seed=2)
    assert not torch.equal(first.act({})["pick"], second.act({})["pick"])
    second.set_weights(first.weights())
    assert torch.equal(first.act({})["pick"], second.act({})["pick"])


def test_the_device_is_checked_when_the_agent_is_made() -> None:
    @dataclass(frozen=True)
    class WithDevice(LineConfig):
        device: str = "toaster"

    with pytest.raises(ConfigError, match="toaster"):
        Line(WithDevice())
