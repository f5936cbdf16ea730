"""The rope that tasks share: beads joined by ball joints, and the goal of laying it along a line."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import PoseGoal
from ravens_suite.core.palette import PALETTE, Color
from ravens_suite.sim import objects
from ravens_suite.sim.constraints import link
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

DROP_STEPS = 240
"""Physics steps that the fall may take, at the coarse time step of ``Scene.settle_coarsely``: one second."""

_WHITE: Color = (1.0, 1.0, 1.0)
_FOOTPRINT = (0.1, 0.1, 0.1)


def drop_rope(scene: Scene, rng: np.random.Generator) -> tuple[str, ...]:
    """Let a rope fall from a vertical line above a random free place.

    Returns:
        The names of its beads, from end to end.
    """
    foot = free_pose(scene, _FOOTPRINT, rng)
    names = tuple(f"bead_{i}" for i in range(BEADS))
    colors = [_WHITE if i in (0, BEADS - 1) else PALETTE["red"] for i in range(BEADS)]
    beads = {name: objects.rope_bead(color) for name, color in zip(names, colors, strict=True)}
    poses = {name: foot @ Pose((0.0, 0.0, (i + 1) * SPACING)) for i, name in enumerate(names)}
    scene.add_alike(beads, poses, "movable")
    for lower, upper in pairwise(range(BEADS)):
        _join(scene, names, lower, upper)
    scene.settle_coarsely(DROP_STEPS)
    return names


def _join(scene: Scene, names: tuple[str, ...], lower: int, upper: int) -> None:
    """Join two neighbours at the centre of the outer one, which so turns freely.

    The gripper holds a bead rigidly. If the joint were at the centre of the inner bead, a held end bead would fix the
    place of its neighbour, and the rope would be laid down with a hook at its end.
    """
    inner, outer, way = (upper, lower, -SPACING) if upper < BEADS // 2 else (lower, upper, SPACING)
    link(scene, names[inner], names[outer], (0.0, 0.0, way), (0.0, 0.0, 0.0))
    # Joined beads would block each other's corners wherever the rope bends, and lock it in folds.
    scene.ignore_collisions(names[inner], names[outer])


def rope_goal(beads: tuple[str, ...], line: Pose) -> PoseGoal:
    """Lay a rope along a line, either end first.

    Args:
        beads: names, from end to end.
        line: its centre; it runs along x.
    """
    count = len(beads)
    offsets = [(i + 0.5) * SPACING - LENGTH / 2 for i in range(count)]
    return PoseGoal(
        objects=beads,
        targets=tuple(line @ Pose((offset, 0.0, 0.0)) for offset in offsets),
        matches=tuple(tuple(j in (i, count - 1 - i) for j in range(count)) for i in range(count)),
        symmetries=(0.0,) * count,
        rotate=False,
        position_tolerance=TOLERANCE,
    )
