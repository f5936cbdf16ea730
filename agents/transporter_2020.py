"""Transporter Networks as published (arXiv 2010.14406): the reference that ``transporter`` is measured against.

Three residual networks of 9.8 million parameters each: one for picking, two whose outputs are cross-correlated for
placing. The crop about the pick is turned 36 times before its network reads it. One-hot targets, Adam, one example a
step. Kept for comparison: a training step takes many seconds on a processor core.

The correlation is done by the Fourier transform. It is the same sum; directly it takes 200 s a step on a core, nearly
all of it for the gradient of 64x64 kernels.

Positions are those of the suite: pixel ``i`` covers ``[i, i + 1)``, and an action points at the middle of a pixel.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap, fuse_observation
from ravens_suite.core.observations import Interface, Observation
from ravens_suite.core.policy import Action as PolicyAction
from ravens_suite.core.types import Action
from ravens_suite.data.demonstrations import Demonstrations

from .base import Agent
from .common.correlation import angle_grid, correlate_nearby, sample, turned_back
from .common.devices import choose_device, multiplies_in_bfloat16
from .common.optimiser import moments, set_moments, under
from .common.resnet import ResNet, normalise
from .pick_place.augmentation import Published, augment_as_published
from .pick_place.dataset import KEYS, PickPlaceDataset
from .pick_place.plane import to_pose

_CHANNELS, _FEATURES = 6, 3
_GROUP = 6
"""Crops that pass together where activations are not kept."""


@dataclass(frozen=True)
class Transporter2020Config:
    """Settings of the agent; the defaults are the published ones.

    Attributes:
        widths: channels of the first seven stages of a network.
        head: hidden channels of its last stage.
        angles: place angles over a full turn.
        crop: side of the crop about the pick, in pixels; a multiple of 16.
        steps: gradient steps of a whole training run.
        learning_rate: of Adam.
        turn: standard deviation of the augmentation's rotation, radians.
        shift: standard deviation of its translation along each axis, pixels.
        checkpoint: whether to compute the features of the crops twice instead of keeping what their gradient needs:
            less memory, more time, the same result.
        precision: ``float32``, ``bfloat16`` or ``auto`` (bfloat16 where the processor multiplies it in hardware).
        device: ``auto``, ``cpu`` or ``cuda``.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512, 256, 128, 64)
    head: int = 16
    angles: int = 36
    crop: int = 64
    steps: int = 40000
    learning_rate: float = 1e-4
    turn: float = math.radians(60)
    shift: float = 160 / 6
    checkpoint: bool = False
    precision: str = "float32"
    device: str = "auto"


class Transporter2020Net(nn.Module):
    """All weights: the networks of picking, of the scene, and of the crop."""

    def __init__(self, config: Transporter2020Config) -> None:
        super().__init__()
        self.pick = ResNet(_CHANNELS, 1, config.widths, config.head)
        self.key = ResNet(_CHANNELS, _FEATURES, config.widths, config.head)
        self.query = ResNet(_CHANNELS, _FEATURES, config.widths, config.head)


class Cell(NamedTuple):
    """A pixel of the heightmap."""

    row: int
    column: int


class Decision(NamedTuple):
    """What is most likely, and how likely the rest is.

    Attributes:
        pick: pixel.
        place: pixel.
        turn: radians.
        pick_logits: (rows, columns).
        place_logits: (angles, rows, columns).
    """

    pick: Cell
    place: Cell
    yaw: float
    pick_logits: Tensor
    place_logits: Tensor


