"""The baseline "Conv. MLP": its soft-argmax, its targets, and that it learns."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ravens_suite.agents.conv_mlp import ConvMlp, ConvMlpConfig, soft_argmax
from ravens_suite.agents.pick_place.dataset import PickPlaceDataset
from tests.agents import scenes

CONFIG = ConvMlpConfig(steps=20, batch=2, width=8, hidden=32, learning_rate=2e-3, precision="float32", device="cpu")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def demonstrations() -> PickPlaceDataset:
    rng = np.random.default_rng(0)
    return PickPlaceDataset([[scenes.insertion(rng).step(rng)]])


def test_a_soft_argmax_is_where_the_peak_is() -> None:
    maps = torch.zeros(1, 2, 5, 9)
    maps[0, 0, 0, 8] = maps[0, 1, 2, 2] = 100.0
    assert torch.allclose(soft_argmax(maps), torch.tensor([[[1.0, -1.0], [-0.5, 0.0]]]), atol=1e-5)


def test_its_loss_falls_on_moved_scenes_of_one_demonstration() -> None:
    agent, data = ConvMlp(CONFIG), demonstrations()
    losses = [agent.fit_step(data, step)["loss"] for step in range(20)]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.5


def test_an_act_is_what_the_demonstration_was_where_the_network_says_so() -> None:
    """What the network is taught and what is done with its answer are inverse to each other."""
    agent, data = ConvMlp(CONFIG), demonstrations()
    step = data.episodes[0][0]
    taught: list[torch.Tensor] = []
    agent.net.mixture.loss = lambda _, samples: taught.append(samples) or samples.sum()  # type: ignore[method-assign]
    agent.example_loss(data, 0)
    agent.net.mixture.best = lambda _: taught[0]  # type: ignore[method-assign]
    pick, place, yaw = agent.decide(step.scene)
    assert np.allclose(pick, step.pick, atol=1e-3)
    assert np.allclose(place, step.place, atol=1e-3)
    assert math.isclose(math.remainder(yaw - step.yaw, 2 * math.pi), 0, abs_tol=1e-5)
