"""What could be said at this point of an episode in place of its instruction, and what an action is about.

Nothing here changes the episode, and no policy sees it: it serves those who find out whether a policy listens.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence

import numpy as np

from ravens_suite.envs.simulation import Simulation
from ravens_suite.envs.task_checks import check_candidates, check_text
from ravens_suite.sim.topview import visible_points
from ravens_suite.tasks.candidates import Candidate, Candidates, chance

__all__ = ["Candidate", "Candidates", "SentencesNow", "chance"]


class SentencesNow:
    """Of the present goal step.

    Args:
        simulation: where the episode is.
    """

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    @property
    def candidates(self) -> Candidates:
        """What the sentence could mean; none where it does not choose, and after the last goal step."""
        task, step = self._simulation.task, self._simulation.scorer.steps_done
        with self._simulation.task_code("candidates"):
            return check_candidates(task.candidates(step), task, self._simulation.scene)

    @property
    def has_paraphrases(self) -> bool:
        """Whether the task has held-out forms of its sentence."""
        return bool(self._simulation.sentences().held_out)

    def plain(self) -> str:
        """The plain form."""
        return self._simulation.instruction("plain")

    def paraphrase(self) -> str:
        """The same in other words: a held-out form, as with ``wording="held-out"``."""
        return self._simulation.instruction("held-out")

    def about_another(self, choice: int) -> str:
        """The plain form about another one of the candidates.

        Args:
            choice: number of the candidate, beginning again after the last one.

        Returns:
            The sentence itself where there is no other, or where the words for it change nothing.
        """
        if not self.candidates.others:
            return self._simulation.instruction("plain")
        return self._filled(self.words(choice))

    def names_another(self, choice: int) -> bool:
        """Whether there is another one of the candidates, and the sentence about it is another one.

        It is not where a task says its sentence without slots.

        Args:
            choice: as of ``about_another``.
        """
        return bool(self.candidates.others) and self.about_another(choice) != self._filled(self.words())

    def _filled(self, words: Mapping[str, str]) -> str:
        """What the task says in its plain form with some words in its slots, by a method of its own, too."""
        task = copy.copy(self._simulation.task)
        vars(task)["slots"] = lambda step: words
        with self._simulation.task_code("current_instruction"):
            return check_text("current_instruction", task.current_instruction(self._simulation.scorer.steps_done))

    def words(self, choice: int | None = None) -> Mapping[str, str]:
        """What fills the slots of the sentence, or of the one about another candidate.

        Args:
            choice: as of ``about_another``; ``None`` for the sentence itself.
        """
        with self._simulation.task_code("slots"):
            slots = self._simulation.task.slots(self._simulation.scorer.steps_done)
        others = self.candidates.others
        return slots if choice is None or not others else {**slots, **others[choice % len(others)].words}

    def body_near(self, position: Sequence[float]) -> tuple[str, float]:
        """The movable body that is visible from above nearest to a point of the table.

        Args:
            position: x and y, metres, world frame; further coordinates are ignored.

        Returns:
            Its name, empty where none is visible, and the distance in the plane, metres.
        """
        nearest, least = "", math.inf
        for name in self._simulation.scene.names("movable"):
            points = visible_points(self._simulation.scene, name)
            if len(points):
                away = float(np.hypot(points[:, 0] - position[0], points[:, 1] - position[1]).min())
                nearest, least = (name, away) if away < least else (nearest, least)
        return nearest, least
