"""The agent: settings that contradict each other, what it shows, and its memory of picks without effect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ravens_suite.agents.transporter.agent import Transporter
from ravens_suite.agents.transporter.config import TransporterConfig
from ravens_suite.agents.visual_foresight.agent import VisualForesight
from ravens_suite.agents.visual_foresight.config import VisualForesightConfig
from ravens_suite.agents.visual_foresight.proposer import Proposer
from ravens_suite.errors import ConfigError, MissingDataError
from ravens_suite.rollout.environments import make_environment


@pytest.fixture(scope="module")
def observation() -> dict[str, Any]:
    arguments = {"image_size": [120, 160], "observe": ["images", "goal"]}
    environment = make_environment("block-insertion", "train", arguments)
    try:
        seen: dict[str, Any] = environment.reset(seed=0)[0]
    finally:
        environment.close()
    return seen


def agent(**settings: Any) -> VisualForesight:
    defaults = {"calls": 24, "model": "moved-patch", "precision": "float32"}
    return VisualForesight(VisualForesightConfig(**{**defaults, **settings}))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"model": "reward-only"}, '"reward": "predicted"'),
        ({"model": "transport", "share": 0.0}, '"reward": "predicted"'),
        ({"model": "reward-only", "reward": "predicted", "depth": 2}, '"depth": 1'),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        agent(**settings)


def test_it_shows_what_it_considered_and_what_it_expects(observation: dict[str, Any]) -> None:
    planning = agent()
    planning.reset(4)
    action = planning.act(observation)
    shown = planning.explain(observation)
    assert shown["color"].shape == shown["predicted_color"].shape == (320, 160, 3)
    assert shown["height"].shape == shown["predicted_height"].shape == (320, 160)
    assert shown["pick"].sum() == pytest.approx(1, abs=1e-4)
    planning.reset(4)
    again = planning.act(observation)
    assert all(np.array_equal(again[key], action[key]) for key in action)
    hidden = agent(model="reward-only", reward="predicted")
    hidden.reset(0)
    assert "predicted_color" not in hidden.explain(observation)


def test_a_scene_that_did_not_change_means_that_the_pick_failed(observation: dict[str, Any]) -> None:
    planning = agent()
    planning.reset(0)
    planning.act(observation)
    assert not planning._avoided
    planning.act(observation)
    assert len(planning._avoided) == 1


def test_candidates_of_a_trained_transporter_are_tried_first(observation: dict[str, Any], tmp_path: Path) -> None:
    small = TransporterConfig(widths=(2, 2, 2, 2), depth=1, coarse_radius=4, fine_radius=4, angles=4)
    Transporter(small).save(tmp_path)
    planning = agent(proposer=str(tmp_path), planner="random-shooting")
    planning.reset(0)
    thought = planning.think(observation)
    given = Proposer(tmp_path).propose(observation)
    assert len(given) and torch.equal(thought.plan.considered[: len(given)], given)
    assert len(thought.plan.considered) == 24
    with pytest.raises(MissingDataError):
        agent(proposer=str(tmp_path / "nothing"))
