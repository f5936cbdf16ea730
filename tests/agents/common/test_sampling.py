"""Feature maps are read where they are said to be read."""

from __future__ import annotations

import math

import pytest
import torch

from ravens_suite.agents.common.sampling import angle_grid, crop, rotate_back, sample, separated_maxima, window_offsets

CPU = torch.device("cpu")


def column_and_row(rows: int, columns: int) -> torch.Tensor:
    """(1, 2, rows, columns): a map whose values are the positions of its cells' centres."""
    row, column = torch.meshgrid(torch.arange(rows) + 0.5, torch.arange(columns) + 0.5, indexing="ij")
    return torch.stack([column, row])[None]


def test_a_map_of_positions_read_at_points_gives_the_points() -> None:
    points = torch.tensor([[[[2.25, 3.5], [1.0, 7.75]]]])
    torch.testing.assert_close(sample(column_and_row(9, 6), points)[0].movedim(0, -1), points[0])


def test_beyond_the_map_there_are_zeros() -> None:
    points = torch.tensor([[[-2.0, 4.0], [3.0, 12.0]]])
    assert not sample(column_and_row(9, 6), points).any()


@pytest.mark.parametrize(("radius", "step"), [(1, 1.0), (2, 0.5)])
def test_a_crop_is_upright_around_its_centre(radius: int, step: float) -> None:
    centre = torch.tensor([[[3.2, 4.6]]])
    window = crop(column_and_row(9, 6), centre, radius, step)[0, :, 0]
    torch.testing.assert_close(window.movedim(0, -1), centre[0, 0] + step * window_offsets(radius, CPU))


def test_reading_at_offsets_rotated_back_rotates_the_image() -> None:
    """What lay along the column axis lies along the row axis after a quarter turn."""
    image = torch.zeros(1, 1, 5, 5)
    image[0, 0, 2, 4] = 1
    offsets = rotate_back(window_offsets(2, CPU), torch.tensor([[math.pi / 2]]))
    rotated = sample(image, offsets[:, 0] + 2.5, mode="nearest")[0, 0]
    assert rotated[4, 2] == 1 and rotated.sum() == 1


def test_angles_are_evenly_spaced_over_a_full_turn() -> None:
    torch.testing.assert_close(angle_grid(4, CPU), torch.tensor([0, 0.5, 1, 1.5]) * math.pi)


def test_the_highest_cells_keep_their_distance() -> None:
    torch.manual_seed(4)
    scores = torch.rand(20, 15)
    scores[3, 4], scores[5, 6], scores[19, 14], scores[0, 0] = 5, 4, 3, 6
    excluded = torch.tensor([[[-1, 1]], [[3, 4]]])
    both = separated_maxima(torch.stack([scores, scores]), 4, 4, excluded)
    found = both[0].tolist()
    assert found[:2] == [[3, 4], [19, 14]], "cells near an excluded one, or near a higher one, are left out"
    for index, (row, column) in enumerate(found):
        assert all(max(abs(row - r), abs(column - c)) >= 4 for r, c in found[:index])
    assert both[1, :2].tolist() == [[0, 0], [19, 14]], "each map has its own"
