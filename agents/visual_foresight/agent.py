"""Visual foresight: a world model predicts scenes after actions, and a planner takes those that lead to a goal picture.

Any model (``models/``) goes with any planner (``planners/``): ``--config '{"model": "transport", "planner": "cem"}'``.
Models learn from any episodes, such as ``collect --policy explore`` makes: nothing is imitated, and no success is
needed. What a plan is worth is how much nearer it brings the scene to the goal picture (``distance.py``), by the
predicted picture or by the gain that a model predicts itself.

After Deep Visual Foresight (arXiv 1610.00696); docs/world_models.md is the guide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ravens_suite.core.observations import GOAL, Interface, Observation
from ravens_suite.core.policy import Action
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.errors import ConfigError

from ..base import Agent
from ..common.devices import choose_device
from ..pick_place.kept_heightmaps import KEYS
from .config import VisualForesightConfig
from .dataset import TransitionDataset, mirrored
from .distance import changed
from .lightning import LIGHTNING, Followers, check_lightning, free_port
from .lookup import find_model, find_planner
from .models.base import WorldModel
from .optimiser import Optimiser
from .planners.base import Plan, Search
from .proposals import propose
from .proposer import Proposer
from .scenes import enlarged, see, to_heightmap, to_poses, unpack
from .thought import Thought, heatmaps

_LEAST_CHANGE = 4
"""Pixels of a scene that change when an action had an effect."""
_OF_NETWORKS = ("share", "width")
"""Settings that say what a network learns, and how large it is."""
_AT_A_TIME, _MANY = {"cpu": 16}, 64
"""Predictions that are computed together, by the kind of device."""


class VisualForesight(Agent[TransitionDataset]):
    """The agent. See the module's docstring."""

    name = "visual-foresight"
    config_type = VisualForesightConfig
    config: VisualForesightConfig
    observation_keys = (*KEYS, *(GOAL + key for key in KEYS))
    action_keys = ("pick", "place")
    tilts = False
    imitates = False
    acting_settings = ("calls", "depth", "planner", "proposals", "proposer", "reward")

    def __init__(
        self, config: VisualForesightConfig | None = None, seed: int = 0, interface: Interface | None = None
    ) -> None:
        super().__init__(config, seed, interface)
        self.device = choose_device(self.config.device)
        check_lightning(self.config, self.device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.model = find_model(self.config.model)(self.config).to(self.device)
        self.planner = find_planner(self.config.planner)()
        self._check()
        self.optimiser = Optimiser(self.model, self.config)
        self._followers: Followers | None = None
        self.reset()

    def _check(self) -> None:
        """Refuse settings that contradict each other."""
        self._check_read()
        pictures = self.model.shows and bool(self.config.share)
        if self.config.reward == "picture" and not pictures:
            raise ConfigError('This model predicts no pictures: set "reward": "predicted" in --config, too.')
        if self.config.depth > 1 and not pictures:
            raise ConfigError('Without predicted pictures a plan looks one action ahead: set "depth": 1 in --config.')
        if self.config.depth > 1 and not self.planner.deep:
            raise ConfigError(f'The planner {self.config.planner} looks one action ahead: set "depth": 1 in --config.')
        if self.config.calls < self.config.depth:
            raise ConfigError(
                f'A plan of {self.config.depth} actions costs as many predictions: set "calls" to {self.config.depth} '
                'or more in --config, or "depth" lower.'
            )

    def _check_read(self) -> None:
        """Refuse settings that the model does not read: whoever gives one believes that it does something."""
        name, config = self.config.model, self.config
        if not self.model.state_dict():
            for item in fields(config):
                if item.name in _OF_NETWORKS and getattr(config, item.name) != item.default:
                    raise ConfigError(f'{name} has no network, and reads no "{item.name}": leave it out of --config.')
        if not self.model.shows and 0 < config.share < 1:
            raise ConfigError(f'{name} predicts no pictures, and no share of them: leave "share" out of --config.')

    @property
    def acting(self) -> WorldModel:
        """The model with the averaged weights."""
        return self.optimiser.ema

    # ------------------------------------------------------------------ learning

    def make_dataset(self, demonstrations: Demonstrations) -> TransitionDataset:
        """Reduced scenes of all steps, in memory."""
        return TransitionDataset.from_demonstrations(demonstrations)

    def fit_step(self, dataset: TransitionDataset, step: int) -> dict[str, float]:
        """One gradient step on windows of the episodes, half of them seen in a mirror.

        Returns:
            Losses ``picture`` and ``gain``, and the ``learning_rate``.
        """
        if self.config.lightning:
            self._lead(dataset, step)
        lightning = self.optimiser.lightning
        rng = np.random.default_rng([self.seed, step])
        window = mirrored(dataset.sample(rng, self.config.batch, self.config.horizon, self.device), rng)
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        losses = (self.model if lightning is None else lightning).losses(window, generator)
        rate = self.optimiser.step(torch.stack(list(losses.values())).sum(), step)
        shown = losses if lightning is None else lightning.mean(losses)
        figures = {**{name: float(loss.detach()) for name, loss in shown.items()}, "learning_rate": rate}
        if lightning is not None:
            lightning.log(figures, step)
        return figures

    def _lead(self, dataset: TransitionDataset, step: int) -> None:
        """Let the processes of the other devices take this step, too; before the first one they are started."""
        if self.optimiser.lightning is None and self.optimiser.adam is not None:
            port = free_port() if self.config.devices > 1 else 0
            if self.config.devices > 1:
                state = self.optimiser.state()
                self._followers = Followers(type(self), self.config, self.seed, state, dataset, port)
            self.join(0, port)
        if self._followers is not None:
            self._followers.step(step, self.optimiser.periods)

    def wind_down(self, periods: Sequence[tuple[int, int]]) -> None:
        """See ``Agent``."""
        self.optimiser.periods = tuple(periods)

    def join(self, rank: int, port: int) -> None:
        """Train through Lightning from now on, as the process of this number (see ``lightning.py``)."""
        self.optimiser.join(self.device, rank, port)

    # ------------------------------------------------------------------ acting

    def reset(self, seed: int = 0) -> None:
        """An episode begins; its plans are drawn from the seed."""
        self._seed, self._step = seed, 0
        self._thought: Thought | None = None
        self._proposer = Proposer(Path(self.config.proposer)) if self.config.proposer else None
        self._avoided: list[Tensor] = []

    def act(self, observation: Observation) -> Action:
        """The first action of the best plan found.

        Args:
            observation: with ``observation_keys``; the next one of the episode that began with ``reset``.

        Returns:
            ``pick`` and ``place``, (7,) float64 each: position in metres and quaternion (x, y, z, w), world frame.
        """
        thought = self.think(observation)
        self._avoided = self._without_effect(thought.scene)
        self._thought = thought
        self._step += 1
        if self._proposer is not None:
            self._proposer.record(thought.plan.action)
        return dict(to_poses(thought.plan.action.double().cpu().numpy(), thought.scene))

    def think(self, observation: Observation) -> Thought:
        """Plan, and say what was considered; nothing of it is remembered."""
        scene, wanted = unpack([see(observation), see(observation, GOAL)], self.device)
        first = torch.zeros(0, 5) if self._proposer is None else self._proposer.propose(observation)
        return self.plan(scene, wanted, first)

    def plan(self, scene: Tensor, wanted: Tensor, first: Tensor | None = None) -> Thought:
        """``think`` for scenes; all tensors are float32, see ``scenes.py``.

        Args:
            scene: (4, 160, 80) what is seen.
            wanted: (4, 160, 80) the goal.
            first: (N, 5) actions that are tried before all others.
        """
        avoided = self._without_effect(scene)

        def actions(at: Tensor, count: int, rng: np.random.Generator) -> Tensor:
            """Of the scene that is seen, the proposer's come first."""
            given = first[:count] if at is scene and first is not None else torch.zeros(0, 5)
            return torch.cat([given, propose(self.config.proposals, at, wanted, count - len(given), rng)])

        search = Search(
            model=self.acting,
            scene=scene,
            goal=wanted,
            propose=actions,
            calls=self.config.calls,
            depth=self.config.depth,
            by_picture=self.config.reward == "picture",
            avoided=torch.stack(avoided) if avoided else torch.zeros(0, 2),
            batch=_AT_A_TIME.get(self.device.type, _MANY),
        )
        plan = self.planner.plan(search, np.random.default_rng([self._seed, self._step]))
        return Thought(scene, wanted, plan, self._predicted(scene, plan))

    def _without_effect(self, scene: Tensor) -> list[Tensor]:
        """Picks (2,) since the last action that changed the scene, if the one before this scene was none.

        Args:
            scene: (4, 160, 80) what is seen after it.
        """
        last = self._thought
        if last is None or int(changed(last.scene[None], scene[None]).sum()) >= _LEAST_CHANGE:
            return []
        return [*self._avoided, last.plan.action[:2].cpu()]

    def explain(self, observation: Observation) -> dict[str, Any]:
        """What was considered, and what the model expects of the action that was chosen.

        After ``act`` with the same observation, that decision is what is explained.

        Returns:
            ``color`` (320, 160, 3) uint8, ``height`` (320, 160) float32 metres, ``pick`` and ``place`` (320, 160)
            float32: the first actions that were considered, weighted by their worth; ``predicted_color`` and
            ``predicted_height`` of the scene after the action, where the model predicts pictures.
        """
        thought = self._thought
        scene, wanted = unpack([see(observation), see(observation, GOAL)], self.device)
        if thought is None or not (torch.equal(thought.scene, scene) and torch.equal(thought.goal, wanted)):
            thought = self.think(observation)
        now = enlarged(to_heightmap(thought.scene))
        maps = {"color": now.color, "height": now.height, **heatmaps(thought.plan)}
        if thought.predicted is None:
            return maps
        after = enlarged(to_heightmap(thought.predicted))
        return {**maps, "predicted_color": after.color, "predicted_height": after.height}

    @torch.inference_mode()
    def _predicted(self, scene: Tensor, plan: Plan) -> Tensor | None:
        model = self.acting
        if not (model.shows and self.config.share):
            return None
        return model.predict(scene[None], plan.action[None].to(scene), model.begin(scene[None])).scene[0]

    # ------------------------------------------------------------------ state

    def weights(self) -> dict[str, Tensor]:
        """The averaged weights of the model; nothing for models that have none. See ``Trainee``."""
        return dict(self.acting.state_dict())

    def set_weights(self, weights: dict[str, Tensor]) -> None:
        """Set both the model that plans and the one that is trained. See ``Trainee``."""
        self.acting.load_state_dict(weights)
        self.model.load_state_dict(weights)

    @classmethod
    def _settings_to_act(cls, config: dict[str, Any], interface: Interface) -> dict[str, Any]:
        """Without those of Lightning, which only training needs."""
        given = super()._settings_to_act(config, interface)
        training = {item.name: item.default for item in fields(cls.config_type) if item.name in LIGHTNING}
        return {**given, **training}

    def training_state(self) -> dict[str, Tensor]:
        """Weights, their moving average, and the optimiser's moments. See ``Trainee``."""
        return self.optimiser.state()

    def set_training_state(self, state: dict[str, Tensor]) -> None:
        """The inverse of ``training_state``. See ``Trainee``."""
        self._followers = self.optimiser.lightning = None  # They would go on from other weights.
        self.optimiser.set_state(state)
