"""The published baseline on true states, "GT-State MLP" (Transporter Networks, arXiv 2010.14406, section 5).

Poses and sizes of all bodies go through a multi-layer perceptron into a mixture of Gaussians over pick, place and the
turn between them. As published: two hidden layers of 128, each of which is followed by the input again, 26 components,
Adam on 128 examples a step, random rigid motions of the whole scene, no heights: both poses are given 2 cm above the
table, and the descents of the tool end where they touch.

Not published, or otherwise in the released code (google-research/ravens, commit 4752ffa), so decided here on held-out
scenes (docs/results.md has the figures):

- Angles that lie a full turn apart are one angle to the loss. The turn of a block into a fixture is then the difference
  of their two yaws, wherever these jump by a full turn. There it must be learned which turn each jump goes with.
- The least standard deviation of a component, one for all axes, falls from 25 cm to 5 mm in 60 % of the run. There it
  has no limit, and components learn the turn of one demonstration each by heart; that gives way after 10,000 steps.
- Dropout of 0.4. There 0.1.
- Angles have no sines and cosines beside them. There these are of a tenth of the angle, and say hardly more than it;
  those of the angle itself let an agent learn few demonstrations by heart.
- Lengths are in units of 0.25 m about the middle of the workspace, angles in units of two radians. There lengths are in
  metres, with sines and cosines, and angles are divided by ten.
- When acting, the mixtures of 16 rigid motions of the scene, drawn as in training, are moved back and count as one. The
  act is that mean of a component at which it is densest. There a component of the scene's own mixture is drawn.
- Heights and sizes of bodies are inputs of all tasks. There heights are of none, sizes of those with boxes.
- Adam's step size begins at 2e-3 and falls along a line to a hundredth, since a run has fewer steps than the published
  one (there 2e-4 all along, and up to 40,000 steps).
- Bodies come in the order of the observation. As there, they have no names and, in these tasks, no colours: of a block
  in a row of blocks the agent only knows its place in the row.

Tensors are float32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ravens_suite.core.geometry import Pose
from ravens_suite.core.observations import STATE_FIELDS, Interface, Observation
from ravens_suite.core.policy import Action
from ravens_suite.core.workspace import AGENT_WORKSPACE
from ravens_suite.data.demonstrations import Demonstrations, acting

from .common.mixture import LeadingLinear, MixtureDensity
from .common.module_agent import ModuleAgent
from .common.settings import setting

_UNIT = 0.25
"""Metres: the unit of lengths in the network."""
_HEIGHT = 0.02
"""Metres above z = 0 of the pick and the place pose, as published."""
_ANGLE = 2.0
"""Radians: the unit of angles."""
FULL_TURN = 2 * math.pi / _ANGLE
"""The full turn in that unit."""
PICK, PLACE = 2, 3
"""Numbers of a pick in the network: x, y; of a place: x, y, its yaw relative to the pick, from -pi to pi."""
_TURN, _SHIFT = math.radians(60), 160 / 6 * AGENT_WORKSPACE.pixel_size
"""Standard deviations of the published augmentation: rotation (radians) and translation along each axis (metres)."""
_END = 0.01
"""Step size at the end of a run, as a share of that at its beginning."""
_FIRST_LEAST, _LAST_LEAST, _FALL = 1.0, 0.02, 0.6
"""What standard deviations are at least, in the network's units: at first, in the end, and the share of a run in which
it falls. While it is large, one component must serve many demonstrations, and learns what they have in common."""
_TRIES = 16
"""Random motions tried before a scene is left as it is."""
_FEATURES = 8
"""Numbers of a body in the network: presence; x, y; yaw from -pi to pi; z; size along three axes."""


@dataclass(frozen=True)
class GtStateMlpConfig:
    """Settings of the agent; ``batch``, ``width`` and ``components`` are the published ones.

    Attributes:
        steps: gradient steps of a whole training run.
        batch: examples a step.
        width: of the two hidden layers.
        dropout: share of hidden values left out in training.
        components: of the mixture.
        learning_rate: of Adam, at the first step.
        motions: rigid motions of a scene whose mixtures are one when acting.
        device: ``auto``, ``cpu`` or ``cuda``.
    """

    steps: int = setting(5000, least=1, most=10**9)
    batch: int = setting(128, least=1, most=10_000)
    width: int = setting(128, least=1, most=8192)
    dropout: float = setting(0.4, least=0, below=1)
    components: int = setting(26, least=1, most=1000)
    learning_rate: float = setting(2e-3, above=0)
    motions: int = setting(16, least=1, most=1000)
    device: str = "auto"


class Steps(NamedTuple):
    """Every demonstrated step.

    Attributes:
        bodies: (S, K, 8) float32: see ``_FEATURES``; without the last places, which are empty in all steps.
        acts: (S, 5) float32: see ``PICK`` and ``PLACE``.
    """

    bodies: Tensor
    acts: Tensor


class Motions(NamedTuple):
    """Rigid motions in the plane: a turn about the middle of the workspace, then a shift.

    Attributes:
        turn: (batch,) float32, radians.
        shift: (batch, 2) float32, in the network's units.
    """

    turn: Tensor
    shift: Tensor

    def points(self, points: Tensor) -> Tensor:
        """(batch, N, 2) points, moved."""
        return _turned(points, self.turn[:, None]) + self.shift[:, None]

    def back(self, points: Tensor) -> Tensor:
        """(batch, N, 2) points, where they were before: the inverse of ``points``."""
        return _turned(points - self.shift[:, None], -self.turn[:, None])

    def bodies(self, bodies: Tensor) -> Tensor:
        """(batch, K, 8) bodies, moved; empty places stay zeros."""
        present, at, yaw, rest = bodies[..., :1], bodies[..., 1:3], bodies[..., 3:4], bodies[..., 4:]
        yaw = yaw + self.turn[:, None, None] / _ANGLE
        yaw = torch.remainder(yaw + FULL_TURN / 2, FULL_TURN) - FULL_TURN / 2
        return torch.cat([present, self.points(at) * present, yaw * present, rest], dim=-1)


class StateTrunk(nn.Module):
    """Two hidden layers, each of which also sees the input."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.first = LeadingLinear(inputs, width)
        self.second = LeadingLinear(inputs + width, width)
        self.outputs = inputs + width

    def forward(self, state: Tensor, keep: Tensor | None = None) -> Tensor:
        """(batch, inputs) to (batch, width + inputs): the second layer, and the input.

        Args:
            state: the input; zeros at its end may be left out, and then are left out of the result, too.
            keep: (2, batch, width) factors on the hidden layers, which leave some values out in training.
        """
        first = functional.relu(self.first(state))
        first = first if keep is None else first * keep[0]
        second = functional.relu(self.second(torch.cat([first, state], dim=1)))
        return torch.cat([second if keep is None else second * keep[1], state], dim=1)