class Transporter2020(Agent[PickPlaceDataset]):
    """The agent. See the module's docstring."""

    name = "transporter-2020"
    config_type = Transporter2020Config
    config: Transporter2020Config
    observation_keys = KEYS

    def __init__(
        self, config: Transporter2020Config | None = None, seed: int = 0, interface: Interface | None = None
    ) -> None:
        super().__init__(config, seed, interface)
        self.device = choose_device(self.config.device)
        self.use_bfloat16 = multiplies_in_bfloat16(self.config.precision, self.device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.net = Transporter2020Net(self.config).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.adam = torch.optim.Adam(self.net.parameters(), self.config.learning_rate, fused=True)
        self.augmentation = Published(self.config.turn, self.config.shift)

    # ------------------------------------------------------------------ learning

    def make_dataset(self, demonstrations: Demonstrations) -> PickPlaceDataset:
        """Heightmaps of all steps, in memory."""
        return PickPlaceDataset.of(demonstrations)

    def fit_step(self, dataset: PickPlaceDataset, step: int) -> dict[str, float]:
        """One gradient step on one freshly augmented example; picking and placing share no weights, so one at a time.

        What the gradient of one needs is then given back before the other begins.
        """
        rng = np.random.default_rng([self.seed, step])
        example = augment_as_published(dataset.sample(rng), self.augmentation, rng)
        image = self.image(example.color, example.height)
        pick, place = _cell(example.pick), _cell(example.place[0])
        index = round(float(example.yaw[0]) / self._angle_step) % self.config.angles
        self.adam.zero_grad(set_to_none=True)
        losses = {"pick": _one_hot_loss(self.pick_logits(image), *pick)}
        losses["pick"].backward()  # type: ignore[no-untyped-call]
        losses["place"] = _one_hot_loss(self.place_logits(image, pick), index, *place)
        losses["place"].backward()  # type: ignore[no-untyped-call]
        self.adam.step()
        return {name: float(loss.detach()) for name, loss in losses.items()}

    def image(self, color: NDArray[np.uint8], height: NDArray[np.float32]) -> Tensor:
        """(1, 6, rows + crop, columns + crop): a heightmap with half a crop of nothing around it, normalised.

        Args:
            color: (rows, columns, 3) uint8.
            height: (rows, columns) float32 metres.
        """
        border = self.config.crop // 2
        sides = ((border, border), (border, border))
        shades = torch.from_numpy(np.pad(color, (*sides, (0, 0))))[None]
        image = normalise(shades.to(self.device), torch.from_numpy(np.pad(height, sides))[None].to(self.device))
        return image.contiguous(memory_format=torch.channels_last)

    def pick_logits(self, image: Tensor) -> Tensor:
        """(rows, columns) logits over the map of an ``image``."""
        border = self.config.crop // 2
        image = image[..., border:-border, border:-border]
        rows, columns = image.shape[-2:]
        side = max(rows, columns)
        # Normalised, the nothing around a map is not zero: it is what padding the heightmap itself would give.
        blank = normalise(
            torch.zeros(1, side, side, 3, dtype=torch.uint8, device=self.device),
            torch.zeros(1, side, side, device=self.device),
        )
        top, left = (side - rows) // 2, (side - columns) // 2
        blank[..., top : top + rows, left : left + columns] = image
        with self._precision():
            logits: Tensor = self.net.pick(blank.contiguous(memory_format=torch.channels_last))
        return logits[0, 0, top : top + rows, left : left + columns]

    def place_logits(self, image: Tensor, pick: Cell) -> Tensor:
        """(angles, rows, columns) logits of placing what is at a pixel of the map of an ``image``."""
        key = self.key_features(image)
        query = self.query_features(self.turned_crops(image, pick))
        # The last row and column are those where the crop lies beyond the map.
        return correlate_nearby(query[None], key[None])[0, 0, :, :-1, :-1]

    def key_features(self, image: Tensor) -> Tensor:
        """(1, 3, rows + crop, columns + crop) of the scene."""
        with self._precision():
            key: Tensor = self.net.key(image)
        return key

    def query_features(self, crops: Tensor) -> Tensor:
        """(angles, 3, crop, crop) of the turned crops (angles, 6, crop, crop)."""
        with self._precision():
            if self.config.checkpoint and torch.is_grad_enabled():
                # Crops do not know of each other, so they may pass in groups, each forgotten until its gradient.
                groups = torch.tensor_split(crops, -(-len(crops) // _GROUP))
                return torch.cat([checkpoint(self.net.query, group, use_reentrant=False) for group in groups])
            query: Tensor = self.net.query(crops)
        return query

    def turned_crops(self, image: Tensor, pick: Cell) -> Tensor:
        """(angles, 6, crop, crop): the scene turned about a pixel by each angle, nearest pixels, and cut out around it.

        The pixel ends in row and column ``crop // 2``.
        """
        use_bfloat16 = self.config.crop // 2
        steps = torch.arange(-use_bfloat16, use_bfloat16, dtype=torch.float32, device=self.device)
        row, column = torch.meshgrid(steps, steps, indexing="ij")
        angles = angle_grid(self.config.angles, self.device)
        centre = torch.tensor([pick.column + use_bfloat16 + 0.5, pick.row + use_bfloat16 + 0.5], device=self.device)
        source = turned_back(torch.stack([column, row], dim=-1), angles[None]) + centre
        crops = sample(image.contiguous(), source, mode="nearest")[0].transpose(0, 1)
        return crops.contiguous(memory_format=torch.channels_last)

    @property
    def _angle_step(self) -> float:
        return 2 * math.pi / self.config.angles

    # ------------------------------------------------------------------ acting

    def act(self, observation: Observation) -> PolicyAction:
        """The most likely pick, and then the most likely place."""
        return self.action(fuse_observation(observation)).to_dict()

    def action(self, heightmap: Heightmap) -> Action:
        """The action for a fused heightmap."""
        decision = self.decide(heightmap)
        pick = to_pose(_middle(decision.pick), heightmap, 0.0)
        return Action(pick, to_pose(_middle(decision.place), heightmap, decision.yaw))

    def explain(self, observation: Observation) -> dict[str, Any]:
        """The heightmap's ``color`` and ``height``, and ``pick`` and ``place`` probabilities over it (320, 160)."""
        heightmap = fuse_observation(observation)
        decision = self.decide(heightmap)
        place = decision.place_logits.flatten().softmax(0).view_as(decision.place_logits).sum(dim=0)
        pick = decision.pick_logits.flatten().softmax(0).view_as(decision.pick_logits)
        shown = {"pick": pick.cpu().numpy(), "place": place.cpu().numpy()}
        return {"color": heightmap.color, "height": heightmap.height, **shown}

    @torch.inference_mode()
    def decide(self, heightmap: Heightmap) -> Decision:
        """The greatest logit of picking, then the greatest of placing what is there."""
        image = self.image(heightmap.color, heightmap.height)
        pick_logits = self.pick_logits(image)
        pick = Cell(*_greatest(pick_logits))
        place_logits = self.place_logits(image, pick)
        index, row, column = _greatest(place_logits)
        return Decision(pick, Cell(row, column), index * self._angle_step, pick_logits, place_logits)

    def _precision(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.use_bfloat16)

    # ------------------------------------------------------------------ state

    def weights(self) -> dict[str, Tensor]:
        """Of all three networks."""
        return dict(self.net.state_dict())

    def set_weights(self, weights: dict[str, Tensor]) -> None:
        """Both to act with and to train on from."""
        self.net.load_state_dict(weights)

    def training_state(self) -> dict[str, Tensor]:
        """Weights and the optimiser's moments."""
        return {f"net.{name}": value for name, value in self.weights().items()} | moments(self.adam, self.net)

    def set_training_state(self, state: dict[str, Tensor]) -> None:
        """The inverse of ``training_state``."""
        self.net.load_state_dict(under("net.", state))
        set_moments(self.adam, self.net, state)


def _one_hot_loss(logits: Tensor, *index: int) -> Tensor:
    """Cross-entropy of a softmax over all cells with one of them."""
    return torch.logsumexp(logits.flatten(), dim=0) - logits[index]


def _greatest(logits: Tensor) -> list[int]:
    return [int(value) for value in torch.unravel_index(logits.argmax(), logits.shape)]


def _cell(position: Array) -> Cell:
    return Cell(int(position[1]), int(position[0]))


def _middle(cell: Cell) -> Array:
    return np.array([cell.column + 0.5, cell.row + 0.5])
