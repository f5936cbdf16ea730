"""Scenes, actions, and what is known of a move before anything is learned."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ravens_suite.agents.visual_foresight.dataset import Steps, TransitionDataset, mirrored
from ravens_suite.agents.visual_foresight.distance import changed, distance
from ravens_suite.agents.visual_foresight.models.base import Window
from ravens_suite.agents.visual_foresight.moving import move
from ravens_suite.agents.visual_foresight.scenes import (
    COLUMNS,
    HEIGHT,
    ROWS,
    enlarged,
    pack,
    to_action,
    to_heightmap,
    to_poses,
    unpack,
)
from ravens_suite.core.geometry import Pose
from ravens_suite.core.heightmap import Heightmap
from ravens_suite.errors import ConfigError
from tests.agents.visual_foresight.tables import table

NOTHING = (10.0, 10.0, 30.0, 30.0, 0.0)


@given(
    ends=st.tuples(*(st.floats(0.5, limit - 1) for limit in (COLUMNS, ROWS, COLUMNS, ROWS))), yaw=st.floats(-3.1, 3.1)
)
@settings(max_examples=25, deadline=None)
def test_actions_become_poses_and_back(ends: tuple[float, ...], yaw: float) -> None:
    poses = to_poses(np.array([*ends, yaw]), torch.full((4, ROWS, COLUMNS), 0.3))
    pick, place = (Pose.from_vector(poses[name]) for name in ("pick", "place"))
    assert pick.position[2] == pytest.approx(0.03, abs=1e-6)
    assert to_action(pick, place) == pytest.approx([*ends, yaw], abs=1e-6)


def test_a_heightmap_survives_packing() -> None:
    rng = np.random.default_rng(0)
    color = rng.integers(0, 256, (ROWS, COLUMNS, 3), dtype=np.uint8)
    height = rng.uniform(0, 0.2, (ROWS, COLUMNS)).astype(np.float32)
    made = to_heightmap(unpack([pack(Heightmap(color, height))])[0])
    assert np.array_equal(made.color, color)
    assert np.allclose(made.height, height, atol=6e-5)
    assert enlarged(made).height.shape == (320, 160)


def test_a_moved_block_leaves_the_table_and_arrives_turned() -> None:
    before = table((20, 40, 8, 16))
    made = move(before[None], torch.tensor([[24.0, 48.0, 50.0, 100.0, math.pi / 2]]))
    assert torch.allclose(made.scene[0], table((42, 96, 16, 8)), atol=1e-3)
    assert made.taken.sum() == 8 * 16
    assert made.put.sum() == pytest.approx(8 * 16, rel=1e-3)


def test_a_block_rests_on_what_lies_under_it() -> None:
    made = move(table((20, 40, 8, 8), (50, 100, 12, 12))[None], torch.tensor([[24.0, 44.0, 56.0, 106.0, 0.0]]))
    assert made.scene[0, HEIGHT, 106, 56] == pytest.approx(0.62, abs=1e-3)


def on_a_stand(*blocks: tuple[int, int]) -> Tensor:
    """A blue stand 0.2 dm high, and red blocks of 8 x 8 pixels on it, each (first column, first row)."""
    scene = table()
    for column, row, columns, rows, color, height in (
        (10, 30, 40, 60, [0.0, 0.0, 1.0], 0.2),
        *((*block, 8, 8, [1.0, 0.0, 0.0], 0.3) for block in blocks),
    ):
        scene[:3, row : row + rows, column : column + columns] = torch.tensor(color)[:, None, None]
        scene[HEIGHT, row : row + rows, column : column + columns] += height
    return scene


def test_what_a_block_stood_on_is_seen_once_it_is_gone() -> None:
    made = move(on_a_stand((20, 40))[None], torch.tensor([[24.0, 44.0, 36.0, 72.0, 0.0]]))
    assert torch.allclose(made.scene[0], on_a_stand((32, 68)), atol=1e-3)
    assert made.taken.sum() == 64


def test_between_two_levels_one_of_them_is_what_a_block_stands_on() -> None:
    """As much of the stand is seen around it as of the table."""
    scene = table()
    scene[HEIGHT, :, 40:] += 0.2
    scene[HEIGHT, 60:70, 35:45] = 0.72
    made = move(scene[None], torch.tensor([[40.0, 65.0, 60.0, 20.0, 0.0]])).scene
    assert made.isfinite().all()
    left = made[0, HEIGHT, 65, 40]
    assert min(abs(left - level) for level in (0.02, 0.22)) < 1e-3


def test_a_block_from_a_stand_lies_as_low_on_the_table_as_any() -> None:
    made = move(on_a_stand((20, 40))[None], torch.tensor([[24.0, 44.0, 64.0, 124.0, 0.0]]))
    assert made.scene[0, HEIGHT, 124, 64] == pytest.approx(0.32, abs=1e-3)


def test_a_pick_of_the_table_moves_nothing() -> None:
    before = table((20, 40, 8, 16))
    made = move(before[None], torch.tensor([NOTHING]))
    assert torch.equal(made.scene[0], before)
    assert made.taken.sum() == made.put.sum() == 0


def test_many_actions_of_one_scene_are_as_each_by_itself() -> None:
    scene = table((20, 40, 8, 16), (50, 100, 6, 6))
    actions = torch.tensor([[24.0, 48.0, 50.0, 90.0, 0.4], [52.0, 102.0, 20.0, 20.0, -1.0], NOTHING])
    together = move(scene[None].expand(3, -1, -1, -1), actions).scene
    for index, action in enumerate(actions):
        assert torch.allclose(together[index], move(scene[None].clone(), action[None]).scene[0], atol=1e-6)


@given(seed=st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_a_mirrored_window_shows_the_mirrored_move(seed: int) -> None:
    rng = np.random.default_rng(seed)
    before = table((30, 60, 8, 16))[None]
    action = torch.tensor([[34.0, 66.0, 40.0, 90.0, float(rng.uniform(-3, 3))]])
    after = move(before, action).scene
    window = mirrored(Window(torch.stack([before, after], dim=1), action[:, None], after), rng)
    again = move(window.scenes[:, 0].contiguous(), window.actions[:, 0]).scene
    assert (again - window.scenes[:, 1]).abs().mean() < 2e-3
    assert torch.equal(window.goals, window.scenes[:, 1])


def test_distance_and_changed_pixels() -> None:
    first, second = table((20, 40, 8, 8))[None], table((40, 40, 8, 8))[None]
    assert distance(first, first) == 0
    assert changed(first, second).sum() == 2 * 64
    # 128 pixels of 0.00390625 square decimetres; a colour and a height of 0.3 dm are wrong.
    error = 0.3 + (0.75 + 0.25 + 0.25 - 3 * 30 / 255) / 3
    assert float(distance(first, second)) == pytest.approx(128 * 0.0625**2 * error, rel=1e-4)


def test_windows_are_drawn_from_all_episodes_that_are_long_enough() -> None:
    scenes = [pack(to_heightmap(table((column, 40, 8, 8)))) for column in (10, 20, 30, 40)]
    actions = np.array([[24.0, 44, 30, 44, 0]] * 3)
    dataset = TransitionDataset([Steps(scenes, actions, scenes[-1]), Steps(scenes[:2], actions[:1], None)])
    assert len(dataset) == 4
    window = dataset.sample(np.random.default_rng(0), 6, 2, torch.device("cpu"))
    assert window.scenes.shape == (6, 3, 4, ROWS, COLUMNS)
    assert window.actions.shape == (6, 2, 5)
    assert window.goals.shape == (6, 4, ROWS, COLUMNS)
    with pytest.raises(ConfigError, match="no recorded action"):
        TransitionDataset([Steps(scenes[:1], actions[:0], None)])
