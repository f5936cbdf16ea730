"""Containers that tasks pack: their floor is divided into cells, one for each thing to be packed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ravens_suite.core.geometry import Pose, Vector

HEIGHT = 0.05
"""Metres: of the container and of all boxes."""

RIM = 0.01
"""Metres left free inside the container's walls."""

GAP = 0.01
"""Metres between neighbouring cells."""

LEAST_CELL = 0.05
"""Metres: no cut of the container's floor leaves less than this on either side."""


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


def floor(width: float, depth: float) -> Cell:
    """All of the floor of a container with these inner sides, less its ``RIM``; metres."""
    return Cell((RIM - width / 2, RIM - depth / 2), (width / 2 - RIM, depth / 2 - RIM))


def divide(cell: Cell, rng: np.random.Generator, least: float = LEAST_CELL) -> list[Cell]:
    """Cut a cell across random axes until no side is longer than ``2 * least``, with ``GAP`` at every cut.

    Args:
        cell: that is cut.
        rng: draws axes and cuts.
        least: metres: no cut leaves less than this on either side.
    """
    axes = [axis for axis in (0, 1) if cell.size[axis] > 2 * least]
    if not axes:
        return [cell]
    axis = axes[rng.integers(len(axes))]
    cut = float(rng.uniform(cell.low[axis] + least, cell.high[axis] - least))
    first = Cell(cell.low, _with(cell.high, axis, cut - GAP / 2))
    second = Cell(_with(cell.low, axis, cut + GAP / 2), cell.high)
    return [*divide(first, rng, least), *divide(second, rng, least)]


def _with(corner: tuple[float, float], axis: int, value: float) -> tuple[float, float]:
    return (value, corner[1]) if axis == 0 else (corner[0], value)