class StateHead(nn.Module):
    """A trunk and the mixture on top of it."""

    def __init__(self, inputs: int, outputs: int, config: GtStateMlpConfig, period: float | None = None) -> None:
        super().__init__()
        self.trunk = StateTrunk(inputs, config.width)
        self.mixture = MixtureDensity(self.trunk.outputs, outputs, config.components, period)

    def loss(self, state: Tensor, samples: Tensor, keep: Tensor, least: float) -> Tensor:
        """() mean negative log-likelihood of samples.

        Args:
            state: (batch, inputs).
            samples: (batch, outputs).
            keep: (2, batch, width) factors, of dropout.
            least: what standard deviations are at least.
        """
        return self.mixture.loss(self.trunk(state, keep), samples, least)

    def best(self, state: Tensor) -> Tensor:
        """(batch, outputs): the mean of the most probable component."""
        return self.mixture.best(self.trunk(state))

    def agreed(self, state: Tensor, motions: Motions, points: int) -> Tensor:
        """(outputs,): of one scene in several motions, the mean of a component at which all mixtures are densest.

        Args:
            state: (batch, inputs), the scene after each motion.
            motions: those motions, which are undone here.
            points: how many positions an output begins with; what follows is the same in any motion.
        """
        weights, means, deviations = self.mixture(self.trunk(state))
        ends = means[..., : 2 * points]
        back = motions.back(ends.reshape(len(ends), -1, 2)).view(ends.shape)
        means = torch.cat([back, means[..., 2 * points :]], dim=-1)
        return self.mixture.densest(weights.flatten(), means.flatten(0, 1), deviations.flatten())


