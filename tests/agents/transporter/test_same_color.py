"""Places in the colour of what is picked, where a sentence asks for that."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ravens_suite.agents.common.sentences import asks_for_same_color, make_sentences, same_color_words
from ravens_suite.agents.transporter.config import TransporterConfig
from ravens_suite.agents.transporter.encoder import encode_image
from ravens_suite.agents.transporter.network import TransporterNet
from ravens_suite.agents.transporter.same_color import SameColor, asked_names
from ravens_suite.registry import load_task, task_names

RED, PINK, BLUE, TABLE = (225, 40, 40), (255, 157, 167), (78, 121, 167), (120, 110, 100)
ASKED = "put each small block on the big block of its color"
TINY = TransporterConfig(widths=(2, 2, 2, 2), depth=1, coarse_radius=4, fine_radius=4, outlook=1, device="cpu")


def table(*looks: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Squares in a row, 16 pixels apart."""
    image = np.full((32, 32 * len(looks), 3), TABLE, np.uint8)
    for index, look in enumerate(looks):
        image[8:24, 32 * index + 8 : 32 * index + 24] = look
    return image


def at(index: int) -> torch.Tensor:
    """The middle of a square, heightmap pixels."""
    return torch.tensor([[32.0 * index + 16, 16]])


@pytest.mark.parametrize(
    ("sentence", "asked"),
    [
        (ASKED, True),
        ("in the Colours of the blocks", True),
        ("set the matching small block on top", True),
        ("put the red block in a green bowl", False),
        ("pack the colorful star", False),
        ("put the red-colored block in a bowl", False),
        ("put each block into the same-coloured bowl", True),
        ("so that blocks and squares match", True),
        ("into the square that matches it", True),
        ("match every object with its silhouette on the board", False),
        ("match the goal image with the red L-shaped block", False),
        ("put the blocks of red color in a green bowl", False),
        ("put the violet colour block in a bowl", False),
        ("pack all objects of the color blue into the box", False),
        ("pack everything in color grey", False),
        ("put blocks of any color in the red bowl", False),
        ("put blocks of red color in bowls of different colours", False),
        ("put blocks of red color in the bowl of the same color", True),
        ("into the square of its color, red blocks last", True),
        ("color", True),
    ],
)
def test_sentences_ask_for_the_same_colour_or_do_not(sentence: str, asked: bool) -> None:
    assert asks_for_same_color(sentence) == asked


def test_the_sentences_of_the_suite_ask_for_it_wherever_they_speak_of_colour() -> None:
    """Trained agents go on as they did."""
    for name in task_names():
        task_class, arguments = load_task(name)
        plain, others = task_class(**arguments).forms()
        for sentence in (plain, *others.training, *others.held_out):
            words = re.findall(r"[a-z0-9]+", sentence.lower())
            assert {i for i, word in enumerate(words) if word in ("color", "colors")} <= set(same_color_words(words))


def test_places_of_the_colour_of_what_is_picked_count_more_whatever_the_colour() -> None:
    looks = (RED, PINK, RED, BLUE)
    names = asked_names(make_sentences([ASKED], [table(*looks)]))
    same = SameColor()
    for picked, look in enumerate(looks):
        logits = same(names, at(picked))
        assert logits.shape == (1, 8, 8 * len(looks)) and logits.dtype == torch.float32
        middles = logits[0, 4, 4::8]
        alike = torch.tensor([other == look for other in looks])
        assert middles[alike].min() > middles[~alike].max() + 2


def test_nothing_is_added_to_sentences_that_ask_for_no_such_thing() -> None:
    sentences = make_sentences(["put the red block in a bowl", ASKED], [table(RED, BLUE)] * 2)
    added = SameColor()(asked_names(sentences), at(0).expand(2, 2))
    assert not added[0].any() and added[1].any()


def test_weights_of_before_act_without_it() -> None:
    torch.manual_seed(0)
    net = TransporterNet(TINY, listens=True)
    image = table(RED, BLUE)
    height = np.zeros(image.shape[:2], np.float32)
    scene = encode_image(torch.from_numpy(image)[None], torch.from_numpy(height)[None])
    sentence = make_sentences([ASKED], [image], heights=[height])

    def prior() -> torch.Tensor:
        found = net.place_features(net.read(scene, sentence), at(0)).prior
        assert found is not None
        return found

    expected = net.read(scene, sentence).prior
    assert expected is not None and not torch.equal(prior(), expected)
    old = {name: value for name, value in net.state_dict().items() if not name.startswith("same_color")}
    net.load_state_dict({**{k: v for k, v in net.missing_in_old_weights().items() if k not in old}, **old})
    torch.testing.assert_close(prior(), expected, rtol=0, atol=0)


def test_the_middle_of_a_frame_of_the_same_colour_counts_more_than_that_of_another() -> None:
    image = table(RED, TABLE, TABLE)
    for index, look in ((1, BLUE), (2, RED)):
        frame = image[4:28, 32 * index + 4 : 32 * index + 28]
        frame[:3], frame[-3:], frame[:, :3], frame[:, -3:] = look, look, look, look
    logits = SameColor()(asked_names(make_sentences([ASKED], [image])), at(0))
    assert logits[0, 4, 20] > logits[0, 4, 12] + 1
