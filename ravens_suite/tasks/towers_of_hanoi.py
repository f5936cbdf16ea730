"""Move a tower of three discs from one rod to another, by the rules of the puzzle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np

from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import Goal, PoseGoal
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.placement import free_pose

_PLATE = objects.HANOI_PLATE

STAND_SIZE = (_PLATE[0], 3 * _PLATE[1], _PLATE[2])
"""Metres: the three plates side by side, along y."""

DISCS = ("disc small", "disc medium", "disc large")
"""Red, yellow and green, from the top of the tower to its foot."""


class TowersOfHanoi(Task):
    """Move the tower from the first rod to the last, one disc at a time (Transporter Networks, section 4.1).

    The seven moves of the shortest solution are goals to be met in order.

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = 14
    instruction: ClassVar[str] = "move the tower to the last rod, one disc at a time, never onto a smaller disc"

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """The stand anywhere free, and the tower on its first rod."""
        stand = free_pose(scene, STAND_SIZE, rng)
        scene.add("stand", objects.hanoi_stand(), stand, "fixed")
        count = len(DISCS)
        for size in range(count):
            scene.add(DISCS[size], objects.hanoi_disc(size), _seat(stand, 0, count - 1 - size), "movable")
        towers = [list(range(count))[::-1], [], []]
        goals: list[Goal] = []
        for start, end in shortest_solution(count, 0, 2):
            size = towers[start].pop()
            goals.append(_move(DISCS[size], _seat(stand, end, len(towers[end])), 1 / (2**count - 1)))
            towers[end].append(size)
        return goals


def shortest_solution(count: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Moves (from rod, to rod) that take the ``count`` upper discs of rod ``start`` to rod ``end``."""
    if count == 0:
        return
    spare = 3 - start - end
    yield from shortest_solution(count - 1, start, spare)
    yield start, end
    yield from shortest_solution(count - 1, spare, end)


def _seat(stand: Pose, rod: int, below: int) -> Pose:
    """Where a disc lies on a rod with some discs below it."""
    height = (_PLATE[2] + objects.DISC_HEIGHT) / 2 + below * objects.DISC_HEIGHT
    return stand @ Pose((0.0, (rod - 1) * _PLATE[1], height))


def _move(disc: str, target: Pose, share: float) -> Goal:
    return PoseGoal(objects=(disc,), targets=(target,), matches=((True,),), symmetries=(0.0,), share=share)
