"""Move a tower of three rings from one rod to another, one move after the other, as sentences say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ravens_suite.core.goals import Goal
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks._hanoi import STAND_SIZE, move, seat, shortest_solution
from ravens_suite.tasks.base import Variants
from ravens_suite.tasks.candidates import Candidate, Candidates
from ravens_suite.tasks.language._base import ColorTask
from ravens_suite.tasks.language._colors import RGB, draw_colors
from ravens_suite.tasks.placement import free_pose
from ravens_suite.tasks.sentences import Sentences

SIZES = len(objects.DISC_RADII)
"""Number of rings, from the smallest to the largest."""

RODS = ("lighter brown side", "middle of the stand", "darker brown side")
"""The words for the rods."""


class TowersOfHanoiSeq(ColorTask):
    """Make the move that the sentence says; seven of them take the tower to the other end of the stand.

    As the published towers-of-hanoi-seq (CLIPort, appendix A): the colours of the rings say nothing about their sizes.

    Args:
        split: with ``colors="unseen"``, ``val`` and ``test`` have colours that ``train`` does not have.
        colors: ``seen``, ``unseen`` or ``full``, which has the colours of both.

    Raises:
        ConfigError: ``colors`` is none of these.

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = 14
    instruction: ClassVar[str] = "move the {ring} to the {rod}"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "put the {ring} on the {rod}",
            "to the {rod} move the {ring}",
            "on the {rod} put the {ring}",
            "take the {ring} to the {rod}",
            "the {ring} goes to the {rod}",
        ),
        held_out=(
            "bring the {ring} over to the {rod}",
            "over to the {rod} bring the {ring}",
            "the next place of the {ring} is the {rod}",
            "lift the {ring} and lower it at the {rod}",
        ),
    )
    variants: ClassVar[Variants] = {
        "seen": {"colors": "seen"},
        "unseen": {"colors": "unseen"},
        "full": {"colors": "full"},
    }

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """The stand anywhere free, and the tower on its first rod."""
        stand = free_pose(scene, STAND_SIZE, rng)
        scene.add("stand", objects.hanoi_stand(), stand, "fixed")
        rings = [f"{color} ring" for color in draw_colors(self.colors, SIZES, rng)]
        for size, ring in enumerate(rings):
            body = objects.hanoi_disc(size).colored(RGB[ring.split()[0]])
            scene.add(ring, body, seat(stand, 0, SIZES - 1 - size), "movable")
        towers = [list(range(SIZES))[::-1], [], []]
        goals, said, could_mean = [], [], []
        for start, end in shortest_solution(SIZES, 0, 2):
            size = towers[start].pop()
            goals.append(move(rings[size], seat(stand, end, len(towers[end])), 1 / (2**SIZES - 1)))
            said.append({"ring": rings[size], "rod": RODS[end]})
            ends = [end, *(rod for rod in range(len(RODS)) if rod not in (start, end))]
            could_mean.append(
                Candidates(places=tuple(Candidate({"rod": RODS[rod]}, places=(seat(stand, rod, 0),)) for rod in ends))
            )
            towers[end].append(size)
        # Only one ring of a tower can be picked, so that only the rod is a choice.
        self.said, self.could_mean = said, could_mean
        return goals
