"""The reference agent: its size, its geometry, and that it learns, saves and loads."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ravens_suite.agents.common.correlation import correlate_nearby
from ravens_suite.agents.common.resnet import ResNet, count_parameters, normalise
from ravens_suite.agents.pick_place.dataset import PickPlaceDataset
from ravens_suite.agents.pick_place.plane import rigid, to_pixels, transform
from ravens_suite.agents.pick_place.published_augmentation import PublishedAugmentation, augment_as_published
from ravens_suite.agents.transporter_2020 import Cell, Transporter2020, Transporter2020Config
from ravens_suite.core.cameras import published_cameras
from ravens_suite.core.geometry import Pose
from ravens_suite.envs.observations import camera_matrices
from tests.agents import scenes

TINY = Transporter2020Config(
    widths=(4, 4, 8, 8, 8, 4, 4), head=4, angles=12, steps=4, learning_rate=1e-3, turn=0.0, shift=0.0, device="cpu"
)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def demonstrations(seed: int = 0) -> PickPlaceDataset:
    rng = np.random.default_rng(seed)
    return PickPlaceDataset([[scenes.insertion(rng).step(rng)]])


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_published_network_has_nearly_ten_million_parameters_and_an_eighth_of_the_resolution(outputs: int) -> None:
    config = Transporter2020Config()
    with torch.device("meta"):
        net = ResNet(6, outputs, config.widths, config.head)
        image = torch.zeros(1, 6, 320, 320)
        assert round(count_parameters(net) / 1e6, 2) == 9.83
        assert net(image).shape == (1, outputs, 320, 320)
        smallest = image.new_zeros(1, 64, 320, 320)
        for stage in list(net.stages)[:4]:
            smallest = stage(smallest)
    assert smallest.shape == (1, 512, 40, 40)


@pytest.mark.parametrize(("index", "seed"), [(0, 0), (5, 1), (9, 2), (29, 3)])
def test_a_turned_crop_matches_where_and_as_the_object_goes(index: int, seed: int) -> None:
    """With heights as features, the object turned by a number of steps is found at that angle's index."""
    agent = Transporter2020(replace(TINY, angles=36))
    scene = scenes.insertion(np.random.default_rng(seed))
    start = np.array([0.45, 0.1, 0.3])
    target = np.array([0.5, -0.2, 0.3 + math.radians(10 * index)])
    scene = replace(scene, start=start, decor=())
    pick = np.array([0.46, 0.11])
    place = transform(scenes.motion(start, target), pick)
    before, after = (agent.image(drawn.color, drawn.height) for drawn in map(scene.draw, (start, target)))
    column, row = to_pixels(Pose.planar(*pick)).astype(int)
    crops = agent.rotated_crops(before, Cell(int(row), int(column)))[:, 3:4]
    level = before[:, 3:4].amin()
    logits = correlate_nearby((crops - level - 2)[None], after[None, :, 3:4] - level)[0, 0]
    best = torch.unravel_index(logits.argmax(), logits.shape)
    assert int(best[0]) == index
    expected = to_pixels(Pose.planar(*place))
    assert abs(float(best[2]) + 0.5 - expected[0]) < 1.5 and abs(float(best[1]) + 0.5 - expected[1]) < 1.5


def test_logits_cover_the_map_and_the_crop_is_upright_at_angle_zero() -> None:
    agent = Transporter2020(TINY)
    scene = scenes.insertion(np.random.default_rng(1)).draw(np.array([0.5, 0.0, 0.0]))
    image = agent.image(scene.color, scene.height)
    assert image.shape == (1, 6, 384, 224)
    assert agent.pick_logits(image).shape == (320, 160)
    assert agent.place_logits(image, Cell(319, 0)).shape == (12, 320, 160)
    crops = agent.rotated_crops(image, Cell(100, 50))
    assert torch.equal(crops[0], image[0, :, 100:164, 50:114])
    rows = slice(101, 164), slice(51, 114)
    assert torch.equal(crops[6][:, 1:, 1:], image[0, :, rows[0], rows[1]].flip(-1, -2))


