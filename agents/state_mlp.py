"""A multi-layer perceptron on the poses of all bodies: the smallest agent that learns from states.

It copies demonstrated actions (behaviour cloning, mean squared error), and so gives the mean of actions where several
are right: it is a starting point for agents that learn from states, not a strong one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ravens_suite.core.observations import Observation
from ravens_suite.core.policy import Action
from ravens_suite.data.demonstrations import Demonstrations, acting

from .common.module_agent import ModuleAgent
from .common.settings import setting


@dataclass(frozen=True)
class StateMlpConfig:
    """Settings of the agent.

    Attributes:
        steps: gradient steps of a whole training run.
        batch: examples a step.
        width: of the two hidden layers.
        learning_rate: of AdamW.
        device: ``auto``, ``cpu`` or ``cuda``.
    """

    steps: int = setting(2000, least=1, most=10**9)
    batch: int = setting(64, least=1, most=10_000)
    width: int = setting(256, least=1, most=8192)
    learning_rate: float = setting(1e-3, above=0)
    device: str = "auto"


class Steps(NamedTuple):
    """Every demonstrated step.

    Attributes:
        state: (S, K * 11) float32, as observed.
        action: (S, A) float32, all poses of the action one after the other, each position and quaternion.
    """

    state: Tensor
    action: Tensor


class StateMlp(ModuleAgent[Steps]):
    """The agent. See the module's docstring."""

    name = "state-mlp"
    config_type = StateMlpConfig
    config: StateMlpConfig
    observation_keys = ("state",)

    def make_net(self) -> nn.Module:
        """(batch, K * 11) to (batch, A)."""
        (inputs,) = self.interface.shape("state")
        outputs = sum(int(np.prod(spec.shape)) for spec in self.interface.action.values())
        width = self.config.width
        layers = [nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, outputs)]
        return nn.Sequential(*layers)

    def make_dataset(self, demonstrations: Demonstrations) -> Steps:
        """All steps in memory: a state is a few kilobytes."""
        states, actions = [], []
        for episode in acting(demonstrations):
            states.append(episode.window(0, episode.summary.steps, ["state"])["state"])
            poses = episode.actions()
            actions.append(np.concatenate([poses[key] for key in sorted(self.interface.action)], axis=1))
        return Steps(*(torch.from_numpy(np.concatenate(rows)).float() for rows in (states, actions)))

    def fit_step(self, dataset: Steps, step: int) -> dict[str, float]:
        """One step on a random batch."""
        rng = np.random.default_rng([self.seed, step])
        chosen = torch.from_numpy(rng.integers(len(dataset.state), size=self.config.batch))
        state, action = (rows[chosen].to(self.device) for rows in dataset)
        return self.descend(nn.functional.mse_loss(self.net(state), action))

    def example_loss(self, dataset: Steps, step: int) -> Tensor:
        """See ``Agent``: the mean squared error of one step."""
        state, action = (rows[step].to(self.device) for rows in dataset)
        return nn.functional.mse_loss(self.net(state), action)

    def curvature_terms(self, dataset: Steps, step: int) -> Tensor:
        """See ``Agent``: the outputs, weighted as in a mean squared error."""
        outputs: Tensor = self.net(dataset.state[step].to(self.device))
        return outputs * math.sqrt(2 / len(outputs))

    @torch.inference_mode()
    def act(self, observation: Observation) -> Action:
        """The action for a state; quaternions are made unit ones by the environment. See ``Policy``."""
        state = torch.from_numpy(np.array(observation["state"], dtype=np.float32))[None].to(self.device)
        values = self.net(state)[0].double().cpu().numpy()
        keys = sorted(self.interface.action)
        return dict(zip(keys, np.split(values, len(keys)), strict=True))
