"""Pack boxes of many sizes tightly into a container."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ravens_suite.core.geometry import Pose, Vector
from ravens_suite.core.goals import Goal, ZoneGoal, lattice
from ravens_suite.core.palette import PALETTE
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.placement import free_pose

SIDES = (0.05, 0.30)
"""Metres: the least and greatest inner width and depth of the container."""

HEIGHT = 0.05
"""Metres: of the container and of all boxes."""

RIM = 0.01
"""Metres left free inside the container's walls."""

GAP = 0.01
"""Metres between neighbouring boxes."""

LEAST_CELL = 0.05
"""Metres: no cut of the container's floor leaves less than this on either side."""


class PackingBoxes(Task):
    """Put all boxes into the container; at the start they are known to fit (Transporter Networks, section 4.1).

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = 20
    instruction: ClassVar[str] = "pack all boxes tightly into the brown container"

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """A container, and the boxes that a random division of it gives, anywhere free outside of it."""
        width, depth = (float(side) for side in rng.uniform(*SIDES, size=2))
        container = free_pose(scene, (width, depth, HEIGHT), rng)
        scene.add("container", objects.container((width, depth, HEIGHT)), container, "fixed")
        cells = divide(Cell((RIM - width / 2, RIM - depth / 2), (width / 2 - RIM, depth / 2 - RIM)), rng)
        colors = [color for name, color in PALETTE.items() if name != "brown"]
        for i, cell in enumerate(cells):
            box = objects.box(cell.size, colors[rng.integers(len(colors))])
            scene.add(f"box_{i}", box, free_pose(scene, cell.size, rng), "movable")
        count = len(cells)
        return [
            ZoneGoal(
                objects=tuple(f"box_{i}" for i in range(count)),
                targets=tuple(container @ cell.pose for cell in cells),
                matches=tuple(tuple(i == j for j in range(count)) for i in range(count)),
                symmetries=(0.0,) * count,
                zone=container,
                size=(width, depth),
                lattices=tuple(lattice(cell.size) for cell in cells),
            )
        ]


@dataclass(frozen=True)
class Cell:
    """A rectangle of the container's floor, in its frame; metres."""

    low: tuple[float, float]
    high: tuple[float, float]

    @property
    def size(self) -> Vector:
        """(x, y, z) of the box that fills the cell."""
        return self.high[0] - self.low[0], self.high[1] - self.low[1], HEIGHT

    @property
    def pose(self) -> Pose:
        """Centre of the box that fills the cell, in the container's frame."""
        return Pose(((self.low[0] + self.high[0]) / 2, (self.low[1] + self.high[1]) / 2, 0.0))


def divide(cell: Cell, rng: np.random.Generator) -> list[Cell]:
    """Cut a cell across random axes until no side is longer than ``2 * LEAST_CELL``, with ``GAP`` at every cut."""
    axes = [axis for axis in (0, 1) if cell.size[axis] > 2 * LEAST_CELL]
    if not axes:
        return [cell]
    axis = axes[rng.integers(len(axes))]
    cut = float(rng.uniform(cell.low[axis] + LEAST_CELL, cell.high[axis] - LEAST_CELL))
    first = Cell(cell.low, _with(cell.high, axis, cut - GAP / 2))
    second = Cell(_with(cell.low, axis, cut + GAP / 2), cell.high)
    return [*divide(first, rng), *divide(second, rng)]


def _with(corner: tuple[float, float], axis: int, value: float) -> tuple[float, float]:
    return (value, corner[1]) if axis == 0 else (corner[0], value)
