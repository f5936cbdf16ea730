"""Sentences in which some words are unknown, as some of any paraphrase are.

An agent that learns its own word vectors knows the words of its demonstrations only. One that never met an unknown
word is disturbed by it, even where all that matters is said in words that it knows: on assembling-kits-seq it still
picked what was named, but placed less exactly (docs/language_tasks.md). So unknown words are met in training. Word
dropout (Iyyer et al., Deep Unordered Composition Rivals Syntactic Methods, 2015) leaves words out; here they are
exchanged or added.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .color_words import color_word
from .sentences import other_color_words, same_color_words
from .shape_words import SPELT, shape_words

_WORD = re.compile(r"[a-z0-9]+")
_DIRECTIONS = frozenset(("left", "right", "front", "back", "top", "bottom", "middle"))
"""Words that the next one may make part of an idiom, such as "on top of"."""
_SHARE_BEFORE = 1 / 3
"""Share of unknown words that stand before a word; the others stand in its place."""


def with_unknown_words(sentence: str, share: float, rng: np.random.Generator) -> str:
    """A sentence with unknown words in place of, or before, some of its ordinary words.

    Words for colours, shapes and directions stay, and so do their order and what they are said of.

    Args:
        sentence: in any letters.
        share: of ordinary words at which there is an unknown one, 0 to 1.
        rng: chooses them.

    Returns:
        Its words in small letters; the sentence itself where none is unknown.
    """
    words = _WORD.findall(sentence.lower())
    chosen = np.flatnonzero((rng.random(len(words)) < share) & _ordinary(sentence, words))
    if not len(chosen):
        return sentence
    for position in reversed(chosen.tolist()):
        unknown = f"unknown{rng.integers(1_000_000)}"
        words[position : position + (rng.random() >= _SHARE_BEFORE)] = [unknown]
    return " ".join(words)


def _ordinary(sentence: str, words: Sequence[str]) -> NDArray[np.bool_]:
    """(words,) bool: neither words for colours, shapes and directions nor those that make others such words."""
    meant = np.array(
        [
            color_word(word) is not None or shape is not None or word in SPELT or word in _DIRECTIONS
            for word, shape in zip(words, shape_words(sentence), strict=True)
        ],
        dtype=bool,
    )
    meant[[*same_color_words(words), *other_color_words(words)]] = True
    after = np.array([False, *(word in _DIRECTIONS for word in words[:-1])], dtype=bool)[: len(words)]
    ordinary: NDArray[np.bool_] = ~(meant | after)
    return ordinary
