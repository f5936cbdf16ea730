"""Things of a kind are counted, and each is shown with its number."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ravens_suite.agents.common.counts import COUNTS, count_maps, count_things

RED, BLUE, TABLE = (255, 87, 89), (78, 121, 167), (120, 110, 100)

Scene = tuple[NDArray[np.uint8], NDArray[np.float32]]


def scene(*blocks: tuple[tuple[int, int, int], int, float]) -> Scene:
    """Blocks in a row, 24 pixels apart: colour, side in pixels, and height in metres."""
    color = np.full((100, 24 * max(len(blocks), 1), 3), TABLE, np.uint8)
    height = np.zeros(color.shape[:2], np.float32)
    for index, (look, side, top) in enumerate(blocks):
        around = slice(8, 8 + side), slice(24 * index + 2, 24 * index + 2 + side)
        color[around], height[around] = look, top
    return color, height


def numbers(shown: Scene) -> list[int]:
    """The number that is shown in the middle of each block; 0 for none."""
    maps = count_maps(count_things(*shown))
    assert maps.shape == (COUNTS, *shown[1].shape) and maps.dtype == np.float32
    assert set(np.unique(maps)) <= {0.0, 1.0} and maps.sum(axis=0).max(initial=0) <= 1
    return [int(maps[:, 12, at + 6] @ np.arange(1, COUNTS + 1)) for at in range(0, shown[1].shape[1], 24)]


def test_things_of_one_colour_and_size_are_counted() -> None:
    red, blue = (RED, 13, 0.04), (BLUE, 13, 0.04)
    assert numbers(scene(red, blue, red, red, blue)) == [3, 2, 3, 3, 2]
    assert numbers(scene(*[red] * 8)) == [COUNTS] * 8, "the last number stands for all larger ones"
    assert numbers(scene()) == [0], "nothing is there"


@pytest.mark.parametrize("other", [(RED, 19, 0.06), (RED, 13, 0.0)])
def test_what_is_larger_or_flat_is_counted_apart(other: tuple[tuple[int, int, int], int, float]) -> None:
    red = (RED, 13, 0.04)
    assert numbers(scene(red, other, red)) == [2, 1, 2]


def test_a_block_on_a_square_of_its_colour_is_a_block() -> None:
    color, height = scene((RED, 13, 0.04), (RED, 20, 0.0), (RED, 13, 0.04))
    height[11:24, 30:43] = 0.04
    assert numbers((color, height))[::2] == [3, 3]
