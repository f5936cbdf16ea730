"""Which of several things of one shape is meant by a word for a side: "the left star", "the top letter A slot".

A side is one among equals, wherever they lie on the table, and no single place on it looks like one. So the things
that fit the shape are compared: those that lie on the same surface, such as all slots of a board, of which some may be
filled, but not the objects beside it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from .color_words import color_word
from .shape_words import SPELT, Thing, shape_words, singular

SIDES = ("top", "bottom", "left", "right", "middle")
"""Top is nearest to the robot, where the table's x is least; left is where its y is least."""
_AND, _LINKS = ("and", "or"), ("and", "or", "the")
"""What stands between two sides of one shape word."""
_TOKEN = re.compile(r"[a-z0-9]+|,")
_ALIKE = 0.3
"""Share of the best fit from which a thing may be meant, too."""
_RIM = 7
"""Pixels across of the brush that goes round a thing, on what it lies on."""
_LEVEL = 0.003
"""Metres by which one surface may seem to vary."""
_ASIDE = 0.012
"""Halves of the table's longer side (6 mm) from which a thing lies left or right of all others."""
_NEAR = 0.03
"""Halves of the table's longer side (15 mm) by which a thing may lie behind another one and is e times less meant."""


def side_before(words: Sequence[str], position: int) -> int | None:
    """The position of the side that is said before a shape word: that of "top" in "top letter A", "top red star"."""
    for index in reversed(range(position)):
        if words[index] in SIDES:
            return index
        if words[index] not in SPELT and color_word(words[index]) is None:
            break
    return None


def each_side_spelt_out(sentence: str) -> list[str]:
    """The words of a sentence, small letters without commas, in which each side has a shape word of its own.

    "The left and the right star" says no less than "the left star and the right star", and so does "the left and right
    stars"; "the left, the middle and the right red star" has three.
    """
    tokens = _TOKEN.findall(sentence.lower())
    words = [token for token in tokens if token != ","]
    commas = {index - tokens[:index].count(",") for index, token in enumerate(tokens) if token == ","}
    added: dict[int, list[str]] = {}
    for position, (word, shape) in enumerate(zip(list(words), shape_words(sentence), strict=True)):
        noun = word if shape is not None else singular(word)
        if noun and (ends := _ends_of_sides(words, position, commas)):
            words[position] = noun
            added |= {end: _noun(words, end, position) for end in ends}
    return [each for index, word in enumerate(words) for each in (*added.get(index, ()), word)]


def _ends_of_sides(words: Sequence[str], position: int, commas: set[int]) -> list[int]:
    """Where the words end that belong to further sides before the one of a shape word; none where it has one side.

    Args:
        words: of the sentence.
        position: of the shape word.
        commas: positions of the words that follow a comma.
    """
    ends: list[int] = []
    side, listed = side_before(words, position), False
    while side is not None:
        end = side
        while end and words[end - 1] in _LINKS:
            end -= 1
        listed |= any(word in _AND for word in words[end:side])
        apart = listed and (end in commas or any(word in _AND for word in words[end:side]))
        side = side_before(words, end) if apart else None
        ends += [] if side is None else [end]
    return ends


def _noun(words: Sequence[str], end: int, position: int) -> list[str]:
    """What a side lacks whose words end there: the shape word, with its colour unless it has a colour of its own."""
    last = side_before(words, position)
    assert last is not None
    noun = words[last + 1 : position + 1]
    colored = color_word(words[end - 1]) is not None
    return [word for word in noun if not (colored and color_word(word) is not None)]


def at_side(
    found: Sequence[Thing],
    fits: NDArray[np.float32],
    side: str,
    height: NDArray[np.float32],
    where: NDArray[np.float32],
) -> NDArray[np.float32]:
    """How well things fit that are to lie at a side of all that are like them.

    Args:
        found: things.
        fits: (things,) float32, how well each has the shape.
        side: one of ``SIDES``.
        height: (rows, columns) float32, metres above the table.
        where: (2, rows, columns) float32 of ``direction_maps``.

    Returns:
        (things,) float32, ``fits`` of those at the side, and less the farther others lie behind.
    """
    like = [index for index, fit in enumerate(fits) if fit > _ALIKE * fits.max(initial=0)]
    places = np.array([[axis[found[index].window][found[index].mask].mean() for axis in where] for index in like])
    levels = np.array([_surface(found[index], height) for index in like])
    result = fits.copy()
    for position, index in enumerate(like):
        group = np.flatnonzero(np.abs(levels - levels[position]) < _LEVEL).tolist()
        behind = _behind(places[group], side)[group.index(position)]
        result[index] *= np.exp(-behind / _NEAR)
    return result


def _behind(places: NDArray[np.float32], side: str) -> NDArray[np.float32]:
    """(n,) how far each of n places (x, y) is from being the one at a side."""
    x, y = places.T
    if side == "middle":
        away = np.linalg.norm(places - (places.min(axis=0) + places.max(axis=0)) / 2, axis=1)
        away[_called_otherwise(places)] += 1
    else:
        away = {"top": x, "bottom": -x, "left": y, "right": -y}[side]
    behind: NDArray[np.float32] = away - away.min()
    return behind


def _called_otherwise(places: NDArray[np.float32]) -> list[int]:
    """Which of places (x, y) are called top, bottom, left or right, and so are not the middle; none of two."""
    if len(places) < 3:
        return []
    x, y = places.T
    farther_in_x = np.abs(x[:, None] - x) > np.abs(y[:, None] - y)
    np.fill_diagonal(farther_in_x, True)
    ends = [int(index) for index in (x.argmin(), x.argmax()) if farther_in_x[index].all()]
    # In a column none is left or right of the others.
    flanks = [int(index) for index in (y.argmin(), y.argmax()) if np.sort(np.abs(y - y[index]))[1] > _ASIDE]
    return [*ends, *flanks]


def _surface(thing: Thing, height: NDArray[np.float32]) -> float:
    """Metres above the table of what a thing lies on, or in; its own height where it fills the picture."""
    rows, columns = thing.window
    top, left = max(rows.start - _RIM, 0), max(columns.start - _RIM, 0)
    around = height[top : rows.stop + _RIM, left : columns.stop + _RIM]
    mask = np.zeros(around.shape, np.uint8)
    mask[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = thing.mask
    rim = cv2.dilate(mask, np.ones((_RIM, _RIM), np.uint8)).astype(bool) & ~mask.astype(bool)
    return float(np.median(around[rim if rim.any() else mask.astype(bool)]))
