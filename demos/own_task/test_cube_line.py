"""What every task of the suite must do, for the new one: the oracle solves it; one seed always gives one scene."""

import gymnasium
import numpy as np
import pytest

import ravens_suite  # noqa: F401 (registers the environments, those of installed packages too)


@pytest.mark.parametrize("name", ["CubeLine", "CubeLineAnyOrder", "CubeLineContinuous"])
def test_the_oracle_solves_it(name: str) -> None:
    env = gymnasium.make(f"ravens_suite/{name}-v0", observe=["instruction"])
    oracle_action = env.get_wrapper_attr("oracle_action")
    for seed in range(3):
        observation, _ = env.reset(seed=seed)
        assert observation["instruction"].startswith("put the cubes on the green line")
        total, over = 0.0, False
        while not over:
            _, reward, terminated, truncated, info = env.step(oracle_action())
            total, over = total + float(reward), terminated or truncated
        assert total > 0.99
        assert info["success"]
    env.close()


def test_the_same_seed_gives_the_same_scene() -> None:
    env = gymnasium.make("ravens_suite/CubeLine-v0", image_size=(48, 64))
    first, again = (env.reset(seed=3)[0]["color"] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    env.close()
