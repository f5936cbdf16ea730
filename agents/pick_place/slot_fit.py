"""How well a picked object fits into the slot at a place, turned by every yaw, by their outlines alone.

Where demonstrations put objects into slots of their own outlines (``slots.py``), outlines say at 3 mm what matching
says at 6 mm: which slot is whose, and which way round. Nothing is learned.

Positions and motions are those of ``plane.py``, float64.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap

from .free_objects import grown
from .plane import rigid, warp
from .table import COLOR_TOLERANCE, height_tolerance, median

Mask = NDArray[np.bool_]

_TOP = 0.005
"""Metres by which the pixels of one object's top differ in height at most."""
_LEAST = 20
"""Pixels that an object has at least."""
_REACH = 28
"""Pixels around a place in which its slot lies."""
_SIDE = 36
"""Pixels, 11 cm: side of the square in which an object is turned; larger ones are not looked at."""
_SLACK = 8
"""Pixels by which it is shifted at most to where it fits best."""
_RING = 4
"""Pixels around a slot that must not lie lower."""
_LIKE = (0.6, 1.7)
"""Least and greatest area of a slot beside that of what goes there."""


def top_of(scene: Heightmap, pick: Array) -> Mask | None:
    """(rows, columns) bool: the top of the object at a pick (2,), in one piece of one colour and height."""
    column, row = int(pick[0]), int(pick[1])
    near = slice(max(row - 1, 0), row + 2), slice(max(column - 1, 0), column + 2)
    color = np.median(scene.color[near].reshape(-1, 3), axis=0)
    top = float(np.median(scene.height[near]))
    alike = cv2.inRange(scene.color, color - COLOR_TOLERANCE, color + COLOR_TOLERANCE) > 0
    alike &= np.abs(scene.height - top) < _TOP
    _, labels = cv2.connectedComponents(alike.astype(np.uint8), connectivity=4)
    if not alike[row, column]:
        return None
    mask: Mask = labels == labels[row, column]
    return mask if mask.sum() >= _LEAST else None


class SlotFit:
    """Fits of one object into the slots of a scene.

    Args:
        scene: it.
        pick: (2,) pixels, on the object.
        yaws: (n,) radians, of the place pose relative to the pick pose.
    """

    def __init__(self, scene: Heightmap, pick: Array, yaws: Array) -> None:
        self.scene = scene
        self.pick = pick
        self.mask = top_of(scene, pick)
        self.turned: list[NDArray[np.float32]] = []
        if self.mask is None:
            return
        rows, columns = np.nonzero(self.mask)
        if max(np.ptp(rows), np.ptp(columns)) < _SIDE:
            soft, middle = self.mask.astype(np.float32), np.array([columns.mean(), rows.mean()])
            motions = [rigid(float(yaw), middle, np.full(2, (_SIDE - 1) / 2)) for yaw in yaws]
            self.turned = [
                cv2.warpAffine(soft, motion, (_SIDE, _SIDE)).astype(np.float32, copy=False) for motion in motions
            ]

    def at(self, place: Array, yaw: float) -> Array | None:
        """The overlap of object and slot, as intersection over union, for every yaw.

        Args:
            place: (2,) pixels, where the pick goes.
            yaw: radians, a likely one.

        Returns:
            (n,) float64, of the best of the shifts up to 25 mm; ``None`` where no object or no slot is seen.
        """
        if self.mask is None or not self.turned:
            return None
        slot = self._slot_under(place, yaw)
        if slot is None:
            return None
        padded = cv2.copyMakeBorder(slot.astype(np.float32), *(_SLACK,) * 4, cv2.BORDER_CONSTANT)
        common = np.array([cv2.matchTemplate(padded, each, cv2.TM_CCORR).max() for each in self.turned], np.float64)
        together = np.array([each.sum(dtype=np.float64) for each in self.turned]) + slot.sum() - common
        fits: Array = common / together
        return fits

    def _slot_under(self, place: Array, yaw: float) -> Mask | None:
        """The slot at a place: most of what the object covers there belongs to it, at that yaw or quarter turns off."""
        assert self.mask is not None
        for turn in (0.0, math.pi, math.pi / 2, -math.pi / 2):
            motion = rigid(yaw + turn, self.pick, place)
            slot = self._slot(warp(self.mask.astype(np.float32), motion, flags=cv2.INTER_LINEAR) > 0.5)
            if slot is not None:
                return slot
        return None

    def _slot(self, covered: Mask) -> Mask | None:
        """The piece that looks alike where most of a mask lies, in a window around it, whatever its outline.

        ``slots.slot_at`` finds a slot only where its outline is that of the mask already.

        ``None`` where nothing there looks alike, where it is much larger or smaller than the mask, or where it stands
        out: that is another object.
        """
        rows, columns = np.nonzero(covered)
        if len(rows) < _LEAST:
            return None
        row, column = int(rows.mean()), int(columns.mean())
        window = slice(max(row - _REACH, 0), row + _REACH), slice(max(column - _REACH, 0), column + _REACH)
        part, color, height = covered[window], self.scene.color[window], self.scene.height[window]
        usual, level = np.median(color[part], axis=0), median(height[part])
        tolerance = height_tolerance(self.scene.height)
        alike = cv2.inRange(color, usual - COLOR_TOLERANCE, usual + COLOR_TOLERANCE) > 0
        alike &= np.abs(height - level) < tolerance
        _, labels = cv2.connectedComponents(alike.astype(np.uint8), connectivity=4)
        counts = np.bincount(labels[part], minlength=2)
        counts[0] = 0
        if not counts.any():  # Of several colours the one in the middle may be that of none of them.
            return None
        mask: Mask = labels == counts.argmax()
        ring = grown(mask, _RING) & ~grown(mask, 1)
        least, most = (share * part.sum() for share in _LIKE)
        if not least < mask.sum() < most or not ring.any() or level - median(height[ring]) > tolerance:
            return None
        return mask
