"""Scenes as an action sees them: turned so that it leads along the rows, its middle in the middle of the map.

What a push or a pull does depends neither on where on the table it happens nor on which way it leads. A network that
looks along the action need not learn the same again for every direction.

Tensors are float32; positions are in pixels of a scene.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from .scenes import COLUMNS, ROWS

_SHORTEST = 0.1
"""Pixels from which an action has a direction; shorter ones look as if they led along the rows."""


class View(NamedTuple):
    """How some actions see their scenes. The map is as large as a scene; what is farther away is not seen.

    Attributes:
        middle: (B, 2) column and row half way from the picks to the places.
        ahead: (B, 2) where the actions lead, of length 1.
        way: (B, 2) from the picks to the places.
        actions: (B, 5) the same actions on these maps.
    """

    middle: Tensor
    ahead: Tensor
    way: Tensor
    actions: Tensor

    @staticmethod
    def of(actions: Tensor) -> View:
        """The view of actions (B, 5)."""
        way = actions[:, 2:4] - actions[:, :2]
        length = torch.linalg.vector_norm(way, dim=1, keepdim=True)
        ahead = torch.where(length > _SHORTEST, way / length.clamp_min(_SHORTEST), way.new_tensor([0.0, 1.0]))
        across = torch.full_like(length, COLUMNS / 2)
        seen = [across, ROWS / 2 - length / 2, across, ROWS / 2 + length / 2, actions[:, 4:]]
        return View((actions[:, :2] + actions[:, 2:4]) / 2, ahead, way, torch.cat(seen, dim=1))

    def look(self, maps: Tensor, carried: bool = False) -> Tensor:
        """Maps of the scenes as the actions see them, bilinear, zero outside.

        Args:
            maps: (B, C, 160, 80).
            carried: whether all of it is first taken along by the actions, without being turned.

        Returns:
            (B, C, 160, 80).
        """
        column, row = _positions(maps)
        column, row = column - COLUMNS / 2, row - ROWS / 2
        x, y = (self.ahead[:, index, None, None] for index in (0, 1))
        start = self.middle - self.way if carried else self.middle
        at_x = start[:, 0, None, None] + row * x + column * y
        at_y = start[:, 1, None, None] + row * y - column * x
        return _sample(maps, at_x, at_y)

    def back(self, features: Tensor) -> Tensor:
        """What was found on such maps, at the pixels of the scenes: the inverse of ``look``.

        Args:
            features: (B, C, 160 / N, 80 / N).

        Returns:
            (B, C, 160, 80).
        """
        column, row = _positions(features)
        column, row = column - self.middle[:, 0, None, None], row - self.middle[:, 1, None, None]
        x, y = (self.ahead[:, index, None, None] for index in (0, 1))
        return _sample(features, column * y - row * x + COLUMNS / 2, column * x + row * y + ROWS / 2)


def _positions(like: Tensor) -> tuple[Tensor, Tensor]:
    """Columns (1, 1, 80) and rows (1, 160, 1) of the pixels of a scene."""
    columns = torch.arange(COLUMNS, device=like.device) + 0.5
    rows = torch.arange(ROWS, device=like.device) + 0.5
    return columns[None, None], rows[None, :, None]


def _sample(maps: Tensor, columns: Tensor, rows: Tensor) -> Tensor:
    """Maps (B, C, 160 / N, 80 / N) at positions (B, 160, 80), which are in pixels of scenes."""
    grid = torch.stack([2 * columns / COLUMNS - 1, 2 * rows / ROWS - 1], dim=-1)
    return functional.grid_sample(maps, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
