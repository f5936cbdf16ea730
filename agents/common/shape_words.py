"""Which words people have for the outline of a thing, and which words of a sentence are such words.

As a colour word is looked up in a survey of colours (``color_words.py``), a shape word is looked up in a small book of
drawings: the letters and digits of a plain stroke font (Hershey's of 1967, as OpenCV draws them), and the common
figures of plane geometry, each in a few proportions. Nothing in it is of this suite's meshes. So a thing is found whose
shape training never named.

A thing is a connected patch that people would call by one colour, and all of which stands either more or less than 4 mm
above the table: an object, a hole, or a figure that is drawn on a board.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.float32]
Points = NDArray[np.float64]


class Thing(NamedTuple):
    """A patch.

    Attributes:
        window: rows and columns around it.
        mask: (rows, columns) bool, within the window.
    """

    window: tuple[slice, slice]
    mask: NDArray[np.bool_]


_SIDE = 24
"""Pixels along a mask that is compared."""
_RADIUS = 5.6
"""Pixels from the middle of such a mask, root mean square over its area: things of all sizes are compared at one."""
_ROTATIONS = 24
_CANVAS = 256
"""Pixels along what a drawing is first drawn on."""
_LEAST, _MOST = 40, 2000
"""Pixels of a thing: 4 to 200 square centimetres where one is 3.125 mm wide."""
_MOST_THINGS = 200
"""Things of a picture that are compared, the largest ones: scenes have up to 40, a picture full of noise a thousand."""
LIES_ON_TABLE = 0.004
"""Metres above the table."""
_SHARPNESS = 0.04
"""A word fits e times less for so much less overlap than that of the word that fits best."""
_NOT_AT_ALL, _ENOUGH = 0.5, 0.7
"""Overlaps of the best drawing: below the first a thing has no name, from the second it surely has."""

SPELT = ("letter", "digit", "number")
"""Words after which a letter or a digit is a shape."""
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SAME = {
    **dict.fromkeys(("disc", "disk", "round"), "circle"),
    "ellipse": "oval",
    "cross": "plus",
    "rhombus": "diamond",
    "crescent": "moon",
    "clover": "flower",
}
_WORD = re.compile(r"[a-z0-9]+")


def shape_words(sentence: str) -> list[str | None]:
    """The figure that each word of a sentence names.

    Args:
        sentence: in any letters.

    Returns:
        For each word a name in ``drawings``, or ``None``. After "letter" or "digit" the next one is a figure.
    """
    words = _WORD.findall(sentence.lower())
    found: list[str | None] = []
    for before, word in zip(["", *words], words, strict=False):
        name = _SAME.get(word, word)
        if before == SPELT[0] and len(word) == 1 and word.isalpha():
            name = f"letter {word}"
        elif before in SPELT[1:] and (word in _DIGITS or (len(word) == 1 and word.isdigit())):
            name = f"digit {word if word.isdigit() else _DIGITS.index(word)}"
        found.append(name if name in drawings() else None)
    return found


def singular(word: str) -> str:
    """The shape word of which a word is the plural; empty for other words.

    A plural alone is no shape word: agents were trained on sentences with "squares" and "discs", and to them these were
    plain words.
    """
    for ending in ("s", "es"):
        one = word.removesuffix(ending)
        if one != word and _SAME.get(one, one) in drawings():
            return one
    return ""


def likeness(names: NDArray[np.float32], height: NDArray[np.float32], shapes: Sequence[str]) -> NDArray[np.float32]:
    """How well each pixel's thing fits shape words.

    Args:
        names: (12, rows, columns) float32 of ``name_colors``.
        height: (rows, columns) float32, metres above the table.
        shapes: names in ``drawings``.

    Returns:
        (shapes, rows, columns) float32 from 0 to 1, 0 where nothing has an outline.
    """
    found = things(names, height)
    return painted(found, fits_of(found, shapes), height.shape)


def fits_of(found: Sequence[Thing], shapes: Sequence[str]) -> NDArray[np.float32]:
    """(shapes, things) float32 from 0 to 1: how well each thing fits each shape word."""
    if not found or not shapes:
        return np.zeros((len(shapes), len(found)), np.float32)
    words, book = _book()
    overlaps = np.stack([_overlap(thing.mask, book) for thing in found])
    best = overlaps.max(axis=1)
    sure = np.clip((best - _NOT_AT_ALL) / (_ENOUGH - _NOT_AT_ALL), 0, 1)
    less = np.stack([best - overlaps[:, words == name].max(axis=1) for name in shapes])
    fits: NDArray[np.float32] = sure * np.exp(-less / _SHARPNESS)
    return fits


def painted(found: Sequence[Thing], values: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Values of things as images.

    Args:
        found: things.
        values: (n, things) float32.
        shape: rows and columns of an image.

    Returns:
        (n, rows, columns) float32, 0 where there is no thing.
    """
    images = np.zeros((len(values), *shape), np.float32)
    for image, row in zip(images, values, strict=True):
        for thing, value in zip(found, row, strict=True):
            image[thing.window][thing.mask] = value
    return images


