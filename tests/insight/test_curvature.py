"""Curvature that an agent gives for ``ravens-suite influence``: whose it is, and what is refused."""

from __future__ import annotations

from pathlib import Path
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


def test_curvature_without_a_gradient_is_named(tmp_path: Path) -> None:
    collect(TASK, episodes=1, data=tmp_path, arguments={"observe": ["state"]})
    store = EpisodeStore.of(tmp_path, TASK, "train")
    made = WithoutGradient(None, 0, store.interface())
    datasets = datasets_of(made, Demonstrations([store.path(store.seeds()[0])]))
    with pytest.raises(ConfigError, match=r"curvature_terms of the agent without-gradient must be a \(k,\) tensor"):
        step_gradients(made, datasets, 64, natural=True)
