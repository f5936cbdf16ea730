"""The forecaster ``progress``: watches heightmaps over time and says how far an episode is and what will come of it.

It learns from recorded episodes, of the oracle and of policies that fail (``ravens-suite collect --policy``), three
things at once: the score so far, the stage (``core/forecast.py``), and the next view given the action that follows.
What no camera saw counts in none of them. Only the images are used when it watches: no pose, no reward.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ravens_suite.core.forecast import Forecast
from ravens_suite.core.heightmap import fuse_observation
from ravens_suite.core.observations import Interface, Observation
from ravens_suite.core.policy import Action
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.errors import MissingDataError

from ...common.devices import PRECISIONS, autocast, choose_bfloat16, choose_device
from ...common.optimiser import Optimiser, OptimiserConfig
from ...common.recurrent import LstmState
from ...common.settings import setting
from ...pick_place.kept_heightmaps import KEYS
from ..base import Forecaster
from .episodes import Batch, WatchedEpisode, draw_batch, expected_views, read_episodes
from .network import Features, ProgressNet
from .views import View, action_channels, moved_copy, poses_of

_UNCHANGED = 0.2
"""Weight of the mean error over all pixels of the next view, beside that over those that change."""
_USUAL = 8
"""Actions of an episode that a step is made for; of longer pieces it has no more episodes."""


@dataclass(frozen=True)
class ProgressConfig:
    """Settings of the forecaster.

    Attributes:
        steps: gradient steps of a whole training run.
        batch: episodes a step. Where they are shorter than ``piece`` and than 8 actions on average, it is so many more
            that a step sees about as many views.
        piece: most actions of an episode that a step looks at. Half of the pieces begin anywhere in their episode.
        width: channels at the finest cells and of the memory.
        learning_rate: the highest one, of Muon and AdamW on one cycle.
        weight_decay: of the same optimisers, decoupled from the gradient.
        average: decay of the exponential moving average (EMA) of the weights; it watches with the averaged ones.
        looks: actions of each piece after which a step asks for the next view; fewer of each where a step has more
            episodes, and none of a piece of one view. 0 learns none, and is faster.
        view_weight: of the loss of the next view.
        more_data: further data folders; as many episodes are read of each as demonstrations were asked for, those of
            the lowest seeds when the run begins.
        precision: of training: ``float32``, ``bfloat16``, or ``auto`` for bfloat16 where the processor has it.
        device: ``auto``, ``cpu`` or ``cuda``.
    """

    steps: int = setting(1000, least=1, most=10**9)
    batch: int = setting(6, least=1, most=1000)
    piece: int = setting(8, least=1, most=1000)
    looks: int = setting(3, least=0, most=100)
    width: int = setting(32, least=1, most=1024)
    learning_rate: float = setting(2e-3, above=0)
    weight_decay: float = setting(1e-2, least=0)
    average: float = setting(0.98, least=0, below=1)
    view_weight: float = setting(1.0, least=0)
    more_data: tuple[str, ...] = setting((), names="data")
    precision: str = setting("auto", choices=PRECISIONS)
    device: str = "auto"


class Progress(Forecaster[list[WatchedEpisode]]):
    """The forecaster. See the module's docstring.

    Attributes:
        device: of the network and of what it reads.
        net: the network that is trained.
        optimiser: trains it, and averages its weights.
    """

    name = "progress"
    config_type = ProgressConfig
    config: ProgressConfig
    observation_keys = KEYS
    action_keys = ("pick", "place")

    def __init__(self, config: ProgressConfig | None = None, seed: int = 0, interface: Interface | None = None) -> None:
        super().__init__(config, seed, interface)
        config = self.config
        self.device = choose_device(config.device)
        self._bfloat16 = choose_bfloat16(config.precision, self.device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.net = ProgressNet(config.width).to(self.device)
        settings = OptimiserConfig(
            config.steps, config.learning_rate, config.weight_decay, config.average, convolutions=True
        )
        self.optimiser = Optimiser(self.net, settings)
        self._state: LstmState | None = None
        self._last: tuple[View, Features, Tensor] | None = None

    # ------------------------------------------------------------------ learning

    def make_dataset(self, demonstrations: Demonstrations) -> list[WatchedEpisode]:
        """All episodes, reduced, in memory; those of ``more_data`` are among them."""
        return read_episodes(demonstrations)

    def fit_step(self, dataset: list[WatchedEpisode], step: int) -> dict[str, float]:
        """One step on pieces of episodes, drawn and altered now."""
        rng = np.random.default_rng([self.seed, step])
        config = self.config
        count, looks = self._amounts(dataset)
        batch = draw_batch(dataset, count, config.piece, looks, rng).to(self.device)
        with autocast(self.device, self._bfloat16):
            losses = self.losses(batch)
        total = losses["progress"] + losses["stage"] + config.view_weight * losses["view"]
        rate = self.optimiser.step(total, step)
        return {name: float(loss.detach()) for name, loss in losses.items()} | {"learning_rate": rate}

    def _amounts(self, dataset: list[WatchedEpisode]) -> tuple[int, int]:
        """How many episodes a step draws, and of each how many looks."""
        config = self.config
        views = sum(expected_views(len(episode.poses), config.piece) for episode in dataset) / len(dataset)
        count = max(round(config.batch * (min(config.piece, _USUAL) + 1) / views), config.batch)
        return count, max(round(config.looks * config.batch / count), min(config.looks, 1))

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Cross-entropies of progress and of the stage, and the error of the next view, each () float32."""
        features, _ = self.net.watch(batch.seen, valid=batch.valid)
        progress, stages = self.net.judged(features)
        valid = batch.valid
        losses = {
            "progress": functional.binary_cross_entropy_with_logits(progress.float()[valid], batch.scores[valid]),
            "stage": functional.cross_entropy(stages.float()[valid], batch.stages[valid]),
        }
        looked = len(batch.steps) and self.config.view_weight
        losses["view"] = self._view_loss(features, batch) if looked else losses["progress"].new_zeros(())
        return losses

    def _view_loss(self, features: Features, batch: Batch) -> Tensor:
        """() mean absolute error of the next view, mostly over the pixels that change."""
        steps, episodes = batch.steps, torch.arange(batch.steps.shape[1], device=self.device)
        before, after = batch.seen[steps, episodes], batch.seen[steps + 1, episodes]  # (L, B, 7, 160, 80)
        known = Features(*(maps[steps, episodes] for maps in features))
        predicted = self.net.next_view(known, before, batch.acting, batch.copied).float()
        error = (predicted - after[:, :, :4]).abs().mean(dim=2)  # (L, B, 160, 80)
        # What no camera saw, before or after, teaches nothing.
        seen = (after[:, :, 4] > 0) & (before[:, :, 4] > 0)
        return _mean(error, batch.changes) + _UNCHANGED * _mean(error, seen)

    # ------------------------------------------------------------------ watching

    def reset(self, seed: int = 0) -> None:
        """See ``core/forecast.py``."""
        self._state = self._last = None

    def update(self, observation: Observation, action: Action | None = None) -> Forecast:
        """See ``core/forecast.py``."""
        return self.watch(View.of(fuse_observation(observation)), action)

    @torch.inference_mode()
    def watch(self, view: View, action: Action | None = None) -> Forecast:
        """``update`` for a view that is there already."""
        led = action_channels(None if action is None else poses_of(action))
        seen = torch.from_numpy(np.concatenate([view.channels(), led]))[None, None].to(self.device)
        features, self._state = self.optimiser.ema.watch(seen, self._state)
        self._last = view, features, seen
        progress, stages = self.optimiser.ema.judged(features)
        _, failing, done = torch.softmax(stages[0, 0].double(), dim=0).tolist()
        return Forecast(float(torch.sigmoid(progress[0, 0])), failing, done)

    @torch.inference_mode()
    def foresee(self, action: Action) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        """The view that an action would lead to from here.

        Args:
            action: ``pick`` and ``place``.

        Returns:
            (4, 160, 80) float32: red, green, blue in 0 to 1, and height in units of 0.1 m.

        Raises:
            MissingDataError: nothing was seen yet.
        """
        if self._last is None:
            raise MissingDataError("Nothing was seen of this episode yet: call update with an observation first.")
        view, features, seen = self._last
        poses = poses_of(action)
        acting = torch.from_numpy(action_channels(poses))[None, None].to(self.device)
        copied = torch.from_numpy(moved_copy(view, poses).channels())[None, None].to(self.device)
        return self.optimiser.ema.next_view(features, seen, acting, copied)[0, 0].cpu().numpy()

    # ------------------------------------------------------------------ files

    def trained_parameters(self) -> dict[str, nn.Parameter]:
        """Parameters of the network."""
        return dict(self.net.named_parameters())

    def weights(self) -> dict[str, Tensor]:
        """The averaged (EMA) weights. See ``Trainee``."""
        return dict(self.optimiser.ema.state_dict())

    def set_weights(self, weights: dict[str, Tensor]) -> None:
        """The inverse of ``weights``; the network that is trained gets them, too. See ``Trainee``."""
        for net in (self.net, self.optimiser.ema):
            net.load_state_dict(weights)

    def training_state(self) -> dict[str, Tensor]:
        """Weights, their moving average, and the optimiser's moments. See ``Trainee``."""
        return self.optimiser.state()

    def set_training_state(self, state: dict[str, Tensor]) -> None:
        """The inverse of ``training_state``. See ``Trainee``."""
        self.optimiser.set_state(state)


def _mean(values: Tensor, where: Tensor) -> Tensor:
    """Mean of values where a mask is set; 0 where it is set nowhere."""
    weights = where.to(values.dtype)
    return (values * weights).sum() / weights.sum().clamp(min=1)
