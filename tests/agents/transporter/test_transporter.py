"""The agent: learns one scene, obeys the geometry, remembers the episode, saves and loads."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch.utils._python_dispatch import TorchDispatchMode

from ravens_suite.agents.base import config_from_json
from ravens_suite.agents.pick_place.augmentation import Augmentation, augment
from ravens_suite.agents.pick_place.dataset import KEYS, PickPlaceDataset
from ravens_suite.agents.pick_place.plane import to_pixels
from ravens_suite.agents.pick_place.steps import step_from_maps
from ravens_suite.agents.transporter import Transporter
from ravens_suite.agents.transporter import agent as module
from ravens_suite.agents.transporter.config import TransporterConfig
from ravens_suite.agents.transporter.decision import Decision
from ravens_suite.agents.transporter.losses import compute_losses, draw, make_batch
from ravens_suite.core.cameras import published_cameras
from ravens_suite.core.geometry import Pose
from ravens_suite.core.heightmap import Heightmap
from ravens_suite.core.observations import GOAL, ArraySpec, Interface
from ravens_suite.data.atomic import write_bytes
from ravens_suite.data.run_folder import PolicyFolder
from ravens_suite.envs.observations import camera_matrices
from ravens_suite.errors import ConfigError, ConflictError
from tests.agents import scenes

TINY = TransporterConfig(
    widths=(2, 2, 2, 2), depth=1, coarse_radius=6, fine_radius=6, angles=12, steps=8, precision="float32", device="cpu"
)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def demonstrations(seed: int = 0) -> PickPlaceDataset:
    rng = np.random.default_rng(seed)
    return PickPlaceDataset([[scenes.insertion(rng).step(rng)]])


def test_act_gives_two_poses_in_the_workspace() -> None:
    observation = {
        **camera_matrices(published_cameras((48, 64))),
        "color": np.zeros((3, 48, 64, 3), np.uint8),
        "depth": np.full((3, 48, 64), 0.9, np.float32),
    }
    agent = Transporter(TINY)
    agent.reset()
    action = agent.act(observation)
    for pose in (action["pick"], action["place"]):
        assert pose.shape == (7,) and np.isfinite(pose).all()
        assert math.isclose(float(np.linalg.norm(pose[3:])), 1.0, rel_tol=1e-6)
    np.testing.assert_array_equal(action["pick"][3:], [0, 0, 0, 1])
    shown = agent.explain(observation)
    assert shown["pick"].shape == shown["place"].shape == shown["height"].shape == (320, 160)


def test_what_is_explained_after_an_action_is_that_action(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decided anew, it would be another one: the history holds the move by then."""
    scene = scenes.insertion(np.random.default_rng(0))
    first, second = ({"map": scene.draw(poses)} for poses in (scene.start, np.add(scene.start, [0.05, 0.1, 0.0])))
    monkeypatch.setattr(module, "fuse_observation", lambda observation: observation["map"])
    agent, lengths = Transporter(TINY), list[float]()
    real = agent.decide

    def decide(*told: Any) -> Decision:
        lengths.append(agent._history.length)
        return real(*told)

    monkeypatch.setattr(agent, "decide", decide)
    agent.reset()
    agent.act(first)
    shown = agent.explain(first)
    assert lengths == [math.inf]
    np.testing.assert_array_equal(shown["height"], first["map"].height)
    agent.explain(second)
    assert len(lengths) == 2, "nothing was decided about that scene"
    agent.reset()
    agent.explain(first)
    assert lengths[2:] == [math.inf], "of an earlier episode nothing is known"


def test_what_no_demonstration_turns_is_never_turned(tmp_path: Path) -> None:
    scene = scenes.insertion(np.random.default_rng(0))
    table = scene.draw(scene.start)
    step = step_from_maps(table, table, Pose((0.4, 0.1, 0.0)), Pose((0.6, 0.2, 0.0)))
    demos = PickPlaceDataset([[step]])
    assert not demos.habits.turning and demonstrations().habits.turning
    agent = Transporter(TINY)
    agent.fit_step(demos, 0)
    agent.save(tmp_path)
    decision = Transporter.load(tmp_path).decide(table)
    assert decision.yaw == 0 and len(decision.place_logits) == 1


