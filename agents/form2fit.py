"""The published baseline "Form2Fit" (Zakka et al., ICRA 2020, arXiv 1910.13675, as in arXiv 2010.14406, section 5).

Three fully convolutional networks on the heightmap. Two say how good each pixel is as a pick and as a place. The third
gives each pixel a descriptor of 16 numbers; it is trained so that the point of an object and the point of its goal that
it comes to lie on have like descriptors, if the scene is turned as the object is to be turned. The act is the pair of
one of the 100 best picks and one of the 100 best places, at one of 24 angles, whose descriptors are nearest.

Decided here: networks at half the resolution (6.25 mm), which are a fifth as wide as the published ones; the descriptor
of a pick is read in a turned crop of 64 x 64 cells around the best pick instead of in the whole turned scene, and the
100 picks are those in its middle; Adam at 1e-3 for picking and placing and at 1e-4 for matching, since a run has fewer
steps than the published one (there 1e-5 for matching).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ravens_suite.core.heightmap import Heightmap, fuse_observation
from ravens_suite.core.observations import Interface, Observation
from ravens_suite.core.policy import Action
from ravens_suite.data.demonstrations import Demonstrations

from .common.devices import PRECISIONS, autocast, choose_bfloat16
from .common.heatmaps import explain_logits
from .common.module_agent import ModuleAgent
from .common.resnet import ResNet, normalise
from .common.sampling import angle_grid, rotate_back, sample
from .common.settings import setting
from .pick_place.augmentation import Example
from .pick_place.dataset import KEYS, PickPlaceDataset
from .pick_place.plane import to_pose
from .pick_place.published_augmentation import PublishedAugmentation, augment_as_published

_CELL = 2
"""Pixels of the heightmap along a cell of the networks."""
_RADIUS = 32
"""Cells: half the side of a crop."""
_REACH = 8
"""Cells: how far from the best pick other picks are considered."""
_CANDIDATES = 100
_NEAR = 2.0
"""Cells: descriptors of places this near to the right one are not pushed away from it."""


@dataclass(frozen=True)
class Form2fitConfig:
    """Settings of the agent.

    Attributes:
        widths: channels of the first seven stages of a network.
        head: hidden channels of its last stage.
        descriptor: length of a descriptor.
        angles: over a full turn.
        points: matching points of an example, and as many times four that do not match.
        margin: of the contrastive loss.
        steps: gradient steps of a whole training run.
        learning_rate: of Adam, for picking and placing.
        matching_rate: of Adam, for descriptors.
        precision: ``float32``, ``bfloat16`` or ``auto`` (bfloat16 where the device multiplies it in hardware).
        device: ``auto``, ``cpu`` or ``cuda``.
    """

    widths: tuple[int, ...] = setting((16, 32, 64, 96, 64, 32, 16), least=1, most=8192, items=(7, 7))
    head: int = setting(16, least=1, most=8192)
    descriptor: int = setting(16, least=1, most=8192)
    angles: int = setting(24, least=2, most=3600)
    points: int = setting(64, least=1, most=10_000)
    margin: float = setting(4.0, above=0)
    steps: int = setting(1000, least=1, most=10**9)
    learning_rate: float = setting(1e-3, above=0)
    matching_rate: float = setting(1e-4, above=0)
    precision: str = setting("auto", choices=PRECISIONS)
    device: str = "auto"


class Form2fitNet(nn.Module):
    """The three networks."""

    def __init__(self, config: Form2fitConfig) -> None:
        super().__init__()
        self.pick = ResNet(6, 1, config.widths, config.head)
        self.place = ResNet(6, 1, config.widths, config.head)
        self.match = ResNet(6, config.descriptor, config.widths, config.head)


class Decision(NamedTuple):
    """What was chosen, and by what.

    Attributes:
        pick: (2,) float64 pixel position, column and row.
        place: (2,) float64 pixel position.
        yaw: radians, of the place pose relative to the pick pose.
        pick_logits: (rows, columns) float32, in cells.
        place_logits: (rows, columns) float32, in cells.
    """

    pick: NDArray[np.float64]
    place: NDArray[np.float64]
    yaw: float
    pick_logits: Tensor
    place_logits: Tensor


class Form2fit(ModuleAgent[PickPlaceDataset]):
    """The agent. See the module's docstring."""

    name = "form2fit"
    config_type = Form2fitConfig
    config: Form2fitConfig
    observation_keys = KEYS
    action_keys = ("pick", "place")
    tilts = False
    net: Form2fitNet

    def __init__(self, config: Form2fitConfig | None = None, seed: int = 0, interface: Interface | None = None) -> None:
        super().__init__(config, seed, interface)
        self.use_bfloat16 = choose_bfloat16(self.config.precision, self.device)

    def make_net(self) -> nn.Module:
        """The three networks, in the memory layout in which they are fastest."""
        net: nn.Module = Form2fitNet(self.config).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return net

    def make_optimiser(self, net: nn.Module) -> torch.optim.Optimizer:
        """Adam, with a rate of its own for descriptors."""
        matching = [value for name, value in net.named_parameters() if name.startswith("match.")]
        others = [value for name, value in net.named_parameters() if not name.startswith("match.")]
        groups: list[dict[str, Any]] = [{"params": others}, {"params": matching, "lr": self.config.matching_rate}]
        return torch.optim.Adam(groups, self.config.learning_rate, fused=True)

    # ------------------------------------------------------------------ learning

    def make_dataset(self, demonstrations: Demonstrations) -> PickPlaceDataset:
        """Heightmaps of all steps, in memory."""
        return PickPlaceDataset.from_demonstrations(demonstrations)

    def fit_step(self, dataset: PickPlaceDataset, step: int) -> dict[str, float]:
        """One step on one freshly moved example.

        Returns:
            Losses ``pick``, ``place`` and ``match``.
        """
        rng = np.random.default_rng([self.seed, step])
        example = augment_as_published(dataset.sample(rng), PublishedAugmentation(), rng)
        image = self._image(example.color, example.height)
        losses = {
            "pick": _one_hot_loss(self._run(self.net.pick, image)[0, 0], example.pick),
            "place": _one_hot_loss(self._run(self.net.place, image)[0, 0], example.place[0]),
            "match": self._matching_loss(image, example, rng),
        }
        self.optimiser.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        return {name: float(loss.detach()) for name, loss in losses.items()}

    def _matching_loss(self, image: Tensor, example: Example, rng: np.random.Generator) -> Tensor:
        """Contrastive: like descriptors for matching points at the right angle, unlike ones for all others.

        Points that do not match are random ones of the scene, and the matching ones at a wrong angle.
        """
        angles, count = self.config.angles, self.config.points
        right = round(float(example.yaw[0]) / (2 * math.pi / angles)) % angles
        wrong = (right + int(rng.integers(1, angles))) % angles
        turns = angle_grid(angles, self.device)[[right, wrong]]
        pick = torch.from_numpy(example.pick / _CELL).float().to(self.device)
        place = torch.from_numpy(example.place[0] / _CELL).float().to(self.device)
        scene = self._run(self.net.match, image)  # (1, D, rows, columns)
        crops = self._run(self.net.match, _turned_crops(image, pick, turns))  # (2, D, 2 R, 2 R)
        # Offsets from the pick of points of the object, before and after it is turned.
        offsets = _object_offsets(example, count, rng)
        c, s = math.cos(float(example.yaw[0])), math.sin(float(example.yaw[0]))
        turned = torch.from_numpy(offsets @ np.array([[c, s], [-s, c]])).float().to(self.device)
        goals = sample(scene, (place + turned)[None])[0].T  # (n, D)
        found = sample(crops, (_RADIUS + turned).expand(2, -1, -1)).transpose(1, 2)  # (2, n, D)
        rows, columns = scene.shape[-2:]
        others = torch.from_numpy(rng.random((4 * count, 2)) * (columns, rows)).float().to(self.device)
        far = (others[:, None] - (place + turned)).norm(dim=-1) > _NEAR  # (4 n, n)
        distance = torch.cdist(sample(scene, others[None])[0].T, found[0])
        alike = (goals - found[0]).square().sum(dim=1).mean()
        unlike = (functional.relu(self.config.margin - distance).square() * far).sum() / far.sum().clamp(min=1)
        misturned = functional.relu(self.config.margin - (goals - found[1]).norm(dim=1)).square().mean()
        loss: Tensor = alike + unlike + 0.5 * misturned
        return loss

    def _run(self, net: ResNet, image: Tensor) -> Tensor:
        with autocast(self.device, self.use_bfloat16):
            maps: Tensor = net(image)
        return maps

    def _image(self, color: NDArray[np.uint8], height: NDArray[np.float32]) -> Tensor:
        """(1, 6, rows / 2, columns / 2) float32: a normalised heightmap at the networks' resolution."""
        image = normalise(torch.from_numpy(color).to(self.device)[None], torch.from_numpy(height).to(self.device)[None])
        small: Tensor = functional.avg_pool2d(image, _CELL)
        return small.contiguous(memory_format=torch.channels_last)

    # ------------------------------------------------------------------ acting

    def act(self, observation: Observation) -> Action:
        """The pair of candidates whose descriptors are nearest.

        Returns:
            ``pick`` and ``place``, (7,) float64 each: position in metres and quaternion (x, y, z, w), world frame.
        """
        heightmap = fuse_observation(observation)
        decision = self.decide(heightmap)
        return {
            "pick": to_pose(decision.pick, heightmap, 0.0).vector(),
            "place": to_pose(decision.place, heightmap, decision.yaw).vector(),
        }

    def explain(self, observation: Observation) -> dict[str, Any]:
        """The heightmap, and the pick and place probabilities over it, before matching. See ``Agent``."""
        heightmap = fuse_observation(observation)
        decision = self.decide(heightmap)
        return explain_logits(heightmap, decision.pick_logits, decision.place_logits[None])

    @torch.inference_mode()
    def decide(self, heightmap: Heightmap) -> Decision:
        """Candidates of both maps, and the pair and angle that match best."""
        image = self._image(heightmap.color, heightmap.height)
        pick_logits, place_logits = (self._run(net, image)[0, 0] for net in (self.net.pick, self.net.place))
        centre = _best_cells(pick_logits, 1)[0]
        picks = _best_cells(_near_only(pick_logits, centre), _CANDIDATES)  # (p, 2), column and row
        places = _best_cells(place_logits, _CANDIDATES)
        turns = angle_grid(self.config.angles, self.device)
        goals = sample(self._run(self.net.match, image), places[None] + 0.5)[0].T  # (q, D)
        crops = self._run(self.net.match, _turned_crops(image, centre + 0.5, turns))
        offsets = _rotated(picks - centre, turns)  # (angles, p, 2)
        found = sample(crops, _RADIUS + offsets).transpose(1, 2)  # (angles, p, D)
        distance = torch.cdist(found, goals.expand(len(turns), -1, -1))  # (angles, p, q)
        turn, pick, place = (int(index) for index in torch.unravel_index(distance.argmin(), distance.shape))
        ends = (picks[pick], places[place])
        pick_at, place_at = ((end.double().cpu().numpy() + 0.5) * _CELL for end in ends)
        return Decision(pick_at, place_at, float(turns[turn]), pick_logits, place_logits)


