"""A transformer that predicts way-points in chunks, from a map of the table and the tool's own pose.

For the continuous form of tasks (``<task>-continuous``). It is an agent of way-points for any task, and knows neither
picks nor places. What it does about the weaknesses of such agents:

- Long straight moves: the targets are the ends of straight moves (``chunks.py``), the next few of them at once. Where
  chunks of successive steps overlap, their distributions are multiplied (temporal ensembling of ACT, arXiv 2304.13705,
  which averages positions; the mean of two objects is none).
- Precision: positions are read off maps, not regressed, and corrected by a look at where they would lead: what is
  around the tip is laid over what is around the way-point, and the network says how far off it is (``network.py``).
- Where in its task it is: it sees from where the tip came, and the gripper is predicted as a switch.
- Few demonstrations: scenes are turned and shifted, and loads are held elsewhere (``augmentation.py``).

The tool only turns about the vertical axis.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ravens_suite.core.geometry import Array
from ravens_suite.core.observations import Interface, Observation
from ravens_suite.core.policy import Action
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.errors import ConfigError

from ..base import Agent
from ..common.devices import autocast, choose_bfloat16, choose_device
from ..common.optimiser import Optimiser, OptimiserConfig
from .augmentation import regrasped, turned
from .chunks import HOLDS, IMAGES, PROPRIOCEPTION, Window, read_windows, see, to_cells, to_pose, way
from .config import WaypointActConfig
from .losses import Batch, compute_losses, displaced, read_level, read_position, read_turn
from .network import Scene, Thought, WaypointNet, to_map

_SMALL, _LARGE = (0.7, 0.7, 0.09), (3.0, 3.0, 0.4)
"""Standard deviations of errors that are corrected: cells, cells and radians."""


class WaypointAct(Agent[list[Window]]):
    """The agent. See the module's docstring."""

    name = "waypoint-act"
    config_type = WaypointActConfig
    config: WaypointActConfig
    observation_keys = (*IMAGES, *PROPRIOCEPTION)
    controls = ("waypoint",)
    action_keys = ("pose", "gripper")
    tilts = False
    acting_settings = ("ensembling", "refinements")

    def __init__(
        self, config: WaypointActConfig | None = None, seed: int = 0, interface: Interface | None = None
    ) -> None:
        super().__init__(config, seed, interface)
        if self.config.tokens % self.config.heads:
            raise ConfigError(
                f"WaypointActConfig: tokens must be a multiple of heads, but {self.config.tokens} features cannot be "
                f"shared among {self.config.heads} heads: change one of them in --config."
            )
        self.device = choose_device(self.config.device)
        self.use_bfloat16 = choose_bfloat16(self.config.precision, self.device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.net = WaypointNet(self.config).to(self.device)
        config = self.config
        settings = OptimiserConfig(
            config.steps, config.learning_rate, config.weight_decay, config.average, use_muon=False
        )
        self.optimiser = Optimiser(self.net, settings)
        self._earlier: deque[Tensor] = deque(maxlen=self.config.chunk)
        self._tip: Array | None = None

    # ------------------------------------------------------------------ learning

    def make_dataset(self, demonstrations: Demonstrations) -> list[Window]:
        """All steps in memory; episodes of several tasks are one collection."""
        return read_windows(demonstrations, self.config.chunk)

    def fit_step(self, dataset: list[Window], step: int) -> dict[str, float]:
        """One gradient step on freshly augmented examples.

        Returns:
            The losses by name (see ``losses.py``), and the ``learning_rate``.
        """
        rng = np.random.default_rng([self.seed, step])
        chosen = [dataset[int(index)] for index in rng.integers(len(dataset), size=self.config.batch)]
        batch = self._batch([self._augmented(window, rng) for window in chosen], rng)
        with autocast(self.device, self.use_bfloat16):
            losses = compute_losses(self.net, batch)
        rate = self.optimiser.step(torch.stack(list(losses.values())).sum(), step)
        return {**{name: float(loss.detach()) for name, loss in losses.items()}, "learning_rate": rate}

    def example_loss(self, dataset: list[Window], step: int) -> Tensor:
        """See ``Agent``: the loss of the straight move that a step belongs to, as it was.

        The error that is to be corrected is drawn by the step.
        """
        window = max((window for window in dataset if window.step <= step), key=lambda window: window.step)
        batch = self._batch([window], np.random.default_rng([self.seed, step]))
        return torch.stack(list(compute_losses(self.net, batch).values())).sum()

    def wind_down(self, periods: Sequence[tuple[int, int]]) -> None:
        """See ``Agent``."""
        self.optimiser.periods = tuple(periods)

    def trained_parameters(self) -> dict[str, nn.Parameter]:
        """See ``Agent``."""
        return dict(self.net.named_parameters())

    def _augmented(self, window: Window, rng: np.random.Generator) -> Window:
        """A random example made of a step."""
        if window.holds and rng.random() < self.config.regrasped:
            window = regrasped(window, rng)
        return turned(window, rng) if rng.random() < self.config.turned else window

    def _batch(self, windows: Sequence[Window], rng: np.random.Generator) -> Batch:
        """Examples as tensors on the device."""
        chunk = np.stack([window.chunk for window in windows])
        large = rng.random((len(windows), 1, 1)) < 0.5
        errors = rng.normal(size=(len(windows), 1, 3)) * np.where(large, _LARGE, _SMALL)
        color = np.stack([window.color for window in windows])
        height = np.stack([window.height for window in windows])
        told = (np.stack([getattr(window, name) for window in windows]) for name in ("tip", "gripper", "came"))
        scene = self._scene(color, height, *told)
        valid = np.stack([window.valid for window in windows])
        return Batch(scene, *(torch.from_numpy(array).float().to(self.device) for array in (chunk, valid, errors)))

    def _scene(self, color: NDArray[np.uint8], height: NDArray[np.float32], *told: NDArray[Any]) -> Scene:
        """Of arrays with the examples as first axis; what is told is tip, gripper and came."""
        seen = to_map(torch.from_numpy(color).to(self.device), torch.from_numpy(height).to(self.device))
        return Scene(seen, *(torch.from_numpy(array).float().to(self.device) for array in told))

    # ------------------------------------------------------------------ acting

    def reset(self, seed: int = 0) -> None:
        """An episode begins: what was predicted in the last one is dropped."""
        self._earlier.clear()
        self._tip = None

    @torch.inference_mode()
    def act(self, observation: Observation) -> Action:
        """The next way-point.

        Args:
            observation: with ``observation_keys``; the next one of the episode that began with ``reset``.

        Returns:
            ``pose`` (7,) float64, position in metres and quaternion (x, y, z, w), world frame, and ``gripper``, 0 or 1.
        """
        heightmap, tip = see(observation), to_cells(observation["tip_pose"])
        gripper = np.array(observation["gripper_state"], dtype=np.float32)
        came = way(tip if self._tip is None else self._tip, tip)
        self._tip = tip
        scene = self._scene(heightmap.color[None], heightmap.height[None], tip[None], gripper[None], came[None])
        net = self.optimiser.ema
        with autocast(self.device, self.use_bfloat16):
            thought = net.think(scene)
            point = read_position(self._ensembled(thought.logits[0]))
            count = thought.logits.shape[1]
            rest = net.describe(thought, point.expand(1, count, 2))
            yaw = float(tip[3]) + read_turn(rest.turn[0, 0])
            pose = self._refined(scene, thought, [*point.tolist(), read_level(rest.level[0, 0]), yaw])
        return {"pose": to_pose(pose), "gripper": int((rest.switch[0, 0] > 0) != (gripper[HOLDS] > 0.5))}

    def _ensembled(self, logits: Tensor) -> Tensor:
        """(R, C) logits of the next way-point, of (K, R, C) and of the chunks of the steps before."""
        chances = logits.flatten(1).log_softmax(dim=1).view_as(logits)
        self._earlier.appendleft(chances)
        parts = [self.config.ensembling**age * chunk[age] for age, chunk in enumerate(self._earlier)]
        return torch.stack(parts).sum(dim=0)

    def _refined(self, scene: Scene, thought: Thought, values: list[float]) -> Array:
        """(4,) a pose after some looks at where it would lead."""
        pose = torch.tensor([[values]], device=self.device)
        for _ in range(self.config.refinements):
            pose = displaced(pose, self.optimiser.ema.correct(scene, thought.queries[:, :1], pose))
        refined: Array = pose[0, 0].double().cpu().numpy()
        return refined

    # ------------------------------------------------------------------ state

    def weights(self) -> dict[str, Tensor]:
        """The averaged (EMA) weights. See ``Trainee``."""
        return dict(self.optimiser.ema.state_dict())

    def set_weights(self, weights: dict[str, Tensor]) -> None:
        """Set both the network that acts and the one that is trained. See ``Trainee``."""
        self.optimiser.ema.load_state_dict(weights)
        self.net.load_state_dict(weights)

    def training_state(self) -> dict[str, Tensor]:
        """Weights, their moving average, and the optimiser's moments. See ``Trainee``."""
        return self.optimiser.state()

    def set_training_state(self, state: dict[str, Tensor]) -> None:
        """The inverse of ``training_state``. See ``Trainee``."""
        self.optimiser.set_state(state)
