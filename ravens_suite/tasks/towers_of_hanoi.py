"""Move a tower of three discs from one rod to another, by the rules of the puzzle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ravens_suite.core.goals import Goal
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks._hanoi import STAND_SIZE, move, seat, shortest_solution
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.placement import free_pose
from ravens_suite.tasks.sentences import Sentences

DISCS = ("disc small", "disc medium", "disc large")
"""Red, yellow and green, from the top of the tower to its foot."""


class TowersOfHanoi(Task):
    """Move the tower from the first rod to the last, one disc at a time (Transporter Networks, section 4.1).

    The seven moves of the shortest solution are goals to be met in order.

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = 14
    instruction: ClassVar[str] = "move the tower to the last rod, one disc at a time, never onto a smaller disc"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "bring the tower to the last rod, one disc at a time, never onto a smaller disc",
            "to the last rod move the tower, one disc at a time, never onto a smaller disc",
            "one disc at a time, never onto a smaller disc, move the tower to the last rod",
            "solve the towers of Hanoi from the first rod to the last",
        ),
        held_out=(
            "rebuild the tower on the last rod, disc by disc, with no disc on a smaller one",
            "on the last rod rebuild the tower, disc by disc, with no disc on a smaller one",
            "carry the discs to the last rod by the rules of the towers of Hanoi",
            "let the tower change from the first rod to the last, never a disc on a smaller one",
        ),
    )

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """The stand anywhere free, and the tower on its first rod."""
        stand = free_pose(scene, STAND_SIZE, rng)
        scene.add("stand", objects.hanoi_stand(), stand, "fixed")
        count = len(DISCS)
        for size in range(count):
            scene.add(DISCS[size], objects.hanoi_disc(size), seat(stand, 0, count - 1 - size), "movable")
        towers = [list(range(count))[::-1], [], []]
        goals: list[Goal] = []
        for start, end in shortest_solution(count, 0, 2):
            size = towers[start].pop()
            goals.append(move(DISCS[size], seat(stand, end, len(towers[end])), 1 / (2**count - 1)))
            towers[end].append(size)
        return goals
