"""Bending an object, and the scene around its goal, in the plane of the heightmap.

Positions and motions are those of ``plane.py``, float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap

from .free_objects import FreeObject
from .plane import IDENTITY, inverse, rigid, transform
from .table import table_appearance

_MILD, _STRONG = 0.25, 0.6
"""Least and largest strength: with less an object may keep a symmetry, with more it loses its ends."""
_IMAGES = ("mask", "shadow", "color", "height", "table_known", "table_color", "table_height", "numbers")
"""Fields of ``FreeObject`` that are images of its window."""

_Remap: TypeAlias = Callable[..., NDArray[Any]]


class Bend(NamedTuple):
    """A bend of an object along an axis through its middle: it becomes tapered, bowed, or both.

    Neither a taper nor a bow has a half-turn symmetry, so a sufficiently bent object has none. What lies beyond the
    object is moved by no more than the object's own edge.

    Attributes:
        frame: (2, 3) matrix from pixel positions to the object's frame: its middle is the origin, its radius is one and
            the axis is the first coordinate.
        taper: relative change of the width across the axis, at one end; the opposite at the other.
        bow: displacement of both ends across the axis, relative to the middle, in radii.
    """

    frame: Array
    taper: float
    bow: float

    def points(self, points: Array) -> Array:
        """(..., 2) pixel positions after the bend."""
        local = transform(self.frame, points)
        width, shift = self._width_and_shift(local[..., 0])
        local[..., 1] += np.clip(local[..., 1], -1, 1) * (width - 1) + shift
        return transform(inverse(self.frame), local)

    def sources(self, points: Array) -> Array:
        """(..., 2) pixel positions before the bend: the inverse of ``points``."""
        local = transform(self.frame, points)
        width, shift = self._width_and_shift(local[..., 0])
        local[..., 1] -= shift
        local[..., 1] -= np.clip(local[..., 1] / width, -1, 1) * (width - 1)
        return transform(inverse(self.frame), local)

    def mask(self, mask: NDArray[Any], motion: Array = IDENTITY) -> NDArray[Any]:
        """An image (rows, columns) of the map, of any dtype, with zeros outside it, after the bend.

        Args:
            mask: of the object, or of the surroundings of its goal.
            motion: (2, 3) matrix from the object to its goal, for the latter.
        """
        return self._remap(mask.shape, motion)(mask, (0.0,))

    def scene(self, scene: Heightmap, motion: Array) -> Heightmap:
        """A scene with the surroundings of the goal bent as the object is.

        Args:
            scene: without the object.
            motion: (2, 3) matrix from the object to its goal.
        """
        remap, (color, height) = self._remap(scene.height.shape, motion), table_appearance(scene)
        return Heightmap(remap(scene.color, tuple(color)), remap(scene.height, (height,)))

    def free_object(self, free_object: FreeObject) -> FreeObject:
        """The bent object where it lies; its window may reach beyond the map."""
        reach = math.ceil((abs(self.taper) + abs(self.bow)) / math.sqrt(np.linalg.det(self.frame[:, :2])))
        rows, columns = (slice(side.start - reach, side.stop + reach) for side in free_object.window)
        to_window = rigid(0, np.array([columns.start, rows.start]), np.zeros(2))
        remap = self._remap((rows.stop - rows.start, columns.stop - columns.start), to_window)

        def bent(image: NDArray[Any]) -> NDArray[Any]:
            margins = [(reach, reach)] * 2 + [(0, 0)] * (image.ndim - 2)
            dtype = np.uint8 if image.dtype == np.bool_ else image.dtype
            return remap(np.pad(image, margins).astype(dtype), (0.0,)).astype(image.dtype)

        fields = {name: getattr(free_object, name) for name in _IMAGES}
        images = {name: bent(image) for name, image in fields.items() if image is not None}
        return replace(free_object, window=(rows, columns), **images)

    def _width_and_shift(self, position: Array) -> tuple[Array, Array]:
        """Relative width and shift across the axis, at positions along it."""
        position = np.clip(position, -1, 1)
        return 1 + self.taper * position, self.bow * (position**2 - 1 / 3)

    def _remap(self, shape: tuple[int, ...], motion: Array) -> _Remap:
        """A function that bends images.

        Args:
            shape: rows and columns of the images.
            motion: (2, 3) matrix from the object to where it is in the images.

        Returns:
            Takes an image (rows, columns, ...) and the value outside it, and returns the bent image.
        """
        grid = np.stack(np.meshgrid(np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5), axis=-1)
        source = transform(motion, self.sources(transform(inverse(motion), grid))) - 0.5
        x, y = source.astype(np.float32).transpose(2, 0, 1)

        def remap(image: NDArray[Any], border: tuple[float, ...]) -> NDArray[Any]:
            bent: NDArray[Any] = cv2.remap(
                image, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=border
            )
            return bent

        return remap


def draw_bend(free_object: FreeObject, centre: Array, rng: np.random.Generator) -> Bend:
    """A random bend of an object.

    Args:
        free_object: to be bent.
        centre: (2,) pixel position of its middle.
        rng: chooses the axis, the strength, and how much of it is taper.
    """
    rows, columns = np.nonzero(free_object.mask)
    positions = np.stack([columns, rows], axis=-1) + (free_object.origin + 0.5)
    radius = float(np.linalg.norm(positions - centre, axis=-1).max()) + 0.5
    frame = rigid(rng.uniform(0, 2 * math.pi), centre, np.zeros(2), 1 / radius)
    strength, kind = rng.uniform(_MILD, _STRONG), rng.uniform(0, 2 * math.pi)
    return Bend(frame, strength * math.cos(kind), strength * math.sin(kind))
