"""Transporter Networks as published (arXiv 2010.14406): the reference that ``transporter`` is measured against.

Three residual networks of 9.8 million parameters each: one for picking, and two whose outputs are cross-correlated for
placing. The crop around the pick is rotated to 36 angles, and its network reads each of them. One-hot targets, Adam,
one example a step. Kept for comparison: a training step takes many seconds on a processor core.

The correlation is done by the Fourier transform, which gives the same sum; done directly, a step takes 200 s on a core,
nearly all of it for the gradient of 64 x 64 kernels.

Pixel ``i`` covers ``[i, i + 1)``, and an action points at the middle of a pixel. Angles are in radians, from the column
axis (x) towards the row axis (y).
"""

from __future__ import annotations

import math
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

from .common.correlation import correlate_nearby
from .common.devices import PRECISIONS, autocast, choose_bfloat16
from .common.heatmaps import explain_logits
from .common.module_agent import ModuleAgent
from .common.resnet import ResNet, normalise
from .common.sampling import angle_grid, rotate_back, sample
from .common.settings import setting
from .pick_place.dataset import KEYS, PickPlaceDataset
from .pick_place.plane import to_pose
from .pick_place.published_augmentation import PublishedAugmentation, augment_as_published

_CHANNELS, _FEATURES = 6, 3
"""Channels of the input, and of query and key."""
_GROUP = 6
"""Crops in one pass of the query network where activations are not kept."""


@dataclass(frozen=True)
class Transporter2020Config:
    """Settings of the agent; the defaults are the published ones.

    Settings keep their names across versions, because every saved agent holds them.

    Attributes:
        widths: channels of the first seven stages of a network.
        head: hidden channels of its last stage.
        angles: place angles over a full turn.
        crop: side of the crop around the pick, in pixels; a multiple of 16.
        steps: gradient steps of a whole training run.
        learning_rate: of Adam.
        turn: standard deviation of the rotation in augmentation, radians.
        shift: standard deviation of the translation along each axis in augmentation, pixels.
        checkpoint: whether to compute the features of the crops twice instead of keeping what their gradient needs:
            less memory, more time, the same result.
        precision: ``float32``, ``bfloat16`` or ``auto`` (bfloat16 where the device multiplies it in hardware).
        device: ``auto``, ``cpu`` or ``cuda``.
    """

    widths: tuple[int, ...] = setting((64, 128, 256, 512, 256, 128, 64), least=1, most=8192, items=(7, 7))
    head: int = setting(16, least=1, most=8192)
    angles: int = setting(36, least=1, most=3600)
    crop: int = setting(64, least=16, most=1024, multiple=16)
    steps: int = setting(40000, least=1, most=10**9)
    learning_rate: float = setting(1e-4, above=0)
    turn: float = setting(math.radians(60), least=0)
    shift: float = setting(160 / 6, least=0)
    checkpoint: bool = False
    precision: str = setting("float32", choices=PRECISIONS)
    device: str = "auto"


class Transporter2020Net(nn.Module):
    """All weights: the networks of picking, of the scene (key), and of the crop (query)."""

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
    """The most probable pick and place, and the logits that they were chosen by.

    Attributes:
        pick: pixel.
        place: pixel.
        yaw: radians, of the place pose relative to the pick pose.
        pick_logits: (rows, columns) float32.
        place_logits: (angles, rows, columns) float32, for this pick.
    """

    pick: Cell
    place: Cell
    yaw: float
    pick_logits: Tensor
    place_logits: Tensor


