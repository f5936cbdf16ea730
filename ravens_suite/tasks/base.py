"""What a task is: one file, one class, one method that must be written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ravens_suite.core.goals import Goal
from ravens_suite.core.seeding import Split
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.primitives import PickPlace, Primitive

Variants = Mapping[str, Mapping[str, Any]]


class Task(ABC):
    """A rearrangement task.

    Subclasses set ``max_steps``, say in ``build`` what stands on the table and what scores, and override the other
    hooks only where they need to. Options of a task are keyword arguments of its ``__init__`` with JSON values.

    Attributes:
        max_steps: actions after which an episode ends.
        primitive: what an action makes the robot do.
        max_bodies: the most bodies that a scene of this task shows over an episode, without distractors; the flat
            ``state`` of an observation has so many places.
        instruction: what is to be done, as a sentence.
        variants: name of a variant to the arguments of the class that make it; a literal, see ``registry.py``.

    Args:
        split: which split the scenes are for; only tasks that hold some objects back for testing look at it.
    """

    max_steps: ClassVar[int]
    primitive: ClassVar[Primitive] = PickPlace()
    max_bodies: ClassVar[int] = 32
    instruction: ClassVar[str] = ""
    variants: ClassVar[Variants] = {}

    def __init__(self, split: Split = "train") -> None:
        self.split = split

    @abstractmethod
    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """Place the bodies of an episode and say what scores.

        Args:
            scene: empty but for the table and the robot.
            rng: the only source of randomness.

        Returns:
            The goal steps, in order; their shares sum to 1.

        Raises:
            PlacementError: something does not fit; the environment tries again with further draws.
        """

    def current_instruction(self, step: int) -> str:
        """What is to be done, as a sentence.

        Args:
            step: number of goal steps that are complete.
        """
        return self.instruction

    def after_action(self, scene: Scene) -> bool:
        """Called when the scene has settled after an action was scored.

        Returns:
            Whether the episode cannot go on although its goals are not met.
        """
        return False
