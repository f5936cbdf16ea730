from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest

import ravens_suite  # noqa: F401 (registers the environments)
from ravens_suite.core.geometry import Pose
from ravens_suite.core.types import Action
from ravens_suite.registry import environment_id
from ravens_suite.sim.grippers import Suction
from ravens_suite.tasks.primitives import WAYPOINTS_PER_ACTION, Waypoint

Make = Callable[..., Any]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Any] = []

    def continuous(task: str, **options: Any) -> Any:
        identifier = environment_id(f"{task}-continuous")
        made.append(gymnasium.make(identifier, image_size=[12, 16], disable_env_checker=True, **options).unwrapped)
        return made[-1]

    yield continuous
    for environment in made:
        environment.close()


@pytest.mark.parametrize("task", ["block-insertion", "block-insertion-six-dof", "manipulating-rope", "sweeping-piles"])
def test_a_motion_takes_a_handful_of_waypoints(build: Callable[..., Any], task: str) -> None:
    start = build(task, 0)
    action = Action(Pose((0.45, 0.1, 0.02)), Pose((0.5, -0.1, 0.02)))
    assert 8 <= len(start.task.primitive.waypoints(start.robot, action)) <= 14 < WAYPOINTS_PER_ACTION


@pytest.mark.parametrize("motion", ["fast", "simulated"])
def test_only_descents_stop_at_contact(build: Callable[..., Any], motion: str) -> None:
    start = build("block-insertion", 0, "train", motion)
    robot, primitive = start.robot, start.task.primitive
    x, y, _ = start.scene.pose("block").position
    primitive.follow(robot, Waypoint(Pose((x, y, 0.2)), False))
    primitive.follow(robot, Waypoint(Pose((x, y, 0.0)), False))
    assert robot.tool.tip.position[2] == pytest.approx(0.039, abs=0.003), "on the block, which stays where it is"
    primitive.follow(robot, Waypoint(Pose((x, y, 0.1)), False))
    aside = Pose((x + 0.1, y, 0.09))
    primitive.follow(robot, Waypoint(aside, False))
    assert robot.tool.tip.position == pytest.approx(aside.position)


@pytest.mark.parametrize("motion", ["fast", "simulated"])
def test_what_stands_in_the_way_is_pushed_not_jumped_over(build: Callable[..., Any], motion: str) -> None:
    start = build("block-insertion", 0, "train", motion)
    x, y, _ = start.scene.pose("block").position
    for tip in (Pose((x - 0.1, y, 0.2)), Pose((x - 0.1, y, 0.02)), Pose((x + 0.05, y, 0.02))):
        start.task.primitive.follow(start.robot, Waypoint(tip, False))
    assert start.scene.pose("block").position[0] > x + 0.03


def test_a_load_that_was_lost_is_fetched_again(make: Make) -> None:
    environment = make("block-insertion")
    environment.reset(seed=0)
    while not environment._simulation.robot.tool.holds:
        environment.step(environment.oracle_action())
    environment._simulation.robot.tool.release()
    for _ in range(environment.max_steps):
        _, _, terminated, truncated, info = environment.step(environment.oracle_action())
        if terminated or truncated:
            break
    assert info["success"]


@pytest.mark.parametrize("task", ["align-rope", "manipulating-rope"])
def test_the_rope_is_carried_as_gently_as_by_the_primitive(make: Make, task: str) -> None:
    environment = make(task)
    for seed in range(2):
        environment.reset(seed=seed)
        terminated, steps = False, 0
        while not terminated and steps < 120:
            _, _, terminated, _, info = environment.step(environment.oracle_action())
            steps += 1
        assert info["success"]


def test_nothing_scores_or_settles_before_it_is_let_go(make: Make) -> None:
    environment = make("block-insertion")
    environment.reset(seed=0)
    rewards = []
    for _ in range(environment.max_steps):
        _, reward, terminated, _, info = environment.step(environment.oracle_action())
        tool = environment._simulation.robot.tool
        assert isinstance(tool, Suction)
        rewards.append((reward, tool.held))
        if terminated:
            break
    assert info["success"]
    assert [held for reward, held in rewards if reward] == [None]
    assert np.sum([reward for reward, _ in rewards]) == pytest.approx(1.0)


def test_a_load_that_hangs_over_its_target_is_no_success(make: Make) -> None:
    environment = make("block-insertion")
    environment.reset(seed=0)
    over = 0
    for _ in range(environment.max_steps):
        _, _, terminated, _, info = environment.step(environment.oracle_action())
        if terminated:
            break
        poses = environment._scene.poses()
        over += environment._simulation.scorer.success(poses)
        assert not info["success"]
        assert info["goals"] == {"block": False}
    assert over
    assert info["success"]
    assert info["goals"] == {"block": True}


def test_what_is_let_go_does_not_turn_under_the_tool(make: Make) -> None:
    environment = make("palletizing-boxes")
    environment.reset(seed=6)
    reward = 0.0
    while not reward:
        _, reward, _, _, info = environment.step(environment.oracle_action())
    assert info["goals"]["box_0"]
    assert info["motion"]["steps"] < 500
    assert Pose.from_vector(info["privileged"]["poses"]["box_0"]).yaw == pytest.approx(0.0, abs=0.05)


def test_an_episode_ends_only_once_the_last_box_was_let_go(make: Make) -> None:
    environment = make("palletizing-boxes")
    environment.reset(seed=0)
    environment.unwrapped.task._deliveries.clear()
    away = {"pose": np.array([0.5, -0.25, 0.25, 0.0, 0.0, 0.0, 1.0]), "gripper": 0}
    box = {"pose": np.array([0.5, -0.25, 0.0, 0.0, 0.0, 0.0, 1.0]), "gripper": 1}
    assert not environment.step(away)[2]
    assert not environment.step(box)[2]
    assert not environment.step({**away, "gripper": 1})[2]
    assert environment.step(away)[2]
