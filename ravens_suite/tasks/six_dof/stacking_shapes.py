"""Stack two objects of one shape on a tilted support."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import ClassVar

import numpy as np

from ravens_suite.core.geometry import Pose, Vector
from ravens_suite.core.goals import Goal, PoseGoal
from ravens_suite.core.palette import PALETTE
from ravens_suite.sim import objects
from ravens_suite.sim.bodies import Body, Box, solid
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

SUPPORT: Vector = (0.11, 0.11, 0.01)
"""(x, y, z) metres, full side lengths."""

OBJECT_SIZE: Vector = (0.08, 0.08, 0.02)
"""(x, y, z) metres: the footprint that an object of any shape is given, and its thickness."""

SYMMETRIES = {
    3: math.pi / 2,
    4: math.pi / 2,
    6: math.pi,
    7: 2 * math.pi / 5,
    8: math.pi,
    9: math.pi / 2,
    17: math.pi / 3,
}
"""Kit shapes that are stacked (square, plus, rhombus, pentagon, rectangle, flower, hexagon: they are balanced), each
with the angle in radians after which it looks the same."""

COLORS = ("blue", "yellow")
"""Of the objects, in the order in which they are stacked."""

TILTS = Tilts(most=math.radians(15), beyond=math.radians(22), heights=(0.04, 0.12))

_PICK = 0.02
_PICKS = ((_PICK, 0.0, 0.01), (-_PICK, 0.0, 0.01), (0.0, _PICK, 0.01), (0.0, -_PICK, 0.01))


class StackingShapes(TiltedTask):
    """Put the blue object on its outline on the raised, tilted support, and the yellow one on it, each turned to match.

    Both have the same shape (after MIRA's kits on kits, arXiv 2212.06088). Strict success wants height and tilt, too.

    Args:
        split: the same scenes in kind for all, unless ``ood``.
        ood: whether tests are beyond training: roll or pitch is 15 to 22 degrees there, else at most 15.

    Raises:
        ConfigError: ``ood`` is neither true nor false.

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = 4
    instruction: ClassVar[str] = "stack the blue object and then the yellow one on the outline on the tilted support"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "put the blue object on the outline on the tilted support, then the yellow object on the blue one",
            "on the outline on the tilted support stack the blue object and then the yellow one",
            "the blue object goes on the outline on the tilted support, and the yellow one on the blue one",
            "the outline on the tilted support is for the blue object, and the yellow one goes on the blue one",
        ),
        held_out=(
            "cover the outline on the tilted support with the blue object, and the blue object with the yellow one",
            "with the blue object cover the outline on the tilted support, then with the yellow one cover the blue one",
            "pile the objects up on the outline on the tilted support, first the blue one and then the yellow one",
            "fit the blue object to the outline on the tilted support, and the yellow object to the blue one",
            "on the tilted support lay first the blue object on the outline and then the yellow object on the blue one",
        ),
    )
    variants: ClassVar[Variants] = {"ood": {"ood": True}}

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """The support with an outline, then the objects, anywhere free."""
        shape = int(rng.choice(list(SYMMETRIES)))
        level = free_pose(scene, SUPPORT, rng)
        support = TILTS.draw(level, rng, beyond=self.beyond)
        top, thickness = SUPPORT[2] / 2, OBJECT_SIZE[2]
        seats = [support @ Pose((0.0, 0.0, top + thickness * (count + 0.5))) for count in range(len(COLORS))]
        check_reach(seats[-1], _PICKS)
        check_clear(_support(), support)
        scene.add("support", _support(), support, "fixed")
        scene.add("outline", objects.kit_silhouette(shape), support @ Pose((0.0, 0.0, top)), "marker")
        goals: list[Goal] = []
        for color, seat in zip(COLORS, seats, strict=True):
            name = f"{color} object"
            body = objects.kit_object(shape, PALETTE[color])
            scene.add(name, body, free_pose(scene, OBJECT_SIZE, rng), "movable")
            goals.append(
                PoseGoal(
                    objects=(name,),
                    targets=(seat,),
                    matches=((True,),),
                    symmetries=(SYMMETRIES[shape],),
                    share=1 / len(COLORS),
                    position_tolerance=POSITION_TOLERANCE,
                    rotation_tolerance=ROTATION_TOLERANCE,
                    full_pose=True,
                )
            )
        return goals


@cache
def _support() -> Body:
    return solid(Box(SUPPORT), PALETTE["brown"])
