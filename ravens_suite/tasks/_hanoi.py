"""Towers of Hanoi: where discs lie on the stand, and the shortest solution."""

from __future__ import annotations

from collections.abc import Iterator

from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import Goal, PoseGoal
from ravens_suite.sim import objects

_PLATE = objects.HANOI_PLATE

STAND_SIZE = (_PLATE[0], 3 * _PLATE[1], _PLATE[2])
"""Metres: the three plates side by side, along y."""


def shortest_solution(count: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Moves (from rod, to rod) that take the ``count`` upper discs of rod ``start`` to rod ``end``."""
    if count == 0:
        return
    spare = 3 - start - end
    yield from shortest_solution(count - 1, start, spare)
    yield start, end
    yield from shortest_solution(count - 1, spare, end)


def seat(stand: Pose, rod: int, below: int) -> Pose:
    """Where a disc lies on a rod with some discs below it."""
    height = (_PLATE[2] + objects.DISC_HEIGHT) / 2 + below * objects.DISC_HEIGHT
    return stand @ Pose((0.0, (rod - 1) * _PLATE[1], height))


def move(disc: str, target: Pose, share: float) -> Goal:
    """A goal step: one disc on one rod.

    Args:
        disc: name of the body.
        target: where it is to lie.
        share: of the reward.
    """
    return PoseGoal(objects=(disc,), targets=(target,), matches=((True,),), symmetries=(0.0,), share=share)
