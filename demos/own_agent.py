"""An agent of your own in one class: it looks for the colours that demonstrations pick from and place on.

python demos/own_agent.py [FOLDER]

To use an agent on the command line, name its class in the entry-point group ``ravens_suite.agents`` of your package.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gymnasium
import numpy as np
import torch
from torch import Tensor

from ravens_suite.agents.base import Agent, Demonstrations
from ravens_suite.core.cameras import Camera
from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.heightmap import Heightmap, fuse
from ravens_suite.core.types import Action, Observation
from ravens_suite.core.workspace import AGENT_WORKSPACE
from ravens_suite.data.store import EpisodeStore
from ravens_suite.registry import environment_id
from ravens_suite.rollout.collect import collect


@dataclass(frozen=True)
class ColorSeekerConfig:
    """``steps`` is what the command line trains for; this agent has no other settings."""

    steps: int = 50


class ColorSeeker(Agent):
    """Keeps the mean colour (and height) at demonstrated picks and places; acts where the map looks most alike."""

    name = "color-seeker"
    config_type = ColorSeekerConfig

    def __init__(self, config: ColorSeekerConfig | None = None, seed: int = 0) -> None:
        super().__init__(config, seed)
        self.looks = torch.zeros(2, 4)

    def fit_step(self, demos: Demonstrations, step: int) -> dict[str, float]:
        """Move the running means towards one more demonstrated step."""
        example = demos.sample(np.random.default_rng([self.seed, step]))
        looks = _looks(Heightmap(example.color, example.height))
        seen = [looks[round(float(point[1])), round(float(point[0]))] for point in (example.pick, example.place)]
        error = torch.from_numpy(np.stack(seen)).float() - self.looks
        self.looks += error / (step + 1)
        return {"error": float(error.norm())}

    def act(self, observation: Observation, cameras: Sequence[Camera]) -> dict[str, Array]:
        """The two pixels whose looks are nearest to the means."""
        heightmap = fuse(observation["color"], observation["depth"], cameras)
        looks = _looks(heightmap)
        poses = []
        for wanted in self.looks.numpy():
            distance = np.abs(looks - wanted).sum(axis=-1)
            row, column = np.unravel_index(np.argmin(distance), distance.shape)
            x, y = AGENT_WORKSPACE.to_metres(row, column)
            poses.append(Pose((x, y, float(heightmap.height[row, column]))))
        return dict(Action(*poses).to_dict())

    def weights(self) -> dict[str, Tensor]:
        """The means."""
        return {"looks": self.looks}

    def set_weights(self, weights: dict[str, Tensor]) -> None:
        """The inverse of ``weights``."""
        self.looks = weights["looks"]

    def training_state(self) -> dict[str, Tensor]:
        """The same as the weights."""
        return self.weights()

    def set_training_state(self, state: dict[str, Tensor]) -> None:
        """The inverse of ``training_state``."""
        self.set_weights(state)


def _looks(heightmap: Heightmap) -> Array:
    """(rows, columns, 4): colour in 0 to 1, and height in decimetres."""
    return np.concatenate([heightmap.color / 255, 10 * heightmap.height[..., None]], axis=-1)


if __name__ == "__main__":
    data = Path(sys.argv[1] if len(sys.argv) > 1 else "data")
    collect("place-red-in-green", episodes=3, data=data)
    store = EpisodeStore.of(data, "place-red-in-green", "train")
    demos = Demonstrations.from_episodes(store.read(seed) for seed in store.seeds()[:3])
    agent = ColorSeeker()
    for step in range(agent.config.steps):
        agent.fit_step(demos, step)
    env = gymnasium.make(environment_id("place-red-in-green"), split="test")
    observation, info = env.reset(seed=0)
    agent.reset()
    total, over = 0.0, False
    while not over:
        action = agent.act(observation, env.unwrapped.cameras)
        observation, reward, terminated, truncated, info = env.step(action)
        total, over = total + reward, terminated or truncated
    env.close()
    print(f"score {100 * total:.0f} of 100; goals {info['goals']}")
