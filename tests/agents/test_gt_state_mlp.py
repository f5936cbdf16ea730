"""The baselines on true states: what they read, how scenes are moved, and that they learn."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ravens_suite.agents.gt_state_mlp import (
    GtStateMlp,
    GtStateMlpConfig,
    Steps,
    act_features,
    body_features,
    moved,
    random_motions,
)
from ravens_suite.agents.gt_state_mlp_2_step import GtStateMlp2Step
from ravens_suite.core.geometry import Pose
from ravens_suite.core.observations import STATE_FIELDS, ArraySpec, Interface
from ravens_suite.core.workspace import AGENT_WORKSPACE
from ravens_suite.errors import ConfigError

_POSE = ArraySpec((7,), "float64")
INTERFACE = Interface(
    {"state": ArraySpec((3 * len(STATE_FIELDS),), "float64")}, {"pick": _POSE, "place": _POSE}, "primitive"
)
CONFIG = GtStateMlpConfig(steps=600, batch=32, width=64, learning_rate=3e-3, device="cpu")
SIZE = (0.1, 0.1, 0.04)
poses = st.builds(
    Pose.planar, st.floats(0.3, 0.7), st.floats(-0.45, 0.45), st.floats(0, 0.2), st.floats(-math.pi, math.pi)
)


def state(*bodies: Pose) -> np.ndarray:
    """(33,) float64 as observed; the last places are empty."""
    rows = np.zeros((3, len(STATE_FIELDS)))
    for row, pose in zip(rows, bodies, strict=False):
        row[:] = (1.0, *pose.vector(), *SIZE)
    return rows.reshape(-1)


def steps(count: int, rng: np.random.Generator) -> Steps:
    """A block and a fixture anywhere; the block is picked at its middle and put into the fixture as it lies there."""
    bodies, acts = [], []
    for _ in range(count):
        block, fixture = (
            Pose.planar(rng.uniform(0.4, 0.6), rng.uniform(-0.2, 0.2), 0.02, rng.uniform(-3, 3)) for _ in range(2)
        )
        pick = Pose(block.position)
        place = Pose.planar(*fixture.position, fixture.yaw - block.yaw)
        bodies.append(body_features(state(fixture, block)))
        acts.append(act_features(pick.vector(), place.vector()))
    return Steps(torch.from_numpy(np.stack(bodies)).float(), torch.from_numpy(np.stack(acts)).float())


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@given(poses, poses)
@settings(max_examples=30, deadline=None)
def test_an_act_turns_what_it_places_by_the_same_angle_from_wherever_the_pick_is_seen(pick: Pose, place: Pose) -> None:
    features = act_features(pick.vector(), place.vector())
    angle = 2 * features[4]
    assert math.isclose(math.remainder(angle - (place.yaw - pick.yaw), 2 * math.pi), 0, abs_tol=1e-6)


def test_empty_places_are_zeros_and_bodies_have_their_pose_and_size() -> None:
    features = body_features(state(Pose.planar(0.5, 0.25, 0.1, math.pi / 2)))
    assert np.allclose(features[0], [1, 0, 1, math.pi / 4, 0.4, 0.4, 0.4, 0.16], atol=1e-9)
    assert not features[1:].any()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_a_moved_scene_is_the_same_scene_elsewhere(seed: int) -> None:
    """Distances, angles between and to bodies and the turn of the place are kept; pick and place stay inside."""
    rng = np.random.default_rng(seed)
    before = steps(16, rng)
    after = Steps(*moved(*before, rng))
    assert not torch.allclose(after.bodies, before.bodies)
    assert torch.allclose(_distances(after), _distances(before), atol=1e-5)
    assert torch.allclose(_between(after), _between(before), atol=1e-5)
    assert torch.equal(after.acts[:, 4:], before.acts[:, 4:])
    assert torch.equal(after.bodies[..., 4:], before.bodies[..., 4:])
    assert (after.bodies[..., 3].abs() <= math.pi / 2 + 1e-5).all()
    assert not after.bodies[:, 2].any()
    half = torch.from_numpy(np.subtract(AGENT_WORKSPACE.high[:2], AGENT_WORKSPACE.low[:2])).float() / 2 / 0.25
    assert (after.acts[:, :4].reshape(-1, 2).abs() <= half + 1e-4).all()


def _distances(scenes: Steps) -> torch.Tensor:
    """Between both bodies, pick and place, of each scene."""
    points = torch.cat([scenes.bodies[:, :2, 1:3], scenes.acts[:, :4].reshape(-1, 2, 2)], dim=1)
    return torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")


def _between(scenes: Steps) -> torch.Tensor:
    """Cosine and sine of the angle from one body to the other, and from the first to where the second is seen."""
    first, second = 2 * scenes.bodies[:, 0, 3], 2 * scenes.bodies[:, 1, 3]
    x, y = (scenes.bodies[:, 1, 1:3] - scenes.bodies[:, 0, 1:3]).unbind(dim=1)
    angles = torch.stack([second - first, torch.atan2(y, x) - first])
    return torch.stack([torch.cos(angles), torch.sin(angles)])


@pytest.mark.parametrize("agent_type", [GtStateMlp, GtStateMlp2Step])
def test_it_learns_where_a_block_is_and_where_it_belongs(agent_type: type[GtStateMlp]) -> None:
    agent, rng = agent_type(CONFIG, 0, INTERFACE), np.random.default_rng(0)
    data = steps(64, rng)
    losses = [agent.fit_step(data, step)["loss"] for step in range(500)]
    assert np.mean(losses[-20:]) < np.mean(losses[:20]) - 3
    unseen = steps(32, rng)
    given_acts = agent.decide(unseen.bodies.flatten(1)).detach()
    error = (given_acts - unseen.acts)[:, :4].reshape(-1, 2).norm(dim=1) * 0.25
    assert float(error.median()) < 0.03


@pytest.mark.parametrize("agent_type", [GtStateMlp, GtStateMlp2Step])
def test_few_scenes_teach_how_far_to_turn_a_block_in_any_other(agent_type: type[GtStateMlp]) -> None:
    """The turn is the difference of two yaws. Learned scene by scene it is wrong in four of five."""
    rng = np.random.default_rng(1)
    data, unseen = steps(16, rng), steps(64, rng)
    agent = agent_type(replace(CONFIG, dropout=0.1), 0, INTERFACE)
    for step in range(CONFIG.steps):
        agent.fit_step(data, step)
    turns = (agent.decide(unseen.bodies.flatten(1)).detach() - unseen.acts)[:, 4] * 2
    wrong = (torch.remainder(turns + math.pi, 2 * math.pi) - math.pi).abs()
    assert float((wrong < math.radians(15)).float().mean()) > 0.8


def test_the_least_deviation_falls_along_the_run_and_then_stays() -> None:
    agent = GtStateMlp(replace(CONFIG, steps=100), 0, INTERFACE)
    least = [agent.least_deviation(step) for step in range(120)]
    assert least == sorted(least, reverse=True)
    assert (least[0], least[80], least[-1]) == (1.0, 0.02, 0.02)


def test_the_second_step_is_told_the_pick() -> None:
    agent = GtStateMlp2Step(CONFIG, 0, INTERFACE)
    scene = torch.zeros(1, agent.inputs)
    told = [torch.cat([torch.tensor([[x, 0.0]]), scene], dim=1) for x in (-1.0, 1.0)]
    assert not torch.equal(*(agent.head("place").best(each) for each in told))
    pick = agent.head("pick").best(scene)
    assert torch.equal(agent.decide(scene)[:, 2:], agent.head("place").best(torch.cat([pick, scene], dim=1)))


def test_the_step_size_falls_to_a_hundredth_and_before_where_it_is_told_to() -> None:
    agent = GtStateMlp(replace(CONFIG, steps=100), 0, INTERFACE)
    rates = [agent.rate(step) for step in range(120)]
    assert rates == sorted(rates, reverse=True)
    assert math.isclose(rates[0], CONFIG.learning_rate)
    assert math.isclose(rates[100], CONFIG.learning_rate / 100)
    agent.wind_down([(40, 50)])
    assert math.isclose(agent.rate(49), CONFIG.learning_rate / 100)
    assert [agent.rate(step) for step in (39, 50)] == [rates[39], rates[50]]


@pytest.mark.parametrize("agent_type", [GtStateMlp, GtStateMlp2Step])
def test_places_that_are_always_empty_can_be_left_out(agent_type: type[GtStateMlp]) -> None:
    agent, rng = agent_type(CONFIG, 0, INTERFACE), np.random.default_rng(0)
    data = steps(8, rng)
    short = Steps(data.bodies[:, :2], data.acts)
    assert torch.allclose(agent.example_loss(data, 3), agent.example_loss(short, 3), atol=1e-5)
    whole, part = (agent.decide(rows.bodies.flatten(1)) for rows in (data, short))
    assert torch.allclose(whole, part, atol=1e-5)


def test_an_act_is_within_the_workspace_and_turns_by_the_yaw() -> None:
    agent = GtStateMlp(CONFIG, 0, INTERFACE)
    agent.agree = lambda *_: torch.tensor([9.0, -9.0, 0.0, 0.4, math.pi / 4])  # type: ignore[method-assign]
    action = agent.act({"state": state(Pose())})
    pick, place = (Pose.from_vector(action[key]) for key in ("pick", "place"))
    assert pick.position[:2] == (AGENT_WORKSPACE.high[0], AGENT_WORKSPACE.low[1])
    assert np.allclose(place.position[:2], [0.5, 0.1])
    assert math.isclose(place.yaw - pick.yaw, math.pi / 2, abs_tol=1e-6)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_motions_can_be_undone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    acts = steps(8, rng).acts
    motions, points = random_motions(acts, rng), acts[:, :4].reshape(-1, 2, 2)
    assert not torch.allclose(motions.points(points), points, atol=1e-3)
    assert torch.allclose(motions.back(motions.points(points)), points, atol=1e-5)


@pytest.mark.parametrize("agent_type", [GtStateMlp, GtStateMlp2Step])
def test_a_scene_in_several_motions_is_decided_as_well_as_in_one(agent_type: type[GtStateMlp]) -> None:
    agent, rng = agent_type(CONFIG, 0, INTERFACE), np.random.default_rng(0)
    data, unseen = steps(64, rng), steps(32, rng)
    for step in range(500):
        agent.fit_step(data, step)
    one, several = [], []
    for bodies, act in zip(unseen.bodies, unseen.acts, strict=True):
        motions = random_motions(act.expand(16, -1), rng)
        scenes = motions.bodies(bodies.expand(16, -1, -1)).flatten(1)
        several.append(agent.agree(scenes, motions).detach() - act)
        one.append(agent.decide(bodies.flatten()[None])[0].detach() - act)
    at_one, at_several = (torch.stack(errors)[:, :4].norm(dim=1).median() for errors in (one, several))
    assert float(at_several) < 1.2 * float(at_one)


def test_the_same_seed_of_an_episode_gives_the_same_acts() -> None:
    agent, scene = GtStateMlp(CONFIG, 0, INTERFACE), {"state": state(Pose.planar(0.5, 0.1, 0.02, 1.0))}
    acts = []
    for seed in (3, 3, 4):
        agent.reset(seed)
        acts.append(np.concatenate([agent.act(scene)[key] for _ in range(2) for key in ("pick", "place")]))
    assert np.array_equal(acts[0], acts[1])
    assert not np.array_equal(acts[0], acts[2])


@pytest.mark.parametrize(
    ("name", "value"), [("dropout", 1.0), ("components", 0), ("motions", 0), ("batch", 0), ("learning_rate", 0.0)]
)
def test_settings_that_cannot_work_are_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=name):
        GtStateMlp(replace(CONFIG, **{name: value}), 0, INTERFACE)
