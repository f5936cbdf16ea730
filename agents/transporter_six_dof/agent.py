"""Transporter with six degrees of freedom: height, roll and pitch of a place are read from the depth around it.

Where to pick, where to place, and by which twist, is chosen as by ``transporter``. A small network of its own then
reads from the heightmap around the place how the target is tilted, and how high (``tilt_net.py``). The published agent
regresses the same three numbers from matched features (Transporter Networks, arXiv 2010.14406); depth alone says them,
and a network apart leaves the rest of the agent as it is.

What stands at that place is then levelled in the heightmap, and matched once more: a tilted target is foreshortened, so
that one leg of an L may look like the other, and a level one always looks the same.

Targets are tilted and raised anew in training (``pick_place/retilting.py``), further than demonstrations tilt them.
Without tilted demonstrations it acts as ``transporter`` does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.heightmap import Heightmap
from ravens_suite.core.observations import Interface
from ravens_suite.core.types import Action
from ravens_suite.core.workspace import AGENT_WORKSPACE
from ravens_suite.data.demonstrations import Demonstrations

from ..common.optimiser import Optimiser, OptimiserConfig, under
from ..common.settings import setting
from ..pick_place.augmentation import UNCHANGED, Augmentation, Example, augment
from ..pick_place.dataset import PickPlaceDataset
from ..pick_place.plane import to_pixels
from ..pick_place.retilting import REACH, levelled
from ..pick_place.tilts import Tilt, turned
from ..transporter.agent import Transporter
from ..transporter.candidates import find_candidates
from ..transporter.config import TransporterConfig
from ..transporter.decision import Decision, decision_of
from .tilt_net import UNIT, TiltNet

_PREFIX = "tilt."
"""Before the names of this network's weights."""
_STREAM = 1
"""Beside seed and step: random numbers of the tilts' examples."""
_PLACE_ERROR = 3.0
"""Pixels, 9 mm: standard deviation along each axis of the simulated error of a place."""
_LEAST, _STEEPEST = math.sin(math.radians(2)), math.sin(math.radians(70))
"""Sines of the smallest and of the largest tilt that is acted on."""
_PIXEL = AGENT_WORKSPACE.pixel_size
_LEVEL = Tilt(np.array([0.0, 0.0, 1.0]), 0.0)
_TILT_UNIT = 0.1
"""Error of the tilt that costs as much as one of half ``_HEIGHT_UNIT``."""
_HEIGHT_UNIT = UNIT / 5
"""Metres."""


@dataclass(frozen=True)
class TransporterSixDofConfig(TransporterConfig):
    """Settings of the agent: those of ``transporter``, and of reading tilts.

    Attributes:
        retilted: share of examples whose target is tilted and raised otherwise than demonstrated.
        tilt_examples: examples of a step from which tilts are learnt, beside those of picks and places.
        tilt_places: places around that of an example, each of which is read.
        tilt_learning_rate: at the top of the cycle.
    """

    retilted: float = setting(0.6, least=0, most=1)
    tilt_examples: int = setting(2, least=1, most=1000)
    tilt_places: int = setting(8, least=1, most=1000)
    tilt_learning_rate: float = setting(4e-3, above=0)


