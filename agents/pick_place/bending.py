"""Bending an object, and the scene around its goal, in the plane of the heightmap.

Positions and motions are those of ``plane.py``.
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

from .free_objects import FreeObject, Images
from .plane import UNMOVED, inverse, rigid, transform
from .table import most_common

_MILD, _STRONG = 0.25, 0.6
"""Least and largest strength: with less an object may keep a symmetry, with more it loses its ends."""

_Remap: TypeAlias = Callable[..., NDArray[Any]]


class Bend(NamedTuple):
    """A bend along an axis: across it, what lies ahead gets wider and what lies behind narrower, or all gets bowed.

    Neither looks the same after half a turn, so what is bent enough does not either. What lies beyond the object is
    only pushed aside, by no more than the object's own edge.

    Attributes:
        frame: (2, 3) matrix from pixel positions to those where the object fills the unit disc and the axis is the
            first one.
        taper: relative change of width at the disc's edge.
        bow: how far both ends move across the axis, measured from the middle.
    """

    frame: Array
    taper: float
    bow: float

    def points(self, points: Array) -> Array:
        """(..., 2) pixel positions after the bend."""
        local = transform(self.frame, points)
        width, shift = self._along(local[..., 0])
        local[..., 1] += np.clip(local[..., 1], -1, 1) * (width - 1) + shift
        return transform(inverse(self.frame), local)

    def sources(self, points: Array) -> Array:
        """(..., 2) pixel positions before the bend: the inverse of ``points``."""
        local = transform(self.frame, points)
        width, shift = self._along(local[..., 0])
        local[..., 1] -= shift
        local[..., 1] -= np.clip(local[..., 1] / width, -1, 1) * (width - 1)
        return transform(inverse(self.frame), local)

    def mask(self, mask: NDArray[Any]) -> NDArray[Any]:
        """An image (rows, columns) of the object, zero elsewhere, once it is bent where it lies."""
        return self._remap(mask.shape, UNMOVED)(mask, (0.0,))

    def scene(self, scene: Images, motion: Array) -> Images:
        """Colour and height, bent about the place to which a motion, (2, 3) matrix, takes the object."""
        remap, (shade, level) = self._remap(scene[1].shape, motion), most_common(*scene)
        return remap(scene[0], tuple(shade)), remap(scene[1], (level,))

    def free_object(self, free_object: FreeObject) -> FreeObject:
        """The object, bent where it lies; its window may reach beyond the map."""
        reach = math.ceil((abs(self.taper) + abs(self.bow)) / math.sqrt(np.linalg.det(self.frame[:, :2])))
        rows, columns = (slice(side.start - reach, side.stop + reach) for side in free_object.window)
        first = np.array([columns.start, rows.start])
        remap = self._remap((rows.stop - rows.start, columns.stop - columns.start), rigid(0, first, np.zeros(2)))

        def bent(image: NDArray[Any]) -> NDArray[Any]:
            margins = [(reach, reach)] * 2 + [(0, 0)] * (image.ndim - 2)
            kind = np.uint8 if image.dtype == np.bool_ else image.dtype
            return remap(np.pad(image, margins).astype(kind), (0.0,)).astype(image.dtype)

        names = ("mask", "shadow", "color", "height", "bare", "table_color", "table_height")
        return replace(
            free_object, window=(rows, columns), **{name: bent(getattr(free_object, name)) for name in names}
        )

    def _along(self, position: Array) -> tuple[Array, Array]:
        """Width and shift across the axis at positions along it."""
        position = np.clip(position, -1, 1)
        return 1 + self.taper * position, self.bow * (position**2 - 1 / 3)

    def _remap(self, shape: tuple[int, ...], motion: Array) -> _Remap:
        """What bends images (rows, columns, ...), with a border value, about where a motion takes the object."""
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
    """A random bend of an object around its middle at ``centre``, (2,) pixels."""
    rows, columns = np.nonzero(free_object.mask)
    first = np.array([free_object.window[1].start, free_object.window[0].start]) + 0.5
    middles = np.stack([columns, rows], axis=-1) + first
    radius = float(np.linalg.norm(middles - centre, axis=-1).max()) + 0.5
    frame = rigid(rng.uniform(0, 2 * math.pi), centre, np.zeros(2), 1 / radius)
    strength, kind = rng.uniform(_MILD, _STRONG), rng.uniform(0, 2 * math.pi)
    return Bend(frame, strength * math.cos(kind), strength * math.sin(kind))
