"""Sentences of which some words are unknown."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.agents.common.color_words import color_word
from ravens_suite.agents.common.sentences import asks_for_same_color, names_a_direction, resolve
from ravens_suite.agents.common.unknown_words import with_unknown_words

SAID = (
    "pick up the red letter A and lay it in the top left star slot",
    "on top of the lighter brown side place the yellow block",
    "put the rope from the front left tip to the back right corner",
    "the middle brown plate is where the grey block belongs, left of the ring",
    "put digit 7 into the bottom heart, then the digit two into a bowl",
    "put each small block on the big block of its color",
    "lay the rings on same-colored rods so that all of them match",
    "match every object with its silhouette",
    "pack the star of the color red, no block of any color or of blue color",
    "Sweep the piles",
    "",
)
WORDS = (
    "the",
    "of",
    "in",
    "red",
    "star",
    "left",
    "top",
    "middle",
    "letter",
    "a",
    "digit",
    "7",
    "brown",
    "put",
    "ring",
    "color",
    "any",
    "match",
)


def known(sentence: str) -> list[str]:
    return [word for word in sentence.split() if not word.startswith("unknown")]


@given(
    st.one_of(st.sampled_from(SAID), st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)),
    st.floats(0, 1),
    st.integers(0, 2**32 - 1),
)
def test_what_is_said_of_colours_shapes_and_directions_stays(sentence: str, share: float, seed: int) -> None:
    changed = with_unknown_words(sentence, share, np.random.default_rng(seed))
    assert list(resolve(changed)[1].values()) == list(resolve(sentence)[1].values())
    assert names_a_direction(changed) == names_a_direction(sentence)
    assert asks_for_same_color(changed) == asks_for_same_color(sentence)
    said = [re.findall("[a-z0-9]+", each.lower()) for each in (sentence, changed)]
    colors = [[word for word in words if color_word(word) is not None] for words in said]
    assert colors[0] == colors[1]


def test_no_word_is_unknown_without_a_share() -> None:
    for sentence in SAID:
        assert with_unknown_words(sentence, 0.0, np.random.default_rng(0)) == sentence


def test_about_a_share_of_the_ordinary_words_is_unknown() -> None:
    rng = np.random.default_rng(0)
    sentence = "put the block on a rod"
    changed = [with_unknown_words(sentence, 0.2, rng).split() for _ in range(3000)]
    unknown = sum(word.startswith("unknown") for words in changed for word in words)
    assert unknown / (3000 * len(sentence.split())) == pytest.approx(0.2, abs=0.01)
    # One third of them are put before a word.
    assert sum(len(words) - 6 for words in changed) / unknown == pytest.approx(1 / 3, abs=0.05)
    assert all(known(" ".join(words)) == [w for w in sentence.split() if w in words] for words in changed)
