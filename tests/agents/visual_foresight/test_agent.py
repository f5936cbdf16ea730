"""The agent: settings that contradict each other, what it shows, and its memory of picks without effect."""

from __future__ import annotations

from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ravens_suite.agents.transporter.agent import Transporter
from ravens_suite.agents.transporter.config import TransporterConfig
from ravens_suite.agents.visual_foresight.agent import VisualForesight
from ravens_suite.agents.visual_foresight.config import VisualForesightConfig
from ravens_suite.agents.visual_foresight.lightning import Followers, follow
from ravens_suite.agents.visual_foresight.planners.base import Plan, Planner, Search, best_of
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


class OneAction(Planner):
    """It knows no sequences."""

    deep = False

    def plan(self, search: Search, rng: np.random.Generator) -> Plan:
        return best_of(*search.draw(1, rng))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"model": "reward-only"}, '"reward": "predicted"'),
        ({"model": "transport", "share": 0.0}, '"reward": "predicted"'),
        ({"model": "reward-only", "reward": "predicted", "depth": 2}, '"depth": 1'),
        ({"calls": 2, "depth": 3}, '"calls" to 3'),
        ({"share": 0.5}, 'moved-patch has no network, and reads no "share": leave it out'),
        ({"model": "persistence", "width": 8}, 'persistence has no network, and reads no "width"'),
        ({"model": "reward-only", "reward": "predicted", "share": 0.5}, 'no share of them: leave "share" out'),
        ({"planner": f"{__name__}:OneAction", "depth": 2}, 'OneAction looks one action ahead: set "depth": 1'),
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


def test_another_goal_for_the_same_scene_is_explained_as_that(observation: dict[str, Any]) -> None:
    """What was decided towards the first goal says nothing of the second."""
    planning = agent()
    planning.reset(4)
    planning.act(observation)
    other = {**observation, "goal_color": 255 - observation["goal_color"]}
    assert not np.array_equal(planning.explain(other)["place"], planning.explain(observation)["place"])


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


SMALL = TransporterConfig(widths=(2, 2, 2, 2), depth=1, coarse_radius=4, fine_radius=4, angles=4, device="cpu")


def test_what_is_explained_in_between_changes_no_decision(observation: dict[str, Any], tmp_path: Path) -> None:
    """Neither of the same scene nor of another."""
    Transporter(SMALL).save(tmp_path)
    other = {**observation, "color": 255 - observation["color"]}
    actions = []
    for asked in (False, True):
        planning = agent(proposer=str(tmp_path))
        planning.reset(0)
        for _ in range(3):
            if asked:
                planning.explain(observation)
                planning.explain(other)
            action = planning.act(observation)
        actions.append(np.concatenate([action["pick"], action["place"]]))
        assert len(planning._avoided) == 2
    np.testing.assert_array_equal(*actions)


def test_a_transporter_that_remembers_the_first_scene_proposes_too(observation: dict[str, Any], tmp_path: Path) -> None:
    Transporter(replace(SMALL, remembers=True)).save(tmp_path)
    proposer = Proposer(tmp_path)
    first = proposer.propose(observation)
    proposer.record(first[0])
    assert len(first) and len(proposer.propose({**observation, "color": 255 - observation["color"]}))


def test_a_proposer_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        MissingDataError, match=r"There is no trained agent in .*nowhere: train one, or name its folder"
    ):
        Proposer(tmp_path / "nowhere")


def test_the_process_of_another_device_winds_down_with_the_first() -> None:
    """Each has an optimiser of its own; with other rates they would drift apart."""
    told: list[Any] = []

    class Other:
        def __init__(self, config: VisualForesightConfig, seed: int) -> None:
            told.append(seed)

        def set_training_state(self, state: dict[str, torch.Tensor]) -> None:
            told.append(state)

        def join(self, rank: int, port: int) -> None:
            told.append((rank, port))

        def wind_down(self, periods: Any) -> None:
            told.append(periods)

        def fit_step(self, dataset: Any, step: int) -> None:
            told.append(step)

    ours, theirs = Pipe()
    first = Followers.__new__(Followers)
    first.pipes = [ours]
    first.step(3)
    first.step(4, [(4, 8)])
    ours.close()
    follow(Other, VisualForesightConfig(), 5, {}, None, 1, 2, torch.get_num_threads(), theirs)  # type: ignore[arg-type]
    assert told == [5, {}, (1, 2), (), 3, ((4, 8),), 4]
