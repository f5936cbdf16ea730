"""Other colour words for the things of a scene, and for the sentence about them.

One demonstration has two colour words of twelve. What the other ones look like, the network is shown, but not what is
peculiar to them: shadows on a gray table look gray, too, and edges of a red block brown.
"""

from __future__ import annotations

import re
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.heightmap import Heightmap

from ..common.color_words import BASIC, color_word, colors_of, name_colors
from .augmentation import Example
from .table import bare_table

_WORD = re.compile(r"(?:\b([Aa])n?(\s+))?\b([A-Za-z]+)")
"""A word, and the article with the space before it where there is one."""
_KEPT = ("black",)
"""Words for colours that the table and shadows have."""
_AROUND = 7
"""Side of the square of pixels that say together which word one of them has."""


def reworded(example: Example, rng: np.random.Generator) -> Example:
    """An example in which the colour words are exchanged, and what has one word has a colour of the other one.

    An article right before such a word is that of the new one: "a red bowl" becomes "an orange bowl".

    Args:
        example: with a sentence.
        rng: chooses the other words, and colours that people call so.
    """
    drawn = [index for index, word in enumerate(BASIC) if word not in _KEPT]
    others = np.arange(len(BASIC))
    others[drawn] = rng.permutation(drawn)
    colors = np.stack([rng.choice(colors_of(index)) for index in others]).astype(np.float32)

    def other(found: re.Match[str]) -> str:
        article, space, word = found.groups()
        index = color_word(word.lower())
        if index is None or (new := BASIC[others[index]]) == word:
            return found[0]
        return f"{article}{'n' if new[0] in 'aeiou' else ''}{space}{new}" if article else new

    color = painted(Heightmap(example.color, example.height), name_colors(example.color), colors)
    return replace(example, color=color, instruction=_WORD.sub(other, example.instruction or ""))


def painted(scene: Heightmap, names: NDArray[np.float32], colors: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The colours of a scene in which what has one colour word has one given colour.

    Relative brightness within what has a word stays, and so does the bare table.

    Args:
        scene: colours and heights.
        names: (words, rows, columns) float32, how likely each pixel has each word; they sum to one.
        colors: (words, 3) float32, 0 to 255.

    Returns:
        (rows, columns, 3) uint8, a new image.
    """
    things = ~bare_table(scene)
    # By the pixels around, too: edges and shadows of a thing often have other words than the thing.
    around = np.stack([cv2.blur(name * things, (_AROUND, _AROUND)) for name in names])
    own, value = around[:, things].argmax(axis=0), scene.color.max(axis=2)[things].astype(np.float32)
    # By the brightest pixel of each word, so that no channel overflows, which would change the hue.
    brightest = np.ones(len(names), np.float32)
    np.maximum.at(brightest, own, value)
    color = scene.color.copy()
    color[things] = (colors[own] * (value / brightest[own])[:, None]).round().astype(np.uint8)
    return color
