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
"""Name of a variant to the keyword arguments of the task's class that make it."""


class Task(ABC):
    """A rearrangement task.

    A subclass sets ``max_steps`` and says in ``build`` what stands on the table and what scores. The other attributes
    and methods have defaults. Options of a task are keyword arguments of its ``__init__`` with JSON values.

    Attributes:
        max_steps: number of actions after which an episode is truncated.
        primitive: what an action makes the robot do.
        max_bodies: the most bodies that a scene of this task holds at once during an episode, without distractors. It
            sets the length of the flat ``state`` observation.
        instruction: what is to be done: one imperative sentence without a full stop.
        variants: further forms of the task; a literal, see ``registry.py``.

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
            The goal steps, in the order in which they are to be met; their shares of the reward sum to 1.

        Raises:
            PlacementError: something does not fit; the environment empties the scene and tries again with further
                draws.
        """

    def current_instruction(self, step: int) -> str:
        """What is to be done now; ``instruction`` unless a task says other words at every step.

        Args:
            step: number of goal steps that are complete.
        """
        return self.instruction

    def after_action(self, scene: Scene) -> bool:
        """Called after an action has been scored, when the scene has settled; it may change the scene.

        Returns:
            Whether the episode ends here although not all goals are met.
        """
        return False
