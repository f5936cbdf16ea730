"""Other colour words for the things of a scene."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ravens_suite.agents.common.color_words import BASIC, colors_of, name_colors
from ravens_suite.agents.pick_place.augmentation import UNCHANGED, Example, augment
from ravens_suite.agents.pick_place.rewording import painted, reworded
from ravens_suite.core.heightmap import Heightmap
from tests.agents import scenes

_RED, _GREEN, _BLUE = (255, 87, 89), (89, 169, 79), (78, 121, 167)
_SQUARE = np.array([[-20, -20], [20, -20], [20, 20], [-20, 20]]) / 1000
_GOAL = np.array([0.6, 0.2, 0.7])


def _example(said: str = "put the red block on the green mark") -> Example:
    """A red block that goes to a green mark, beside a blue one."""
    decor = (
        (scenes.place(1.3 * _SQUARE, _GOAL), 0.002, _GREEN),
        (scenes.place(_SQUARE, np.array([0.4, 0.3, 0.0])), 0.02, _BLUE),
    )
    scene = scenes.Scene(_SQUARE, 0.03, _RED, np.array([0.4, -0.2, 0.0]), (_GOAL,), decor)
    step = replace(scene.step(np.random.default_rng(0)), instruction=said)
    return augment(step, UNCHANGED, np.random.default_rng(0))


_EXAMPLE = _example()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_a_sentence_says_of_the_new_colours_what_it_said_of_the_old_ones(seed: int) -> None:
    other = reworded(_EXAMPLE, np.random.default_rng(seed))
    words = (other.instruction or "").split()
    assert words[:2] == ["put", "the"] and words[3:6] == ["block", "on", "the"] and words[7] == "mark"
    picked, goal = words[2], words[6]
    assert picked != goal and "black" not in (picked, goal)
    names = name_colors(other.color)
    for word, old in ((picked, _RED), (goal, _GREEN)):
        at = (_EXAMPLE.color == old).all(axis=-1)
        called = np.array(BASIC)[names[:, at].argmax(axis=0)]
        assert (called == word).mean() > 0.9
    beside = (_EXAMPLE.color == _BLUE).all(axis=-1)
    assert BASIC[names[:, beside].mean(axis=1).argmax()] not in (picked, goal)
    table = _EXAMPLE.height < 0.001
    assert np.array_equal(other.color[table], _EXAMPLE.color[table]) and other.height is _EXAMPLE.height


def test_every_word_is_drawn_and_other_words_for_a_colour_are_known() -> None:
    said = [reworded(_example("Put the crimson block beside it"), np.random.default_rng(seed)) for seed in range(80)]
    words = {(other.instruction or "").split()[2] for other in said}
    assert words == set(BASIC) - {"black"}


def test_an_article_is_that_of_the_new_word() -> None:
    """It stayed: a orange block was said of what had been a red one, and an blue one of an orange one."""
    said = "A red block goes into an orange bowl, a big black ring near\nan  aqua one, the a and an x-ray stay"
    seen = set()
    for seed in range(60):
        words = reworded(_example(said), np.random.default_rng(seed)).instruction or ""
        found = re.fullmatch(
            r"(An?) (\w+) block goes into (an?) (\w+) bowl, a big black ring near\n(an?)  (\w+) one, "
            "the a and an x-ray stay",
            words,
        )
        assert found is not None, words
        for article, word in zip(found.groups()[::2], found.groups()[1::2], strict=True):
            assert article.lower() == ("an" if word == "orange" else "a"), words
            seen.add(word)
    assert "orange" in seen and len(seen) > 5


def test_a_sentence_without_words_for_colours_stays_to_the_letter() -> None:
    said = "Put a  orang block, an blackish one and a on the table: a black one, an black one."
    assert reworded(_example(said), np.random.default_rng(0)).instruction == said


@pytest.mark.parametrize("word", range(len(BASIC)))
def test_colours_of_a_word_are_called_by_it(word: int) -> None:
    colors = colors_of(word)
    assert len(colors) > 1 and colors.min() >= 0 and colors.max() <= 255
    assert (name_colors(colors[None].astype(np.uint8)).argmax(axis=0) == word).all()


def test_brightness_within_a_thing_stays_and_no_hue_is_cut() -> None:
    scene = Heightmap(np.full((160, 320, 3), 51, np.uint8), np.zeros((160, 320), np.float32))
    names = np.zeros((3, 160, 320), np.float32)
    names[2] = 1
    for word, (top, value) in enumerate(((20, 250), (90, 60))):
        at = (slice(top, top + 30), slice(40, 80))
        scene.color[at], scene.height[at] = value, 0.04
        scene.color[top : top + 15, 40:80] //= 2
        names[:, at[0], at[1]] = 0
        # Another word may be nearly as likely, or more so for single pixels.
        names[word][at], names[2][at] = 0.6, 0.4
        names[word][top + 10, 60], names[2][top + 10, 60] = 0.4, 0.6
    colors = np.array([[200, 100, 50], [20, 255, 80], [0, 0, 0]], np.float32)
    seen = painted(scene, names, colors).astype(float)
    assert (seen[scene.height == 0] == 51).all(), "the table stays"
    for top, drawn in ((20, colors[0]), (90, colors[1])):
        np.testing.assert_allclose(seen[top + 20, 60], drawn, atol=1)
        np.testing.assert_allclose(seen[top + 5, 60], drawn / 2, atol=2)
