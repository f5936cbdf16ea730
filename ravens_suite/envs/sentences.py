"""What could be said at this point of an episode in place of its instruction, and what an action is about.

Nothing here changes the episode, and no policy sees it: it serves those who find out whether a policy listens.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ravens_suite.envs.simulation import Simulation
from ravens_suite.envs.task_checks import check_candidates
from ravens_suite.sim.topview import visible_points
from ravens_suite.tasks.candidates import Candidate, Candidates, chance
from ravens_suite.tasks.sentences import exchanged

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
        """The plain form about another one of the candidates; the sentence itself where there is no other to name.

        Args:
            choice: number of the candidate, beginning again after the last one.
        """
        return self._simulation.as_told(self._about_another(choice))

    def can_name_another(self, choice: int) -> bool:
        """Whether the sentence about another one of the candidates is another sentence.

        Args:
            choice: as of ``about_another``.
        """
        return self._about_another(choice) != self._simulation.plain_sentence()

    def _about_another(self, choice: int) -> str:
        plain, others = self._simulation.plain_sentence(), self.candidates.others
        if not others:
            return plain
        words = self.words(choice)
        said = self._simulation.plain_sentence(words)
        # A task may say its sentence without slots: then the words for what it names stand in it.
        return exchanged(plain, self.words(), words) if said == plain else said

    def words(self, choice: int | None = None) -> Mapping[str, str]:
        """What fills the slots of the sentence, or of the one about another candidate.

        Args:
            choice: as of ``about_another``; ``None`` for the sentence itself.
        """
        with self._simulation.task_code("slots"):
            slots = self._simulation.task.slots(self._simulation.scorer.steps_done)
        candidates = self.candidates
        for named in (*candidates.picks[:1], *candidates.places[:1]):  # Also where the task fills no slots.
            slots = {**named.words, **slots}
        others = candidates.others
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
