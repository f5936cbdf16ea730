"""What the oracle works on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest

from ravens_suite.core.geometry import Pose
from ravens_suite.errors import InvalidActionError, OracleGaveUpError

FALLEN = Pose((0.5, 0.0, -134.0))


@pytest.fixture(params=["ravens_suite/SweepingPiles-v0", "ravens_suite/StackBlockPyramid-v0"])
def env(request: pytest.FixtureRequest) -> Iterator[Any]:
    environment = gymnasium.make(request.param, observe=["proprioception"]).unwrapped
    environment.reset(seed=0)
    yield environment
    environment.close()


def drop(environment: Any, keep: int) -> list[str]:
    """Put all movable bodies but some below the table; the names of the others."""
    names: list[str] = environment._scene.names("movable")
    for name in names[keep:]:
        pose = environment._scene.pose(name)
        environment._scene.move(name, Pose((*pose.position[:2], FALLEN.position[2])))
    return names[:keep]


def test_it_takes_nothing_that_fell_through_the_table(env: Any) -> None:
    kept = drop(env, keep=1)
    for _ in range(5):
        action = env.oracle_action()
        assert env.action_space.contains(action)
        away = np.linalg.norm(action["pick"][:2] - env._scene.pose(kept[0]).position[:2])
        assert away < 0.05


def test_it_gives_up_when_everything_fell(env: Any) -> None:
    drop(env, keep=0)
    with pytest.raises(OracleGaveUpError, match="no object on the table"):
        env.oracle_action()


def test_cubes_below_the_zone_score_as_published_and_are_no_success() -> None:
    environment = gymnasium.make("ravens_suite/SweepingPiles-v0", observe=["state"]).unwrapped
    environment.reset(seed=0)
    zone = environment._scene.pose("zone").position
    for name in environment._scene.names("movable"):
        environment._scene.move(name, Pose((zone[0], zone[1], FALLEN.position[2])))
    poses = environment._scene.poses()
    assert environment._simulation.scorer.update(poses) == pytest.approx(1.0)
    assert not environment._simulation.scorer.success(poses)
    assert not any(environment._simulation.scorer.met(poses).values())
    assert environment.observation_space.contains(environment._observe())
    environment.close()


def test_asked_again_before_anything_is_done_the_oracle_says_the_same_way_point() -> None:
    """Whoever draws or notes what it would do takes nothing out of its plan, nor does an action that is refused."""
    environment, other = (
        gymnasium.make("ravens_suite/BlockInsertionContinuous-v0", observe=["proprioception"]) for _ in range(2)
    )
    asked_once, ask = (each.get_wrapper_attr("oracle_action") for each in (environment, other))
    environment.reset(seed=0)
    other.reset(seed=0)
    over = False
    while not over:
        action = asked_once()
        ask()
        with pytest.raises(InvalidActionError):
            other.step({"pose": np.zeros(3), "gripper": 0})
        state = other.get_wrapper_attr("save_state")()
        other.reset(options={"state": state})
        again = ask()
        np.testing.assert_array_equal(again["pose"], action["pose"])
        assert again["gripper"] == action["gripper"]
        _, _, terminated, truncated, info = environment.step(action)
        other.step(again)
        over = terminated or truncated
    assert info["success"]
    environment.close()
    other.close()
