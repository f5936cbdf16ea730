"""Small scenes that tests draw themselves."""

from __future__ import annotations

import torch
from torch import Tensor

from ravens_suite.agents.visual_foresight.scenes import COLUMNS, HEIGHT, ROWS


def table(*blocks: tuple[int, int, int, int]) -> Tensor:
    """(4, 160, 80): red blocks 0.3 dm high, each (first column, first row, columns, rows), on a grey table."""
    scene = torch.full((4, ROWS, COLUMNS), 0.25)
    scene[HEIGHT] = 0.02
    for column, row, columns, rows in blocks:
        scene[:3, row : row + rows, column : column + columns] = torch.tensor([1.0, 0.0, 0.0])[:, None, None]
        scene[HEIGHT, row : row + rows, column : column + columns] += 0.3
    return scene
