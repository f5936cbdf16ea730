"""Which of several equal things a word for a side means."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ravens_suite.agents.common.color_words import name_colors
from ravens_suite.agents.common.sentences import direction_maps, make_sentences, mirrored, resolve
from ravens_suite.agents.common.shape_words import drawings, fits_of, things
from ravens_suite.agents.common.sides import SIDES, _behind, at_side, side_before
from ravens_suite.core.heightmap import Heightmap
from ravens_suite.tasks.language._shapes import place_words

TABLE, BOARD, RED = (51, 51, 51), (156, 117, 95), (229, 60, 60)
HOLES = {"left": (60, 40), "middle": (60, 80), "right": (60, 120)}
"""Rows (along the table's x) and columns (along its y) here."""
LOOSE = (120, 20)


def scene(filled: tuple[str, ...] = ()) -> Heightmap:
    """A board with three star holes in a row, and a star on the table that lies farther left than all of them."""
    color = np.full((160, 160, 3), TABLE, np.uint8)
    height = np.zeros((160, 160), np.float32)
    color[30:90, 15:145], height[30:90, 15:145] = BOARD, 0.005
    for side, middle in HOLES.items():
        paint(color, height, middle, *((RED, 0.025) if side in filled else (TABLE, 0.006)))
    paint(color, height, LOOSE, RED, 0.02)
    # Heightmaps have the table's y along their rows.
    return Heightmap(color.transpose(1, 0, 2).copy(), height.T.copy())


def paint(
    color: NDArray[np.uint8], height: NDArray[np.float32], middle: tuple[int, int], paint: tuple[int, ...], z: float
) -> None:
    star = drawings()["star"][0][::8, ::8] > 0
    window = tuple(slice(at - 16, at + 16) for at in middle)
    color[window][star], height[window][star] = paint, z


def meant(shown: Heightmap, side: str, turn: float = 0.0) -> dict[str, float]:
    """How well each of the four stars fits "SIDE star"."""
    found = list(things(name_colors(shown.color), shown.height))
    fits = fits_of(found, ["star"])[0]
    values = at_side(found, fits, side, shown.height, direction_maps(shown.height.shape, turn))
    result = {}
    for name, (x, y) in {**HOLES, "loose": LOOSE}.items():
        at = [
            value
            for thing, value in zip(found, values, strict=True)
            if thing.window[0].start <= y < thing.window[0].stop and thing.window[1].start <= x < thing.window[1].stop
        ]
        result[name] = max(at, default=0.0)
    return result


@pytest.mark.parametrize("filled", [(), ("left",), ("middle", "right")])
@pytest.mark.parametrize("side", ["left", "middle", "right"])
def test_things_on_one_surface_are_compared_and_filled_slots_are_among_them(side: str, filled: tuple[str, ...]) -> None:
    values = meant(scene(filled), side)
    assert values[side] > 0.9
    assert all(value < 0.3 for name, value in values.items() if name not in (side, "loose"))
    assert values["loose"] > 0.9, "alone on the table, it is at every side of it"


def test_a_turned_picture_shows_the_same_side() -> None:
    shown = scene()
    turned = Heightmap(np.rot90(shown.color, 2).copy(), np.rot90(shown.height, 2).copy())
    found = list(things(name_colors(turned.color), turned.height))
    fits = fits_of(found, ["star"])[0]
    values = at_side(found, fits, "left", turned.height, direction_maps(turned.height.shape, np.pi))
    best = found[int(np.argmax(np.where([thing.window[1].start > 70 for thing in found], values, 0)))]
    y = 159 - (best.window[0].start + best.window[0].stop) / 2
    assert abs(y - HOLES["left"][1]) < 4


@pytest.mark.parametrize("side", SIDES)
def test_a_mirrored_picture_with_its_sentence_shows_the_same_thing(side: str) -> None:
    """As training mirrors examples: a picture's columns are reversed, and so its x axis is turned by half a turn."""
    shown, said = scene(), f"put it on the {side} star"
    color, height = shown.color[:, ::-1].copy(), shown.height[:, ::-1].copy()
    plain = make_sentences([said], [shown.color], heights=[shown.height]).fits
    flipped = make_sentences([mirrored(said)], [color], [np.pi], heights=[height]).fits
    assert plain is not None and flipped is not None
    np.testing.assert_allclose(flipped.numpy()[..., ::-1], plain.numpy(), atol=0.1)


@pytest.mark.parametrize("side", SIDES)
def test_what_fills_a_small_picture_is_at_every_side_of_it(side: str) -> None:
    """There is nothing around it to tell what it lies on."""
    red = Heightmap(np.full((32, 32, 3), RED, np.uint8), np.full((32, 32), 0.02, np.float32))
    batch = make_sentences([f"the {side} square"], [red.color], heights=[red.height])
    assert batch.fits is not None and (batch.fits[0, 0] > 0.9).all()


@given(st.integers(0, 6), st.sampled_from(SIDES))
def test_fits_only_become_less(count: int, side: str) -> None:
    shown = scene()
    found = list(things(name_colors(shown.color), shown.height))[:count]
    fits = fits_of(found, ["star"])[0] if found else np.zeros(0, np.float32)
    values = at_side(found, fits, side, shown.height, direction_maps(shown.height.shape, 0.0))
    assert values.shape == fits.shape and (values <= fits).all() and (values >= 0).all()
    if count and fits.max() > 0:
        assert values.max() > 0, "something is always meant"


@pytest.mark.parametrize(
    ("sentence", "side"),
    [
        ("put it in the top letter A slot", "top"),
        ("put it on the left red star", "left"),
        ("put the star in the middle", ""),
        ("the right block and the star", ""),
        ("star", ""),
    ],
)
def test_the_side_is_said_before_the_shape(sentence: str, side: str) -> None:
    words = sentence.lower().split()
    position = words.index("star" if "star" in words else "a")
    found = side_before(words, position)
    assert ("" if found is None else words[found]) == side


def test_one_shape_at_two_sides_is_two_things() -> None:
    shown = scene()
    said = "put the left star where the right star is, and the star away"
    batch = make_sentences([said], [shown.color], heights=[shown.height])
    assert batch.shapes is not None and batch.fits is not None
    assert [index for index in batch.shapes[0].tolist() if index >= 0] == [0, 1, 2]
    left, right, star = batch.fits[0, :3].numpy()
    assert (star >= np.maximum(left, right)).all() and (left[:80].max(), right[80:].max()) == (star.max(), star.max())
    assert left[100:, :90].max() < 0.3 > right[:60, :90].max()


@given(st.integers(0, 2**32 - 1))
def test_every_side_that_tasks_say_is_found(seed: int) -> None:
    """Slots of a board that is turned by any angle, seen a little beside where they are."""
    rng = np.random.default_rng(seed)
    slots = np.array([(-0.09, 0.045), (0.0, 0.045), (0.09, 0.045), (-0.045, -0.045), (0.045, -0.045)])
    places = rng.permutation(slots)[: rng.integers(2, 6)] @ rotation(rng.uniform(0, 2 * np.pi)).T
    words = place_words([(float(x), float(y)) for x, y in places])
    if len(set(words)) < len(words):
        return  # No task says these.
    seen = (places / 0.5).astype(np.float32)
    for index, word in enumerate(words):
        assert int(_behind(seen, word).argmin()) == index, words


def rotation(angle: float) -> NDArray[np.float64]:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


@pytest.mark.parametrize(
    ("said", "plain", "sides"),
    [
        ("put the left and the right star away", "put the star and the star away", {2: "left", 5: "right"}),
        ("put the left and right stars away", "put the star and star away", {2: "left", 4: "right"}),
        (
            "the left, the middle and the right red star",
            "the red star the red star and the red star",
            {2: "left", 5: "middle", 9: "right"},
        ),
        ("the left red or the right blue star", "the red star or the blue star", {2: "left", 6: "right"}),
        ("the top and bottom letter A", "the letter a and letter a", {2: "top", 5: "bottom"}),
        ("the left star and the right star", "the star and the star", {1: "left", 4: "right"}),
        ("move the rope left, the right star stays", "move the rope left the star stays", {5: "right"}),
        ("left of the middle star", "left of the star", {3: "middle"}),
        ("put the left stars away", "put the left stars away", {}),
    ],
)
def test_each_side_of_one_shape_word_is_looked_for(said: str, plain: str, sides: dict[int, str]) -> None:
    words, mentions = resolve(said)
    assert words == plain
    assert {at: mention.side for at, mention in mentions.items()} == sides


def test_two_sides_in_one_sentence_are_both_seen() -> None:
    shown = scene()
    batch = make_sentences(["the left and the right star slot"], [shown.color], heights=[shown.height])
    assert batch.fits is not None and batch.shapes is not None
    assert batch.shapes[0].tolist() == [-1, 0, -1, -1, 1, -1]
    for row, side in enumerate(("left", "right")):
        for name, (x, y) in HOLES.items():
            assert (float(batch.fits[0, row, y, x]) > 0.9) == (name == side)
