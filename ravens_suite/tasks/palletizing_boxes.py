"""Stack 18 boxes on a pallet, as they come."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ravens_suite.core.geometry import Pose, Vector
from ravens_suite.core.goals import Goal, ZoneGoal, lattice
from ravens_suite.core.palette import PALETTE, Color
from ravens_suite.core.seeding import Split
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.sentences import Sentences

PALLET = Pose((0.5, 0.25, 0.02))
"""Middle of the pallet, world frame."""

STACK_SIDE = 0.19
"""Metres: the side of the square that every layer fills."""

GAP = 0.01
"""Metres between the boxes of a layer."""

LAYERS = 3
ROWS, COLUMNS = 2, 3
"""Boxes along one side of a layer and along the other; the layers are turned against each other by a quarter."""

DROP = Pose((0.5, -0.25, 0.1))
"""Where boxes appear, world frame; each is given a random yaw."""

DROP_ZONE = (-0.5, 0.0)
"""Metres: the next box appears once the y of no box is between these."""


@dataclass(frozen=True)
class Delivery:
    """A box still to come.

    Attributes:
        name: of the body in the scene.
        size: (x, y, z) in metres.
        color: RGB in [0, 1].
        yaw: radians, in which it appears.
    """

    name: str
    size: Vector
    color: Color
    yaw: float


class PalletizingBoxes(Task):
    """Stack boxes on a pallet, three layers of six, each layer turned against the one below.

    The boxes come one at a time, in reverse of the order in which a stack can be taken down. A box scores by the part
    of its volume that is over the pallet, wherever it lies there (Transporter Networks, section 4.1).

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = 30
    instruction: ClassVar[str] = "stack all boxes on the pallet"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "put all boxes onto the pallet",
            "on the pallet stack all boxes",
            "all boxes go onto the pallet",
            "the pallet is for all the boxes",
        ),
        held_out=(
            "pile every box up on the pallet",
            "onto the pallet pile every box",
            "load the pallet with all boxes",
            "build a stack of all boxes on the pallet",
        ),
    )

    def __init__(self, split: Split = "train") -> None:
        super().__init__(split)
        self._deliveries: list[Delivery] = []
        self._arrived: list[str] = []

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """The pallet, and the first box."""
        scene.add("pallet", objects.pallet(), PALLET, "fixed")
        slots = _stacking_order(rng)
        self._arrived = []
        self._deliveries = [
            Delivery(f"box_{i}", size, _brown(rng), float(rng.uniform(0, 2 * math.pi)))
            for i, (size, _) in enumerate(slots)
        ]
        names = tuple(delivery.name for delivery in self._deliveries)
        self._deliver(scene)
        return [
            ZoneGoal(
                objects=names,
                targets=tuple(target for _, target in slots),
                matches=tuple(tuple(i == j for j in range(len(names))) for i in range(len(names))),
                symmetries=(0.0,) * len(names),
                zone=PALLET,
                size=objects.PALLET_SIZE[:2],
                lattices=tuple(lattice(size) for size, _ in slots),
            )
        ]

    def after_action(self, scene: Scene) -> bool:
        """Bring the next box once the last one has been taken away; the episode ends when there is none."""
        if not self._deliveries:
            return True
        low, high = DROP_ZONE
        if not any(low <= scene.pose(name).position[1] <= high for name in self._arrived):
            self._deliver(scene)
            scene.settle()
        return False

    def _deliver(self, scene: Scene) -> None:
        box = self._deliveries.pop(0)
        scene.add(box.name, objects.box(box.size, box.color), DROP @ Pose.planar(0, 0, 0, box.yaw), "movable")
        self._arrived.append(box.name)


def _stacking_order(rng: np.random.Generator) -> list[tuple[Vector, Pose]]:
    """Size and place of every box of the full stack, in an order in which it can be built.

    The published benchmark takes the stack down by removing the box under a random pixel among those within 3 cm of the
    highest point, and brings the boxes back in reverse. As the boxes are higher than that, and show equal areas from
    above, this is a random order within each layer, from the top down; the reverse is one from the bottom up.
    """
    slots: list[tuple[Vector, Pose]] = []
    for layer in range(LAYERS):
        shape = (ROWS, COLUMNS) if layer % 2 else (COLUMNS, ROWS)
        cells = _layer(layer, *shape)
        slots.extend(cells[i] for i in rng.permutation(len(cells)))
    return slots


def _layer(layer: int, rows: int, columns: int) -> list[tuple[Vector, Pose]]:
    """Sizes and places of the boxes of one layer: each rests on what is below, so that nothing moves as they settle."""
    height = (STACK_SIDE - (LAYERS - 1) * GAP) / LAYERS
    size = ((STACK_SIDE - (rows - 1) * GAP) / rows, (STACK_SIDE - (columns - 1) * GAP) / columns, height)
    z = objects.PALLET_SIZE[2] / 2 + (layer + 0.5) * height
    places = [
        (row * (size[0] + GAP) + (size[0] - STACK_SIDE) / 2, column * (size[1] + GAP) + (size[1] - STACK_SIDE) / 2)
        for row in range(rows)
        for column in range(columns)
    ]
    return [(size, PALLET @ Pose((x, y, z))) for x, y in places]


def _brown(rng: np.random.Generator) -> Color:
    """A cardboard colour of random brightness."""
    brightness = float(rng.uniform(0.5, 1.5))
    red, green, blue = PALETTE["brown"]
    return min(red * brightness, 1.0), min(green * brightness, 1.0), min(blue * brightness, 1.0)
