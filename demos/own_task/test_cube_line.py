"""The shared habits of the suite, for the new task: the oracle solves it, and the same seed gives the same scene."""

import gymnasium
import numpy as np

import ravens_suite  # noqa: F401 (registers the environments, those of installed packages too)


def test_the_oracle_solves_it() -> None:
    env = gymnasium.make("ravens_suite/CubeLine-v0", image_size=(48, 64))
    for seed in range(5):
        env.reset(seed=seed)
        total, over = 0.0, False
        while not over:
            _, reward, terminated, truncated, info = env.step(env.unwrapped.oracle_action())
            total, over = total + reward, terminated or truncated
        assert total > 0.99
        assert info["success"]
    env.close()


def test_the_same_seed_gives_the_same_scene() -> None:
    env = gymnasium.make("ravens_suite/CubeLine-v0", image_size=(48, 64))
    first, again = (env.reset(seed=3)[0]["color"] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    env.close()
