"""What a task is: one file, one class, one method that must be written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ravens_suite.core.goals import Goal
from ravens_suite.core.seeding import Split
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.candidates import Candidates
from ravens_suite.tasks.primitives import PickPlace, Primitive
from ravens_suite.tasks.sentences import Sentences, fill

Variants = Mapping[str, Mapping[str, Any]]
"""Name of a variant to the keyword arguments of the task's class that make it."""


class Task(ABC):
    """A rearrangement task.

    A subclass sets ``max_steps`` and says in ``build`` what stands on the table and what scores. The other attributes
    and methods have defaults. Options of a task are keyword arguments of its ``__init__`` with JSON values.

    Attributes:
        max_steps: number of actions after which an episode is truncated.
        primitive: what an action makes the robot do.
        max_bodies: the most bodies that an episode of this task ever shows, without distractors; those that have gone
            count, for each keeps its place. It sets the length of the flat ``state`` observation.
        instruction: what is to be done: one imperative sentence without a full stop. It may have slots in braces, which
            ``slots`` fills.
        sentences: other forms of it, with the same slots.
        variants: further forms of the task; a literal, see ``registry.py``.
        colors: names of the suite's colours that the split has, a tuple, of a task that holds some back for testing;
            distractors are in no others then. Empty for all.
        files: paths of files, such as meshes, of which a scene may show some and the next one others. Where one of them
            changes, what was made with it is of another task, see ``envs/definition.py``. Empty where every scene shows
            all.

    Args:
        split: which split the scenes are for; only tasks that hold some objects back for testing look at it.
    """

    max_steps: ClassVar[int]
    primitive: ClassVar[Primitive] = PickPlace()
    max_bodies: ClassVar[int] = 32
    instruction: ClassVar[str] = ""
    sentences: ClassVar[Sentences] = Sentences()
    variants: ClassVar[Variants] = {}
    colors: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()

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
        """What is to be done now, in its plain form: ``instruction`` with the words of ``slots``.

        Args:
            step: number of goal steps that are complete; after the last one, of all.
        """
        return fill(self.instruction, self.slots(step))

    def current_sentences(self, step: int) -> Sentences:
        """Other forms of ``current_instruction``: ``sentences`` with the words of ``slots``.

        Args:
            step: number of goal steps that are complete.
        """
        return self.sentences.filled(self.slots(step))

    def forms(self) -> tuple[str, Sentences]:
        """The sentence of the first goal step and its other forms, where there is no scene yet.

        Returns:
            As ``current_instruction`` and ``current_sentences`` say; with slots in braces where those need the scene.
        """
        try:
            return self.current_instruction(0), self.current_sentences(0)
        except Exception:  # What else is wrong with them shows as soon as there is a scene.
            return self.instruction, self.sentences

    def slots(self, step: int) -> Mapping[str, str]:
        """Words for the slots of ``instruction`` and ``sentences``, known once the scene is built; by default none.

        Args:
            step: number of goal steps that are complete; after the last one, of all.
        """
        return {}

    def candidates(self, step: int) -> Candidates:
        """What the sentence could mean in the present scene; by default it does not choose.

        Args:
            step: number of goal steps that are complete.
        """
        return Candidates()

    def step_limit(self) -> int:
        """Actions after which the present episode is truncated: ``max_steps``, or fewer where the scene decides."""
        return self.max_steps

    def failure(self, scene: Scene) -> str:
        """Why the episode has failed for good, in a few words; empty as long as it has not, and by default always.

        Called after every action, when the scene has settled and before it is scored. A failure ends the episode and
        takes back what it has earned.
        """
        return ""

    def after_action(self, scene: Scene) -> bool:
        """Called after an action has been scored, when the scene has settled; it may change the scene.

        A body that it takes away counts for strict success as it lay before. Give it a goal of its own: a goal step
        that is not complete is scored by the bodies that are there, and loses what one that has gone had earned.

        Returns:
            Whether the episode ends here although not all goals are met.
        """
        return False
