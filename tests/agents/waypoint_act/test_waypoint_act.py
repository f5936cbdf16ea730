"""The agent: what it remembers of an episode, and what it learns."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from ravens_suite.agents.waypoint_act.agent import WaypointAct
from ravens_suite.agents.waypoint_act.chunks import MAP, Window, to_cells
from ravens_suite.agents.waypoint_act.config import WaypointActConfig
from ravens_suite.agents.waypoint_act.network import Scene, look, tip_marks
from ravens_suite.errors import ConfigError
from ravens_suite.rollout.environments import make_environment


def agent(**settings: Any) -> WaypointAct:
    small = {"width": 8, "tokens": 16, "heads": 2, "layers": 1, "chunk": 2, "batch": 2, "precision": "float32"}
    return WaypointAct(WaypointActConfig(**{**small, **settings}))


@pytest.fixture(scope="module")
def observation() -> dict[str, Any]:
    arguments = {"image_size": [48, 64], "observe": ["images", "proprioception"]}
    environment = make_environment("block-insertion-continuous", "train", arguments)
    try:
        seen: dict[str, Any] = environment.reset(seed=0)[0]
    finally:
        environment.close()
    return seen


def window(column: float, row: float) -> Window:
    """A scene with a red square, to which the tool is to go down and grip."""
    color = np.full((*MAP.shape, 3), 51, np.uint8)
    color[int(row) - 2 : int(row) + 3, int(column) - 2 : int(column) + 3] = 255, 0, 0
    height = np.where(color[..., 0] > 200, 0.04, 0.0).astype(np.float32)
    chunk = np.array([[column, row, 0.04, 0.5, 1.0], [column, row, 0.27, 0.5, 1.0]])
    tip, gripper = np.array([40.0, 80.0, 0.3, 0.0]), np.zeros(2, np.float32)
    return Window(color, height, tip, gripper, np.zeros(2), chunk, np.ones(2, np.bool_))


def test_an_episode_begins_without_what_was_predicted_in_the_last_one(observation: dict[str, Any]) -> None:
    acting = agent()
    acting.reset()
    first = acting.act(observation)
    other = {**observation, "tip_pose": observation["tip_pose"] + [0.1, 0.1, 0, 0, 0, 0, 0]}
    acting.act(other)
    acting.reset()
    assert np.array_equal(acting.act(observation)["pose"], first["pose"])
    assert first["pose"].shape == (7,) and first["gripper"] in (0, 1)
    assert math.isclose(float(np.linalg.norm(first["pose"][3:])), 1)


def test_of_two_places_that_seem_alike_it_goes_to_the_one_it_went_for_before() -> None:
    acting = agent(ensembling=0.5)
    before, now = torch.zeros(2, *MAP.shape), torch.zeros(2, *MAP.shape)
    before[1, 20, 30] = 8
    now[0, 20, 30], now[0, 140, 60] = 7.9, 8
    acting._ensembled(before)
    assert int(acting._ensembled(now).argmax()) == 20 * MAP.shape[1] + 30
    acting.reset()
    assert int(acting._ensembled(now).argmax()) == 140 * MAP.shape[1] + 60


def test_what_was_predicted_before_counts_as_often_as_the_settings_say() -> None:
    acting = agent(ensembling=0.0)
    before, now = torch.zeros(2, *MAP.shape), torch.zeros(2, *MAP.shape)
    before[1, 20, 30], now[0, 140, 60] = 50, 1
    acting._ensembled(before)
    assert int(acting._ensembled(now).argmax()) == 140 * MAP.shape[1] + 60


def test_it_learns_one_scene() -> None:
    learning = agent(steps=30, batch=1, turned=0.0, learning_rate=4e-3)
    dataset = [window(20.5, 50.5)]
    losses = [learning.fit_step(dataset, step) for step in range(30)]
    for name in ("position", "height", "turn", "gripper"):
        assert losses[-1][name] < losses[0][name] * 0.75, name


def test_squares_turn_with_their_poses() -> None:
    maps = torch.rand(1, 1, *MAP.shape)
    poses = torch.tensor([[[40.0, 80.0, 0, 0], [40.0, 80.0, 0, math.pi / 2]]])
    upright, turned = look(maps, poses)[0, :, 0]
    torch.testing.assert_close(upright, maps[0, 0, 64:96, 24:56], atol=1e-4, rtol=0)
    # The pose's x axis points along the rows of the map.
    torch.testing.assert_close(turned, upright.T.flip(0), atol=1e-4, rtol=0)


def test_the_tip_is_marked_where_it_is(observation: dict[str, Any]) -> None:
    tip = to_cells(observation["tip_pose"])
    scene = Scene(
        torch.zeros(1, 5, *MAP.shape), torch.from_numpy(tip[None]).float(), torch.zeros(1, 2), torch.zeros(1, 2)
    )
    for mark in tip_marks(scene)[0]:
        row, column = divmod(int(mark.argmax()), MAP.shape[1])
        assert (column, row) == (int(tip[0]), int(tip[1]))


def test_tokens_that_cannot_be_shared_among_heads_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"tokens.*heads"):
        agent(tokens=16, heads=3)
