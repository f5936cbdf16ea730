"""Planners: each finds where a block has to go, within its budget, and the same from the same seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ravens_suite.agents.visual_foresight import planners
from ravens_suite.agents.visual_foresight.config import VisualForesightConfig
from ravens_suite.agents.visual_foresight.distance import distance
from ravens_suite.agents.visual_foresight.lookup import find_model, find_planner, names_in
from ravens_suite.agents.visual_foresight.models.base import Memory, Prediction, WorldModel
from ravens_suite.agents.visual_foresight.planners.base import Plan, Search, later
from ravens_suite.agents.visual_foresight.proposals import propose
from ravens_suite.errors import ConfigError
from tests.agents.visual_foresight.tables import table

SCENE, GOAL = table((20, 40, 8, 16)), table((50, 100, 8, 16))
TWO, BOTH = table((20, 40, 8, 8), (20, 80, 8, 8)), table((50, 40, 8, 8), (50, 80, 8, 8))


def search(calls: int, depth: int = 1, scene: Tensor = SCENE, goal: Tensor = GOAL) -> Search:
    """With the model that needs no training."""
    return Search(
        model=find_model("moved-patch")(VisualForesightConfig()),
        scene=scene,
        goal=goal,
        propose=lambda at, count, rng: propose("difference", at, goal, count, rng),
        calls=calls,
        depth=depth,
    )


def plan(name: str, problem: Search, seed: int = 0) -> Plan:
    return find_planner(name)().plan(problem, np.random.default_rng(seed))


@pytest.mark.parametrize("name", names_in(planners))
def test_it_brings_the_block_to_its_place_within_the_budget(name: str) -> None:
    problem = search(200)
    found = plan(name, problem)
    assert problem.calls >= 0
    assert found.worth > 0.5 * float(distance(SCENE[None], GOAL[None]))
    assert found.worth == pytest.approx(float(found.worths.max()))
    assert found.considered.shape == (len(found.worths), 5)


@pytest.mark.parametrize("name", names_in(planners))
def test_the_same_seed_gives_the_same_plan(name: str) -> None:
    assert torch.equal(plan(name, search(40), 3).action, plan(name, search(40), 3).action)


@pytest.mark.parametrize(("calls", "depth"), [(1, 1), (2, 1), (7, 1), (2, 2), (7, 3)])
@pytest.mark.parametrize("name", names_in(planners))
def test_small_budgets_are_kept(name: str, calls: int, depth: int) -> None:
    problem = search(calls, depth)
    plan(name, problem)
    assert problem.calls >= 0


def test_more_predictions_than_there_are_left_are_refused() -> None:
    problem = search(5, 2)
    with pytest.raises(ConfigError, match="3 predictions when 2 were left"):
        problem.draw(3, np.random.default_rng(0))


class EverBetter(WorldModel):
    """Each action brings the same gain."""

    gain = 0.5

    def predict(self, scenes: Tensor, actions: Tensor, memory: Memory = (), goals: Tensor | None = None) -> Prediction:
        return Prediction(scenes, scenes.new_full((len(actions),), self.gain), memory)


@pytest.mark.parametrize("gain", [0.5, -0.5])
@pytest.mark.parametrize("name", names_in(planners))
def test_all_planners_value_the_same_sequence_alike(name: str, gain: float) -> None:
    """Three actions are worth what they gain, the last of it twice discounted, and an avoided pick costs once."""
    problem = search(30, 3)
    problem.model, problem.by_picture = EverBetter(VisualForesightConfig()), False
    problem.model.gain = gain
    problem.propose = lambda at, count, rng: torch.tensor([[24.0, 44.0, 60.0, 100.0, 0.0]]).expand(count, -1)
    problem.avoided = torch.tensor([[24.0, 44.0]])
    worth = max(0.5, 1.0 * 0.95, 1.5 * 0.95**2) if gain > 0 else gain
    found = plan(name, problem)
    tried = [value for value, at in zip(found.worths.tolist(), found.considered, strict=True) if at[0] == 24.0]
    assert max(tried) == pytest.approx(worth - 1.0)


@given(
    worth=st.one_of(st.just(0.0), st.floats(1e-6, 10), st.floats(-10, -1e-6)),
    first=st.integers(0, 9),
    actions=st.integers(0, 9),
)
def test_nothing_is_worth_more_for_being_late(worth: float, first: int, actions: int) -> None:
    sooner, late = (float(later(torch.tensor([worth]), number)) for number in (first, first + actions))
    assert late <= sooner
    assert (late > 0) == (worth > 0)


@pytest.mark.parametrize("name", names_in(planners))
def test_two_actions_are_worth_more_than_one(name: str) -> None:
    one, two = plan(name, search(60, 1, TWO, BOTH)), plan(name, search(240, 2, TWO, BOTH))
    assert two.worth > one.worth


def test_searching_on_is_better_than_proposals_alone() -> None:
    shooting, cem, mppi = (
        np.mean([plan(name, search(120), seed).worth for seed in range(3)])
        for name in ("random-shooting", "cem", "mppi")
    )
    assert cem > shooting
    assert mppi > shooting


def test_a_pick_without_effect_is_avoided() -> None:
    problem = search(100, 1, TWO, BOTH)
    problem.avoided = torch.tensor([[24.0, 44.0]])
    assert (plan("random-shooting", problem).action[:2] - problem.avoided[0]).norm() > 2


@pytest.mark.parametrize("kind", ["difference", "objects", "uniform"])
def test_proposals(kind: str) -> None:
    actions = propose(kind, SCENE, GOAL, 64, np.random.default_rng(0))
    picks, places = (actions[:, first : first + 2].long() for first in (0, 2))
    on_block = SCENE[3, picks[:, 1], picks[:, 0]] > 0.1
    at_goal = GOAL[3, places[:, 1], places[:, 0]] > 0.1
    assert bool(on_block.all()) == (kind != "uniform")
    assert bool(at_goal.all()) == (kind == "difference")
