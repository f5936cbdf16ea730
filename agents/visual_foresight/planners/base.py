"""What a planner is: it searches for actions by what a world model predicts. One file a planner.

Scenes, actions and worths are float32, see ``scenes.py``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ravens_suite.errors import ConfigError

from ..distance import distance
from ..models.base import Memory, WorldModel
from ..scenes import COLUMNS, ROWS

Propose = Callable[[Tensor, int, np.random.Generator], Tensor]
"""Actions (count, 5) for a scene (4, 160, 80)."""


class States(NamedTuple):
    """Imagined scenes.

    Attributes:
        scenes: (B, 4, 160, 80).
        memory: of the model.
        worth: (B,) how much nearer to the goal picture they are than the scene that is seen.
    """

    scenes: Tensor
    memory: Memory
    worth: Tensor

    def at(self, index: Tensor) -> States:
        """Some of them, by their numbers, (N,) int64."""
        return States(self.scenes[index], tuple(each[index] for each in self.memory), self.worth[index])


class Plan(NamedTuple):
    """What a planner decided, and what it considered.

    Attributes:
        action: (5,) what to do now.
        worth: of the best sequence found.
        considered: (N, 5) first actions of all sequences that were tried.
        worths: (N,) of those sequences.
    """

    action: Tensor
    worth: float
    considered: Tensor
    worths: Tensor


@dataclass
class Search:
    """A problem for a planner, and how much of the budget is left.

    Attributes:
        model: predicts.
        scene: (4, 160, 80) what is seen.
        goal: (4, 160, 80) what is wanted.
        propose: draws actions.
        calls: predictions of one action each that may still be asked for.
        depth: greatest length of a sequence.
        by_picture: whether worth is the distance to the goal picture, or the gain that the model predicts.
        avoided: (M, 2) picks, column and row, that had no effect before; a sequence that begins near one is worth less.
        batch: actions predicted at a time: on a processor, more of them leave its cache.
    """

    model: WorldModel
    scene: Tensor
    goal: Tensor
    propose: Propose
    calls: int
    depth: int = 1
    by_picture: bool = True
    avoided: Tensor = field(default_factory=lambda: torch.zeros(0, 2))
    batch: int = 16

    def start(self, count: int) -> States:
        """The scene that is seen, as often as there are actions to try."""
        scenes = self.scene[None].expand(count, -1, -1, -1)
        begun = self.model.begin(self.scene[None])
        memory = tuple(each.expand(count, *each.shape[1:]) for each in begun)
        return States(scenes, memory, self.scene.new_zeros(count))

    @torch.inference_mode()
    def imagine(self, states: States, actions: Tensor) -> States:
        """The scenes after one action each; costs as many calls as there are actions.

        Args:
            states: B of them.
            actions: (B, 5).

        Raises:
            ConfigError: so many calls are not left.
        """
        if len(actions) > self.calls:
            raise ConfigError(
                f"The planner asked for {len(actions)} predictions when {self.calls} were left: let it ask for no more "
                "than search.calls, a sequence of search.depth actions costing as many."
            )
        self.calls -= len(actions)
        parts = [
            self._imagine(States(states.scenes[at], tuple(m[at] for m in states.memory), states.worth[at]), actions[at])
            for at in (slice(first, first + self.batch) for first in range(0, len(actions), self.batch))
        ]
        memory = tuple(torch.cat(each) for each in zip(*(part.memory for part in parts), strict=True))
        return States(torch.cat([part.scenes for part in parts]), memory, torch.cat([part.worth for part in parts]))

    def _imagine(self, states: States, actions: Tensor) -> States:
        goals = self.goal[None].expand(len(actions), -1, -1, -1)
        made = self.model.predict(
            states.scenes, actions.to(self.scene), states.memory, None if self.by_picture else goals
        )
        nearer = made.gain + states.worth
        if self.by_picture:
            nearer = self._here - distance(made.scene, self.goal[None])
        return States(made.scene, made.memory, nearer)

    @property
    def _here(self) -> Tensor:
        return distance(self.scene[None], self.goal[None])

    def roll(self, sequences: Tensor) -> Tensor:
        """(N,) worths of sequences (N, depth, 5): the greatest after any of their actions.

        Later actions count for a little less, so that what can be done now is done now.
        """
        states = self.start(len(sequences))
        worths = []
        for step in range(sequences.shape[1]):
            states = self.imagine(states, sequences[:, step])
            worths.append(later(states.worth, step))
        return torch.stack(worths).amax(dim=0) - self.penalty(sequences[:, 0])

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Sequences (count, depth, 5) of proposals, each for the scene imagined before it, and worths (count,)."""
        actions = self.propose(self.scene, count, rng)
        sequences, states, worths = [actions], self.start(count), []
        for step in range(self.depth):
            states = self.imagine(states, sequences[-1])
            worths.append(later(states.worth, step))
            if step + 1 < self.depth:
                sequences.append(torch.cat([self.propose(scene, 1, rng) for scene in states.scenes]))
        worth = torch.stack(worths).amax(dim=0) - self.penalty(actions)
        return torch.stack(sequences, dim=1), worth

    def penalty(self, actions: Tensor) -> Tensor:
        """(B,) what first actions (B, 5) are worth less for picking where a pick had no effect."""
        if not len(self.avoided):
            return self.scene.new_zeros(len(actions))
        gaps = torch.cdist(actions[:, :2], self.avoided.to(actions))
        return (_FAILED * torch.exp(-((gaps / _NEAR) ** 2))).amax(dim=1).to(self.scene)


