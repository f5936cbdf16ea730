"""The agent: learns one scene, obeys the geometry, saves, loads, resumes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save

from ravens_suite.agents.base import config_from_json
from ravens_suite.agents.common.correlation import angle_grid, crop, match_everywhere, steerable
from ravens_suite.agents.pick_place.augmentation import Augmentation, Example, augment
from ravens_suite.agents.pick_place.dataset import PickPlaceDataset
from ravens_suite.agents.pick_place.history import NEAR, DemonstrationStatistics, History
from ravens_suite.agents.pick_place.plane import to_pixels
from ravens_suite.agents.pick_place.steps import Step, step_from_maps
from ravens_suite.agents.transporter.agent import Transporter
from ravens_suite.agents.transporter.network import FINE, Match, TransporterConfig
from ravens_suite.agents.transporter.targets import angle_target, peak, pose_target, position_target
from ravens_suite.core.cameras import published_cameras
from ravens_suite.core.geometry import Pose
from ravens_suite.core.heightmap import Heightmap
from ravens_suite.data.atomic import write_bytes
from ravens_suite.data.run_folder import PolicyFolder
from ravens_suite.envs.observations import camera_matrices
from ravens_suite.errors import ConfigError, ConflictError, DamagedDataError, MissingDataError
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


@pytest.mark.parametrize("seed", range(4))
def test_matching_the_object_itself_gives_pose_and_sign_of_the_angle(seed: int) -> None:
    """With the drawn L as its own feature, the best match is where the oracle places it, turned as the oracle does."""
    rng = np.random.default_rng(seed)
    scene = scenes.insertion(rng)
    action = scene.oracle(rng)
    pick, place = (np.array(pose.position[:2]) for pose in (action.pick, action.place))

    def features(pose: np.ndarray) -> torch.Tensor:
        mask = torch.from_numpy(scenes.fill(scenes.place(scene.block, pose))).float()
        return torch.nn.functional.avg_pool2d(mask[None, None], 2) - 0.05

    start = torch.tensor(to_pixels(Pose.planar(*pick)) / 2, dtype=torch.float32)[None]
    query = crop(features(scene.start), start, 24)
    fields = torch.zeros(1, 16, *query.shape[-2:])
    fields[:, :4] = query
    key = torch.zeros(1, 16, 160, 80)
    key[:, :4] = features(scene.targets[0])
    angles = angle_grid(36, torch.device("cpu"))
    scores = match_everywhere(steerable(fields), steerable(key), angles)[0]
    best, _ = peak(scores)
    expected = to_pixels(Pose.planar(*place)) / 2 - 0.5
    assert abs(float(best[2]) - expected[0]) < 1 and abs(float(best[1]) - expected[1]) < 1
    yaw = scene.targets[0][2] - scene.start[2]
    assert abs(math.remainder(float(best[0]) * math.pi / 18 - yaw, 2 * math.pi)) < math.radians(6)


def test_a_soft_target_is_read_back_between_cells() -> None:
    point = torch.tensor([[7.3, 12.8]])
    grid = angle_grid(36, torch.device("cpu"))[None]
    angle = torch.tensor([1.23])
    target = angle_target(angle, grid, 0.12)[0][:, None, None] * position_target(point, 20, 16, 0.8)[0]
    best, _ = peak(target.log())
    assert math.isclose(float(best[0]) * math.pi / 18, 1.23, abs_tol=1e-3)
    assert math.isclose(float(best[1]) + 0.5, 12.8, abs_tol=1e-3)
    assert math.isclose(float(best[2]) + 0.5, 7.3, abs_tol=1e-3)


def test_an_angle_is_read_back_across_the_end_of_the_circle() -> None:
    grid = angle_grid(36, torch.device("cpu"))
    for angle in (-0.06, 0.04):
        target = pose_target(torch.tensor([[[5.0, 6.0]]]), torch.tensor([[angle]]), grid, (12, 10), spot=1.0, yaw=0.1)
        best, _ = peak(target[0].log(), cyclic=True)
        assert math.isclose(math.remainder(float(best[0]) * math.pi / 18 - angle, 2 * math.pi), 0, abs_tol=1e-3)


def test_a_target_of_several_poses_has_a_bump_at_each_and_nowhere_else() -> None:
    grid = angle_grid(36, torch.device("cpu"))
    points, yaws = torch.tensor([[[2.5, 3.5], [8.5, 9.5]]]), torch.tensor([[0.0, math.pi]])
    target = pose_target(points, yaws, grid, (12, 10), spot=0.7, yaw=0.1)[0]
    assert target[0, 3, 2] == pytest.approx(1) and target[18, 9, 8] == pytest.approx(1)
    assert target[0, 9, 8] < 1e-3 and target[18, 3, 2] < 1e-3


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


def test_a_resumed_run_is_the_same_to_the_bit(tmp_path: Path) -> None:
    demos = demonstrations()
    whole, first, second = (Transporter(TINY, seed=3) for _ in range(3))
    for step in range(4):
        whole.fit_step(demos, step)
    for step in range(2):
        first.fit_step(demos, step)
    first.save_training(tmp_path / "training", 2)
    assert second.load_training(tmp_path / "training") == 2
    for step in range(2, 4):
        second.fit_step(demos, step)
    whole.save(tmp_path / "whole")
    second.save(tmp_path / "resumed")
    assert PolicyFolder(tmp_path / "whole").fingerprint() == PolicyFolder(tmp_path / "resumed").fingerprint()


def test_what_no_demonstration_turns_is_never_turned(tmp_path: Path) -> None:
    scene = scenes.insertion(np.random.default_rng(0))
    table = scene.draw(scene.start)
    step = step_from_maps(table, table, Pose((0.4, 0.1, 0.0)), Pose((0.6, 0.2, 0.0)))
    demos = PickPlaceDataset([[step]])
    assert not demos.turning and demonstrations().turning
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


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    Transporter(TINY).save(tmp_path)
    other = Transporter(replace(TINY, widths=(2, 2, 4, 4)))
    write_bytes(PolicyFolder(tmp_path).weights, [save(other.weights())])
    with pytest.raises(ConflictError, match="another version"):
        Transporter.load(tmp_path)


def test_placing_does_not_know_the_summary_of_the_table_and_picking_does() -> None:
    torch.manual_seed(0)
    net = Transporter(TINY).net
    image = torch.rand(1, 5, 64, 64)
    before = net.trunk(image)
    with torch.no_grad():
        net.trunk.summary.bias += 1
    after = net.trunk(image)
    assert torch.equal(before.fine, after.fine) and torch.equal(before.coarse, after.coarse)
    assert not torch.allclose(before.global_context, after.global_context)
    assert not torch.allclose(net.pick(before), net.pick(after))


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError):
        Transporter.load(tmp_path)
    Transporter(TINY).save(tmp_path)
    weights = PolicyFolder(tmp_path).weights
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(DamagedDataError, match=weights.name):
        Transporter.load(tmp_path)
    (tmp_path / "agent.json").write_text('{"agent": "other"}')
    with pytest.raises(ConflictError):
        Transporter.load(tmp_path)


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="colour"):
        config_from_json(TransporterConfig, {"colour": 1})
    assert config_from_json(TransporterConfig, {"widths": [1, 2, 3, 4]}).widths == (1, 2, 3, 4)


def test_no_demonstration_is_an_error() -> None:
    with pytest.raises(ConfigError, match="collect"):
        PickPlaceDataset([[]])


def test_it_learns_one_scene() -> None:
    rng = np.random.default_rng(0)
    scene = scenes.insertion(rng)
    config = replace(
        TINY, widths=(4, 8, 8, 8), angles=36, coarse_radius=12, fine_radius=16, steps=150, learning_rate=4e-3
    )
    agent = Transporter(config)
    demos = PickPlaceDataset([[scene.step(rng)]])
    history = [sum(agent.fit_step(demos, step).values()) for step in range(config.steps)]
    assert np.mean(history[-8:]) < 0.6 * np.mean(history[:4])
    assert scene.solved(agent.action(scene.draw(scene.start)))


def test_a_fine_stage_that_knows_nothing_leaves_the_coarse_answer() -> None:
    agent = Transporter(TINY)
    angles = angle_grid(4, torch.device("cpu"))
    place = torch.tensor([[[20.5, 30.5]]])
    coarse = pose_target(place, torch.zeros(1, 1), angles, (80, 40), spot=2.0, yaw=0.5).log().clamp_min(-50)
    nothing = torch.zeros(0)
    match = Match(nothing, nothing, torch.zeros(1, 16, 13, 13), torch.zeros(1, 16, 160, 80))
    start = torch.tensor([[[39.0, 63.0]]])
    best, _ = peak(agent._refine(match, coarse, angles, start)[0, 0])
    found = start[0, 0].flip(-1) + best[1:] - TINY.fine_reach
    torch.testing.assert_close(found.float(), torch.tensor([61.0, 41.0]), atol=0.3, rtol=0)


def test_what_has_settled_is_left_alone_as_far_as_demonstrations_do(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = Transporter(TINY)
    table = scenes.insertion(np.random.default_rng(0))
    heightmap = table.draw(table.start)
    first = agent.decide(heightmap)
    history = History()
    monkeypatch.setattr(History, "settled", [first.pick])
    agent.optimiser.ema.habits.fill_(1.0)
    assert np.array_equal(agent.decide(heightmap, history).pick, first.pick)
    agent.optimiser.ema.habits.fill_(1e-6)
    assert np.abs(agent.decide(heightmap, history).pick - first.pick).max() > NEAR - FINE


def test_what_joint_rescoring_chooses_is_carried_out_and_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = Transporter(replace(TINY, picks=3))
    table = scenes.insertion(np.random.default_rng(0))
    heightmap = table.draw(table.start)
    seen: list[list[np.ndarray]] = []

    def second(pick_log_probabilities: list[float], places: list[np.ndarray], *_: object) -> tuple[int, int]:
        seen.append(places)
        return 1, 2

    monkeypatch.setattr("ravens_suite.agents.transporter.agent.rescore_jointly", second)
    monkeypatch.setattr("ravens_suite.agents.transporter.agent._PLAUSIBLE", 1e-9)
    with torch.inference_mode():
        picks: list[np.ndarray] = []
        monkeypatch.setattr(agent, "_places", _recorded(agent._places, picks))
        decision = agent.decide(heightmap)
    assert np.array_equal(decision.pick, picks[1])
    assert np.abs(decision.place - seen[0][1][2]).max() <= FINE
    moved = Heightmap(heightmap.color.copy(), heightmap.height.copy())
    action = agent.action(heightmap)
    for pose in (action.pick, action.place):
        column, row = to_pixels(pose).astype(int)
        moved.height[max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4] += 0.05
    agent.action(moved)
    np.testing.assert_allclose(agent._history.settled, [decision.place])


def _recorded(places: Callable[..., Any], picks: list[np.ndarray]) -> Callable[..., Any]:
    def call(scene: object, chosen: list[np.ndarray]) -> Any:
        picks.extend(chosen)
        return places(scene, chosen)

    return call


def test_the_statistics_of_demonstrations_are_kept_with_the_weights(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    demos = PickPlaceDataset([[scenes.insertion(rng).step(rng)]])
    agent = Transporter(TINY)
    agent.fit_step(demos, 0)
    assert tuple(agent.optimiser.ema.habits) == demos.statistics == (0.5, 0.5)
    demos.statistics = DemonstrationStatistics(0.125, 0.25)
    agent.fit_step(demos, 1)
    agent.save(tmp_path)
    loaded = Transporter.load(tmp_path)
    assert isinstance(loaded, Transporter) and tuple(loaded.optimiser.ema.habits) == (0.125, 0.25)


def test_the_loss_of_a_batch_is_the_mean_of_its_examples() -> None:
    """Objects that look the same after a different number of turns included."""
    agent = Transporter(replace(TINY, stretch=1.0))
    step = scenes.insertion(np.random.default_rng(0)).step(np.random.default_rng(0))
    examples = [
        augment(
            replace(step, symmetry_order=symmetry_order), agent.augmentation(1), np.random.default_rng(symmetry_order)
        )
        for symmetry_order in (4, 1, 3)
    ]
    assert [len(example.yaw) for example in examples] == [4, 1, 3]
    fixed = SimpleNamespace(uniform=lambda low, high, size=None: low if size is None else np.zeros(size))
    together = agent.losses(agent._batch(examples), fixed)
    alone = [agent.losses(agent._batch([example]), fixed) for example in examples]
    for name, loss in together.items():
        torch.testing.assert_close(loss, torch.stack([each[name] for each in alone]).mean(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("demonstrations", "share"), [(1, 0.9), (3, 0.5), (100, 0.306)])
def test_one_demonstration_alone_is_altered_most(
    monkeypatch: pytest.MonkeyPatch, demonstrations: int, share: float
) -> None:
    agent = Transporter(replace(TINY, altered=0.3, altered_alone=0.9, batch=1))
    seen: list[float] = []

    def note(step: Step, augmentation: Augmentation, rng: np.random.Generator) -> Example:
        seen.append(augmentation.altered)
        return augment(step, augmentation, rng)

    monkeypatch.setattr("ravens_suite.agents.transporter.agent.augment", note)
    step = scenes.insertion(np.random.default_rng(0)).step(np.random.default_rng(1))
    agent.fit_step(PickPlaceDataset([[step]] * demonstrations), 0)
    assert seen == [pytest.approx(share)]


def test_a_pick_that_came_to_nothing_is_not_tried_again() -> None:
    """While the table stays as it is, each pick is elsewhere; a new episode, or a change there, forgets them."""
    rng = np.random.default_rng(0)
    step = scenes.insertion(rng).step(rng)
    heightmap = Heightmap(step.color, step.height)
    agent, fresh = _at_ease_with_what_settled(), _at_ease_with_what_settled()
    picks = [to_pixels(agent.action(heightmap).pick) for _ in range(4)]
    for index, pick in enumerate(picks):
        assert all(np.abs(pick - other).max() >= 2 for other in picks[:index])
    column, row = picks[-1].astype(int)
    other = Heightmap(heightmap.color.copy(), heightmap.height.copy())
    other.height[max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4] += 0.05
    np.testing.assert_allclose(to_pixels(agent.action(other).pick), to_pixels(fresh.action(other).pick))
    agent.reset()
    np.testing.assert_allclose(to_pixels(agent.action(heightmap).pick), picks[0])


def test_beside_a_sharp_peak_that_came_to_nothing_nothing_is_tried() -> None:
    """A map that is smoothed for choosing does not lead back to what was struck out before."""
    row, column = torch.meshgrid(torch.arange(160), torch.arange(80), indexing="ij")
    logits = -40 + 100 * torch.exp(-((row - 80) ** 2 + (column - 40) ** 2) / 8)
    agent = Transporter(TINY)
    failed_picks: list[np.ndarray] = []
    for _ in range(6):
        pick, _ = agent._picks(logits, failed_picks)[0]
        assert all(np.abs(pick - other).max() >= 2 for other in failed_picks)
        failed_picks.append(pick)


def test_picks_are_apart_and_their_chances_add_up_to_at_most_one() -> None:
    agent = Transporter(TINY)
    logits = torch.full((160, 80), -9.0)
    logits[20:24, 30:34], logits[90:93, 60:63] = 3.0, 2.0
    (first, most), (second, less), *_ = agent._picks(logits)
    assert np.abs(first - [64, 44]).max() < 3
    assert np.abs(second - [123, 183]).max() < 3
    assert math.exp(most) + math.exp(less) <= 1 + 1e-6
    assert most > less > math.log(0.1)


def _at_ease_with_what_settled() -> Transporter:
    """An agent that picks again what it has placed as soon as anything else."""
    agent = Transporter(TINY)
    agent.optimiser.ema.habits.fill_(1.0)
    return agent


def test_few_demonstrations_are_altered_more_and_bent_less_than_many() -> None:
    few, some, many, most = (Transporter(TINY).augmentation(demos) for demos in (1, 10, 100, 1000))
    assert few.altered > some.altered > many.altered >= most.altered
    assert few.shade > some.shade > many.shade >= most.shade
    assert few.bent < some.bent < many.bent == most.bent


def test_picking_counts_more_once_placing_has_started() -> None:
    agent = Transporter(replace(TINY, steps=8, pick_weight=0.2, late_pick_weight=1.0))
    assert [agent.pick_weight(step) for step in range(8)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1])
    agent.net.turning.fill_(False)
    assert {agent.pick_weight(step) for step in range(8)} == {0.2}


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
