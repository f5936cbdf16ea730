"""An agent in training acts as its saved copy does, whatever notes that its weights were changed.

On a GPU, the operator that averages weights raises no version (``common/equivariant.py``); here one is put in its place
that does not either.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ravens_suite.agents.pick_place.dataset import PickPlaceDataset
from ravens_suite.agents.transporter import Transporter
from ravens_suite.agents.transporter.config import TransporterConfig
from tests.agents import scenes

CONFIG = TransporterConfig(
    widths=(2, 2, 2, 2), depth=1, coarse_radius=6, fine_radius=6, angles=12, steps=20, precision="float32", device="cpu"
)


def _lerp_silently(averages: Sequence[Tensor], weights: Sequence[Tensor], share: float) -> None:
    for average, weight in zip(averages, weights, strict=True):
        average.data.lerp_(weight, share)


@pytest.fixture(autouse=True)
def no_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(torch, "_foreach_lerp_", _lerp_silently)
    monkeypatch.setattr(torch.autograd.graph, "increment_version", lambda _: None)


def test_it_acts_as_its_saved_copy(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    scene = scenes.insertion(rng)
    step, heightmap = scene.step(rng), scene.draw(scene.start)
    data, agent = PickPlaceDataset([[step]]), Transporter(CONFIG)
    agent.fit_step(data, 0)
    before = agent.decide(heightmap)
    agent.fit_step(data, 1)
    agent.save(tmp_path)
    ours, theirs = agent.decide(heightmap), Transporter.load(tmp_path).decide(heightmap)
    assert torch.equal(ours.pick_logits, theirs.pick_logits)
    assert torch.equal(ours.place_logits, theirs.place_logits)
    assert (ours.place == theirs.place).all() and ours.probability == theirs.probability
    assert not torch.equal(ours.pick_logits, before.pick_logits)


def test_it_acts_as_its_saved_copy_after_its_training_was_put_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    scene = scenes.insertion(rng)
    step, heightmap = scene.step(rng), scene.draw(scene.start)
    data, agent = PickPlaceDataset([[step]]), Transporter(CONFIG)
    agent.fit_step(data, 0)
    agent.save_training(tmp_path / "training", 1)
    before = agent.decide(heightmap).pick_logits
    memory = {name: value.data_ptr() for name, value in agent.training_state().items()}
    losses = agent.fit_step(data, 1)
    assert agent.load_training(tmp_path / "training") == 1
    assert torch.equal(agent.decide(heightmap).pick_logits, before)
    # A step that was recorded for a GPU goes on in the memory that it was recorded with.
    assert {name: value.data_ptr() for name, value in agent.training_state().items()} == memory
    assert agent.fit_step(data, 1) == losses
