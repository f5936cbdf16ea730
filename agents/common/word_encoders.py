"""Vectors of words from a text encoder, in place of those that an agent learns.

An encoder is a function: it takes the words of a sentence in their order, in small letters, and returns an array of one
vector for each, (words, width). A word may have another vector in another sentence. It must give the same for the same
words whenever it is asked, since it is frozen: nothing of it is trained or saved with the agent.

It is one of a user's own, or ``minilm`` (``minilm.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.modules import load_object
from ravens_suite.errors import ConfigError, blame

from . import minilm

OWN = "own"
"""The encoder of an agent that learns the vectors of words itself."""

MINILM = "minilm"
"""The encoder that comes with a package, so that it needs no network."""

NEUTRAL_COLOR, NEUTRAL_SHAPE = "blue", "block"
"""What an encoder is told in place of colour words, and of shape words that are looked up. What it makes of them would
be in the vectors of the words beside them, and others stand there in tests with colours and shapes never shown."""


def width(encoder: str) -> int:
    """Length of the vectors of an encoder.

    Args:
        encoder: where the function is, ``package.module:name`` or ``path/to/file.py:name``; or ``minilm``.

    Raises:
        ConfigError: there is no such function, or it does not give what it must.
        MissingLibraryError: the library of ``minilm`` is not installed.
        UserCodeError: it raises.
    """
    # Asked for a sentence, too: one that gives a vector a sentence, say, must not show up when a run has begun.
    alone, among = (_encode(encoder, ("block",) * count).shape[1] for count in (1, 3))
    if alone != among:
        raise ConfigError(f"{encoder} gave vectors of {among} and of {alone} numbers: keep to one.")
    return int(alone)


def word_vectors(encoder: str, sentences: Sequence[Sequence[str]], length: int) -> NDArray[np.float32]:
    """Vectors of the words of some sentences: (sentences, length, width) float32, zeros after the last word.

    Args:
        encoder: as of ``width``.
        sentences: words of each, at most ``length``.
        length: in words.

    Raises:
        ConfigError: as of ``width``.
        MissingLibraryError: as of ``width``.
        UserCodeError: as of ``width``.
    """
    result = np.zeros((len(sentences), length, width(encoder)), np.float32)
    for row, words in zip(result, sentences, strict=True):
        if not words:
            continue
        vectors = _encode(encoder, tuple(words))
        if vectors.shape[1] != row.shape[1]:
            raise ConfigError(
                f"{encoder} gave vectors of {vectors.shape[1]} and of {row.shape[1]} numbers: keep to one."
            )
        row[: len(words)] = vectors
    return result


@lru_cache(maxsize=4096)
def _encode(encoder: str, words: tuple[str, ...]) -> NDArray[np.float32]:
    if encoder == MINILM:
        return minilm.encode(words)
    function = load_object(encoder, "the text encoder")
    if not callable(function):
        raise ConfigError(f"{encoder} is no function: name one that takes words and returns a vector for each.")
    with blame(f"The text encoder {encoder}, for {list(words)!r:.80},"):
        vectors = np.asarray(function(list(words)), dtype=np.float32)
    if vectors.ndim != 2 or len(vectors) != len(words) or not vectors.size or not np.isfinite(vectors).all():
        raise ConfigError(
            f"{encoder} gave shape {vectors.shape} for {len(words)} words: give (words, width), all finite."
        )
    return vectors
