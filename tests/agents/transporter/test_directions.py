"""Words for directions: they break the equivariance to quarter turns where they are said, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ravens_suite.agents.common.equivariant import rotate_quarter_turns
from ravens_suite.agents.common.sentences import direction_maps, make_sentences, mirrored, names_a_direction
from ravens_suite.agents.pick_place.augmentation import Augmentation, augment
from ravens_suite.agents.pick_place.steps import Step
from ravens_suite.agents.transporter.config import TransporterConfig
from ravens_suite.agents.transporter.network import TransporterNet

SIDE = 32
TINY = TransporterConfig(widths=(2, 2, 2), depth=1, coarse_radius=2, fine_radius=2, device="cpu", shape_words=False)
SAID = "put the red block in the left bowl"
PLAIN = "put the red block in the blue bowl"


@pytest.fixture
def net() -> TransporterNet:
    torch.manual_seed(0)
    return TransporterNet(TINY, listens=True)


def logits(net: TransporterNet, image: torch.Tensor, said: str) -> torch.Tensor:
    """Pick logits of an image (1, 5, rows, columns) that has no colours."""
    sentence = make_sentences([said], [np.zeros((SIDE, SIDE, 3), np.uint8)])
    scene = net.read(image, sentence)
    pick: torch.Tensor = net.pick(scene.features, scene.said)
    return pick


@pytest.mark.parametrize(("said", "equal"), [(PLAIN, True), (SAID, False)])
def test_a_turned_scene_is_the_same_unless_a_direction_is_said(net: TransporterNet, said: str, equal: bool) -> None:
    image = torch.randn(1, 5, SIDE, SIDE)
    turned = logits(net, rotate_quarter_turns(image, 1), said)
    expected = rotate_quarter_turns(logits(net, image, said), 1)
    assert torch.allclose(turned, expected, atol=1e-4) == equal


def test_maps_of_directions_turn_with_the_scene() -> None:
    """So that turned examples teach what left is, too."""
    maps = torch.from_numpy(direction_maps((SIDE, SIDE), 0.0))[None]
    turned = torch.from_numpy(direction_maps((SIDE, SIDE), np.pi / 2))[None]
    assert torch.allclose(turned, rotate_quarter_turns(maps, 1), atol=1e-6)


def test_without_directions_the_weights_for_them_take_no_part(net: TransporterNet) -> None:
    assert net.where is not None
    logits(net, torch.randn(1, 5, SIDE, SIDE), PLAIN).square().mean().backward()
    assert net.where.weight.grad is None
    logits(net, torch.randn(1, 5, SIDE, SIDE), SAID).square().mean().backward()
    assert net.where.weight.grad is not None and net.where.weight.grad.abs().max() > 0


def test_an_example_without_directions_is_as_if_alone(net: TransporterNet) -> None:
    images = [np.zeros((SIDE, SIDE, 3), np.uint8)] * 2
    assert make_sentences([PLAIN, PLAIN], images).where is None
    where = make_sentences([PLAIN, SAID], images).where
    assert where is not None
    added = net._directions(where)
    assert added is not None and not added[0].any() and added[1].any()


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("put it in the left bowl", "put it in the right bowl"),
        ("from the front left tip to the back right corner", "from the front right tip to the back left corner"),
        ("leave the cleft block", "leave the cleft block"),
    ],
)
def test_left_is_right_in_a_mirror(sentence: str, expected: str) -> None:
    assert mirrored(sentence) == expected
    assert mirrored(expected) == sentence


@pytest.mark.parametrize(
    ("sentence", "named"),
    [
        ("put the ring in the TOP ring slot", True),
        ("the middle letter L slot is where the red letter L belongs", True),
        ("straighten the rope from the back left corner up to the front left tip", True),
        ("on top of the red and blue blocks place the green block", False),
        ("put the gray block on the middle brown plate", False),
        ("to the middle of the stand move the white ring", False),
        ("put the block into the red box, then back into the box where it was", False),
        ("put the ring on the stop block", False),
        ("", False),
    ],
)
def test_words_for_directions(sentence: str, named: bool) -> None:
    assert names_a_direction(sentence) == named


def test_an_example_says_where_the_tables_axes_are_and_is_named_left_where_it_is_left() -> None:
    """Along the turned axes the place lies as it did from the pick; in a mirror on the other side, and that is said."""
    shape = (96, 96)
    affinity = np.zeros(shape, np.float32)
    affinity[40, 40] = 1
    start, end = np.array([40.5, 40.5]), np.array([46.0, 57.0])
    step = Step(np.zeros((*shape, 3), np.uint8), np.zeros(shape, np.float32), start, end, 0.3, affinity)
    step = Step(**{**vars(step), "instruction": SAID})
    rng, seen = np.random.default_rng(0), set()
    for _ in range(40):
        example = augment(step, Augmentation(flips=True, shift=5.0), rng)
        assert example.instruction is not None
        seen.add(example.instruction)
        side = -1 if "right" in example.instruction else 1
        cos, sin = np.cos(example.turn), np.sin(example.turn)
        across, down = example.place[0] - example.pick
        along = np.array([cos * across + sin * down, cos * down - sin * across])
        # The pick is drawn within its pixel, and the place turns with it.
        assert along == pytest.approx((end - start) * (1, side), abs=1.5)
        maps = direction_maps(shape, example.turn)
        ends = [maps[:, int(y), int(x)] for x, y in (example.place[0], example.pick)]
        assert (ends[0] - ends[1]) * 48 == pytest.approx(along, abs=2.5)
    assert seen == {SAID, mirrored(SAID)}
