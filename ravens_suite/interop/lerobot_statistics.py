"""Statistics of a LeRobot data set: exact, over every frame and every pixel, in one pass.

LeRobot 0.6.1 (``datasets/compute_stats.py``) samples images, and makes the quantiles of a set the weighted mean of
those of its episodes (``findings/lerobot_averages_quantiles.sh``). Episodes of one or two steps, as most of pick and
place are, have no spread of their own, so that q01 and q99 then come out close to the mean. Here they are those of all
frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}

Statistics = dict[str, Any]
"""``min``, ``max``, ``mean``, ``std``, ``count`` and the quantiles, each as nested lists."""


def of_columns(columns: Mapping[str, NDArray[Any]]) -> dict[str, Statistics]:
    """Statistics of several columns of the same frames, in one pass over all of their numbers.

    Args:
        columns: by key, (frames, numbers) each of any dtype, at least one frame.
    """
    found = of_vectors(np.concatenate([values.astype(np.float64) for values in columns.values()], axis=1))
    ends = np.cumsum([values.shape[1] for values in columns.values()]).tolist()
    return {
        key: {name: list(value) if name == "count" else value[start:end] for name, value in found.items()}
        for key, start, end in zip(columns, [0, *ends[:-1]], ends, strict=True)
    }


def of_vectors(rows: NDArray[Any]) -> Statistics:
    """Statistics of each number.

    Args:
        rows: (frames, numbers) of any dtype, at least one frame.
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
        # (places, channels) in the order of all pixels: the least, the largest, and on both sides of each quantile.
        places = np.outer(list(QUANTILES.values()), total - 1)
        low = np.floor(places).astype(np.int64)
        wanted = np.stack([np.zeros_like(total), total - 1, *low, *np.minimum(low + 1, total - 1)])
        least, largest, *others = levels[
            np.stack([np.searchsorted(row, each, side="right") for row, each in zip(below, wanted.T, strict=True)], 1)
        ]
        found = {"min": least, "max": largest, "mean": mean, "std": np.sqrt(variance)}
        pairs = zip(QUANTILES, others[: len(low)], others[len(low) :], places - low, strict=True)
        found |= {name: first + (second - first) * part for name, first, second, part in pairs}
        return {name: array.reshape(-1, 1, 1).tolist() for name, array in found.items()} | {"count": [self._frames]}
