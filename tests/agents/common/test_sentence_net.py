"""Colour words, and the network that reads sentences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.agents.common.color_words import BASIC, color_word, name_colors
from ravens_suite.agents.common.sentences import SentenceNet, make_sentences
from ravens_suite.core.palette import PALETTE

PURE = {"red": (229, 0, 0), "green": (21, 176, 26), "blue": (3, 67, 223), "yellow": (255, 255, 20)}


def test_every_colour_of_the_suite_is_called_by_its_name() -> None:
    for name, color in PALETTE.items():
        pixel = np.round(255 * np.array(color)).astype(np.uint8)[None, None]
        assert BASIC[int(name_colors(pixel).argmax())] == name


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_names_of_a_colour_are_probabilities(color: tuple[int, int, int]) -> None:
    names = name_colors(np.array(color, np.uint8)[None, None])
    assert names.shape == (12, 1, 1) and names.min() >= 0
    assert names.sum() == pytest.approx(1, abs=1e-5)


def test_words_that_stand_for_a_colour() -> None:
    assert color_word("grey") == color_word("gray") == BASIC.index("gray")
    assert color_word("block") is None


def test_a_sentence_without_colours_points_at_nothing() -> None:
    net = SentenceNet(4)
    image = np.zeros((2, 3, 3), np.uint8)
    maps, vectors = net(make_sentences(["stack them", ""], [image, image]))
    assert maps.shape == (2, 2, 2, 3) and vectors.shape == (2, 4)
    assert torch.equal(maps, torch.full_like(maps, -1))


def test_colours_are_shown_in_the_order_in_which_they_are_said() -> None:
    net = SentenceNet(4, ordered=True)
    pixels = np.array([[PURE[name] for name in ("red", "green", "blue", "yellow")]], np.uint8)
    said = ["the blue block to the red box, then the green one", "red", ""]
    with torch.no_grad():
        maps, _ = net(make_sentences(said, [pixels] * 3))
    assert maps.shape == (3, 6, 1, 4)
    orders = [["blue", "red", "green", None], ["red", None, None, None], [None] * 4]
    for found, order in zip(maps[:, 2:, 0], orders, strict=True):
        for pixel, color in zip(found, order, strict=True):
            shown = [name for name, value in zip(("red", "green", "blue", "yellow"), pixel, strict=True) if value > 0]
            assert shown == ([] if color is None else [color])


def test_it_learns_which_colour_is_for_what_and_knows_it_for_other_colours() -> None:
    """In either order of the clauses, from red and green; then with blue and yellow."""
    torch.manual_seed(0)
    net = SentenceNet(4)
    optimiser = torch.optim.Adam(net.parameters(), 3e-3)

    def loss(first: str, second: str) -> torch.Tensor:
        said = [f"put the {first} block in a {second} bowl", f"in a {second} bowl put the {first} block"]
        pixels = np.array([[PURE[first], PURE[second]]], np.uint8)
        maps, _ = net(make_sentences(said, [pixels] * 2))
        wanted = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])[:, None]
        return (maps - wanted).square().mean()

    for _ in range(60):
        optimiser.zero_grad()
        total = loss("red", "green") + loss("green", "red")
        total.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert loss("red", "green") < 0.1
    assert loss("blue", "yellow") < 0.1 and loss("yellow", "blue") < 0.1
