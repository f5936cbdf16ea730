"""The agent that tilts: it reads tilted planes, acts by them, and is the plain agent where nothing is tilted."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ravens_suite.agents.pick_place.augmentation import augment
from ravens_suite.agents.pick_place.dataset import PickPlaceDataset
from ravens_suite.agents.pick_place.retilting import levelled
from ravens_suite.agents.pick_place.tilts import Tilt
from ravens_suite.agents.transporter import Transporter
from ravens_suite.agents.transporter import agent as agent_module
from ravens_suite.agents.transporter.candidates import Candidates, PickCandidate, PlaceCandidates
from ravens_suite.agents.transporter.decision import Decision
from ravens_suite.agents.transporter_six_dof import TransporterSixDof
from ravens_suite.agents.transporter_six_dof import agent as six_module
from ravens_suite.agents.transporter_six_dof.agent import TransporterSixDofConfig
from ravens_suite.agents.transporter_six_dof.tilt_net import SIDE, TiltNet, windows_at
from ravens_suite.core.geometry import Pose, tilt_error
from tests.agents import scenes, tilted_scenes

TINY = TransporterSixDofConfig(
    widths=(2, 2, 2, 2),
    depth=1,
    coarse_radius=6,
    fine_radius=6,
    angles=12,
    steps=30,
    precision="float32",
    device="cpu",
    tilt_places=4,
)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def tilted() -> PickPlaceDataset:
    return PickPlaceDataset([[tilted_scenes.step(0.1 + 0.1 * index, 2.0 * index)] for index in range(3)])


def test_a_quarter_turn_of_the_map_turns_the_tilt_and_keeps_the_height() -> None:
    torch.manual_seed(0)
    net = TiltNet()
    height = torch.from_numpy(tilted_scenes.draw(tilted_scenes.normal_of(0.5, 1.0), 0.3).height)[None, 80:240]
    place = torch.tensor([[96.0, 144.0]])
    before = net(height, place)
    # The map is square, and its rows and columns change places.
    after = net(torch.rot90(height, 1, dims=(-1, -2)), torch.stack([160 - place[:, 1], place[:, 0]], dim=1))
    torch.testing.assert_close(
        after.tilt, torch.stack([-before.tilt[:, 1], before.tilt[:, 0]], dim=1), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(after.height, before.height, atol=1e-5, rtol=0)


def test_a_raised_target_looks_like_a_low_one() -> None:
    height = torch.from_numpy(tilted_scenes.draw(tilted_scenes.normal_of(0.3, 1.0), 0.3).height)[None]
    place = torch.tensor([[96.0, 224.0]])
    raised = torch.where(height > 0.03, height + 0.04, height)
    (low, base), (high, raised_base) = windows_at(height, place), windows_at(raised, place)
    assert low.shape == (1, 2, SIDE, SIDE)
    torch.testing.assert_close(low, high, atol=1e-4, rtol=0)
    assert float(raised_base - base) == pytest.approx(0.04, abs=1e-5)


def test_it_learns_to_read_tilt_and_height() -> None:
    agent, dataset, rng = TransporterSixDof(TINY), tilted(), np.random.default_rng(0)
    agent.tilt_net.tilting.fill_(True)
    losses = []
    for step in range(TINY.steps):
        examples = [augment(dataset.sample(rng), agent.augmentation(3), rng) for _ in range(2)]
        loss = agent.tilt_loss(examples, rng)
        agent.tilt_optimiser.step(loss, step)
        losses.append(float(loss.detach()))
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])


def test_it_places_with_a_tilt_and_a_height_also_when_loaded(tmp_path: Path) -> None:
    agent, dataset = TransporterSixDof(TINY, seed=1), tilted()
    found = [agent.fit_step(dataset, step) for step in range(2)]
    assert all(set(each) == {"pick", "place", "refine", "tilt", "learning_rate"} for each in found)
    agent.save(tmp_path)
    loaded = TransporterSixDof.load(tmp_path)
    assert isinstance(loaded, TransporterSixDof)
    table = dataset.episodes[0][0].scene
    action, other = agent.action(table), loaded.action(table)
    assert action.place == other.place and action.pick == other.pick
    assert action.pick.roll_pitch == (0.0, 0.0)
    assert tilt_error(action.place, Pose()) > 1e-3
    agent.save_training(tmp_path / "state.safetensors", 2)
    resumed = TransporterSixDof(TINY, seed=1)
    assert resumed.load_training(tmp_path / "state.safetensors") == 2
    assert agent.fit_step(dataset, 2) == resumed.fit_step(dataset, 2)


def test_level_places_among_tilted_ones_are_learnt_as_level() -> None:
    agent, rng = TransporterSixDof(TINY), np.random.default_rng(0)
    level = PickPlaceDataset([[scenes.insertion(rng).step(rng)]])
    mixed = PickPlaceDataset([list(level.episodes[0]), list(tilted().episodes[0])])
    assert mixed.tilting and not level.tilting
    agent.tilt_net.tilting.fill_(True)
    examples = [augment(level.sample(rng), agent.augmentation(1), rng) for _ in range(2)]
    losses = []
    for step in range(8):
        loss = agent.tilt_loss(examples, np.random.default_rng(1))
        agent.tilt_optimiser.step(loss, step)
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    with torch.no_grad():
        agent.tilt_optimiser.ema.output.weight.zero_()
    place = Pose((0.55, 0.2, 0.1))
    assert agent.tilted(place, level.episodes[0][0].scene) is place


def test_no_reading_tilts_the_tool_beyond_seventy_degrees() -> None:
    agent = TransporterSixDof(TINY)
    with torch.no_grad():
        agent.tilt_optimiser.ema.output.weight.mul_(1e4)
    scene = tilted_scenes.draw(tilted_scenes.normal_of(0.5, 1.0), 0.3)
    pose = agent.tilted(Pose((0.55, 0.2, 0.1)), scene)
    assert tilt_error(pose, Pose()) <= math.radians(70) + 1e-6
    assert pose.position[2] >= 0


def test_where_nothing_is_tilted_it_is_the_plain_agent() -> None:
    rng = np.random.default_rng(0)
    dataset = PickPlaceDataset([[scenes.insertion(rng).step(rng)]])
    six, plain = TransporterSixDof(TINY, seed=2), Transporter(TINY, seed=2)
    assert [six.fit_step(dataset, step) for step in range(2)] == [plain.fit_step(dataset, step) for step in range(2)]
    weights = six.weights()
    assert all(torch.equal(weights[name], value) for name, value in plain.weights().items())
    table = dataset.episodes[0][0].scene
    assert six.action(table).place == plain.action(table).place


@pytest.mark.parametrize("tilting", [False, True])
def test_where_places_are_tilted_no_example_lacks_its_place_or_has_a_distractor(*, tilting: bool) -> None:
    agent = TransporterSixDof(TINY)
    agent.tilt_net.tilting.fill_(tilting)
    augmentation = agent.augmentation(1)
    added = (augmentation.unfinished, augmentation.nudged, augmentation.distractors)
    assert not any(added) if tilting else all(added)


@pytest.mark.parametrize("tilting", [False, True])
def test_what_it_put_back_unchanged_it_turns_unless_it_tilts(monkeypatch: pytest.MonkeyPatch, *, tilting: bool) -> None:
    scene = tilted_scenes.draw(tilted_scenes.normal_of(0.3, 1.0), 0.3)
    asked: list[bool] = []

    def find(*told: Any, tilts: bool, **shown: Any) -> None:
        asked.append(tilts)

    here = np.array([80.0, 160.0])
    decision = Decision(here, here, 0.0, torch.zeros(0), torch.zeros(0), 1.0)
    monkeypatch.setattr(agent_module, "find_candidates", find)
    monkeypatch.setattr(agent_module, "decide", lambda *candidates: decision)
    agent = TransporterSixDof(TINY)
    agent.optimiser.ema.turning.fill_(True)
    agent.tilt_net.tilting.fill_(tilting)
    agent.tilt_optimiser.ema.tilting.fill_(tilting)
    for _ in range(2):
        agent.action(scene)
    assert asked == [tilting, tilting]
    assert len(agent._history.laid_again) == (not tilting)


@pytest.mark.parametrize("tilt", [0.4, 0.8])
def test_the_place_is_the_best_one_of_the_levelled_target(monkeypatch: pytest.MonkeyPatch, tilt: float) -> None:
    """Its first look puts the block across the plate, and finds the tilt; then another plate fits still better."""
    step = tilted_scenes.step(tilt, 2.0)
    assert step.tilt is not None
    level = levelled(step.scene, step.place, step.tilt.normal)
    assert level is not None
    right = level.there(np.array([*step.place, step.tilt.height / tilted_scenes.PIXEL]))[:2]
    first = Decision(step.pick, step.place + 3, step.yaw + 1.6, torch.zeros(0), torch.zeros(0), 0.5)

    def candidates(*told: Any, at: np.ndarray, **shown: Any) -> Candidates:
        assert (told[2].height == level.scene.height).all() and (at == step.pick).all()
        windows = torch.full((2, TINY.angles, 11, 11), -50.0)
        angle = step.yaw / (2 * math.pi / TINY.angles)
        windows[:, :, 5, 5] = -2 * (torch.arange(TINY.angles) - angle) ** 2
        positions = np.stack([np.array([20.0, 20.0]), right])
        places = PlaceCandidates(torch.zeros(0), windows, positions / 2, positions, np.log([0.8, 0.2]))
        return Candidates(torch.zeros(0), [PickCandidate(at, 0.0)], [places], 0.5)

    monkeypatch.setattr(agent_module, "decide", lambda *told, **shown: first)
    monkeypatch.setattr(six_module, "find_candidates", candidates)
    agent = TransporterSixDof(TINY)
    agent.tilt_net.tilting.fill_(True)
    # What it reads 4 mm beside the place is the plane there.
    seen = Tilt(step.tilt.normal, float(step.tilt.height_at(np.array([3.0, 3.0]))))
    monkeypatch.setattr(agent, "tilt_at", lambda place, heightmap: seen)
    decision = agent.decide(step.scene)
    np.testing.assert_allclose(decision.place, step.place, atol=0.2)
    assert decision.yaw == pytest.approx(step.yaw, abs=math.radians(3))


def test_a_place_at_which_nothing_stands_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    step = tilted_scenes.step(0.4, 2.0)
    first = Decision(step.pick, np.array([20.0, 20.0]), 0.3, torch.zeros(0), torch.zeros(0), 0.5)
    monkeypatch.setattr(agent_module, "decide", lambda *told, **shown: first)
    agent = TransporterSixDof(TINY)
    agent.tilt_net.tilting.fill_(True)
    monkeypatch.setattr(agent, "tilt_at", lambda place, heightmap: step.tilt)
    assert agent.decide(step.scene) is first
