"""Transporter: attention over the map picks an object, and cross-correlation of learned features places it.

After Transporter Networks (arXiv 2010.14406), made small and equivariant. One U-Net of layers that are equivariant to
quarter turns (arXiv 1602.07576) encodes the heightmap; it has two decoders, one of them for picking alone. The pick
map and the query and key features of placing are light heads on it. Query features are steerable, so that one pass
serves all place angles, and placing goes from a coarse map to a fine one.

Each demonstrated pick teaches all picks on the same object (``pick_place/steps.py``), in scenes whose free objects are
pasted elsewhere (``pick_place/free_objects.py``). The best places of several picks are compared before one is carried
out (``joint_rescoring.py``). Picks that failed are not repeated, and placed objects are left alone as often as
demonstrations leave them alone (``pick_place/history.py``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap, fuse_observation
from ravens_suite.core.observations import Interface, Observation
from ravens_suite.core.policy import Action as PolicyAction
from ravens_suite.core.types import Action
from ravens_suite.data.demonstrations import Demonstrations

from ..base import Agent
from ..common.correlation import crop, highest, match_everywhere, match_nearby
from ..common.devices import choose_device, multiplies_in_bfloat16
from ..common.optimiser import Optimiser, OptimiserConfig
from ..pick_place.augmentation import Augmentation, Example, augment
from ..pick_place.dataset import KEYS, PickPlaceDataset
from ..pick_place.history import NEAR, DemonstrationStatistics, History, Move
from ..pick_place.plane import to_pose
from .encoder import encode_image
from .joint_rescoring import rescore_jointly
from .network import COARSE, FINE, Match, Scene, TransporterConfig, TransporterNet
from .targets import cross_entropy, peak, pose_target

_PICKS_APART = 8
"""Cells of the fine map, 50 mm: least distance between two pick candidates."""
_PICK_WIDTH = 7
"""Cells of the fine map, 44 mm, over which the probability of a pick is summed."""
_AWAY = -1e4
"""Pixels: a position so far off the map that the target bump there is zero everywhere on it."""
_PLAUSIBLE = 0.02
"""Least probability of a pick candidate, as a share of the likeliest one's."""
_FAILED_RADIUS = 1
"""Cells of the fine map around a failed pick in which no other pick is tried."""
_FAILED_PENALTY = 30.0
"""Subtracted from the logits there: more than the logits of any two sensible picks differ by."""
_MANY = 100
"""Number of demonstrations from which the full share of bent objects is used; fewer use a proportion of it."""


class Batch(NamedTuple):
    """Examples as tensors; positions in heightmap pixels (column, row).

    Attributes:
        image: (batch, 5, rows, columns).
        pick: (batch, 2).
        place: (batch, poses, 2); every pose is a correct one.
        yaw: (batch, poses) radians.
        pick_affinity: (batch, rows, columns), see ``Step``.
    """

    image: Tensor
    pick: Tensor
    place: Tensor
    yaw: Tensor
    pick_affinity: Tensor


class Decision(NamedTuple):
    """Pixel positions (column, row), the place angle in radians, and logits.

    Attributes:
        pick: (2,).
        place: (2,).
        yaw: radians, of the place pose relative to the pick pose.
        pick_logits: (rows / 2, columns / 2).
        place_logits: (angles, rows / 4, columns / 4).
    """

    pick: Array
    place: Array
    yaw: float
    pick_logits: Tensor
    place_logits: Tensor


class _Places(NamedTuple):
    """Place candidates of one pick.

    Attributes:
        coarse: (angles, rows / 4, columns / 4) logits.
        logits: (n, angles, side, side) refined ones about the best of them.
        centres: (n, 2) fine cells that these are about.
        points: (n, 2) pixel positions of their maxima, to a cell.
        certainties: (n,) log probabilities of each among them.
    """

    coarse: Tensor
    logits: Tensor
    centres: Array
    points: Array
    place_log_probabilities: Array