_LATER = 0.95
"""Worth of what is reached one action later, beside the same reached now."""


def later(worths: Tensor, actions: int) -> Tensor:
    """Worths discounted for the time it takes to reach them: positive ones lose 5 % an action, others stay.

    Args:
        worths: float32 of any shape, of the scenes that are reached; negative where a scene is worse than now.
        actions: how many actions after the first they are reached.
    """
    return torch.where(worths > 0, worths * _LATER**actions, worths)


_FAILED = 1.0
"""Worth that a pick loses where one had no effect: about that of an object brought to its place."""
_NEAR = 3.0
"""Pixels around such a pick."""


class Planner(ABC):
    """Searches for the first action of a good sequence.

    Attributes:
        deep: whether it can search over several actions; the agent refuses a greater depth where it cannot.
    """

    deep: ClassVar[bool] = True

    @abstractmethod
    def plan(self, search: Search, rng: np.random.Generator) -> Plan:
        """What to do.

        Args:
            search: the problem. Not more than ``search.calls`` predictions may be asked for.
            rng: draws everything.
        """


def best_of(sequences: Tensor, worths: Tensor) -> Plan:
    """The plan that begins the best of some sequences (N, depth, 5) with worths (N,)."""
    best = int(worths.argmax())
    return Plan(sequences[best, 0], float(worths[best]), sequences[:, 0], worths)


def perturb(sequences: Tensor, scale: float, rng: np.random.Generator) -> Tensor:
    """Sequences (N, depth, 5) with noise of some share of ``SPREAD``; positions stay on the table."""
    noise = rng.standard_normal(tuple(sequences.shape)) * (np.array(SPREAD) * scale)
    made = sequences + torch.from_numpy(noise.astype(np.float32))
    limits = made.new_tensor([COLUMNS, ROWS, COLUMNS, ROWS]) - 0.01
    positions = torch.minimum(made[..., :4].clamp_min(0.0), limits)
    turned = torch.remainder(made[..., 4:] + math.pi, 2 * math.pi) - math.pi
    return torch.cat([positions, turned], dim=-1)


SPREAD = (3.0, 3.0, 4.0, 4.0, 0.4)
"""Standard deviations of noise at full scale: pixels of the pick and of the place, and radians."""
