"""Training through Lightning: the same weights as without, on one device and on several."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ravens_suite.agents.visual_foresight import lightning
from ravens_suite.agents.visual_foresight.agent import VisualForesight
from ravens_suite.agents.visual_foresight.config import VisualForesightConfig
from ravens_suite.agents.visual_foresight.dataset import Steps, TransitionDataset
from ravens_suite.agents.visual_foresight.scenes import Packed
from ravens_suite.errors import ConfigError, MissingLibraryError

needs_lightning = pytest.mark.skipif(find_spec("lightning_fabric") is None, reason="the extra is not installed")


def scene(column: int) -> Packed:
    color, height = np.full((160, 80, 3), 60, np.uint8), np.full((160, 80), 20, np.uint16)
    color[40:56, column : column + 8], height[40:56, column : column + 8] = (255, 0, 0), 320
    return color, height


def dataset() -> TransitionDataset:
    episodes = [
        Steps([scene(column), scene(column + 20)], np.array([[column + 4.0, 48, column + 24.0, 48, 0.0]]), None)
        for column in range(8, 40, 4)
    ]
    return TransitionDataset(episodes)


def agent(**settings: Any) -> VisualForesight:
    small = {"width": 4, "batch": 4, "steps": 4, "precision": "float32", "device": "cpu"}
    return VisualForesight(VisualForesightConfig(**{**small, **settings}), seed=3)


def trained(**settings: Any) -> tuple[dict[str, torch.Tensor], list[dict[str, float]]]:
    learning = agent(**settings)
    figures = [learning.fit_step(dataset(), step) for step in range(3)]
    return learning.training_state(), figures


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"devices": 2}, 'devices is a setting of Lightning: set "lightning": true'),
        ({"csv_log": "logs"}, "csv_log is a setting of Lightning"),
        ({"lightning": True, "devices": 3}, '"batch" to a multiple of 3'),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    settings: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lightning, "find_spec", lambda name: object())
    with pytest.raises(ConfigError, match=words):
        agent(**settings)


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lightning, "find_spec", lambda name: None)
    with pytest.raises(MissingLibraryError, match=r"ravens-suite\[lightning\]"):
        agent(lightning=True)


def test_what_was_trained_with_it_acts_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(lightning, "find_spec", lambda name: object())
        agent(lightning=True, devices=2).save(tmp_path)
    monkeypatch.setattr(lightning, "find_spec", lambda name: None)
    assert isinstance(VisualForesight.load(tmp_path), VisualForesight)


@needs_lightning
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_on_one_device_the_weights_are_the_same(precision: str) -> None:
    plain, through = trained(precision=precision), trained(precision=precision, lightning=True)
    assert plain[0].keys() == through[0].keys()
    assert all(torch.equal(value, through[0][name]) for name, value in plain[0].items())
    assert plain[1] == through[1]


@needs_lightning
def test_two_processes_learn_what_one_does_and_a_stopped_run_goes_on(tmp_path: Path) -> None:
    alone, figures = trained()
    shared = agent(lightning=True, devices=2, csv_log=str(tmp_path / "logs"))
    first = [shared.fit_step(dataset(), step) for step in range(2)]
    shared.save_training(tmp_path / "state", 2)
    del shared  # Its other process ends with it.
    again = agent(lightning=True, devices=2)
    assert again.load_training(tmp_path / "state") == 2
    last = again.fit_step(dataset(), 2)
    for one, other in zip(figures, [*first, last], strict=True):
        assert one == pytest.approx(other, rel=1e-4)
    found = again.training_state()
    for name, value in alone.items():
        # Sums are taken in another order; the first steps of Adam make a difference of signs of tiny gradients visible.
        torch.testing.assert_close(found[name], value, rtol=1e-2, atol=2e-4)
    assert list((tmp_path / "logs").rglob("metrics.csv"))