class Transporter(Agent[PickPlaceDataset]):
    """The agent. See the module's docstring."""

    name = "transporter"
    config_type = TransporterConfig
    config: TransporterConfig
    observation_keys = KEYS

    def __init__(
        self, config: TransporterConfig | None = None, seed: int = 0, interface: Interface | None = None
    ) -> None:
        super().__init__(config, seed, interface)
        self.device = choose_device(self.config.device)
        self.use_bfloat16 = multiplies_in_bfloat16(self.config.precision, self.device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.net = TransporterNet(self.config).to(self.device)
        self.optimiser = Optimiser(
            self.net,
            OptimiserConfig(
                self.config.steps, self.config.learning_rate, self.config.weight_decay, self.config.average
            ),
        )
        self._history = History()

    # ------------------------------------------------------------------ learning

    def make_dataset(self, demonstrations: Demonstrations) -> PickPlaceDataset:
        """Heightmaps of all steps, in memory."""
        return PickPlaceDataset.of(demonstrations)

    def fit_step(self, dataset: PickPlaceDataset, step: int) -> dict[str, float]:
        """One gradient step on freshly augmented examples."""
        rng = np.random.default_rng([self.seed, step])
        for net in (self.net, self.optimiser.ema):
            net.turning.fill_(dataset.turning)
            net.habits.copy_(torch.tensor(dataset.statistics))
        settings = self.augmentation(len(dataset))
        examples = [augment(dataset.sample(rng), settings, rng) for _ in range(self.config.batch)]
        losses = self.losses(self._batch(examples), rng)
        weighted = losses["place"] + self.pick_weight(step) * losses["pick"]
        rate = self.optimiser.step(weighted + self.config.refine_weight * losses["refine"], step)
        return {**{name: float(loss.detach()) for name, loss in losses.items()}, "learning_rate": rate}

    def pick_weight(self, step: int) -> float:
        """Weight of the pick loss at a step; it grows over the run unless no demonstration turns its object."""
        first = self.config.pick_weight
        last = self.config.late_pick_weight if self.net.turning else first
        return first + (last - first) * min(1.0, 2 * step / self.config.steps)

    def augmentation(self, demos: int) -> Augmentation:
        """Augmentation settings for a number of demonstrations: the fewer there are, the more examples are altered."""
        config = self.config
        # One demonstration shows the fewest shapes and shades. Bent shapes are less like the task's own.
        more = (config.altered_alone - config.altered) / demos
        return Augmentation(
            scale=config.scale,
            height=config.height_scale,
            flips=config.flips,
            scatter=config.scatter,
            stretch=config.stretch,
            shade=config.shade * (config.shade_alone / config.shade) ** (1 / demos),
            altered=config.altered + more,
            altered_scenes=config.altered_scenes,
            recolored=config.recolored,
            bent=config.bent * min(1.0, demos / _MANY),
            misplaced=config.amiss,
            remaining=config.leftover,
        )

    def losses(self, batch: Batch, rng: np.random.Generator) -> dict[str, Tensor]:
        """Losses of picking, of coarse placing and of refinement."""
        net = self.net
        with self._precision():
            scene = net.read(batch.image)
            pick_logits = net.pick(scene.features)
            match = net.match(scene, batch.pick)
        pick_affinity = functional.avg_pool2d(batch.pick_affinity[:, None], FINE)[:, 0]
        angles = net.angles(self.config.train_angles)
        if net.turning:
            angles = angles + rng.uniform(0, 2 * math.pi)
        place_logits = match_everywhere(match.query, match.key, angles)
        target = pose_target(
            batch.place / COARSE,
            batch.yaw,
            angles,
            (place_logits.shape[-2], place_logits.shape[-1]),
            spot=0.7,
            yaw=0.7 * self._angle_step,
        )
        return {
            "pick": cross_entropy(pick_logits, pick_affinity),
            "place": cross_entropy(place_logits, target),
            "refine": self._refine_loss(batch, match, place_logits, angles, rng),
        }

    def _refine_loss(
        self, batch: Batch, match: Match, coarse: Tensor, angles: Tensor, rng: np.random.Generator
    ) -> Tensor:
        """Loss of refinement: the right place, off by a typical coarse error, against the best other places."""
        reach = self.config.fine_reach
        shift = torch.tensor(rng.uniform(-0.6, 0.6, (len(batch.yaw), 2)) * reach, dtype=torch.float32)
        starts = self._with_rivals(batch.place[:, 0] / FINE + shift.to(self.device), coarse)
        logits = self._refine(match, coarse, angles, starts)
        side = 2 * reach + 1
        count = starts.shape[1]
        places = batch.place[:, None] / FINE - starts[:, :, None] + side / 2
        target = pose_target(
            places.flatten(0, 1),
            batch.yaw.repeat_interleave(count, dim=0),
            angles,
            (side, side),
            spot=1.0,
            yaw=0.5 * self._angle_step,
        )
        return cross_entropy(logits, target.view_as(logits))

    def _with_rivals(self, start: Tensor, coarse: Tensor) -> Tensor:
        """(batch, candidates, 2) in fine cells: starts (batch, 2), and the best coarse maxima outside their windows."""
        ratio = COARSE // FINE
        apart = -(-(2 * self.config.fine_reach + 1) // ratio)
        rivals = [
            highest(scores, self.config.candidates - 1, apart, (point[None] / ratio).long().flip(-1))
            for scores, point in zip(coarse.amax(dim=1), start, strict=True)
        ]
        return torch.cat([start[:, None], (torch.stack(rivals).flip(-1) + 0.5) * ratio], dim=1)

    def _refine(self, match: Match, coarse: Tensor, angles: Tensor, starts: Tensor) -> Tensor:
        """(batch, candidates, angles, n, n) logits about starts (batch, candidates, 2) in fine cells.

        They are added to the coarse logits there, so that the logits of all candidates can be compared.
        """
        patches = crop(match.fine_key, starts, self.config.fine_radius + self.config.fine_reach).transpose(1, 2)
        logits = match_nearby(match.fine_query, patches, angles)
        return logits + crop(coarse, starts * FINE / COARSE, self.config.fine_reach, FINE / COARSE).transpose(1, 2)

    @property
    def _angle_step(self) -> float:
        return 2 * math.pi / self.config.angles

    def _batch(self, examples: Sequence[Example]) -> Batch:
        def tensor(values: Sequence[Any]) -> Tensor:
            return torch.from_numpy(np.stack(values)).to(self.device)

        poses = max(len(e.yaw) for e in examples)

        def padded(values: Array, away: float) -> Array:
            """Padded to the example with most poses; padding poses are far off the map."""
            return np.concatenate([values, np.full((poses - len(values), *values.shape[1:]), away)])

        return Batch(
            image=encode_image(tensor([e.color for e in examples]), tensor([e.height for e in examples])),
            pick=tensor([e.pick for e in examples]).float(),
            place=tensor([padded(e.place, _AWAY) for e in examples]).float(),
            yaw=tensor([padded(e.yaw, 0.0) for e in examples]).float(),
            pick_affinity=tensor([e.pick_affinity for e in examples]),
        )

    # ------------------------------------------------------------------ acting

    def reset(self, seed: int = 0) -> None:
        """An episode begins: what was tried in the last one is forgotten."""
        self._history.reset()

    def act(self, observation: Observation) -> PolicyAction:
        """A likely pick, and the best place for the object there, in view of the other picks and of what was done."""
        return self.action(fuse_observation(observation)).to_dict()

    def action(self, heightmap: Heightmap) -> Action:
        """The action for a fused heightmap, the next one of the episode that began with ``reset``."""
        self._history.observe(heightmap)
        decision = self.decide(heightmap, self._history)
        self._history.record(Move(heightmap, decision.pick, decision.place))
        pick = to_pose(decision.pick, heightmap, 0.0)
        return Action(pick, to_pose(decision.place, heightmap, decision.yaw))

    def explain(self, observation: Observation) -> dict[str, Any]:
        """The heightmap's ``color`` and ``height``, and ``pick`` and ``place`` probabilities over it (320, 160).

        Places are those of the chosen pick, before refinement and joint rescoring, so the
        action may differ from both maxima. After ``act`` with the same observation, what is explained is that action.
        """
        heightmap = fuse_observation(observation)
        decision = self.decide(heightmap, self._history)
        place = decision.place_logits.flatten().softmax(0).view_as(decision.place_logits).sum(dim=0)
        pick = decision.pick_logits.flatten().softmax(0).view_as(decision.pick_logits)
        return {
            "color": heightmap.color,
            "height": heightmap.height,
            "pick": _enlarge(pick, FINE),
            "place": _enlarge(place, COARSE),
        }

    @torch.inference_mode()
    def decide(self, heightmap: Heightmap, history: History | None = None) -> Decision:
        """A likely pick and its place after joint rescoring, with the averaged (EMA) weights.

        Args:
            heightmap: what is seen.
            history: of the episode, if it has begun.
        """
        history = history or History()
        statistics = DemonstrationStatistics(*self.optimiser.ema.habits.tolist())
        net = self.optimiser.ema
        color = torch.from_numpy(heightmap.color)[None].to(self.device)
        height = torch.from_numpy(heightmap.height)[None].to(self.device)
        with self._precision():
            scene = net.read(encode_image(color, height))
            pick_logits = net.pick(scene.features)[0]
        _discourage(pick_logits, history.settled, -math.log(statistics.repick), NEAR // FINE)
        _discourage(pick_logits, history.failed_picks, _FAILED_PENALTY, _FAILED_RADIUS)
        picks = self._picks(pick_logits, history.failed_picks)
        found = self._places(scene, [pick for pick, _ in picks])
        index, place = rescore_jointly(
            [chance for _, chance in picks],
            [places.points for places in found],
            [places.place_log_probabilities for places in found],
            statistics.sharing,
        )
        chosen = found[index]
        best, _ = peak(chosen.logits[place], cyclic=True)
        offset = _positions(best[1:]) - self.config.fine_reach - 0.5
        point = (chosen.centres[place] + offset) * FINE
        return Decision(picks[index][0], point, float(best[0]) * self._angle_step, pick_logits, chosen.coarse)

    def _picks(self, logits: Tensor, failed_picks: Sequence[Array] = ()) -> list[tuple[Array, float]]:
        """Pick candidates at least ``_PICKS_APART`` cells apart: pixel position (2,), log-probability around it."""
        pick_log_probabilities = logits.flatten().softmax(0).view_as(logits)[None]
        smooth = functional.avg_pool2d(pick_log_probabilities, 3, 1, 1)[0].log()
        _discourage(smooth, failed_picks, _FAILED_PENALTY, _FAILED_RADIUS)
        nowhere = torch.zeros((0, 2), dtype=torch.int64)
        cells = highest(smooth, self.config.picks, _PICKS_APART, nowhere)
        about = functional.avg_pool2d(pick_log_probabilities, _PICK_WIDTH, 1, _PICK_WIDTH // 2, divisor_override=1)[
            0
        ].log()
        picks = [(_positions(peak(smooth, cell)[0]) * FINE, float(about[tuple(cell)])) for cell in cells]
        least = max(chance for _, chance in picks) + math.log(_PLAUSIBLE)
        return [(pick, chance) for pick, chance in picks if chance >= least]

    def _places(self, scene: Scene, picks: Sequence[Array]) -> list[_Places]:
        """Place candidates of each pick: coarse maxima, then refined."""
        net = self.optimiser.ema
        points = torch.tensor(np.stack(picks), dtype=torch.float32, device=self.device)
        with self._precision():
            match = net.match(scene, points)
        angles = net.angles(self.config.angles)
        coarse = match_everywhere(match.query, match.key, angles)
        starts = np.stack([_positions(peak(scores)[0][1:]) for scores in coarse]) * COARSE / FINE
        centres = self._with_rivals(torch.tensor(starts, dtype=torch.float32, device=self.device), coarse)
        logits = self._refine(match, coarse, angles, centres)
        side = logits.shape[-1]
        cells = logits.amax(dim=2).flatten(2).argmax(dim=2).cpu().numpy()
        offsets = np.stack([cells % side, cells // side], axis=-1) - self.config.fine_reach
        middles = centres.cpu().double().numpy()
        place_log_probabilities = logits.flatten(2).logsumexp(dim=2).log_softmax(dim=1).cpu().double().numpy()
        found = zip(coarse, logits, middles, (middles + offsets) * FINE, place_log_probabilities, strict=True)
        return [_Places(*values) for values in found]

    def _precision(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.use_bfloat16)

    # ------------------------------------------------------------------ state

    def weights(self) -> dict[str, Tensor]:
        """The averaged weights."""
        return dict(self.optimiser.ema.state_dict())

    def set_weights(self, weights: dict[str, Tensor]) -> None:
        """Set both the network that acts and the one that is trained."""
        self.optimiser.ema.load_state_dict(weights)
        self.net.load_state_dict(weights)

    def training_state(self) -> dict[str, Tensor]:
        """Weights, their moving average, and the optimiser's moments."""
        return self.optimiser.state()

    def set_training_state(self, state: dict[str, Tensor]) -> None:
        """The inverse of ``training_state``."""
        self.optimiser.set_state(state)


def _positions(index: Tensor) -> Array:
    """(2,) continuous position (column, row) of the middle of a cell given as (row, column) index."""
    row, column = (float(value) for value in index)
    return np.array([column + 0.5, row + 0.5])


def _discourage(logits: Tensor, positions: Sequence[Array], loss: float, apart: int) -> None:
    """Lower logits (rows / 2, columns / 2) in a square of ``apart`` cells around pixel positions (2,)."""
    for position in positions:
        column, row = (int(value) // FINE for value in position)
        near = (slice(max(at - apart, 0), max(at + apart + 1, 0)) for at in (row, column))
        logits[tuple(near)] -= loss


def _enlarge(image: Tensor, factor: int) -> Any:
    return image.float().cpu().numpy().repeat(factor, axis=0).repeat(factor, axis=1)
