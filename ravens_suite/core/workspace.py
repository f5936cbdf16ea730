"""The table area that tasks, actions and heightmaps share (metres, world frame)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ravens_suite.core.geometry import Array
from ravens_suite.core.numbers import UNREADABLE, is_finite
from ravens_suite.errors import ConfigError

PIXEL_SIZE = 0.003125
PLANE_HEIGHT = -0.001
"""Top of the ground plane: objects rest 1 mm below z = 0."""

FLOOR = -0.02
"""Metres: what lies lower than this has fallen through the table, on which nothing can be."""

SHEET_HEIGHT = 0.00025
"""Top of the sheet that marks ``TASK_WORKSPACE``, half of it above z = 0."""


_MOST_PIXELS = 2**24
"""Of a map; more would be of lengths in another unit."""


def _corner(name: str, value: Any) -> tuple[float, float, float]:
    try:
        numbers = list(value) if isinstance(value, tuple | list | np.ndarray) and np.ndim(value) == 1 else []
    except UNREADABLE:
        numbers = []
    if len(numbers) != 3 or not all(map(is_finite, numbers)):
        raise ConfigError(f"{name} of a workspace must be three finite numbers (x, y, z), in metres; got {value!r}.")
    x, y, z = map(float, numbers)
    return x, y, z


@dataclass(frozen=True)
class Workspace:
    """An axis-aligned box, and the pixel grid of a heightmap over it.

    Row 0 is ``y = low[1]``, column 0 is ``x = low[0]``: rows run along y and columns along x.

    Attributes:
        low: lower corner ``(x, y, z)`` in metres.
        high: upper corner ``(x, y, z)`` in metres.
        pixel_size: metres a pixel.

    Raises:
        ConfigError: a corner is not of three finite numbers, the lower one is not below the other, or the grid would
            have no pixel, or more than ``_MOST_PIXELS``.
    """

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    pixel_size: float = PIXEL_SIZE

    def __post_init__(self) -> None:
        # Lists and arrays are taken, too; as tuples, since what is computed of a workspace is kept by it.
        for name in ("low", "high"):
            object.__setattr__(self, name, _corner(name, getattr(self, name)))
        size = np.subtract(self.high, self.low)
        if not (size > 0).all():
            raise ConfigError(f"A workspace needs low < high on each axis; got {self.low} and {self.high}.")
        if not is_finite(self.pixel_size) or self.pixel_size <= 0:
            raise ConfigError(f"pixel_size of a workspace must be metres above 0; got {self.pixel_size!r}.")
        object.__setattr__(self, "pixel_size", float(self.pixel_size))
        columns, rows = size[:2] / self.pixel_size
        if not (round(rows) and round(columns) and rows * columns <= _MOST_PIXELS):
            raise ConfigError(
                f"A workspace from {self.low} to {self.high} has {rows:.3g} x {columns:.3g} pixels of "
                f"{self.pixel_size:g} m: give all in metres, and from 1 to {_MOST_PIXELS} pixels."
            )

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of the heightmap: (320, 160) for the published workspace."""
        return (
            round((self.high[1] - self.low[1]) / self.pixel_size),
            round((self.high[0] - self.low[0]) / self.pixel_size),
        )

    def to_pixel(self, x: float, y: float) -> tuple[int, int]:
        """(row, column) nearest to a point, clipped to the map."""
        rows, columns = self.shape
        row = round((y - self.low[1]) / self.pixel_size)
        column = round((x - self.low[0]) / self.pixel_size)
        return min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)

    def to_metres(self, row: float, column: float) -> tuple[float, float]:
        """``(x, y)`` of a pixel: no half-pixel offset."""
        return self.low[0] + column * self.pixel_size, self.low[1] + row * self.pixel_size

    def limits(self) -> tuple[Array, Array]:
        """Lower and upper corner, each (3,) float64 metres, for positions that may have been rounded to float32.

        A corner that float32 cannot hold is moved outwards by less than 1e-7 m to the next number that it can, so that
        a position inside stays inside when it is rounded.
        """
        return _outward(self.low, -np.inf), _outward(self.high, np.inf)


TASK_WORKSPACE = Workspace(low=(0.25, -0.5, 0.0), high=(0.75, 0.5, 0.30))
"""Where tasks place their objects."""

AGENT_WORKSPACE = Workspace(low=(0.25, -0.5, 0.0), high=(0.75, 0.5, 0.28))
"""What heightmaps cover and where the poses of a whole motion may lie."""

WAYPOINT_WORKSPACE = Workspace(low=AGENT_WORKSPACE.low, high=(*AGENT_WORKSPACE.high[:2], 0.375))
"""Where way-points may lie: as high as the tip at the home joints (0.368 m), where every episode begins."""


def _outward(corner: tuple[float, float, float], direction: float) -> Array:
    """(3,) float64: a corner if float32 can hold it, else the next float32 in a direction."""
    rounded = np.asarray(corner, dtype=np.float32)
    beyond = np.nextafter(rounded, np.float32(direction))
    exact = np.asarray(corner, dtype=np.float64)
    inside = rounded < exact if direction > 0 else rounded > exact
    result: Array = np.where(inside, beyond, rounded).astype(np.float64)
    return result
