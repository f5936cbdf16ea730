"""A multi-layer perceptron that steers the tool way-point by way-point, from states and the tool's own pose.

For the continuous form of tasks (``<task>-continuous``). It looks at the last few observations, learns from windows of
episodes, and copies demonstrated way-points (behaviour cloning). It is a starting point for agents of way-points, not a
strong one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ravens_suite.core.geometry import Array
from ravens_suite.core.observations import Interface, Observation
from ravens_suite.core.policy import Action
from ravens_suite.data.demonstrations import Demonstrations, acting

from .common.module_agent import ModuleAgent
from .common.settings import setting

_CLOSING = 0.1
"""Weight of the loss of closing the gripper beside that of the pose."""


@dataclass(frozen=True)
class WaypointMlpConfig:
    """Settings of the agent.

    Attributes:
        steps: gradient steps of a whole training run.
        batch: windows a step.
        window: observations that an action is chosen by, the present one among them.
        width: of the two hidden layers.
        learning_rate: of AdamW.
        device: ``auto``, ``cpu`` or ``cuda``.
    """

    steps: int = setting(3000, least=1, most=10**9)
    batch: int = setting(64, least=1, most=10_000)
    window: int = setting(2, least=1, most=1000)
    width: int = setting(256, least=1, most=8192)
    learning_rate: float = setting(1e-3, above=0)
    device: str = "auto"


class Windows(NamedTuple):
    """Every window of the demonstrations.

    Attributes:
        seen: (S, window, F) float32: state, tip pose and gripper.
        pose: (S, 7) float32 of the way-point that followed.
        gripper: (S,) float32, 0 or 1.
    """

    seen: Tensor
    pose: Tensor
    gripper: Tensor


class WaypointMlp(ModuleAgent[Windows]):
    """The agent. See the module's docstring."""

    name = "waypoint-mlp"
    config_type = WaypointMlpConfig
    config: WaypointMlpConfig
    observation_keys = ("state", "tip_pose", "gripper_state")
    controls = ("waypoint",)
    action_keys = ("pose", "gripper")

    def __init__(
        self, config: WaypointMlpConfig | None = None, seed: int = 0, interface: Interface | None = None
    ) -> None:
        super().__init__(config, seed, interface)
        self._past: deque[Array] = deque(maxlen=self.config.window)

    def make_net(self) -> nn.Module:
        """(batch, window * F) to (batch, 8): a pose, and the logit of closing the gripper."""
        inputs = self.config.window * sum(self.interface.shape(key)[0] for key in self.observation_keys)
        width = self.config.width
        layers = [nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 8)]
        return nn.Sequential(*layers)

    def reset(self, seed: int = 0) -> None:
        """Forget the last episode."""
        self._past.clear()

    def make_dataset(self, demonstrations: Demonstrations) -> Windows:
        """All windows in memory; before an episode's first observation stands the first one again."""
        seen, pose, gripper = [], [], []
        for episode in acting(demonstrations):
            columns = episode.window(0, episode.summary.steps, self.observation_keys)
            rows = np.concatenate([columns[key] for key in self.observation_keys], axis=1)
            padded = np.concatenate([rows[:1].repeat(self.config.window - 1, axis=0), rows])
            seen += [padded[step : step + self.config.window] for step in range(len(rows))]
            actions = episode.actions()
            pose.append(actions["pose"])
            gripper.append(actions["gripper"])
        arrays = np.stack(seen), np.concatenate(pose), np.concatenate(gripper)
        return Windows(*(torch.from_numpy(array).float() for array in arrays))

    def fit_step(self, dataset: Windows, step: int) -> dict[str, float]:
        """One step on a random batch of windows."""
        rng = np.random.default_rng([self.seed, step])
        chosen = torch.from_numpy(rng.integers(len(dataset.seen), size=self.config.batch))
        return self.descend(self._loss(dataset, chosen))

    def example_loss(self, dataset: Windows, step: int) -> Tensor:
        """See ``Agent``: the loss of one window."""
        return self._loss(dataset, torch.tensor([step]))

    def curvature_terms(self, dataset: Windows, step: int) -> Tensor:
        """See ``Agent``: the outputs, weighted by the square root of how the loss bends along each."""
        out: Tensor = self.net(dataset.seen[step].to(self.device).flatten())
        closed = out[7:].detach().sigmoid()
        weights = torch.cat([torch.full_like(out[:7], 2 / 7), _CLOSING * closed * (1 - closed)])
        return out * weights.sqrt()

    def _loss(self, dataset: Windows, chosen: Tensor) -> Tensor:
        """The loss of some windows, () float32."""
        seen, pose, gripper = (rows[chosen].to(self.device) for rows in dataset)
        out = self.net(seen.flatten(1))
        closing = functional.binary_cross_entropy_with_logits(out[:, 7], gripper)
        return functional.mse_loss(out[:, :7], pose) + _CLOSING * closing

    @torch.inference_mode()
    def act(self, observation: Observation) -> Action:
        """The next way-point: ``pose`` (7,) float64 and ``gripper``. See ``Policy``."""
        row = np.concatenate([observation[key] for key in self.observation_keys])
        while len(self._past) < self.config.window:
            self._past.append(row)
        self._past.append(row)
        seen = torch.from_numpy(np.concatenate(self._past)).float()[None].to(self.device)
        out = self.net(seen)[0].double().cpu().numpy()
        return {"pose": out[:7], "gripper": int(out[7] > 0)}
