"""A small convolutional network on the raw images of all cameras: the smallest agent that learns from pixels.

It copies demonstrated actions (behaviour cloning, mean squared error). Images are read from disk at each step, so any
number of demonstrations fits in memory. It is a starting point for agents that learn from images, not a strong one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ravens_suite.core.observations import Observation
from ravens_suite.core.policy import Action
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.episode import EpisodeReader

from .common.module_agent import ModuleAgent
from .common.settings import setting

_SIZE = (60, 80)
"""Rows and columns that images are reduced to."""


@dataclass(frozen=True)
class ImageCnnConfig:
    """Settings of the agent.

    Attributes:
        steps: gradient steps of a whole training run.
        batch: examples a step.
        width: channels of the first layer.
        learning_rate: of AdamW.
        device: ``auto``, ``cpu`` or ``cuda``.
    """

    steps: int = setting(1000, least=1, most=10**9)
    batch: int = setting(8, least=1, most=10_000)
    width: int = setting(16, least=1, most=8192)
    learning_rate: float = setting(1e-3, above=0)
    device: str = "auto"


class ImageCnn(ModuleAgent[Demonstrations]):
    """The agent. See the module's docstring."""

    name = "image-cnn"
    config_type = ImageCnnConfig
    config: ImageCnnConfig
    observation_keys = ("color", "depth")

    def make_net(self) -> nn.Module:
        """(batch, N * 4, 60, 80) to (batch, A)."""
        cameras = self.interface.shape("color")[0]
        outputs = sum(int(np.prod(spec.shape)) for spec in self.interface.action.values())
        width = self.config.width
        features = nn.Sequential(
            nn.Conv2d(4 * cameras, width, 5, stride=2),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2),
            nn.ReLU(),
            nn.Conv2d(2 * width, 2 * width, 3, stride=2),
            nn.ReLU(),
            nn.Flatten(),
        )
        count = features(torch.zeros(1, 4 * cameras, *_SIZE)).shape[1]
        return nn.Sequential(features, nn.Linear(count, outputs))

    def make_dataset(self, demonstrations: Demonstrations) -> Demonstrations:
        """The episodes themselves: their images stay on disk."""
        return demonstrations

    def fit_step(self, dataset: Demonstrations, step: int) -> dict[str, float]:
        """One step on demonstrated steps that are drawn and read now."""
        rng = np.random.default_rng([self.seed, step])
        return self.descend(self._loss([dataset.sample(rng) for _ in range(self.config.batch)]))

    def example_loss(self, dataset: Demonstrations, step: int) -> Tensor:
        """See ``Agent``: the mean squared error of one step."""
        return self._loss([(dataset[0], step)])

    def curvature_terms(self, dataset: Demonstrations, step: int) -> Tensor:
        """See ``Agent``: the outputs, weighted as in a mean squared error."""
        outputs: Tensor = self.net(self._image(dataset[0].observation(step, self.observation_keys)))[0]
        return outputs * math.sqrt(2 / len(outputs))

    def _loss(self, steps: Sequence[tuple[EpisodeReader, int]]) -> Tensor:
        """The loss of some demonstrated steps, () float32."""
        images, actions = [], []
        for episode, index in steps:
            images.append(self._image(episode.observation(index, self.observation_keys)))
            poses = episode.actions()
            actions.append(np.concatenate([poses[key][index] for key in sorted(self.interface.action)]))
        target = torch.from_numpy(np.stack(actions)).float().to(self.device)
        return functional.mse_loss(self.net(torch.cat(images)), target)

    @torch.inference_mode()
    def act(self, observation: Observation) -> Action:
        """The action for what the cameras see. See ``Policy``."""
        values = self.net(self._image(observation))[0].double().cpu().numpy()
        keys = sorted(self.interface.action)
        return dict(zip(keys, np.split(values, len(keys)), strict=True))

    def _image(self, observation: Observation) -> Tensor:
        """(1, N * 4, 60, 80): colour in 0 to 1 and depth in metres of every camera."""
        # Copies: torch takes no views that are mirrored, in another byte order, or may only be read.
        color, depth = (torch.from_numpy(np.array(observation[key], dtype=np.float32)) for key in ("color", "depth"))
        color, depth = color.permute(0, 3, 1, 2) / 255, depth[:, None]  # (N, 3, H, W), (N, 1, H, W)
        small = functional.interpolate(torch.cat([color, depth], dim=1), _SIZE, mode="area")
        return small.flatten(0, 1)[None].to(self.device)
