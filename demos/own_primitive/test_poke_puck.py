"""The oracle solves the task by pokes and by way-points; the action space follows from the primitive's poses."""

import gymnasium
import numpy as np
import pytest

import ravens_suite  # noqa: F401 (registers the environments, those of installed packages too)
from ravens_suite.errors import InvalidActionError


@pytest.mark.parametrize("name", ["PokePuck", "PokePuckContinuous"])
def test_the_oracle_solves_it(name: str) -> None:
    env = gymnasium.make(f"ravens_suite/{name}-v0", observe=["state"])
    oracle_action = env.get_wrapper_attr("oracle_action")
    for seed in range(5):
        env.reset(seed=seed)
        total, over = 0.0, False
        while not over:
            _, reward, terminated, truncated, info = env.step(oracle_action())
            total, over = total + float(reward), terminated or truncated
        assert total > 0.99
        assert info["success"]
    env.close()


def test_an_action_is_one_pose() -> None:
    env = gymnasium.make("ravens_suite/PokePuck-v0", observe=["state"])
    assert list(env.action_space.sample()) == ["poke"]
    env.reset(seed=0)
    with pytest.raises(InvalidActionError, match="poke"):
        env.step({"pick": np.zeros(7), "place": np.zeros(7)})
    env.close()


def test_a_poke_moves_the_puck_ahead_and_no_farther_than_the_blade() -> None:
    env = gymnasium.make("ravens_suite/PokePuck-v0", observe=["state"])
    _, info = env.reset(seed=0)
    before = info["privileged"]["poses"]["puck"]
    x, y, z = before[:3]
    *_, info = env.step({"poke": np.array([x - 0.06, y, z, 0.0, 0.0, 0.0, 1.0])})
    moved = info["privileged"]["poses"]["puck"] - before
    assert info["motion"]["outcome"] == "done"
    assert moved[0] == pytest.approx(0.2 - 0.06 + 0.0325, abs=0.005)
    assert abs(moved[1]) < 0.02
    env.close()


def test_resting_moves_nothing() -> None:
    """A vector of environments asks for it where one is over, or its oracle gives up."""
    env = gymnasium.make("ravens_suite/PokePuck-v0", observe=["state"])
    env.reset(seed=0)
    over = False
    while not over:
        _, _, terminated, truncated, _ = env.step(env.get_wrapper_attr("oracle_action")())
        over = terminated or truncated
    rest = env.get_wrapper_attr("oracle_action")()
    for seed in range(3):
        env.reset(seed=seed)
        assert env.step(rest)[-1]["motion"]["outcome"] == "unreachable"
    env.close()