class TransporterSixDof(Transporter):
    """The agent. See the module's docstring."""

    name = "transporter-six-dof"
    config_type = TransporterSixDofConfig
    config: TransporterSixDofConfig
    tilts = True

    def __init__(
        self, config: TransporterSixDofConfig | None = None, seed: int = 0, interface: Interface | None = None
    ) -> None:
        super().__init__(config, seed, interface)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.tilt_net = TiltNet().to(self.device)
        rate, decay, average = self.config.tilt_learning_rate, self.config.weight_decay, self.config.average
        self.tilt_optimiser = Optimiser(self.tilt_net, OptimiserConfig(self.config.steps, rate, decay, average))

    @property
    def places_upright(self) -> bool:
        """See ``Transporter``: without tilted demonstrations it is that agent, in this, too."""
        return not bool(self.tilt_net.tilting)

    # ------------------------------------------------------------------ learning

    def make_dataset(self, demonstrations: Demonstrations) -> PickPlaceDataset:
        """Heightmaps of all steps, in memory, with height and tilt of their places."""
        return PickPlaceDataset.from_demonstrations(
            demonstrations,
            goals=self.shows_goal,
            tilts=True,
            instructions=self.listens,
            first_scenes=self.config.remembers,
        )

    def fit_step(self, dataset: PickPlaceDataset, step: int) -> dict[str, float]:
        """One gradient step of picks and places, and one of tilts, each on freshly augmented examples.

        Returns:
            Losses ``pick``, ``place`` (coarse), ``refine`` and, with tilted places, ``tilt``; the ``learning_rate``.
        """
        for net in (self.tilt_net, self.tilt_optimiser.ema):
            net.tilting.fill_(dataset.tilting)
        losses = super().fit_step(dataset, step)
        if not dataset.tilting:
            return losses
        rng = np.random.default_rng([self.seed, step, _STREAM])
        augmentation = replace(self.augmentation(len(dataset)), counts=False)
        examples = [augment(dataset.sample(rng), augmentation, rng) for _ in range(self.config.tilt_examples)]
        loss = self.tilt_loss(examples, rng)
        self.tilt_optimiser.step(loss, step)
        return {**losses, "tilt": float(loss.detach())}

    def example_loss(self, dataset: PickPlaceDataset, step: int) -> Tensor:
        """See ``Agent``: with the loss of the tilt, where tilts were learnt."""
        loss = super().example_loss(dataset, step)
        if not self.tilt_net.tilting:
            return loss
        rng = np.random.default_rng([self.seed, step, _STREAM])
        return loss + self.tilt_loss([augment(dataset.episodes[0][step], UNCHANGED, rng)], rng)

    def wind_down(self, periods: Sequence[tuple[int, int]]) -> None:
        """See ``Agent``: the rate of tilts comes down, too."""
        super().wind_down(periods)
        self.tilt_optimiser.periods = tuple(periods)

    def trained_parameters(self) -> dict[str, nn.Parameter]:
        """See ``Agent``."""
        own = {_PREFIX + name: parameter for name, parameter in self.tilt_net.named_parameters()}
        return {**super().trained_parameters(), **own}

    def augmentation(self, demos: int) -> Augmentation:
        """As that of ``transporter``; what is tilted is neither stretched nor bent, since it would not fit any more."""
        plain = super().augmentation(demos)
        if not self.tilt_net.tilting:
            return plain
        # Nor have these been tried with tilted places.
        plain = replace(plain, unfinished=0.0, nudged=0.0, distractors=0.0)
        return replace(plain, stretch=1.0, bent=0.0, scale=1.0, height=1.0, retilted=self.config.retilted)

    def tilt_loss(self, examples: list[Example], rng: np.random.Generator) -> Tensor:
        """Mean Huber loss of tilt and height, () float32, at places around those of some examples.

        Places that are not tilted have no height: they are at that of the map, as those of ``transporter``.
        """
        heights, places, tilts, targets, known = [], [], [], [], []
        for example in examples:
            tilt = example.tilt or _LEVEL
            for _ in range(self.config.tilt_places):
                error = rng.normal(0, _PLACE_ERROR, 2)
                heights.append(example.height)
                places.append(example.place[0] + error)
                tilts.append(tilt.normal[:2])
                targets.append(float(tilt.height_at(error)))
                known.append(float(example.tilt is not None))
        found = self.tilt_net(*(self._tensor(np.stack(values)) for values in (heights, places)))
        tilt_error = (found.tilt - self._tensor(np.stack(tilts))) / _TILT_UNIT
        height_error = (found.height - self._tensor(np.array(targets))) * self._tensor(np.array(known)) / _HEIGHT_UNIT
        errors = torch.cat([tilt_error, height_error[:, None]], dim=1)
        return functional.huber_loss(errors, torch.zeros_like(errors))

    def _tensor(self, values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(values).float().to(self.device)

    # ------------------------------------------------------------------ acting

    def action(self, heightmap: Heightmap, goal: Heightmap | None = None, instruction: str | None = None) -> Action:
        """The action for a fused heightmap, the next one of the episode that began with ``reset``.

        Args:
            heightmap: of the scene.
            goal: of the finished scene, if ``shows_goal``.
            instruction: if it ``listens``.
        """
        flat = super().action(heightmap, goal, instruction)
        return Action(flat.pick, self.tilted(flat.place, heightmap)) if self.tilt_net.tilting else flat

    def decide(self, heightmap: Heightmap, goal: Heightmap | None = None, instruction: str | None = None) -> Decision:
        """See ``Transporter``: where a tilt is read, the place is the best one of the target once it is levelled."""
        decision = super().decide(heightmap, goal, instruction)
        tilt = self.tilt_at(decision.place, heightmap) if self.tilt_net.tilting else None
        level = None if tilt is None else levelled(heightmap, decision.place, tilt.normal)
        column, row = decision.pick.astype(int)
        # What is picked off the target would move with it.
        if tilt is None or level is None or level.mask[row, column]:
            return decision
        shown = self._shown_now(heightmap, goal, instruction)
        net, history = self.optimiser.ema, self._history
        found = find_candidates(net, self.config, level.scene, history, at=decision.pick, **shown)
        (places,) = found.places
        # The other places are those of targets that are still tilted.
        away = np.linalg.norm(places.positions[:, None] - level.outline, axis=-1).min(axis=1) > REACH
        if away.all():
            return decision
        again = decision_of(self.config, found, 0, int(np.where(away, -np.inf, places.log_probabilities).argmax()))
        height = level.there(np.array([*decision.place, tilt.height / _PIXEL]))[2]
        place = level.back(np.array([*again.place, height]))[:2]
        return decision._replace(place=place, yaw=again.yaw)

    def tilted(self, place: Pose, heightmap: Heightmap) -> Pose:
        """An upright place pose with the height and the tilt that are read there.

        Where hardly any tilt is read it stays as it is.
        """
        tilt = self.tilt_at(to_pixels(place), heightmap)
        if tilt is None:
            return place
        position = (place.position[0], place.position[1], tilt.height)
        return Pose(position, turned(tilt.normal, place.yaw).quaternion)

    @torch.inference_mode()
    def tilt_at(self, place: Array, heightmap: Heightmap) -> Tilt | None:
        """What is read at a place, (2,) float64 pixels, by the averaged (EMA) weights; ``None`` for hardly any tilt."""
        found = self.tilt_optimiser.ema(self._tensor(heightmap.height[None]), self._tensor(place[None]))
        x, y = (float(value) for value in found.tilt[0])
        size = math.hypot(x, y)
        if size < _LEAST:
            return None
        if size > _STEEPEST:
            x, y = x * _STEEPEST / size, y * _STEEPEST / size
        return Tilt(np.array([x, y, math.sqrt(1 - x * x - y * y)]), max(float(found.height[0]), 0.0))

    # ------------------------------------------------------------------ state

    def weights(self) -> dict[str, Tensor]:
        """The averaged (EMA) weights. See ``Trainee``."""
        own = self.tilt_optimiser.ema.state_dict()
        return {**super().weights(), **{_PREFIX + name: value for name, value in own.items()}}

    def set_weights(self, weights: dict[str, Tensor]) -> None:
        """Set both the networks that act and those that are trained. See ``Trainee``."""
        own = under(_PREFIX, weights)
        super().set_weights({name: value for name, value in weights.items() if not name.startswith(_PREFIX)})
        self.tilt_optimiser.ema.load_state_dict(own)
        self.tilt_net.load_state_dict(own)

    def training_state(self) -> dict[str, Tensor]:
        """Weights, their moving averages, and the optimisers' moments. See ``Trainee``."""
        own = self.tilt_optimiser.state()
        return {**super().training_state(), **{_PREFIX + name: value for name, value in own.items()}}

    def set_training_state(self, state: dict[str, Tensor]) -> None:
        """The inverse of ``training_state``. See ``Trainee``."""
        super().set_training_state({name: value for name, value in state.items() if not name.startswith(_PREFIX)})
        self.tilt_optimiser.set_state(under(_PREFIX, state))