def test_what_was_saved_acts_the_same(tmp_path: Path) -> None:
    agent = Transporter(TINY, seed=1)
    agent.fit_step(demonstrations(), 0)
    agent.save(tmp_path)
    loaded = Transporter.load(tmp_path)
    scene = scenes.insertion(np.random.default_rng(8))
    heightmap = scene.draw(scene.start)
    assert isinstance(loaded, Transporter) and loaded.config == agent.config
    assert loaded.action(heightmap) == agent.action(heightmap)


@pytest.mark.parametrize("count", [2, 5])
def test_the_encoder_may_have_so_many_resolutions(count: int) -> None:
    config = config_from_json(TransporterConfig, {**asdict(TINY), "widths": [1] * count, "batch": 1})
    rng = np.random.default_rng(0)
    dataset = PickPlaceDataset([[scenes.insertion(rng).step(rng)]])
    assert all(math.isfinite(value) for value in Transporter(config).fit_step(dataset, 0).values())


@pytest.mark.parametrize("count", [1, 6])
def test_more_resolutions_than_a_heightmap_can_be_halved_to_are_refused(count: int) -> None:
    with pytest.raises(ConfigError, match="widths must be a list of 2 to 5 values"):
        config_from_json(TransporterConfig, {"widths": [2] * count})


@pytest.mark.parametrize(("picks", "candidates", "most"), [(9, 4, 8), (100, 100, 2), (7, 9, 6)])
def test_more_picks_than_can_be_given_places_together_are_refused(picks: int, candidates: int, most: int) -> None:
    with pytest.raises(ConfigError, match=f'set "picks" to {most} or fewer'):
        Transporter(replace(TINY, picks=picks, candidates=candidates))
    assert Transporter(replace(TINY, picks=most, candidates=candidates)).config.picks == most


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    Transporter(TINY).save(tmp_path)
    other = Transporter(replace(TINY, widths=(2, 2, 4, 4)))
    write_bytes(PolicyFolder(tmp_path).weights, [save(other.weights())])
    with pytest.raises(ConflictError, match="another version"):
        Transporter.load(tmp_path)


def test_it_learns_one_scene() -> None:
    rng = np.random.default_rng(0)
    scene = scenes.insertion(rng)
    config = replace(
        TINY, widths=(4, 8, 8, 8), angles=36, coarse_radius=12, fine_radius=16, steps=60, learning_rate=6e-3
    )
    agent = Transporter(config)
    demos = PickPlaceDataset([[scene.step(rng)]])
    history = [sum(agent.fit_step(demos, step).values()) for step in range(config.steps)]
    assert np.mean(history[-8:]) < 0.6 * np.mean(history[:4])
    assert scene.solved(agent.action(scene.draw(scene.start)))


