"""How many things of a kind there are, for tasks in which their number decides what belongs where.

A network of convolutions sees what a thing looks like, but hardly how many others look like it. So things are counted
(those of ``shape_words.py``), and each is shown with its number, as sentences are shown with what their words look
like. What a number means, it learns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .color_words import name_colors
from .shape_words import LIES_ON_TABLE, Thing, painted, things

COUNTS = 6
"""Numbers that are told apart; the last one stands for all larger ones, too."""
_LARGER = 1.5
"""Things of a kind differ in area by this factor at most: blocks of 4 and of 6 cm are two kinds."""


def count_things(color: NDArray[np.uint8], height: NDArray[np.float32]) -> NDArray[np.uint8]:
    """How many there are of each pixel's thing: of its colour word and about its size.

    Things that stand on the table and such that lie flat on it are counted apart.

    Args:
        color: (rows, columns, 3) uint8.
        height: (rows, columns) float32, metres above the table.

    Returns:
        (rows, columns) uint8: its number, 1 to 5, 6 for all larger ones, and 0 where no thing is.
    """
    names = name_colors(color)
    found = things(names, height)
    word, stands = names.argmax(axis=0), height > LIES_ON_TABLE
    kinds = np.array([2 * _first(word, thing) + _first(stands, thing) for thing in found], np.int64)
    areas = np.array([thing.mask.sum() for thing in found], np.float64)
    near = np.maximum(areas[:, None], areas) <= _LARGER * np.minimum(areas[:, None], areas)
    alike = (kinds[:, None] == kinds) & near
    numbers = np.minimum(alike.sum(axis=1), COUNTS).astype(np.float32)
    shown: NDArray[np.uint8] = painted(found, numbers[None], height.shape)[0].astype(np.uint8)
    return shown


def count_maps(numbers: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(6, rows, columns) float32: one in the map of its number, zero elsewhere.

    Args:
        numbers: (rows, columns) uint8 of ``count_things``.
    """
    maps: NDArray[np.float32] = (np.arange(1, COUNTS + 1)[:, None, None] == numbers).astype(np.float32)
    return maps


def _first(values: NDArray[np.generic], thing: Thing) -> int:
    """The value at the first pixel of a thing, in all of which it is the same."""
    return int(values[thing.window][thing.mask][0])
