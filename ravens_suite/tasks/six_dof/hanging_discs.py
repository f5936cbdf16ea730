"""Hang discs on the pegs of a tilted board."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import ClassVar

import numpy as np

from ravens_suite.core.geometry import Pose, Vector
from ravens_suite.core.goals import Goal, PoseGoal, all_to_all
from ravens_suite.core.palette import PALETTE
from ravens_suite.sim import objects
from ravens_suite.sim.bodies import Body, Box, Cylinder, Visual
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Variants
from ravens_suite.tasks.placement import free_pose
from ravens_suite.tasks.sentences import Sentences
from ravens_suite.tasks.six_dof._tilts import (
    POSITION_TOLERANCE,
    ROTATION_TOLERANCE,
    TiltedTask,
    Tilts,
    check_clear,
    check_reach,
)

BOARD: Vector = (0.09, 0.18, 0.01)
"""(x, y, z) metres, full side lengths."""

PEGS = (-0.045, 0.045)
"""Metres along the board's y axis."""

PEG_LENGTH = 0.04
"""Metres above the board."""

DISC_SIZE = 0
"""The smallest disc of the towers of Hanoi: 6 cm across, with a hole of 3 cm."""

DISCS = ("red disc 1", "red disc 2")

TILTS = Tilts(most=math.radians(30), beyond=math.radians(45), heights=(0.09, 0.15))

_SEAT = (BOARD[2] + objects.DISC_HEIGHT) / 2
"""Metres: height of a hanging disc's middle above that of the board."""

_RIM = objects.DISC_RADII[DISC_SIZE]
_TOP = objects.DISC_HEIGHT / 2
_PICKS = ((_RIM, 0.0, _TOP), (-_RIM, 0.0, _TOP), (0.0, _RIM, _TOP), (0.0, -_RIM, _TOP))


class HangingDiscs(TiltedTask):
    """Hang each disc on a peg of the raised, tilted board; any disc on any peg (after MIRA, arXiv 2212.06088).

    Strict success wants the height and the tilt of the board, too.

    Args:
        split: the same scenes in kind for all, unless ``ood``.
        ood: whether tests are beyond training: roll or pitch is 30 to 45 degrees there, else at most 30.

    Raises:
        ConfigError: ``ood`` is neither true nor false.

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = 4
    instruction: ClassVar[str] = "hang the red discs on the pegs of the tilted board"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "put the red discs onto the pegs of the tilted board",
            "on the pegs of the tilted board hang the red discs",
            "the red discs go onto the pegs of the tilted board",
            "the pegs of the tilted board are where the red discs belong",
            "hang one red disc on each peg of the tilted board",
        ),
        held_out=(
            "slide the red discs over the pegs of the tilted board",
            "over the pegs of the tilted board slide the red discs",
            "give each peg of the tilted board a red disc",
            "pick up the red discs, tilt them and lower them onto the pegs of the tilted board",
            "make every red disc hang from a peg of the tilted board",
        ),
    )
    variants: ClassVar[Variants] = {"ood": {"ood": True}}

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """The board, then the discs, anywhere free."""
        level = free_pose(scene, BOARD, rng)
        board = TILTS.draw(level, rng, beyond=self.beyond)
        seats = tuple(board @ Pose((0.0, y, _SEAT)) for y in PEGS)
        for seat in seats:
            check_reach(seat, _PICKS)
        check_clear(_board(), board)
        scene.add("board", _board(), board, "fixed")
        side = 2 * _RIM
        for name in DISCS:
            pose = free_pose(scene, (side, side, objects.DISC_HEIGHT), rng)
            scene.add(name, objects.hanoi_disc(DISC_SIZE), pose, "movable")
        return [
            PoseGoal(
                objects=DISCS,
                targets=seats,
                matches=all_to_all(len(DISCS), len(seats)),
                symmetries=(0.0,) * len(DISCS),
                position_tolerance=POSITION_TOLERANCE,
                rotation_tolerance=ROTATION_TOLERANCE,
                full_pose=True,
            )
        ]


@cache
def _board() -> Body:
    """A brown board with two pegs. Its origin is the middle of the board."""
    height = (BOARD[2] + PEG_LENGTH) / 2
    pegs = tuple(Cylinder(objects.ROD_RADIUS, PEG_LENGTH, Pose((0.0, y, height))) for y in PEGS)
    plate = Box(BOARD)
    visuals = (Visual(plate, PALETTE["brown"]), *(Visual(peg, objects.LIGHT_WOOD) for peg in pegs))
    return Body(visuals, (plate, *pegs), friction=objects.HANOI_STAND_FRICTION)
