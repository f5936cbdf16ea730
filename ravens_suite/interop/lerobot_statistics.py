"""Statistics of a LeRobot data set: exact, over every frame and every pixel, in one pass.

LeRobot 0.6.1 (``datasets/compute_stats.py``) samples images, and makes the quantiles of a set the weighted mean of
those of its episodes (``findings/lerobot_averages_quantiles.sh``). Episodes of one or two steps, as most of pick and
place are, have no spread of their own, so that q01 and q99 then come out close to the mean. Here they are those of all
frames.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}

Statistics = dict[str, Any]
"""``min``, ``max``, ``mean``, ``std``, ``count`` and the quantiles, each as nested lists."""


def of_vectors(rows: NDArray[Any]) -> Statistics:
    """Statistics of each number.

    Args:
        rows: (frames, numbers), at least one frame.
    """
    values = rows.astype(np.float64)
    found = {"min": values.min(0), "max": values.max(0), "mean": values.mean(0), "std": values.std(0)}
    found |= dict(zip(QUANTILES, np.quantile(values, list(QUANTILES.values()), axis=0), strict=True))
    return {name: array.tolist() for name, array in found.items()} | {"count": [len(rows)]}


class PixelStatistics:
    """Counts of every level of every channel, which take the same memory for any number of frames.

    Args:
        channels: of the images.
        levels: that a pixel can have: 256, or 65,536 for 16 bits.
        scale: divides the levels.
    """

    def __init__(self, channels: int, levels: int = 256, scale: float = 255.0) -> None:
        self._counts = np.zeros((channels, levels), np.int64)
        self._scale = scale
        self._frames = 0

    def add(self, image: NDArray[Any]) -> None:
        """Count a frame, (rows, columns, channels) uint8 or uint16."""
        channels, levels = self._counts.shape
        for channel in range(channels):
            if levels == 256:
                counted = cv2.calcHist([image], [channel], None, [levels], [0.0, float(levels)])
                self._counts[channel] += counted.reshape(-1).astype(np.int64)
            else:
                self._counts[channel] += np.bincount(image[..., channel].reshape(-1), minlength=levels)
        self._frames += 1

    def merge(self, other: PixelStatistics) -> None:
        """Count what another has counted."""
        self._counts += other._counts
        self._frames += other._frames

    def summary(self) -> Statistics:
        """Statistics over all pixels of all frames, (channels, 1, 1) each; there must be a frame."""
        levels = np.arange(self._counts.shape[1]) / self._scale
        total = self._counts.sum(1)
        below = np.cumsum(self._counts, 1)
        mean = self._counts @ levels / total
        variance = (self._counts * (levels - mean[:, None]) ** 2).sum(1) / total
        found = {
            "min": _at(below, np.zeros_like(total), levels),
            "max": _at(below, total - 1, levels),
            "mean": mean,
            "std": np.sqrt(variance),
        }
        for name, quantile in QUANTILES.items():
            place = (total - 1) * quantile
            low = np.floor(place).astype(np.int64)
            first, second = _at(below, low, levels), _at(below, np.minimum(low + 1, total - 1), levels)
            found[name] = first + (second - first) * (place - low)
        return {name: array.reshape(-1, 1, 1).tolist() for name, array in found.items()} | {"count": [self._frames]}


def _at(below: NDArray[np.int64], places: NDArray[np.int64], levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The pixel at a place in the order of all pixels, a place for each channel."""
    found = [int(np.searchsorted(row, place, side="right")) for row, place in zip(below, places, strict=True)]
    return levels[found]