def things(names: NDArray[np.float32], height: NDArray[np.float32]) -> list[Thing]:
    """All that may have an outline; the 200 largest where there are more.

    Args:
        names: (12, rows, columns) float32 of ``name_colors``.
        height: (rows, columns) float32, metres above the table.
    """
    found = list(_patches(names, height))
    if len(found) > _MOST_THINGS:
        found = sorted(found, key=lambda thing: int(thing.mask.sum()), reverse=True)[:_MOST_THINGS]
    return found


def _patches(names: NDArray[np.float32], height: NDArray[np.float32]) -> Iterator[Thing]:
    """All patches of the size of things."""
    kinds = 2 * names.argmax(axis=0) + (height > LIES_ON_TABLE)
    for kind in np.flatnonzero(np.bincount(kinds.ravel()) >= _LEAST):
        _, labels, boxes, _ = cv2.connectedComponentsWithStats((kinds == kind).astype(np.uint8), connectivity=4)
        for label, (left, top, columns, rows, area) in enumerate(boxes):
            if label and _LEAST <= area <= _MOST:
                window = slice(top, top + rows), slice(left, left + columns)
                yield Thing(window, labels[window] == label)


def _overlap(mask: NDArray[np.bool_], book: Mask) -> NDArray[np.float32]:
    """(drawings,) greatest share that a thing and each drawing have in common, over all rotations."""
    turned = _scaled(mask.astype(np.float32), _ROTATIONS)
    common = turned @ book.T
    either = (turned**2).sum(axis=1)[:, None] + (book**2).sum(axis=1) - common
    best: NDArray[np.float32] = (common / either).max(axis=0)
    return best


def _scaled(mask: Mask, rotations: int = 1) -> Mask:
    """(rotations, 576) float32: a mask with its middle in the middle, of the size of all, turned step by step."""
    rows, columns = np.nonzero(mask)
    weights = mask[rows, columns]
    y, x = np.average(rows, weights=weights), np.average(columns, weights=weights)
    radius = np.sqrt(np.average((rows - y) ** 2 + (columns - x) ** 2, weights=weights))
    turned = np.empty((rotations, _SIDE, _SIDE), np.float32)
    for index, turn in enumerate(2 * np.pi * np.arange(rotations) / rotations):
        cos, sin = np.cos(turn) * _RADIUS / radius, np.sin(turn) * _RADIUS / radius
        middle = (_SIDE - 1) / 2
        matrix = np.array([[cos, -sin, middle - cos * x + sin * y], [sin, cos, middle - sin * x - cos * y]])
        cv2.warpAffine(mask, matrix, (_SIDE, _SIDE), dst=turned[index], flags=cv2.INTER_LINEAR)
    return turned.reshape(rotations, -1)


# ---------------------------------------------------------------------- the book


@cache
def drawings() -> dict[str, tuple[Mask, ...]]:
    """(256, 256) float32 masks of each figure: letters as ``letter a``, digits as ``digit 1``, others by their word."""
    made = {name: tuple(_filled(*outline) for outline in outlines) for name, outlines in _figures().items()}
    made |= {f"letter {letter}": tuple(_strokes(letter.upper())) for letter in "abcdefghijklmnopqrstuvwxyz"}
    return made | {f"digit {digit}": tuple(_strokes(str(digit))) for digit in range(10)}


@cache
def _book() -> tuple[NDArray[np.str_], Mask]:
    """Names and (drawings, 576) float32 masks of all drawings, and of all seen in a mirror."""
    every = [(name, mask) for name, masks in drawings().items() for mask in masks]
    shown = [_scaled(_small(mask)) for _, mask in every] + [_scaled(_small(mask[:, ::-1])) for _, mask in every]
    return np.array([name for name, _ in every] * 2), np.concatenate(shown)


