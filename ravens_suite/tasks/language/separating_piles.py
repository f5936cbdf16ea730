"""Sweep a pile of small cubes into one of two marked squares, named by its colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import Goal, ZoneGoal, all_to_all, distance, lattice
from ravens_suite.errors import PlacementError
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Variants
from ravens_suite.tasks.candidates import Candidate, Candidates
from ravens_suite.tasks.language._base import ColorTask
from ravens_suite.tasks.language._colors import RGB, draw_colors
from ravens_suite.tasks.placement import free_pose
from ravens_suite.tasks.primitives import Primitive, Push
from ravens_suite.tasks.sentences import Sentences

COUNT = 50
"""Number of cubes."""

CUBE = (0.01, 0.01, 0.01)
ZONE = (0.15, 0.15)
"""Metres: a cube, and a marked square. The published task scores this square and draws a smaller one."""

LEAST_DISTANCE = 0.2
"""Metres between the middles of the two squares."""

PILE_X, PILE_Y = (0.40, 0.60), (-0.10, 0.10)
PILE_Z = 0.01
"""Metres, world frame: where cubes appear."""


class SeparatingPiles(ColorTask):
    """Push all cubes into the square whose colour the sentence names, with a spatula.

    As the published separating-piles (CLIPort, appendix A).

    Args:
        split: with ``colors="unseen"``, ``val`` and ``test`` have colours that ``train`` does not have.
        colors: ``seen``, ``unseen`` or ``full``, which has the colours of both.

    Raises:
        ConfigError: ``colors`` is none of these.

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = 20
    max_bodies: ClassVar[int] = 64
    primitive: ClassVar[Primitive] = Push()
    instruction: ClassVar[str] = "push the pile of {blocks} into the {square}"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "sweep the {blocks} into the {square}",
            "into the {square} push the pile of {blocks}",
            "into the {square} sweep the {blocks}",
            "the pile of {blocks} goes into the {square}",
            "the {square} is where the {blocks} belong",
        ),
        held_out=(
            "gather the {blocks} in the {square}",
            "in the {square} gather the {blocks}",
            "shove all of the {blocks} into the {square}",
            "clear the {blocks} away into the {square}",
        ),
    )
    variants: ClassVar[Variants] = {
        "seen": {"colors": "seen"},
        "unseen": {"colors": "unseen"},
        "full": {"colors": "full"},
    }

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """Two squares, then the pile; the square that is meant is one of them at random."""
        *zone_colors, pile_color = draw_colors(self.colors, 3, rng)
        zones = []
        for color in zone_colors:
            zones.append(free_pose(scene, (*ZONE, 0.0), rng))
            scene.add(f"{color} square", objects.zone_frame(ZONE).colored(RGB[color]), zones[-1], "marker")
        if distance(*zones) < LEAST_DISTANCE:
            raise PlacementError("The two squares are too close to each other.")
        names = tuple(f"{pile_color} cube {i + 1}" for i in range(COUNT))
        for name in names:
            x, y, yaw = rng.uniform(*PILE_X), rng.uniform(*PILE_Y), rng.uniform(0, 2 * math.pi)
            scene.add(name, objects.small_block(RGB[pile_color]), Pose.planar(x, y, PILE_Z, yaw), "movable")
        meant = int(rng.integers(2))
        self.said = [{"blocks": f"{pile_color} blocks", "square": f"{zone_colors[meant]} square"}]
        squares = [Candidate({"square": f"{zone_colors[i]} square"}, places=(zones[i],)) for i in (meant, 1 - meant)]
        self.could_mean = [Candidates(places=tuple(squares))]
        return [
            ZoneGoal(
                objects=names,
                targets=(zones[meant],),
                matches=all_to_all(COUNT, 1),
                symmetries=(0.0,) * COUNT,
                rotate=False,
                replace=True,
                zone=zones[meant],
                size=ZONE,
                lattices=(lattice(CUBE),) * COUNT,
            )
        ]