class GtStateMlp(ModuleAgent[Steps]):
    """The agent. See the module's docstring."""

    name = "gt-state-mlp"
    config_type = GtStateMlpConfig
    config: GtStateMlpConfig
    observation_keys = ("state",)
    action_keys = ("pick", "place")
    tilts = False
    acting_settings = ("motions",)
    scheduled = True

    def __init__(
        self, config: GtStateMlpConfig | None = None, seed: int = 0, interface: Interface | None = None
    ) -> None:
        super().__init__(config, seed, interface)
        self._periods: tuple[tuple[int, int], ...] = ()
        self.reset()

    def make_net(self) -> nn.Module:
        """(batch, K * 8) to a mixture over (5,): pick and place."""
        return StateHead(self.inputs, PICK + PLACE, self.config, FULL_TURN)

    def make_optimiser(self, net: nn.Module) -> torch.optim.Optimizer:
        """Adam, as published."""
        return torch.optim.Adam(net.parameters(), self.config.learning_rate, fused=True)

    @property
    def inputs(self) -> int:
        """Length of the flat state that the network reads."""
        return self.interface.shape("state")[0] // len(STATE_FIELDS) * _FEATURES

    # ------------------------------------------------------------------ learning

    def make_dataset(self, demonstrations: Demonstrations) -> Steps:
        """All steps in memory: a state is a few kilobytes."""
        bodies, acts = [], []
        for episode in acting(demonstrations):
            states = episode.window(0, episode.summary.steps, ["state"])["state"]
            bodies += [body_features(state) for state in states]
            actions = episode.actions()
            acts += [act_features(*pair) for pair in zip(actions["pick"], actions["place"], strict=True)]
        scenes = torch.from_numpy(np.stack(bodies)).float()
        used = 1 + max(scenes[..., 0].any(dim=0).nonzero().flatten().tolist(), default=0)
        return Steps(scenes[:, :used].contiguous(), torch.from_numpy(np.stack(acts)).float())

    def fit_step(self, dataset: Steps, step: int) -> dict[str, float]:
        """One step on a random batch of moved scenes."""
        rng = np.random.default_rng([self.seed, step])
        chosen = torch.from_numpy(rng.integers(len(dataset.bodies), size=self.config.batch))
        bodies, acts = moved(dataset.bodies[chosen], dataset.acts[chosen], rng)
        shape, share = (2, 2, len(chosen), self.config.width), 1 - self.config.dropout
        keep = torch.from_numpy((rng.random(shape, dtype=np.float32) < share) / np.float32(share)).to(self.device)
        self.optimiser.param_groups[0]["lr"] = self.rate(step)
        state = bodies.flatten(1).to(self.device)
        return self.descend(self.loss(state, acts.to(self.device), keep, self.least_deviation(step)))

    def rate(self, step: int) -> float:
        """Adam's step size."""
        rest = 1 - step / self.config.steps
        for first, end in self._periods:
            if first <= step < end:
                rest *= 1 - (step + 1 - first) / (end - first)
        return float(self.config.learning_rate * max(rest, _END))

    def least_deviation(self, step: int) -> float:
        """What a standard deviation is at least, in the network's units."""
        rest = max(0.0, 1 - step / (self.config.steps * _FALL))
        return _LAST_LEAST + (_FIRST_LEAST - _LAST_LEAST) * rest**2

    def wind_down(self, periods: Sequence[tuple[int, int]]) -> None:
        """See ``Agent``."""
        self._periods = tuple(periods)

    def example_loss(self, dataset: Steps, step: int) -> Tensor:
        """See ``Agent``: the loss of one step in its scene as it was, without dropout."""
        bodies, acts = (rows[step : step + 1].to(self.device) for rows in dataset)
        keep = torch.ones(2, 2, 1, self.config.width, device=self.device)
        return self.loss(bodies.flatten(1), acts, keep, _LAST_LEAST)

    def loss(self, state: Tensor, acts: Tensor, keep: Tensor, least: float) -> Tensor:
        """() mean negative log-likelihood.

        Args:
            state: (batch, K * 8).
            acts: (batch, 5).
            keep: (2, 2, batch, width) factors on hidden values, of dropout: of either network's two layers.
            least: what standard deviations are at least.
        """
        return self.head("pick").loss(state, acts, keep[0], least)

    def head(self, name: str) -> StateHead:
        """The network that gives the pick, or the place; here one gives both."""
        assert isinstance(self.net, StateHead)
        return self.net

    # ------------------------------------------------------------------ acting

    def reset(self, seed: int = 0) -> None:
        """An episode begins; the motions of its scenes are drawn from this seed."""
        self._rng = np.random.default_rng(seed)

    def act(self, observation: Observation) -> Action:
        """The pick and place on which the mixtures of several motions of the scene agree best.

        Returns:
            ``pick`` and ``place``, (7,) float64 each: position in metres and quaternion (x, y, z, w), world frame.
        """
        bodies = torch.from_numpy(body_features(observation["state"])).float()[None]
        with torch.inference_mode():
            guess = self.decide(bodies.flatten(1).to(self.device)).cpu()
            motions = random_motions(guess.expand(self.config.motions, -1), self._rng)
            scenes = motions.bodies(bodies.expand(self.config.motions, -1, -1)).flatten(1).to(self.device)
            chosen = self.agree(scenes, Motions(*(part.to(self.device) for part in motions))).double().cpu().numpy()
        return {
            "pick": _pose(chosen[:2], 0.0).vector(),
            "place": _pose(chosen[2:4], float(chosen[4]) * _ANGLE).vector(),
        }

    def decide(self, state: Tensor) -> Tensor:
        """(batch, K * 8) states to (batch, 5): pick and place of the most probable component, by each state alone."""
        return self.head("pick").best(state)

    def agree(self, scenes: Tensor, motions: Motions) -> Tensor:
        """(5,) pick and place in one scene, by (batch, K * 8) states of it after motions."""
        return self.head("pick").agreed(scenes, motions, 2)