def test_the_statistics_of_demonstrations_are_kept_with_the_weights(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    demos = PickPlaceDataset([[scenes.insertion(rng).step(rng)]])
    agent = Transporter(TINY)
    agent.fit_step(demos, 0)
    assert tuple(agent.optimiser.ema.habits) == (demos.habits.repick, demos.habits.sharing) == (0.5, 0.5)
    demos.habits = demos.habits._replace(repick=0.125, sharing=0.25, slots=0.75)
    agent.fit_step(demos, 1)
    agent.save(tmp_path)
    loaded = Transporter.load(tmp_path)
    assert isinstance(loaded, Transporter) and tuple(loaded.optimiser.ema.habits) == (0.125, 0.25)
    assert float(loaded.optimiser.ema.slots) == 0.75


def test_a_least_move_is_learned_only_where_nothing_is_turned() -> None:
    rng = np.random.default_rng(0)
    turned = scenes.insertion(rng).step(rng)
    straight = replace(turned, yaw=0.0, free_objects=())
    length = float(np.linalg.norm(turned.place - turned.pick))
    assert PickPlaceDataset([[turned], [straight]]).habits.least_move == 0
    data = PickPlaceDataset([[straight] * 25])
    assert data.habits.least_move == pytest.approx(0.4 * length)
    agent = Transporter(TINY)
    agent.fit_step(data, 0)
    assert float(agent.optimiser.ema.least_move) == pytest.approx(data.habits.least_move, rel=1e-5)


@pytest.mark.parametrize("buffer", ["least_move", "slots"])
def test_weights_and_runs_of_before_there_was_a_statistic_go_on(buffer: str) -> None:
    agent = Transporter(TINY)
    agent.fit_step(demonstrations(), 0)
    getattr(agent.optimiser.ema, buffer).fill_(7.0)
    old = Transporter(TINY, 1)
    old.set_weights({name: value for name, value in agent.weights().items() if name != buffer})
    assert float(getattr(old.optimiser.ema, buffer)) == 0
    old.set_training_state({k: v for k, v in agent.training_state().items() if not k.endswith("." + buffer)})
    assert float(getattr(old.optimiser.ema, buffer)) == 0


def test_a_pick_that_came_to_nothing_is_not_tried_again() -> None:
    """While the table stays as it is, each pick is elsewhere; a new episode, or a change there, forgets them."""
    rng = np.random.default_rng(0)
    step = scenes.insertion(rng).step(rng)
    heightmap = Heightmap(step.color, step.height)
    agent, fresh = _picks_placed_objects_again(), _picks_placed_objects_again()
    picks = [to_pixels(agent.action(heightmap).pick) for _ in range(4)]
    for index, pick in enumerate(picks):
        assert all(np.abs(pick - other).max() >= 2 for other in picks[:index])
    column, row = picks[-1].astype(int)
    other = Heightmap(heightmap.color.copy(), heightmap.height.copy())
    other.height[max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4] += 0.05
    np.testing.assert_allclose(to_pixels(agent.action(other).pick), to_pixels(fresh.action(other).pick))
    agent.reset()
    np.testing.assert_allclose(to_pixels(agent.action(heightmap).pick), picks[0])


def _picks_placed_objects_again() -> Transporter:
    """An agent that picks a placed object as readily as any other."""
    agent = Transporter(TINY)
    agent.optimiser.ema.habits.fill_(1.0)
    return agent


def test_few_demonstrations_are_altered_more_and_bent_less_than_many() -> None:
    few, some, many, most = (Transporter(TINY).augmentation(demos) for demos in (1, 10, 100, 1000))
    assert few.altered > some.altered > many.altered >= most.altered
    assert few.shade > some.shade > many.shade >= most.shade
    assert few.bent < some.bent < many.bent == most.bent
    assert [round(each.recut, 3) for each in (few, some, many, most)] == [0.85, 0.5, 0.15, 0.15]


def test_a_gradient_step_weighs_picking_by_its_number() -> None:
    agent = Transporter(replace(TINY, steps=4, pick_weight=0.0, late_pick_weight=1.0))
    for step, learns in ((0, False), (2, True)):
        agent.fit_step(demonstrations(), step)
        gradient = agent.net.pick.logits.weight.grad
        assert gradient is not None and bool(gradient.any()) == learns


@pytest.mark.parametrize("setting", ["flips", "scatter", "stretch", "shade", "scale", "height_scale"])
def test_a_setting_of_augmentation_changes_the_examples(setting: str) -> None:
    """Off and on, from the same random numbers: scenes differ."""
    off = {"flips": False, "scatter": 0.0, "stretch": 1.0, "shade": 1.0, "shade_alone": 1.0, "altered": 1.0}
    off |= {"scale": 1.0, "height_scale": 1.0, "recolored": 0.0, "bent": 0.0, "amiss": 0.0}
    on = {"flips": True, "scatter": 1.0, "stretch": 2.0, "shade": 2.0, "scale": 1.5, "height_scale": 1.5}
    base = off | ({"scatter": 1.0} if setting in ("stretch", "shade") else {})
    changed = base | {setting: on[setting]} | ({"shade_alone": 2.0} if setting == "shade" else {})
    step = scenes.insertion(np.random.default_rng(0)).step(np.random.default_rng(1))
    pairs = []
    for settings in (base, changed):
        augmentation = Transporter(replace(TINY, **settings)).augmentation(1)
        pairs.append([augment(step, augmentation, np.random.default_rng(seed)) for seed in range(4)])
    assert any(
        not np.array_equal(a.color, b.color) or not np.array_equal(a.height, b.height)
        for a, b in zip(*pairs, strict=True)
    )


def test_the_weight_of_picking_grows_unless_nothing_is_turned() -> None:
    agent = Transporter(replace(TINY, steps=8, pick_weight=0.2, late_pick_weight=1.0))
    weights = [agent.pick_weight(step, turning=True) for step in range(8)]
    assert weights[0] == 0.2 and weights[-1] == 1.0 and weights == sorted(weights)
    assert {agent.pick_weight(step, turning=False) for step in range(8)} == {0.2}


class _NothingRead(TorchDispatchMode):
    """Fails where a value is read back from the device, or a new one sent there: a GPU cannot record such a step."""

    def __torch_dispatch__(self, operator: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert not {"_local_scalar_dense", "lift_fresh", "nonzero"} & set(str(operator).split(".")), operator
        return operator(*args, **(kwargs or {}))


@pytest.mark.parametrize("kind", ["plain", "symmetric", "told", "told shapes", "shown"])
def test_a_step_reads_nothing_back_from_the_device(kind: str) -> None:
    step = demonstrations().episodes[0][0]
    if kind == "symmetric":
        step = replace(step, symmetry_order=4)
    step = replace(step, goal=step.scene if kind == "shown" else None, instruction="put the red star in a green bowl")
    seen = {"told": ("instruction",), "shown": [GOAL + key for key in KEYS]}.get(kind.split()[0], ())
    interface = Interface({key: ArraySpec((1,), "uint8") for key in [*KEYS, *seen]})
    config = replace(TINY, shape_words=kind == "told shapes")
    agent, data = Transporter(config, interface=interface), PickPlaceDataset([[step]])
    assert (agent.listens, agent.shows_goal) == (kind.startswith("told"), kind == "shown")
    agent.fit_step(data, 0)
    inputs = agent.step_inputs(data, agent.augmentation(1), 1)
    with _NothingRead():
        agent._learn(inputs)


def test_steps_made_ahead_by_processes_are_those_made_in_turn() -> None:
    data, states = demonstrations(), []
    for workers in (0, 2):
        agent = Transporter(replace(TINY, steps=5, workers=workers))
        for step in (0, 1, 2, 1, 2, 3, 4):  # It is taken up again after step 0, as after a kill.
            agent.fit_step(data, step)
        states.append(agent.training_state())
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_examples_padded_for_a_gpu_give_the_same_losses() -> None:
    step = replace(demonstrations().episodes[0][0], symmetry_order=3)
    examples = [augment(step, Augmentation(scatter=0), np.random.default_rng(seed)) for seed in range(2)]
    agent = Transporter(TINY)
    draws = draw(TINY, 2, np.random.default_rng(0), turning=True)
    plain, padded = (
        compute_losses(agent.net, TINY, make_batch(examples, few_shapes=few), draws, use_bfloat16=False)
        for few in (False, True)
    )
    assert make_batch(examples, few_shapes=True).yaw.shape == (2, 4)
    for name, loss in plain.items():
        torch.testing.assert_close(padded[name], loss)


def test_weights_and_training_state_keep_the_names_under_which_runs_saved_them() -> None:
    agent = Transporter(TINY)
    agent.fit_step(demonstrations(), 0)
    weights = {
        "turning",
        "habits",
        "least_move",
        "trunk.stem.weight",
        "trunk.blocks.0.0.first.bias",
        "trunk.summary.weight",
    }
    weights |= {"trunk.ascent.merge.1.second.weight", "trunk.informed_ascent.skip.0.weight", "pick.logits.bias"}
    weights |= {"coarse.query_hidden.weight", "fine.key_output.bias", "fine.modulation.2.weight"}
    assert weights <= agent.weights().keys()
    state = {f"net.{name}" for name in weights} | {f"average.{name}" for name in weights}
    moments = {"moment.momentum_buffer.trunk.stem.weight", "moment.exp_avg.fine.key_output.bias"}
    assert state | moments <= agent.training_state().keys()
