"""Put five objects onto their silhouettes on a kit board."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import FULL_TURN, Goal, PoseGoal
from ravens_suite.core.palette import PALETTE
from ravens_suite.core.seeding import Split
from ravens_suite.errors import ConfigError
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks._kits import HELD_OUT, OBJECT_SIZE, SHAPES, SLOTS, SYMMETRIES
from ravens_suite.tasks.base import Task, Variants
from ravens_suite.tasks.placement import free_pose
from ravens_suite.tasks.sentences import Sentences

COLORS = ("purple", "blue", "green", "yellow", "red")
"""Of the objects, slot by slot."""

Variant = Literal["standard", "easy"]


@dataclass(frozen=True)
class _Rules:
    """What a variant sets: shape ids for training and for testing, and the tolerance of yaw in degrees."""

    seen: tuple[int, ...]
    unseen: tuple[int, ...]
    tolerance: float
    one_unseen_shape: bool = False


_VARIANTS: dict[Variant, _Rules] = {
    "standard": _Rules(SHAPES, HELD_OUT, 15),
    "easy": _Rules(tuple(i for i in range(20) if i not in (3, 11)), (3, 11), 30, one_unseen_shape=True),
}


class AssemblingKits(Task):
    """Put each object onto a silhouette of its shape, turned to match (Transporter Networks, section 4.1).

    Validation and test scenes hold shapes that training scenes never do.

    Args:
        split: decides the shapes.
        variant: ``easy`` has twice the yaw tolerance, and in the held-out splits five copies of a square or of a disc.
        unseen_shapes: take the held-out shapes in every split.

    Raises:
        ConfigError: there is no such variant, or ``unseen_shapes`` is neither true nor false.

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = 10
    instruction: ClassVar[str] = "put every object into the silhouette of its shape on the board"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "place each object into the slot of its shape on the board",
            "on the board put every object into the silhouette of its shape",
            "every object goes into the silhouette of its shape on the board",
            "assemble the kit with all objects",
        ),
        held_out=(
            "fit all objects onto their silhouettes on the board",
            "onto their silhouettes on the board fit all objects",
            "complete the kit on the board",
            "match every object with its silhouette on the board",
        ),
    )

    variants: ClassVar[Variants] = {"easy": {"variant": "easy"}}

    def __init__(self, split: Split = "train", variant: Variant = "standard", unseen_shapes: bool = False) -> None:
        super().__init__(split)
        if not isinstance(variant, str) or variant not in _VARIANTS:
            raise ConfigError(f"variant must be one of {', '.join(_VARIANTS)}; got {variant!r}.")
        if not isinstance(unseen_shapes, bool):
            raise ConfigError(f"unseen_shapes must be true or false; got {unseen_shapes!r}.")
        self._rules = _VARIANTS[variant]
        self._unseen = unseen_shapes or split != "train"

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """The board with five silhouettes, then the five objects, anywhere free."""
        board = free_pose(scene, objects.BOARD_SIZE, rng)
        scene.add("board", objects.kit_board(), board, "fixed")
        shapes, targets = self._shapes(rng), []
        for i, (shape, (x, y)) in enumerate(zip(shapes, SLOTS, strict=True)):
            slot = board @ Pose.planar(x, y, objects.BOARD_SIZE[2] / 2, float(rng.uniform(0, FULL_TURN)))
            scene.add(f"silhouette {i + 1}", objects.kit_silhouette(shape), slot, "marker")
            targets.append(slot.raised(OBJECT_SIZE[2] / 2))
        names = tuple(f"{color} object" for color in COLORS)
        for name, color, shape in zip(names, COLORS, shapes, strict=True):
            body = objects.kit_object(shape, PALETTE[color])
            scene.add(name, body, free_pose(scene, OBJECT_SIZE, rng), "movable")
        return [
            PoseGoal(
                objects=names,
                targets=tuple(targets),
                matches=tuple(tuple(a == b for b in shapes) for a in shapes),
                symmetries=tuple(SYMMETRIES[shape] for shape in shapes),
                rotation_tolerance=math.radians(self._rules.tolerance),
            )
        ]

    def _shapes(self, rng: np.random.Generator) -> list[int]:
        """Five shape ids; the same may come twice."""
        if not self._unseen:
            return [int(shape) for shape in rng.choice(self._rules.seen, len(SLOTS))]
        if self._rules.one_unseen_shape:
            return [int(rng.choice(self._rules.unseen))] * len(SLOTS)
        return [int(shape) for shape in rng.choice(self._rules.unseen, len(SLOTS))]
