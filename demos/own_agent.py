"""An agent of your own in one class: it looks for the colours that demonstrations pick from and place on.

On the command line, from the folder of this file::

    ravens-suite collect place-red-in-green --episodes 3
    ravens-suite train own_agent.py:ColorSeeker place-red-in-green --demos 3 --val-episodes 0 --out runs/seeker
    ravens-suite evaluate runs/seeker --episodes 5

or as a script: python own_agent.py [FOLDER]
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ravens_suite.agents.base import Agent
from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.heightmap import Heightmap, fuse_observation
from ravens_suite.core.observations import Interface, Observation
from ravens_suite.core.policy import Action
from ravens_suite.core.workspace import AGENT_WORKSPACE
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.training.loop import train
from ravens_suite.training.settings import TrainingPlan, TrainingSettings


@dataclass(frozen=True)
class ColorSeekerConfig:
    """``steps`` is what the command line trains for; this agent has no other settings."""

    steps: int = 50


class ColorSeeker(Agent[Demonstrations]):
    """Keeps the mean colour (and height) at demonstrated picks and places; acts where the map looks most alike."""

    name = "color-seeker"
    config_type = ColorSeekerConfig
    observation_keys = ("color", "depth", "camera_intrinsics", "camera_poses")

    def __init__(
        self, config: ColorSeekerConfig | None = None, seed: int = 0, interface: Interface | None = None
    ) -> None:
        super().__init__(config, seed, interface)
        self.looks = torch.zeros(2, 4)

    def make_dataset(self, demonstrations: Demonstrations) -> Demonstrations:
        """The episodes themselves; a step is read from disk when it is drawn."""
        return demonstrations

    def fit_step(self, dataset: Demonstrations, step: int) -> dict[str, float]:
        """Move the running means towards one more demonstrated step."""
        episode, index = dataset.sample(np.random.default_rng([self.seed, step]))
        looks = _looks(fuse_observation(episode.observation(index, self.observation_keys)))
        poses = [episode.actions()[name][index] for name in ("pick", "place")]
        seen = np.stack([looks[AGENT_WORKSPACE.to_pixel(x, y)] for x, y, *_ in poses])
        error = torch.from_numpy(seen).float() - self.looks
        self.looks = self.looks + error / (step + 1)
        return {"error": float(error.abs().mean())}

    def act(self, observation: Observation) -> Action:
        """Pick and place where the map looks most like what was seen there."""
        heightmap = fuse_observation(observation)
        looks, poses = _looks(heightmap), []
        for wanted in self.looks.numpy():
            row, column = np.unravel_index(np.abs(looks - wanted).sum(axis=-1).argmin(), heightmap.height.shape)
            x, y = AGENT_WORKSPACE.to_metres(row, column)
            poses.append(Pose((x, y, float(heightmap.height[row, column]))).vector())
        return dict(zip(("pick", "place"), poses, strict=True))

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
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    collect("place-red-in-green", episodes=3, data=folder / "data")
    settings = TrainingSettings(val_episodes=0)
    plan = TrainingPlan(agent=f"{__file__}:ColorSeeker", tasks=("place-red-in-green",), demos=3, settings=settings)
    train(plan, folder / "data", folder / "seeker")
    print(f"mean score {evaluate(str(folder / 'seeker'), episodes=5).summary.mean_score:.0f} of 100")
