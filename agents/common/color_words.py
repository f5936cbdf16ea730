"""Which words people have for a colour, and which words of a sentence are such words.

The table is that of a survey of 222,500 sessions in which people named colours on their screens (xkcd.com/color/rgb,
2010, public domain): those of its 949 names that end in one of twelve basic colour words, or in a word that stands for
one. Unlike the one value that a standard gives to each name, it says where "pink" ends and "red" begins, so that a dull
blue is still blue. Nothing in it is of this suite's palette.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

BASIC = ("red", "blue", "green", "yellow", "orange", "purple", "pink", "cyan", "brown", "gray", "white", "black")
"""The colour words that are told apart (about those of Berlin and Kay, 1969)."""
_SAME = {
    **dict.fromkeys(("grey", "silver"), "gray"),
    **dict.fromkeys(("teal", "turquoise", "aqua"), "cyan"),
    **dict.fromkeys(("violet", "mauve", "lilac", "lavender"), "purple"),
    **dict.fromkeys(("tan", "beige"), "brown"),
    **dict.fromkeys(("salmon", "rose", "magenta"), "pink"),
    **dict.fromkeys(("crimson", "scarlet"), "red"),
    "navy": "blue",
    "gold": "yellow",
}
_TABLE = Path(__file__).parent / "color_names.csv"
_WIDTH = 6.0
"""Standard deviation of what counts as the same colour, in units of CIELAB."""
_SURELY = 0.5
"""Least likelihood of a word for a colour that stands for it."""
_LEVELS = 32
"""Levels of red, of green and of blue for which words are looked up."""


def color_word(word: str) -> int | None:
    """The index in ``BASIC`` of a colour word, or of one that stands for it; ``None`` for all other words."""
    basic = _SAME.get(word, word)
    return BASIC.index(basic) if basic in BASIC else None


def name_colors(color: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How likely people are to call each pixel by each colour word.

    Args:
        color: (rows, columns, 3) uint8.

    Returns:
        (12, rows, columns) float32, in the order of ``BASIC``; they sum to one.
    """
    red, green, blue = np.moveaxis(color.astype(np.intp) * _LEVELS // 256, -1, 0)
    return np.moveaxis(_likelihoods()[red, green, blue], -1, 0)


@cache
def colors_of(word: int) -> NDArray[np.int64]:
    """(n, 3) int64 RGB that most people call by a colour word, of index ``word`` in ``BASIC``."""
    named = np.array([values for found, values in _survey() if found == word])
    red, green, blue = (named * _LEVELS // 256).T
    kept: NDArray[np.int64] = named[_likelihoods()[red, green, blue, word] > _SURELY]
    return kept


def _survey() -> list[tuple[int, list[int]]]:
    """The index in ``BASIC`` and the RGB of every name."""
    with _TABLE.open() as lines:
        return [(BASIC.index(word), [int(value) for value in values]) for word, *values in list(csv.reader(lines))[1:]]


@cache
def _likelihoods() -> NDArray[np.float32]:
    """(32, 32, 32, 12) float32: those of all colours, by level of red, green and blue."""
    rows = _survey()
    words = np.array([word for word, _ in rows])
    named = _lab(np.array([values for _, values in rows]))
    levels = (np.arange(_LEVELS) + 0.5) * 256 / _LEVELS
    every = _lab(np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3))
    squares = (every**2).sum(axis=1)[:, None] + (named**2).sum(axis=1) - 2 * every @ named.T
    near = np.exp(-squares / (2 * _WIDTH**2))
    # The mean over the names of a word, so that one with many shades does not outdo one with few.
    density = np.stack([near[:, words == word].mean(axis=1) for word in range(len(BASIC))], axis=1) + 1e-9
    shares = (density / density.sum(axis=1, keepdims=True)).astype(np.float32)
    table: NDArray[np.float32] = shares.reshape(_LEVELS, _LEVELS, _LEVELS, len(BASIC))
    return table


def _lab(colors: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.float32]:
    """CIELAB of (n, 3) colours of 0 to 255, (n, 3) float32."""
    scaled = (np.asarray(colors, dtype=np.float32) / 255)[None]
    lab: NDArray[np.float32] = cv2.cvtColor(scaled, cv2.COLOR_RGB2LAB)[0]
    return lab
