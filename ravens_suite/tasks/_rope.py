"""The rope that tasks share: beads joined by ball joints, and the goal of laying it along a line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.goals import PoseGoal, Poses, distance
from ravens_suite.core.palette import PALETTE, Color
from ravens_suite.sim import objects
from ravens_suite.sim.constraints import link
from ravens_suite.sim.precision import TIME_STEP
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.placement import free_pose

BEADS = 20
"""Number of beads of the rope."""

LENGTH = 0.2 * math.sqrt(2)
"""Metres: of the rope, and of the line it is to be laid along."""

SPACING = LENGTH / BEADS
"""Metres between the centres of neighbouring beads."""

TOLERANCE = 0.02
"""Metres by which a bead may lie beside its place."""

DROP_STEPS = 960
"""Physics steps that the fall may take: two seconds. The published rope falls for one, then until it is still."""

SCATTER = 1.5e-3
"""Metres: standard deviation, along x and y, of the beads about the line from which they fall.

Beads exactly above each other fall into a heap: how the rope topples is then left to rounding, and it lies closer than
the published one (``results/rope_start.json``). From 0.1 to 2 mm the amount matters little.
"""

_WHITE: Color = (1.0, 1.0, 1.0)
_FOOTPRINT = (0.1, 0.1, 0.1)


def drop_rope(scene: Scene, rng: np.random.Generator) -> tuple[str, ...]:
    """Let a rope fall from a line that is vertical but for ``SCATTER``, above a random free place.

    Returns:
        The names of its beads, from end to end.
    """
    foot = free_pose(scene, _FOOTPRINT, rng)
    names = tuple(f"bead_{i}" for i in range(BEADS))
    colors = [_WHITE if i in (0, BEADS - 1) else PALETTE["red"] for i in range(BEADS)]
    beads = {name: objects.rope_bead(color) for name, color in zip(names, colors, strict=True)}
    aside = rng.normal(0.0, SCATTER, (BEADS, 2)).tolist()
    poses = {name: foot @ Pose((*aside[i], (i + 1) * SPACING)) for i, name in enumerate(names)}
    scene.add_alike(beads, poses, "movable")
    for lower, upper in pairwise(names):
        _join(scene, lower, upper)
    # At twice the step size it would lie 1.5 mm closer (radius of gyration); with 50 iterations as it does with ten.
    scene.settle_coarsely(DROP_STEPS, TIME_STEP)
    return names


def _join(scene: Scene, lower: str, upper: str) -> None:
    """Join two neighbours at the centre of the upper one, as in the published rope.

    So a bead that the gripper holds keeps its upper neighbour where it was beside it, and the rope is laid down with a
    hook there. This is a good part of the published difficulty: with free neighbours the oracle needs six actions in
    place of eight.
    """
    link(scene, lower, upper, (0.0, 0.0, SPACING), (0.0, 0.0, 0.0))
    # They cannot meet: a bead reaches 8.7 mm from its centre, and the next one's nearest face is 9.1 mm away.
    scene.ignore_collisions(lower, upper)


@dataclass(frozen=True, kw_only=True)
class OneWayGoal(PoseGoal):
    """Lay a rope along a line: either end first for the score, the nearer way round as a whole for the oracle.

    The published oracle lets every bead go to the nearer of its two places, so that the two halves may pull against
    each other, and some ropes are turned over again and again.
    """

    def moves(self, poses: Poses) -> list[tuple[str, Pose]]:
        """Beads beside their places in that direction; first the one whose move leaves the rope nearest to its line.

        The farthest bead is often no good choice: taken to its place, it pulls others off theirs, or is laid with a
        hook. So the moves are tried on a rope of points (see ``_pulled``), and judged by how far the beads then lie
        from their places altogether.
        """
        there = [(i, j) for i, j in enumerate(self._order(poses)) if self.objects[i] in poses]
        points = np.array([poses[self.objects[i]].position[:2] for i, _ in there])
        places = np.array([self.targets[j].position[:2] for _, j in there])
        beside = [
            (float(np.hypot(*(_pulled(points, at, places[at]) - places).T).sum()), at)
            for at, (i, j) in enumerate(there)
            if not self.matched(i, j, poses)
        ]
        return [(self.objects[there[at][0]], self.targets[there[at][1]]) for _, at in sorted(beside)]

    def reached(self, poses: Poses) -> list[tuple[int, int]]:
        """Beads that lie at their places in that direction."""
        return [(i, j) for i, j in enumerate(self._order(poses)) if self.matched(i, j, poses)]

    def _order(self, poses: Poses) -> tuple[int, ...]:
        """The target of each bead, in the direction in which all of them together have less far to go."""
        onward = tuple(range(len(self.objects)))
        return min(onward, onward[::-1], key=lambda order: self._way(order, poses))

    def _way(self, order: tuple[int, ...], poses: Poses) -> float:
        """Metres that all beads have to go."""
        pairs = [(name, self.targets[j]) for name, j in zip(self.objects, order, strict=True) if name in poses]
        return math.fsum(distance(poses[name], target) for name, target in pairs)


_DRAG_STEP = SPACING / 2
"""Metres by which the held bead of the model moves at a time."""


def _pulled(points: Array, held: int, to: Array) -> Array:
    """Where beads come to lie when one is dragged to a place: each follows its neighbour once it is ``SPACING`` away.

    The held bead does not turn, and takes its upper neighbour along as it lies beside it (see ``_join``).

    Args:
        points: (N, 2) metres, the beads in order.
        held: index of the bead that is dragged.
        to: (2,) metres, where it is laid down.
    """
    points = points.copy()
    way = to - points[held]
    carried = points[held : held + 2]  # A view: both move with the hand.
    upper = [(i, i + 1) for i in range(held + 1, len(points) - 1)]
    lower = [(i, i - 1) for i in range(held, 0, -1)]
    count = max(math.ceil(np.hypot(*way) / _DRAG_STEP), 1)
    for _ in range(count):
        carried += way / count
        for leader, follower in (*upper, *lower):
            gap = points[follower] - points[leader]
            length = math.hypot(*gap)
            if length > SPACING:
                points[follower] = points[leader] + gap * (SPACING / length)
    return points


def rope_goal(beads: tuple[str, ...], line: Pose, kind: type[PoseGoal] = PoseGoal) -> PoseGoal:
    """Lay a rope along a line, either end first.

    Args:
        beads: names, from end to end.
        line: its centre; it runs along x.
        kind: of the goal.
    """
    count = len(beads)
    offsets = [(i + 0.5) * SPACING - LENGTH / 2 for i in range(count)]
    return kind(
        objects=beads,
        targets=tuple(line @ Pose((offset, 0.0, 0.0)) for offset in offsets),
        matches=tuple(tuple(j in (i, count - 1 - i) for j in range(count)) for i in range(count)),
        symmetries=(0.0,) * count,
        rotate=False,
        position_tolerance=TOLERANCE,
    )