class Transporter2020(ModuleAgent[PickPlaceDataset]):
    """The agent. See the module's docstring."""

    name = "transporter-2020"
    config_type = Transporter2020Config
    config: Transporter2020Config
    observation_keys = KEYS
    action_keys = ("pick", "place")
    tilts = False
    net: Transporter2020Net

    def __init__(
        self, config: Transporter2020Config | None = None, seed: int = 0, interface: Interface | None = None
    ) -> None:
        super().__init__(config, seed, interface)
        self.use_bfloat16 = choose_bfloat16(self.config.precision, self.device)
        self.augmentation = PublishedAugmentation(self.config.turn, self.config.shift)

    def make_net(self) -> nn.Module:
        """The three networks, in the memory layout in which they are fastest."""
        net: nn.Module = Transporter2020Net(self.config).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return net

    def make_optimiser(self, net: nn.Module) -> torch.optim.Optimizer:
        """Adam, as published."""
        return torch.optim.Adam(net.parameters(), self.config.learning_rate, fused=True)

    # ------------------------------------------------------------------ learning

    def make_dataset(self, demonstrations: Demonstrations) -> PickPlaceDataset:
        """Heightmaps of all steps, in memory."""
        return PickPlaceDataset.from_demonstrations(demonstrations)

    def fit_step(self, dataset: PickPlaceDataset, step: int) -> dict[str, float]:
        """One gradient step on one freshly augmented example.

        Picking and placing share no weights: their gradients are computed one after the other, with less memory.

        Returns:
            Losses ``pick`` and ``place``.
        """
        rng = np.random.default_rng([self.seed, step])
        example = augment_as_published(dataset.sample(rng), self.augmentation, rng)
        image = self.image(example.color, example.height)
        pick, place = _cell(example.pick), _cell(example.place[0])
        index = round(float(example.yaw[0]) / self._angle_step) % self.config.angles
        self.optimiser.zero_grad(set_to_none=True)
        losses = {"pick": _one_hot_loss(self.pick_logits(image), *pick)}
        losses["pick"].backward()  # type: ignore[no-untyped-call]
        losses["place"] = _one_hot_loss(self.place_logits(image, pick), index, *place)
        losses["place"].backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        return {name: float(loss.detach()) for name, loss in losses.items()}

    def example_loss(self, dataset: PickPlaceDataset, step: int) -> Tensor:
        """See ``Agent``: the sum of both losses of one step in its scene as it was."""
        shown = dataset.episodes[0][step]
        image = self.image(shown.color, shown.height)
        highest = np.array([shown.height.shape[1], shown.height.shape[0]]) - 1e-6
        pick, place = (_cell(np.clip(point, 0, highest)) for point in (shown.pick, shown.place))
        index = round(shown.yaw / self._angle_step) % self.config.angles
        return _one_hot_loss(self.pick_logits(image), *pick) + _one_hot_loss(
            self.place_logits(image, pick), index, *place
        )

    def image(self, color: NDArray[np.uint8], height: NDArray[np.float32]) -> Tensor:
        """The networks' input: a normalised heightmap, padded with half a crop of zeros on each side.

        Args:
            color: (rows, columns, 3) uint8.
            height: (rows, columns) float32 metres.

        Returns:
            (1, 6, rows + crop, columns + crop) float32.
        """
        border = self.config.crop // 2
        sides = ((border, border), (border, border))
        colors = torch.from_numpy(np.pad(color, (*sides, (0, 0))))[None]
        image = normalise(colors.to(self.device), torch.from_numpy(np.pad(height, sides))[None].to(self.device))
        return image.contiguous(memory_format=torch.channels_last)

    def pick_logits(self, image: Tensor) -> Tensor:
        """(rows, columns) float32 logits over the map of an ``image``."""
        border = self.config.crop // 2
        image = image[..., border:-border, border:-border]
        rows, columns = image.shape[-2:]
        side = max(rows, columns)
        # The map is padded to a square with what zeros become when they are normalised.
        square = normalise(
            torch.zeros(1, side, side, 3, dtype=torch.uint8, device=self.device),
            torch.zeros(1, side, side, device=self.device),
        )
        top, left = (side - rows) // 2, (side - columns) // 2
        square[..., top : top + rows, left : left + columns] = image
        with autocast(self.device, self.use_bfloat16):
            logits: Tensor = self.net.pick(square.contiguous(memory_format=torch.channels_last))
        return logits[0, 0, top : top + rows, left : left + columns]

    def place_logits(self, image: Tensor, pick: Cell) -> Tensor:
        """(angles, rows, columns) float32 logits of placing what is at a pixel of the map of an ``image``."""
        key = self.key_features(image)
        query = self.query_features(self.rotated_crops(image, pick))
        # The last row and column are those of a crop beyond the map.
        return correlate_nearby(query[None], key[None])[0, 0, :, :-1, :-1]

    def key_features(self, image: Tensor) -> Tensor:
        """(1, 3, rows + crop, columns + crop) float32 features of an ``image``."""
        with autocast(self.device, self.use_bfloat16):
            key: Tensor = self.net.key(image)
        return key

    def query_features(self, crops: Tensor) -> Tensor:
        """(angles, 3, crop, crop) float32 features of ``rotated_crops``."""
        with autocast(self.device, self.use_bfloat16):
            if self.config.checkpoint and torch.is_grad_enabled():
                groups = torch.tensor_split(crops, -(-len(crops) // _GROUP))
                return torch.cat([checkpoint(self.net.query, group, use_reentrant=False) for group in groups])
            query: Tensor = self.net.query(crops)
        return query

    def rotated_crops(self, image: Tensor, pick: Cell) -> Tensor:
        """Crops of an ``image`` rotated around a pixel by each place angle, sampled at the nearest pixels.

        Args:
            image: (1, 6, rows + crop, columns + crop) float32, of ``image``.
            pick: the pixel.

        Returns:
            (angles, 6, crop, crop) float32; the pixel is in row and column ``crop // 2``.
        """
        radius = self.config.crop // 2
        steps = torch.arange(-radius, radius, dtype=torch.float32, device=self.device)
        row, column = torch.meshgrid(steps, steps, indexing="ij")
        angles = angle_grid(self.config.angles, self.device)
        centre = torch.tensor([pick.column + radius + 0.5, pick.row + radius + 0.5], device=self.device)
        source = rotate_back(torch.stack([column, row], dim=-1), angles[None]) + centre
        crops = sample(image.contiguous(), source, mode="nearest")[0].transpose(0, 1)
        return crops.contiguous(memory_format=torch.channels_last)

    @property
    def _angle_step(self) -> float:
        return 2 * math.pi / self.config.angles

    # ------------------------------------------------------------------ acting

    def act(self, observation: Observation) -> PolicyAction:
        """The most probable pick, and then the most probable place for it.

        Returns:
            ``pick`` and ``place``, (7,) float64 each: position in metres and quaternion (x, y, z, w), world frame.
        """
        return self.action(fuse_observation(observation)).to_dict()

    def action(self, heightmap: Heightmap) -> Action:
        """The action for a fused heightmap."""
        decision = self.decide(heightmap)
        pick = to_pose(_middle(decision.pick), heightmap, 0.0)
        return Action(pick, to_pose(_middle(decision.place), heightmap, decision.yaw))

    def explain(self, observation: Observation) -> dict[str, Any]:
        """The heightmap, and the pick and place probabilities over it.

        Returns:
            ``color`` (320, 160, 3) uint8, ``height`` (320, 160) float32 metres, and ``pick`` and ``place`` (320, 160)
            float32.
        """
        heightmap = fuse_observation(observation)
        decision = self.decide(heightmap)
        return explain_logits(heightmap, decision.pick_logits, decision.place_logits)

    @torch.inference_mode()
    def decide(self, heightmap: Heightmap) -> Decision:
        """The highest pick logit, then the highest place logit for that pick."""
        image = self.image(heightmap.color, heightmap.height)
        pick_logits = self.pick_logits(image)
        pick = Cell(*_argmax(pick_logits))
        place_logits = self.place_logits(image, pick)
        index, row, column = _argmax(place_logits)
        return Decision(pick, Cell(row, column), index * self._angle_step, pick_logits, place_logits)


def _one_hot_loss(logits: Tensor, *index: int) -> Tensor:
    """Cross-entropy of a softmax over all cells with one of them."""
    return torch.logsumexp(logits.flatten(), dim=0) - logits[index]


def _argmax(logits: Tensor) -> list[int]:
    """The index of the highest logit along each axis."""
    return [int(value) for value in torch.unravel_index(logits.argmax(), logits.shape)]


def _cell(position: Array) -> Cell:
    """The pixel of a position (column, row)."""
    return Cell(int(position[1]), int(position[0]))


def _middle(cell: Cell) -> Array:
    """(2,) position (column, row) of the middle of a pixel."""
    return np.array([cell.column + 0.5, cell.row + 0.5])