def body_features(state: np.ndarray) -> np.ndarray:
    """(K, 8) float64 of a ``state`` (K * 11,): see ``_FEATURES``; zeros for places without a body."""
    features = np.zeros((len(state) // len(STATE_FIELDS), _FEATURES))
    middle = _middle()
    for row, values in zip(features, state.reshape(-1, len(STATE_FIELDS)), strict=True):
        if values[0]:
            row[0] = 1
            row[1:3] = (values[1:3] - middle) / _UNIT
            row[3] = Pose.from_vector(values[1:8]).yaw / _ANGLE
            row[4], row[5:] = values[3] / _UNIT, values[8:] / _UNIT
    return features


def act_features(pick: np.ndarray, place: np.ndarray) -> np.ndarray:
    """(5,) float64 of a pick and a place pose, (7,) each: see ``PICK`` and ``PLACE``."""
    yaw = (Pose.from_vector(place) @ Pose(quaternion=Pose.from_vector(pick).inverse().quaternion)).yaw
    ends = [(pose[:2] - _middle()) / _UNIT for pose in (pick, place)]
    return np.concatenate([*ends, [yaw / _ANGLE]])


def moved(bodies: Tensor, acts: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Scenes after random rigid motions about the middle of the workspace that keep pick and place inside.

    The turn of the place relative to the pick stays what it is: both poses are turned with the scene.

    Args:
        bodies: (batch, K, 8).
        acts: (batch, 5).
        rng: of the motions.

    Returns:
        (batch, K, 8) bodies and (batch, 5) actions, moved; a scene for which no motion was found stays as it is.
    """
    motions = random_motions(acts, rng)
    ends = motions.points(acts[:, :4].reshape(-1, 2, 2))
    return motions.bodies(bodies), torch.cat([ends.flatten(1), acts[:, 4:]], dim=1)


def random_motions(acts: Tensor, rng: np.random.Generator) -> Motions:
    """Random rigid motions, each of which keeps the pick and the place of an act inside the workspace.

    Args:
        acts: (batch, 5).
        rng: of the motions.

    Returns:
        One for each act; where none was found it moves nothing.
    """
    low, high = (np.array(corner[:2]) for corner in (AGENT_WORKSPACE.low, AGENT_WORKSPACE.high))
    half = torch.from_numpy((high - low) / 2 / _UNIT).float() + 1e-6
    turn = torch.from_numpy(rng.normal(0, _TURN, (len(acts), _TRIES))).float()
    shift = torch.from_numpy(rng.normal(0, _SHIFT / _UNIT, (len(acts), _TRIES, 2))).float()
    turn[:, -1], shift[:, -1] = 0, 0
    ends = acts[:, :4].reshape(-1, 1, 2, 2)
    inside = (_turned(ends, turn[..., None]) + shift[:, :, None]).abs().le(half).flatten(2).all(dim=-1)
    inside[:, -1] = True
    rows, first = torch.arange(len(acts)), inside.int().argmax(dim=1)
    return Motions(turn[rows, first], shift[rows, first])


def _turned(vectors: Tensor, angles: Tensor) -> Tensor:
    """(..., 2) vectors in the plane turned by (...) angles in radians."""
    c, s = torch.cos(angles), torch.sin(angles)
    x, y = vectors.unbind(dim=-1)
    return torch.stack([c * x - s * y, s * x + c * y], dim=-1)


def _pose(end: np.ndarray, yaw: float) -> Pose:
    """The pose of an end (2,) in the network's units, within the workspace."""
    low, high = AGENT_WORKSPACE.low, AGENT_WORKSPACE.high
    x, y = np.clip(_middle() + end * _UNIT, low[:2], high[:2])
    return Pose.planar(float(x), float(y), _HEIGHT, yaw)


def _middle() -> np.ndarray:
    """(2,) x and y of the middle of the workspace, metres."""
    (x0, y0, _), (x1, y1, _) = AGENT_WORKSPACE.low, AGENT_WORKSPACE.high
    return np.array([(x0 + x1) / 2, (y0 + y1) / 2])