def test_the_input_is_normalised_as_published() -> None:
    image = normalise(torch.full((1, 2, 2, 3), 255, dtype=torch.uint8), torch.full((1, 2, 2), 0.01))
    assert image.shape == (1, 6, 2, 2)
    assert float(image[0, 0, 0, 0]) == pytest.approx((1 - 0.18877631) / 0.07276466)
    assert float(image[0, 5, 0, 0]) == pytest.approx((0.01 - 0.00509261) / 0.00903967)


def test_augmentation_moves_image_and_points_alike() -> None:
    rng = np.random.default_rng(0)
    scene = scenes.insertion(rng)
    step = scene.step(rng)
    yaws = []
    for seed in range(20):
        example = augment_as_published(step, PublishedAugmentation(), np.random.default_rng(seed))
        assert all(0 <= value < limit for value, limit in zip(example.pick, (160, 320), strict=True))
        assert example.yaw.tolist() == [step.yaw]
        assert example.color[int(example.pick[1]), int(example.pick[0])].tolist() == list(scene.block_color)
        before, after = step.place - step.pick, example.place[0] - example.pick
        assert np.hypot(*before) == pytest.approx(np.hypot(*after))
        yaws.append(math.remainder(math.atan2(*after[::-1]) - math.atan2(*before[::-1]), 2 * math.pi))
    assert 0.5 < np.std(yaws) < 1.6
    still = augment_as_published(step, PublishedAugmentation(0.0, 0.0), rng)
    np.testing.assert_array_equal(still.color, step.color)
    np.testing.assert_allclose(transform(rigid(0, step.pick, step.pick), still.pick), step.pick)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_gradient_steps_reduce_the_loss(precision: str) -> None:
    agent = Transporter2020(replace(TINY, precision=precision))
    demos = demonstrations()
    first, second, *_, last = (agent.fit_step(demos, step) for step in range(4))
    assert first.keys() == {"pick", "place"}
    assert sum(second.values()) < sum(first.values())
    assert sum(last.values()) < sum(second.values())


def test_forgetting_activations_changes_no_gradient() -> None:
    lavish, thrifty = (Transporter2020(replace(TINY, checkpoint=value), seed=2) for value in (False, True))
    demos = demonstrations()
    for agent in (lavish, thrifty):
        agent.fit_step(demos, 0)
    pairs = zip(lavish.net.parameters(), thrifty.net.parameters(), strict=True)
    assert all(torch.allclose(a.grad, b.grad, rtol=1e-3, atol=1e-4) for a, b in pairs)  # type: ignore[arg-type]


def test_act_gives_two_poses_in_the_workspace() -> None:
    observation = {
        "color": np.zeros((3, 48, 64, 3), np.uint8),
        "depth": np.full((3, 48, 64), 0.9, np.float32),
    }
    agent = Transporter2020(TINY)
    observation |= camera_matrices(published_cameras((48, 64)))
    action = agent.act(observation)
    for pose in (action["pick"], action["place"]):
        assert pose.shape == (7,) and np.isfinite(pose).all()
    np.testing.assert_array_equal(action["pick"][3:], [0, 0, 0, 1])
    shown = agent.explain(observation)
    assert shown["pick"].shape == shown["place"].shape == shown["height"].shape == (320, 160)
    assert float(shown["place"].sum()) == pytest.approx(1, abs=1e-3)


def test_what_was_saved_acts_the_same(tmp_path: Path) -> None:
    agent = Transporter2020(TINY, seed=3)
    agent.fit_step(demonstrations(), 0)
    agent.save(tmp_path)
    loaded = Transporter2020.load(tmp_path)
    scene = scenes.insertion(np.random.default_rng(8))
    heightmap = scene.draw(scene.start)
    assert isinstance(loaded, Transporter2020) and loaded.config == TINY
    assert loaded.action(heightmap) == agent.action(heightmap)
