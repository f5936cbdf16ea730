"""The published baseline "Conv. MLP" (arXiv 2010.14406, section 5, after Zhang et al., ICRA 2018, arXiv 1710.04615).

Convolutions on the heightmap's colours and on its heights, three more on both, a spatial soft-argmax, and a multi-layer
perceptron into a mixture of Gaussians over pick and place: batches of 4, 26 components, random rigid motions of the
scene. The act is the mean of the most probable component, at the height of the map there.

Decided here: the published colour stem was Inception v1 with ImageNet's weights; this one is its first layer (7 x 7,
64 channels, stride 2), from random weights, because the suite downloads nothing. Widths after it are those of Zhang et
al., section III-B. Adam's step size is that of the state baseline.

Maps and features are float32, or bfloat16 where convolutions multiply in it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ravens_suite.core.heightmap import Heightmap, fuse_observation
from ravens_suite.core.observations import Interface, Observation
from ravens_suite.core.policy import Action
from ravens_suite.data.demonstrations import Demonstrations

from .common.devices import PRECISIONS, autocast, choose_bfloat16
from .common.mixture import MixtureDensity
from .common.module_agent import ModuleAgent
from .common.resnet import normalise
from .common.settings import setting
from .pick_place.augmentation import Example
from .pick_place.dataset import KEYS, PickPlaceDataset
from .pick_place.plane import to_pose
from .pick_place.published_augmentation import PublishedAugmentation, augment_as_published, unmoved

_UNIT = 80.0
"""Pixels, 0.25 m: the unit of positions in the network."""


@dataclass(frozen=True)
class ConvMlpConfig:
    """Settings of the agent.

    Attributes:
        steps: gradient steps of a whole training run.
        batch: examples a step.
        width: channels of the three convolutions on both stems.
        hidden: of the two hidden layers of the perceptron.
        components: of the mixture.
        learning_rate: of Adam.
        precision: of convolutions: ``float32``, ``bfloat16`` or ``auto`` (bfloat16 where the device multiplies it in
            hardware).
        device: ``auto``, ``cpu`` or ``cuda``.
    """

    steps: int = setting(1500, least=1, most=10**9)
    batch: int = setting(4, least=1, most=10_000)
    width: int = setting(32, least=1, most=8192)
    hidden: int = setting(128, least=1, most=8192)
    components: int = setting(26, least=1, most=1000)
    learning_rate: float = setting(2e-4, above=0)
    precision: str = setting("auto", choices=PRECISIONS)
    device: str = "auto"


class Decision(NamedTuple):
    """What was chosen.

    Attributes:
        pick: (2,) float64 pixel position, column and row.
        place: (2,) float64 pixel position.
        yaw: radians, of the place pose relative to the pick pose.
    """

    pick: NDArray[np.float64]
    place: NDArray[np.float64]
    yaw: float


class ConvMlpNet(nn.Module):
    """All weights."""

    def __init__(self, config: ConvMlpConfig) -> None:
        super().__init__()
        self.color = nn.Conv2d(3, 64, 7, stride=2, padding=3)
        self.height = nn.Conv2d(3, 16, 7, stride=2, padding=3)
        layers: list[nn.Module] = [nn.ReLU(), nn.Conv2d(80, config.width, 1)]
        for _ in range(3):
            layers += [nn.ReLU(), nn.Conv2d(config.width, config.width, 3, padding=1)]
        self.layers = nn.Sequential(*layers)
        self.perceptron = nn.Sequential(
            *(nn.Linear(2 * config.width, config.hidden), nn.ReLU(), nn.Linear(config.hidden, config.hidden), nn.ReLU())
        )
        self.mixture = MixtureDensity(config.hidden, 6, config.components)

    def forward(self, image: Tensor) -> Tensor:
        """(batch, 6, rows, columns) to (batch, hidden)."""
        maps = self.layers(torch.cat([self.color(image[:, :3]), self.height(image[:, 3:])], dim=1))
        features: Tensor = self.perceptron(soft_argmax(maps).flatten(1))
        return features


class ConvMlp(ModuleAgent[PickPlaceDataset]):
    """The agent. See the module's docstring."""

    name = "conv-mlp"
    config_type = ConvMlpConfig
    config: ConvMlpConfig
    observation_keys = KEYS
    action_keys = ("pick", "place")
    tilts = False
    net: ConvMlpNet

    def __init__(self, config: ConvMlpConfig | None = None, seed: int = 0, interface: Interface | None = None) -> None:
        super().__init__(config, seed, interface)
        self.use_bfloat16 = choose_bfloat16(self.config.precision, self.device)

    def make_net(self) -> nn.Module:
        """(batch, 6, 320, 160) to features of a mixture over (6,): pick, place, cosine and sine of the yaw."""
        net: nn.Module = ConvMlpNet(self.config).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return net

    def make_optimiser(self, net: nn.Module) -> torch.optim.Optimizer:
        """Adam."""
        return torch.optim.Adam(net.parameters(), self.config.learning_rate, fused=True)

    def make_dataset(self, demonstrations: Demonstrations) -> PickPlaceDataset:
        """Heightmaps of all steps, in memory."""
        return PickPlaceDataset.from_demonstrations(demonstrations)

    def fit_step(self, dataset: PickPlaceDataset, step: int) -> dict[str, float]:
        """One step on a batch of freshly moved examples."""
        rng = np.random.default_rng([self.seed, step])
        drawn = [
            augment_as_published(dataset.sample(rng), PublishedAugmentation(), rng) for _ in range(self.config.batch)
        ]
        return self.descend(self._loss(drawn))

    def example_loss(self, dataset: PickPlaceDataset, step: int) -> Tensor:
        """See ``Agent``: the loss of one step in its scene as it was."""
        return self._loss([unmoved(dataset.episodes[0][step])])

    def _loss(self, examples: Sequence[Example]) -> Tensor:
        """() mean negative log-likelihood."""
        color, height = (np.stack(maps) for maps in zip(*((each.color, each.height) for each in examples), strict=True))
        samples = torch.from_numpy(np.stack([_target(example) for example in examples])).float().to(self.device)
        return self.net.mixture.loss(self._features(color, height), samples)

    def act(self, observation: Observation) -> Action:
        """The pick and place of the most probable component.

        Returns:
            ``pick`` and ``place``, (7,) float64 each: position in metres and quaternion (x, y, z, w), world frame.
        """
        heightmap = fuse_observation(observation)
        pick, place, yaw = self.decide(heightmap)
        return {"pick": to_pose(pick, heightmap, 0.0).vector(), "place": to_pose(place, heightmap, yaw).vector()}

    @torch.inference_mode()
    def decide(self, heightmap: Heightmap) -> Decision:
        """The mean of the most probable component, moved onto the map where it is beyond."""
        features = self._features(heightmap.color[None], heightmap.height[None])
        best = self.net.mixture.best(features)[0].double().cpu().numpy()
        middle = _middle(heightmap)
        pick, place = (np.clip(middle + best[at : at + 2] * _UNIT, 0, 2 * middle - 1e-6) for at in (0, 2))
        return Decision(pick, place, math.atan2(best[5], best[4]))

    def _features(self, color: NDArray[np.uint8], height: NDArray[np.float32]) -> Tensor:
        """(batch, hidden) float32 of (batch, rows, columns, 3) colours and (batch, rows, columns) heights in metres."""
        image = normalise(torch.from_numpy(color).to(self.device), torch.from_numpy(height).to(self.device))
        with autocast(self.device, self.use_bfloat16):
            features: Tensor = self.net(image.contiguous(memory_format=torch.channels_last))
        return features.float()


def soft_argmax(maps: Tensor) -> Tensor:
    """(batch, channels, rows, columns) to (batch, channels, 2): mean column and row of each softmax, from -1 to 1."""
    rows, columns = maps.shape[-2:]
    weights = maps.float().flatten(2).softmax(dim=2).view(maps.shape)
    x = (weights.sum(dim=2) * torch.linspace(-1, 1, columns, device=maps.device)).sum(dim=-1)
    y = (weights.sum(dim=3) * torch.linspace(-1, 1, rows, device=maps.device)).sum(dim=-1)
    return torch.stack([x, y], dim=-1)


def _target(example: Example) -> np.ndarray:
    """(6,): pick and place from the middle of the map in ``_UNIT``, cosine and sine of the yaw."""
    middle = _middle(Heightmap(example.color, example.height))
    yaw = float(example.yaw[0])
    ends = [(point - middle) / _UNIT for point in (example.pick, example.place[0])]
    return np.concatenate([*ends, [math.cos(yaw), math.sin(yaw)]])


def _middle(heightmap: Heightmap) -> np.ndarray:
    """(2,) column and row of the middle of a map."""
    rows, columns = heightmap.height.shape
    return np.array([columns / 2, rows / 2])