def _small(mask: Mask) -> Mask:
    """A drawing in about the size at which things are seen, so that both are as sharp."""
    return np.asarray(cv2.resize(mask, (_CANVAS // 8, _CANVAS // 8), interpolation=cv2.INTER_AREA), np.float32)


def _filled(outline: Points, *holes: Points) -> Mask:
    canvas = np.zeros((_CANVAS, _CANVAS), np.uint8)
    for points, value in [(outline, 1), *((hole, 0) for hole in holes)]:
        pixels = np.round(points * 0.4 * _CANVAS + _CANVAS / 2).astype(np.int32)
        cv2.fillPoly(canvas, [pixels], value)
    return canvas.astype(np.float32)


def _strokes(text: str) -> Iterator[Mask]:
    """A letter or digit, of strokes of a few widths."""
    for width in (16, 26, 36):
        canvas = np.zeros((_CANVAS, _CANVAS), np.uint8)
        (wide, high), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 6, 1)
        cv2.putText(canvas, text, ((_CANVAS - wide) // 2, (_CANVAS + high) // 2), cv2.FONT_HERSHEY_SIMPLEX, 6, 1, width)
        yield canvas.astype(np.float32)


def _figures() -> dict[str, list[tuple[Points, ...]]]:
    """Outlines of plane figures, and of their holes, within the unit circle or so."""
    circle = _polygon(96)
    return {
        "circle": [(circle,)],
        "oval": [(circle * (1, ratio),) for ratio in (0.5, 0.7)],
        "ring": [(circle, inner * circle) for inner in (0.4, 0.55, 0.7)],
        "triangle": [(_polygon(3) * (1, ratio),) for ratio in (0.75, 1, 1.3)],
        "square": [(_box(1.4, 1.4),)],
        "rectangle": [(_box(1.8, 1.8 * ratio),) for ratio in (0.35, 0.5, 0.65)],
        "diamond": [(_polygon(4) * (1, ratio),) for ratio in (0.5, 0.6, 0.7)],
        "pentagon": [(_polygon(5),)],
        "hexagon": [(_polygon(6),)],
        "octagon": [(_polygon(8),)],
        "trapezoid": [(np.array([[-1, 0.5], [1, 0.5], [top, -0.5], [-top, -0.5]]),) for top in (0.4, 0.6)],
        "parallelogram": [(np.array([[-1.1, 0.4], [0.5, 0.4], [1.1, -0.4], [-0.5, -0.4]]),)],
        "star": [(_star(corners, inner),) for corners, inner in product((5, 6), (0.4, 0.5))],
        "plus": [(_plus(arm),) for arm in (0.25, 0.33, 0.42)],
        "heart": [(_heart(),)],
        "flower": [(_flower(petals, depth),) for petals, depth in product((4, 5, 6), (0.15, 0.3))],
        "moon": [(_moon(gap),) for gap in (0.3, 0.5)],
        "arrow": [(_arrow(),)],
        "semicircle": [(np.concatenate([circle[:49]]),)],
    }


def _polygon(corners: int) -> Points:
    at = 2 * np.pi * np.arange(corners) / corners
    return np.stack([np.cos(at), np.sin(at)], axis=1)


def _box(width: float, height: float) -> Points:
    return np.array([[-width, -height], [width, -height], [width, height], [-width, height]]) / 2


def _star(corners: int, inner: float) -> Points:
    radii = np.tile([1.0, inner], corners)
    points: Points = _polygon(2 * corners) * radii[:, None]
    return points


def _plus(arm: float) -> Points:
    """Half the width of an arm is given."""
    corner = np.array([[arm, 1.0], [arm, arm], [1.0, arm]])
    quarter_turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    return np.concatenate([corner @ np.linalg.matrix_power(quarter_turn, turns) for turns in range(4)])


def _heart() -> Points:
    at = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    y = 13 * np.cos(at) - 5 * np.cos(2 * at) - 2 * np.cos(3 * at) - np.cos(4 * at)
    return np.stack([16 * np.sin(at) ** 3, -y], axis=1) / 17


def _flower(petals: int, depth: float) -> Points:
    at = np.linspace(0, 2 * np.pi, 192, endpoint=False)
    radii = 1 - depth + depth * np.cos(petals * at)
    return np.stack([radii * np.cos(at), radii * np.sin(at)], axis=1)


def _moon(gap: float) -> Points:
    """A disc without the part that a second disc covers, whose middle is so far beside its own."""
    half = np.arccos(gap / 2)
    outer = np.linspace(half, 2 * np.pi - half, 64)
    inner = np.linspace(np.pi + half, np.pi - half, 64)
    rim = np.stack([np.cos(outer), np.sin(outer)], axis=1)
    bite = np.stack([np.cos(inner) + gap, np.sin(inner)], axis=1)
    return np.concatenate([rim, bite])


def _arrow() -> Points:
    half = np.array([[-1.0, 0.2], [0.2, 0.2], [0.2, 0.6], [1.0, 0.0]])
    return np.concatenate([half, half[-2::-1] * (1, -1)])
