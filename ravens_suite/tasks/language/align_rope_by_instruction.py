"""Lay a rope along that side of a square that a sentence names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import Goal
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks._rope import LENGTH, OneWayGoal, drop_rope, rope_goal
from ravens_suite.tasks.candidates import Candidate, Candidates
from ravens_suite.tasks.language._base import LanguageTask
from ravens_suite.tasks.placement import free_pose
from ravens_suite.tasks.primitives import PickPlace, Primitive
from ravens_suite.tasks.sentences import Sentences

CORNERS = {
    "front left tip": (-1, 1),
    "front right tip": (1, 1),
    "back left corner": (-1, -1),
    "back right corner": (1, -1),
}
"""Corners of the square in its frame, in half sides; its open side is at +y. The side opposite to that is its back, and
left is on the left hand of who stands at the back and looks to the open side."""

SEGMENTS = (
    ("front left tip", "front right tip"),
    ("front left tip", "back left corner"),
    ("front right tip", "back right corner"),
    ("back left corner", "back right corner"),
)
"""Ends of the sides along which the rope may have to lie."""


class AlignRopeByInstruction(LanguageTask):
    """Lay the rope along one of the four sides of a square, of which one is not drawn; either end first.

    As the published align-rope (CLIPort, appendix A), but that a corner always has the same name. The open side is the
    front; left and right are as seen from the back, looking to the front.

    Args:
        split: the same scenes in kind for all.

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = 20
    primitive: ClassVar[Primitive] = PickPlace(carry_height=0.02, carry_step=0.001)
    instruction: ClassVar[str] = "align the rope from the {first} to the {second}"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "lay the rope from the {first} to the {second}",
            "from the {first} to the {second} lay the rope",
            "stretch the rope between the {first} and the {second}",
            "between the {first} and the {second} lay the rope",
            "the rope goes from the {first} to the {second}",
        ),
        held_out=(
            "make the rope join the {first} and the {second}",
            "connect the {first} to the {second} with the rope",
            "along the line from the {first} to the {second} straighten the rope",
            "straighten the rope from the {first} up to the {second}",
        ),
    )

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """Three sides of a square, then a rope dropped anywhere free."""
        square = free_pose(scene, (LENGTH, LENGTH, 0.0), rng)
        scene.add("square", objects.square_outline(LENGTH), square, "marker")
        first, second = SEGMENTS[int(rng.integers(len(SEGMENTS)))]
        if rng.random() < 0.5:
            first, second = second, first
        self.said = [{"first": first, "second": second}]
        # A first bead at a corner says nothing of the side that is meant, so that these candidates have no places.
        ends = [(first, second), *(pair for pair in SEGMENTS if {*pair} != {first, second})]
        self.could_mean = [Candidates(places=tuple(Candidate({"first": one, "second": two}) for one, two in ends))]
        return [rope_goal(drop_rope(scene, rng), square @ _side(first, second), OneWayGoal)]


def _side(first: str, second: str) -> Pose:
    """Middle of the side between two corners, in the square's frame, its x axis along the side."""
    (x0, y0), (x1, y1) = CORNERS[first], CORNERS[second]
    half = LENGTH / 2
    return Pose.planar((x0 + x1) / 2 * half, (y0 + y1) / 2 * half, 0.001, math.atan2(y1 - y0, x1 - x0))
