"""Curvature that an agent gives for ``ravens-suite influence``: whose it is, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch")

import torch

from ravens_suite.agents.state_mlp import StateMlp
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConfigError
from ravens_suite.insight.gradients import datasets_of, step_gradients
from ravens_suite.rollout.collect import collect

TASK = "block-insertion"


class OwnLoss(StateMlp):
    """Another loss with the outputs of state-mlp, whose curvature is not this one's."""

    name = "own-loss"

    def example_loss(self, dataset: Any, step: int) -> torch.Tensor:
        return super().example_loss(dataset, step).sqrt()


class WithoutGradient(StateMlp):
    """Curvature that nothing can be learnt from."""

    name = "without-gradient"

    def curvature_terms(self, dataset: Any, step: int) -> torch.Tensor:
        return super().curvature_terms(dataset, step).detach()


def test_curvature_belongs_to_the_loss_that_it_was_written_for() -> None:
    assert StateMlp.gives_curvature() and WithoutGradient.gives_curvature()
    assert not OwnLoss.gives_curvature()


class LossAsNumber(StateMlp):
    """A loss that nothing can be learnt from."""

    name = "loss-as-number"

    def example_loss(self, dataset: Any, step: int) -> Any:
        return float(super().example_loss(dataset, step).detach())


class Losses(StateMlp):
    """A loss for each output."""

    name = "losses"

    def example_loss(self, dataset: Any, step: int) -> torch.Tensor:
        return super().example_loss(dataset, step).expand(3)


class Detached(StateMlp):
    """A loss whose gradient was cut off."""

    name = "detached"

    def example_loss(self, dataset: Any, step: int) -> torch.Tensor:
        return super().example_loss(dataset, step).detach()


class Nameless(StateMlp):
    """An agent that does not say what it learns."""

    name = "nameless"

    def trained_parameters(self) -> dict[str, torch.nn.Parameter]:
        return {}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> EpisodeStore:
    folder = tmp_path_factory.mktemp("data")
    collect(TASK, episodes=1, data=folder, arguments={"observe": ["state"]})
    return EpisodeStore.of(folder, TASK, "train")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (LossAsNumber, r"example_loss of the agent loss-as-number must be a \(\) tensor with a gradient; got a float"),
        (Losses, r"got a \(3,\) tensor"),
        (Detached, r"got a \(\) tensor without one"),
        (Nameless, "trained_parameters of the agent nameless gives none"),
    ],
)
def test_what_is_no_loss_of_a_step_is_named(kind: type[StateMlp], said: str, store: EpisodeStore) -> None:
    made = kind(None, 0, store.interface())
    datasets = datasets_of(made, Demonstrations([store.path(store.seeds()[0])]))
    with pytest.raises(ConfigError, match=said):
        step_gradients(made, datasets, 64)


def test_curvature_without_a_gradient_is_named(store: EpisodeStore) -> None:
    made = WithoutGradient(None, 0, store.interface())
    datasets = datasets_of(made, Demonstrations([store.path(store.seeds()[0])]))
    with pytest.raises(ConfigError, match=r"curvature_terms of the agent without-gradient must be a \(k,\) tensor"):
        step_gradients(made, datasets, 64, natural=True)
