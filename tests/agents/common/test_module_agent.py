"""An agent of a network and an optimiser: what the base class does for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ravens_suite.agents.base import config_from_json
from ravens_suite.agents.common.module_agent import ModuleAgent
from ravens_suite.core.observations import Interface, Observation
from ravens_suite.core.policy import Action
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.errors import ConfigError
from ravens_suite.insight.gradients import step_gradients


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


class Nesterov(Line):
    """The same with an optimiser that has moments of another shape than their parameter's."""

    def make_optimiser(self, net: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.NAdam(net.parameters(), self.config.learning_rate)


class Averaged(Line):
    """The same with another one of the kind."""

    def make_optimiser(self, net: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.ASGD(net.parameters(), self.config.learning_rate)


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


@pytest.mark.parametrize("kind", [Line, Momentum, Nesterov, Averaged])
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


class Counting(Line):
    """The same, and it counts its steps under the very name that training uses."""

    def __init__(self, config: LineConfig | None = None, seed: int = 0, interface: Interface | None = None) -> None:
        super().__init__(config, seed, interface)
        self.counted = 0

    def training_state(self) -> dict[str, Tensor]:
        return {**super().training_state(), "step": torch.tensor([self.counted, 7])}

    def set_training_state(self, state: dict[str, Tensor]) -> None:
        self.counted = int(state["step"][0])
        super().set_training_state(state)


def test_a_training_state_may_have_a_tensor_called_step(tmp_path: Path) -> None:
    first, resumed = Counting(seed=3), Counting(seed=4)
    first.counted = 30
    first.save_training(tmp_path / "training.safetensors", 5)
    assert resumed.load_training(tmp_path / "training.safetensors") == 5
    assert resumed.counted == 30


@dataclass(frozen=True)
class NestedConfig(LineConfig):
    layers: tuple[tuple[int, ...], ...] = ((8, 8), (4,))


class Nested(Line):
    """The same with a list of lists among its settings."""

    name = "nested"
    config_type = NestedConfig


def test_a_setting_may_be_a_list_of_lists(tmp_path: Path) -> None:
    Nested().save(tmp_path)
    assert Nested.load(tmp_path).config == NestedConfig()
    assert config_from_json(NestedConfig, {"layers": [[2], [3, 5]]}).layers == ((2,), (3, 5))


class Frozen(Line):
    """The same with a layer that is not trained."""

    def make_net(self) -> nn.Module:
        net = super().make_net()
        next(net.children()).requires_grad_(False)
        return net

    def example_loss(self, dataset: Tensor, step: int) -> Tensor:
        return nn.functional.mse_loss(self.net(dataset[step : step + 1, :1]), dataset[step : step + 1, 1:])


def test_what_is_frozen_is_not_learnt_and_has_no_influence() -> None:
    agent = Frozen()
    before = {name: value.clone() for name, value in agent.weights().items()}
    agent.fit_step(DATA, 0)
    learnt = [name for name, value in agent.weights().items() if not torch.equal(value, before[name])]
    assert list(agent.trained_parameters()) == learnt == ["2.weight", "2.bias"]
    assert step_gradients(agent, [(DATA, range(3))], 0).gradients.shape == (3, 4)


class Regularised(Line):
    """The same with layers that do something else in training than in acting."""

    def make_net(self) -> nn.Module:
        frozen = nn.BatchNorm1d(1).eval()
        return nn.Sequential(frozen, nn.Linear(1, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 1))

    def example_loss(self, dataset: Tensor, step: int) -> Tensor:
        return nn.functional.mse_loss(self.net(dataset[step : step + 1, :1]), dataset[step : step + 1, 1:])


def test_it_acts_in_evaluation_mode_and_learns_as_before() -> None:
    """Dropout drew other values at each act, and one scene alone was a batch to normalise, or an error."""
    agent = Regularised(seed=1)
    agent.fit_step(DATA, 0)
    before = {name: value.clone() for name, value in agent.weights().items()}
    first = agent.act({})["pick"]
    assert all(torch.equal(agent.act({})["pick"], first) for _ in range(5))
    assert torch.equal(agent.example_loss(DATA, 0), agent.example_loss(DATA, 0))
    assert all(torch.equal(value, before[name]) for name, value in agent.weights().items())
    assert [module.training for module in agent.net.children()] == [False, True, True, True, True]


class Descending(Regularised):
    """The same, whose step descends the loss of an example, by a method whose name forecasters have, too."""

    def fit_step(self, dataset: Tensor, step: int) -> dict[str, float]:
        return self.update(dataset)

    def update(self, dataset: Tensor) -> dict[str, float]:
        return self.descend(self.example_loss(dataset, 0))

    def example_loss(self, dataset: Tensor, step: int) -> Tensor:
        return nn.functional.mse_loss(self.net(dataset[:, :1]), dataset[:, 1:])


@pytest.fixture
def one_thread() -> Iterator[None]:
    """A loss that is asked for is computed by one thread, a step by all: sums differ in their last digits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
def test_what_a_step_calls_is_learnt_in_the_mode_of_training() -> None:
    """A step that descends ``example_loss`` learnt without dropout, and normalised by what it had never seen."""
    direct, called = Regularised(seed=1), Descending(seed=1)
    for agent in (direct, called):
        torch.manual_seed(2)
        agent.fit_step(DATA, 0)
    assert all(torch.equal(value, called.weights()[name]) for name, value in direct.weights().items())
    assert torch.equal(called.example_loss(DATA, 0), called.example_loss(DATA, 0))


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