def _turned_crops(image: Tensor, centre: Tensor, turns: Tensor) -> Tensor:
    """(angles, 6, 2 R, 2 R): crops of an image turned by each angle about a point, zero outside the image."""
    steps = torch.arange(-_RADIUS, _RADIUS, dtype=torch.float32, device=image.device) + 0.5
    row, column = torch.meshgrid(steps, steps, indexing="ij")
    source = rotate_back(torch.stack([column, row], dim=-1), turns[None]) + centre
    crops = sample(image.contiguous(), source)[0].transpose(0, 1)
    return crops.contiguous(memory_format=torch.channels_last)


def _rotated(offsets: Tensor, turns: Tensor) -> Tensor:
    """(angles, n, 2): offsets (n, 2) turned by each angle."""
    c, s = torch.cos(turns)[:, None], torch.sin(turns)[:, None]
    column, row = offsets[:, 0], offsets[:, 1]
    return torch.stack([c * column - s * row, s * column + c * row], dim=-1)


def _object_offsets(example: Example, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(count, 2) float64 offsets in cells, column and row, from the pick to random pixels of the picked object."""
    rows, columns = np.nonzero(example.pick_affinity)
    if not len(rows):
        return rng.normal(0, 1, (count, 2))
    chosen = rng.integers(len(rows), size=count)
    points = np.stack([columns[chosen], rows[chosen]], axis=1) + 0.5
    offsets: NDArray[np.float64] = np.clip((points - example.pick) / _CELL, 2 - _RADIUS, _RADIUS - 2)
    return offsets


def _one_hot_loss(logits: Tensor, position: NDArray[np.float64]) -> Tensor:
    """Cross-entropy of a softmax over all cells with the one at a pixel position."""
    column, row = (int(value) // _CELL for value in position)
    return torch.logsumexp(logits.flatten(), dim=0) - logits[row, column]


def _near_only(logits: Tensor, centre: Tensor) -> Tensor:
    """Logits with all cells further than ``_REACH`` from one set to minus infinity."""
    rows, columns = logits.shape
    column, row = (int(value) for value in centre)
    near = torch.full_like(logits, -math.inf)
    window = (
        slice(max(row - _REACH, 0), min(row + _REACH + 1, rows)),
        slice(max(column - _REACH, 0), min(column + _REACH + 1, columns)),
    )
    near[window] = logits[window]
    return near


def _best_cells(logits: Tensor, count: int) -> Tensor:
    """(count, 2) float32 columns and rows of the cells with the highest logits; fewer where fewer are finite."""
    flat = logits.flatten()
    values, index = flat.topk(min(count, len(flat)))
    index = index[values.isfinite()]
    return torch.stack([index % logits.shape[1], index // logits.shape[1]], dim=1).float()
