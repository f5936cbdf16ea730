"""SAC of Stable-Baselines3 learns to put the block into the fixture, from the poses of both.

pip install ravens-suite stable-baselines3
python demos/learn_by_sac.py [STEPS]
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium.wrappers import TransformAction, TransformObservation
from numpy.typing import NDArray

from ravens_suite.core.observations import named_poses
from ravens_suite.interop.flat import FlatAction

TASK = "ravens_suite:ravens_suite/BlockInsertionTranslation-v0"
CENTRE, HALF = np.array([0.5, 0.0] * 2), np.array([0.25, 0.5] * 2)
"""Metres, x and y twice: the middle of the workspace, and half of its size."""
HEIGHT = 0.02
"""Metres: half of that of the block, where both poses of the tool lie."""


class CloserIsBetter(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Takes metres from the reward: from the pick to the block, and from the block, as it then lies, to the fixture.

    The task alone rewards a block within 1 cm of its place, which chance does not find.
    """

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        """Begin an episode."""
        observation, self._info = self.env.reset(**options)
        return observation, self._info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Carry out an action."""
        before = self._info["privileged"]["poses"]
        observation, reward, terminated, truncated, self._info = self.env.step(action)
        after, pick = self._info["privileged"]["poses"], self._info["action"]["pick"]
        missed = np.linalg.norm(pick[:2] - before["block"][:2])
        left = np.linalg.norm(np.subtract(after["block"], after["fixture"])[:2])
        return observation, float(reward) - missed - left, terminated, truncated, self._info


def positions(observation: dict[str, Any]) -> NDArray[np.float32]:
    """(4,) x and y of block and fixture, -1 to 1 over the workspace."""
    poses = named_poses(observation)
    metres = np.concatenate([poses[name][:2] for name in ("block", "fixture")])
    return np.asarray((metres - CENTRE) / HALF, dtype=np.float32)


def pick_and_place(numbers: NDArray[Any]) -> NDArray[np.float64]:
    """(10,) a flat action from x and y of pick and place, -1 to 1: upright, and turned by no angle."""
    pick_x, pick_y, place_x, place_y = CENTRE + HALF * np.asarray(numbers, dtype=np.float64)
    return np.array([pick_x, pick_y, HEIGHT, 0, 1, place_x, place_y, HEIGHT, 0, 1])


def make(split: str, *, shaped: bool) -> gymnasium.Env[Any, Any]:
    """Four numbers in, four numbers out, one action an episode."""
    environment: Any = gymnasium.make(TASK, split=split, observe=["state"], max_episode_steps=1)
    if shaped:
        environment = CloserIsBetter(environment)
    environment = TransformAction(FlatAction(environment), pick_and_place, gymnasium.spaces.Box(-1, 1, (4,)))
    return TransformObservation(environment, positions, gymnasium.spaces.Box(-2, 2, (4,)))


def score(act: Callable[[NDArray[np.float32]], Any], episodes: int = 100) -> float:
    """Mean reward of the task itself x 100 over the first test seeds."""
    environment = make("test", shaped=False)
    rewards = []
    for seed in range(episodes):
        observation, _ = environment.reset(seed=seed)
        rewards.append(float(environment.step(act(observation))[1]))
    environment.close()
    return 100 * float(np.mean(rewards))


def main() -> None:
    """Learn, and say what it came to."""
    from stable_baselines3 import SAC

    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 6000
    model = SAC(
        "MlpPolicy",
        make("train", shaped=True),
        gamma=0.0,  # An episode is one action.
        learning_rate=1e-3,
        gradient_steps=2,
        target_entropy=-10.0,  # The usual -4 would keep exploring by some centimetres.
        learning_starts=200,
        seed=0,
    )
    act = lambda observation: model.predict(observation, deterministic=True)[0]  # noqa: E731
    print(f"before: {score(act):.0f}", flush=True)
    start = time.perf_counter()
    model.learn(steps)
    print(f"after {steps} steps, {(time.perf_counter() - start) / 60:.0f} minutes: {score(act):.0f}")


if __name__ == "__main__":
    main()
