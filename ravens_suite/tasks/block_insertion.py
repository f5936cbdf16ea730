"""Insert an L-shaped block into an L-shaped fixture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from ravens_suite.core.geometry import Pose, euler_quaternion
from ravens_suite.core.goals import FULL_TURN, Goal, PoseGoal
from ravens_suite.core.seeding import Split
from ravens_suite.core.workspace import PLANE_HEIGHT
from ravens_suite.errors import ConfigError, PlacementError
from ravens_suite.sim import kinematics, objects
from ravens_suite.sim.bodies import Body, triangles
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task, Variants
from ravens_suite.tasks.placement import free_pose
from ravens_suite.tasks.sentences import Sentences

SIZE = (0.1, 0.1, 0.04)
"""Metres: the footprint that both the block and the fixture are given."""

EASY_BLOCK = Pose.planar(0.5, 0.0, SIZE[2] / 2, math.pi / 2)
"""Where the block always lies in the easy variant."""

RAISED_RANGE = (0.05, 0.15)
"""Metres: least and greatest height of the raised fixture's centre."""

MOST_TILT = math.pi / 4
"""Radians: greatest roll and greatest pitch of the raised fixture."""

_PICKS = ((0.065, 0.0, 0.02), (0.0, 0.065, 0.02), (-0.015, -0.015, 0.02))
"""Metres, in the block's frame: the outermost points where it can be gripped."""

Variant = Literal["standard", "easy", "translation", "no-fixture", "six-dof"]


@dataclass(frozen=True)
class _Rules:
    """What a variant changes.

    Attributes:
        yaw: of both bodies, radians; drawn when ``None``.
        fixed_block: whether the block always lies at the same place.
        fixture: whether there is one.
        raised: whether it hangs in the air, tilted.
        instruction: what is to be done, where it is not the same as in the standard task.
        sentences: other forms of that.
    """

    yaw: float | None = None
    fixed_block: bool = False
    fixture: bool = True
    raised: bool = False
    instruction: str = ""
    sentences: Sentences = Sentences()


_VARIANTS: dict[Variant, _Rules] = {
    "standard": _Rules(),
    "easy": _Rules(yaw=math.pi / 2, fixed_block=True),
    "translation": _Rules(yaw=math.pi / 2),
    "no-fixture": _Rules(
        fixture=False,
        instruction="put the red L-shaped block where the goal image shows it",
        sentences=Sentences(
            training=(
                "place the red L-shaped block where it is in the goal image",
                "where the goal image shows it put the red L-shaped block",
                "the red L-shaped block goes where the goal image shows it",
                "move the red L-shaped block to its place in the goal image",
            ),
            held_out=(
                "make the red L-shaped block lie as in the goal image",
                "as in the goal image lay down the red L-shaped block",
                "bring the red L-shaped block to where the goal image has it",
                "match the goal image with the red L-shaped block",
            ),
        ),
    ),
    "six-dof": _Rules(
        raised=True,
        instruction="put the red L-shaped block into the raised, tilted grey fixture",
        sentences=Sentences(
            training=(
                "place the red L-shaped block in the raised, tilted grey fixture",
                "into the raised, tilted grey fixture put the red L-shaped block",
                "the red L-shaped block goes into the raised, tilted grey fixture",
                "the raised, tilted grey fixture is where the red L-shaped block belongs",
            ),
            held_out=(
                "insert the red L-shaped block into the raised, tilted grey fixture",
                "into the raised, tilted grey fixture insert the red L-shaped block",
                "fill the raised, tilted grey fixture with the red L-shaped block",
                "pick up the red L-shaped block, tilt it and lower it into the raised grey fixture",
            ),
        ),
    ),
}


class BlockInsertion(Task):
    """Pick up the red L-shaped block and put it into the grey fixture (Transporter Networks, section 4.1).

    Args:
        split: the same scenes in kind for all.
        variant: ``translation`` has every yaw at 90 degrees; ``easy`` also has the block always at the same place;
            ``no-fixture`` shows and holds nothing at the target, for agents that are given a goal image; ``six-dof``
            raises and tilts the fixture, and strict success then wants the full pose.

    Raises:
        ConfigError: there is no such variant.

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = 3
    instruction: ClassVar[str] = "put the red L-shaped block into the grey fixture"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "place the red L-shaped block in the grey fixture",
            "into the grey fixture put the red L-shaped block",
            "the red L-shaped block goes into the grey fixture",
            "the grey fixture is where the red L-shaped block belongs",
        ),
        held_out=(
            "insert the red L-shaped block into the grey fixture",
            "into the grey fixture insert the red L-shaped block",
            "fill the grey fixture with the red L-shaped block",
            "pick up the red L-shaped block and lower it into the grey fixture",
        ),
    )

    variants: ClassVar[Variants] = {
        "easy": {"variant": "easy"},
        "translation": {"variant": "translation"},
        "no-fixture": {"variant": "no-fixture"},
        "six-dof": {"variant": "six-dof"},
    }

    def __init__(self, split: Split = "train", variant: Variant = "standard") -> None:
        super().__init__(split)
        if not isinstance(variant, str) or variant not in _VARIANTS:
            raise ConfigError(f"variant must be one of {', '.join(_VARIANTS)}; got {variant!r}.")
        self.variant = variant
        self._rules = _VARIANTS[variant]

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """A fixture, then a block, anywhere free."""
        rules = self._rules
        if rules.fixed_block:
            scene.add("block", objects.l_block(), EASY_BLOCK, "movable")
        fixture = free_pose(scene, SIZE, rng, yaw=rules.yaw)
        if rules.raised:
            fixture = _raised(fixture, rng)
            scene.add("fixture", objects.l_fixture(), fixture, "fixed")
        elif rules.fixture:
            scene.add("fixture", objects.l_fixture(), fixture, "fixed")
        else:
            scene.add("target", Body(()), fixture, "marker")
        if not rules.fixed_block:
            scene.add("block", objects.l_block(), free_pose(scene, SIZE, rng, yaw=rules.yaw), "movable")
        return [
            PoseGoal(
                objects=("block",),
                targets=(fixture,),
                matches=((True,),),
                symmetries=(FULL_TURN,),
                position_tolerance=0.02 if rules.raised else 0.01,
                full_pose=rules.raised,
            )
        ]

    def current_instruction(self, step: int) -> str:
        """That of the variant."""
        return self._rules.instruction or self.instruction

    def current_sentences(self, step: int) -> Sentences:
        """Those of the variant."""
        return self._rules.sentences if self._rules.instruction else self.sentences


def _raised(level: Pose, rng: np.random.Generator) -> Pose:
    """The pose lifted off the table and tilted about x and y.

    Raises:
        PlacementError: no block can be put there: it leans away from the robot at a far corner, where the arm does not
            reach it, or it is so low and tilted that the block would reach into the table.
    """
    x, y, _ = level.position
    height = float(rng.uniform(*RAISED_RANGE))
    roll, pitch = (float(angle) for angle in rng.uniform(-MOST_TILT, MOST_TILT, size=2))
    raised = Pose((x, y, height), euler_quaternion(roll, pitch, level.yaw))
    for pick in _PICKS:
        if not kinematics.reachable(kinematics.tool_to_flange(raised @ Pose(pick))):
            raise PlacementError("The arm does not reach the tilted fixture.")
    corners = np.concatenate([triangles(shape).reshape(-1, 3) for shape in objects.l_block().collisions])
    if raised.apply(corners)[:, 2].min() < PLANE_HEIGHT:
        raise PlacementError("The block in the tilted fixture would reach into the table.")
    return raised
