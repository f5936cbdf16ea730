"""What is known about an action before anything is learned: the object at the pick goes to the place.

The object is what is connected to the picked pixel at its height, with the rim around it. It is taken away, which shows
what it stood on, as far as that is seen around it, and put down, turned, on top of what is there.

Scenes and actions are float32, see ``scenes.py``.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from .scenes import COLUMNS, HEIGHT, ROWS

_ABOVE = 0.04
"""Decimetres above the table from which a pixel shows an object."""
_FACE = 0.08
"""Decimetres by which heights of the upper face of one object differ, at this resolution."""
_RESTS = 0.9
"""Quantile of the heights below an object that it rests on."""
_HALF = 0.5
"""Extent from which a pixel is taken for the object's."""
_KERNEL = np.ones((3, 3), np.uint8)
_STANDS = 0.75
"""Quantile of the lower heights around an object that it stands on: of a cube on two others, two sides show them."""
_AROUND = np.ones((5, 5), np.uint8)
"""From an object's rim two pixels outwards it is seen what it stands on."""


class Moved(NamedTuple):
    """Scenes after the object at the pick went to the place.

    Attributes:
        scene: (B, 4, 160, 80); where nothing stands at the pick, as it was.
        cleared: (B, 4, 160, 80): the scene without the object.
        taken: (B, 1, 160, 80) float32: 1 where the object was.
        put: (B, 1, 160, 80) float32: to what extent it lies there now.
        lift: (B,) float32: decimetres of what it lies on above the table.
        table: (B or 1, 4, 1, 1): colour and height of the table.
    """

    scene: Tensor
    cleared: Tensor
    taken: Tensor
    put: Tensor
    lift: Tensor
    table: Tensor


class Object(NamedTuple):
    """What is at a position of a scene.

    Attributes:
        mask: (160, 80) bool: where it is seen; nowhere if the table is seen at the position.
        support: (4,) float32: colour and height of what it stands on, which is seen once it is gone.
    """

    mask: NDArray[np.bool_]
    support: NDArray[np.float32]


class Objects:
    """The objects of some scenes; those of one scene are found once, whatever number of picks is tried.

    Args:
        scenes: (B, 4, 160, 80).
        tables: (B, 4) float32: colour and height of their tables.
    """

    def __init__(self, scenes: Tensor, tables: NDArray[np.float32]) -> None:
        self._scenes = scenes.detach().float().cpu().numpy()
        self._tables = [np.asarray(table, dtype=np.float32) for table in tables]
        self._found: dict[tuple[int, int, int], Object] = {}

    def at(self, scene: int, column: float, row: float) -> Object:
        """The object at a position of a scene."""
        at = (scene, min(max(int(row), 0), ROWS - 1), min(max(int(column), 0), COLUMNS - 1))
        if at not in self._found:
            self._found[at] = self._find(*at)
        return self._found[at]

    def _find(self, scene: int, row: int, column: int) -> Object:
        height, table = self._scenes[scene, HEIGHT], self._tables[scene]
        above = height > table[HEIGHT] + _ABOVE
        if not above[row, column]:
            return Object(np.zeros_like(above), table)
        level = (np.abs(height - height[row, column]) <= _FACE) & above
        _, labels = cv2.connectedComponents(level.astype(np.uint8), connectivity=4)
        face = labels == labels[row, column]
        rim = (cv2.dilate(face.astype(np.uint8), _KERNEL) > 0) & above & (height < height[row, column])
        support = self._support(scene, face | rim, float(height[row, column]))
        # Of what it stands on, the rim may show a part.
        mask: NDArray[np.bool_] = face | (rim & (height > support[HEIGHT] + _ABOVE))
        return Object(mask, support)

    def _support(self, scene: int, mask: NDArray[np.bool_], top: float) -> NDArray[np.float32]:
        """(4,) what an object stands on, as far as that is seen around it."""
        height, table = self._scenes[scene, HEIGHT], self._tables[scene]
        around = (cv2.dilate(mask.astype(np.uint8), _AROUND) > 0) & ~mask & (height < top - _ABOVE)
        if not around.any():
            return table
        level = np.quantile(height[around], _STANDS, method="nearest")
        if level <= table[HEIGHT] + _ABOVE:
            return table
        seen = self._scenes[scene][:, around & (np.abs(height - level) <= _FACE)]
        support: NDArray[np.float32] = np.median(seen, axis=1).astype(np.float32)
        return support


def move(scenes: Tensor, actions: Tensor) -> Moved:
    """Scenes after the objects at the picks went to the places.

    Args:
        scenes: (B, 4, 160, 80). One scene may be expanded to many actions (``Tensor.expand``); then its objects are
            looked for once.
        actions: (B, 5), see ``scenes.py``.
    """
    one = scenes.stride(0) == 0
    known = scenes[:1] if one else scenes
    tables = _medians(known)
    objects = Objects(known, tables)
    picks = actions[:, :2].detach().float().cpu().numpy()
    found = [objects.at(0 if one else index, *map(float, pick)) for index, pick in enumerate(picks)]
    taken = torch.from_numpy(np.stack([each.mask for each in found]))[:, None].to(scenes)
    support = torch.from_numpy(np.stack([each.support for each in found]))[..., None, None].to(scenes)
    table = torch.from_numpy(tables)[..., None, None].to(scenes)  # (1 or B, 4, 1, 1)
    carried = _warp(torch.cat([scenes * taken, taken], dim=1), actions.to(scenes))
    put, content = carried[:, CARRIED:], carried[:, :CARRIED] / carried[:, CARRIED:].clamp_min(1e-3)
    cleared = torch.where(taken > 0, support, scenes)
    lift = _rests_on(cleared[:, HEIGHT], put[:, 0]) - table[:, HEIGHT, 0, 0]
    raised = lift[:, None, None, None] - (support - table)[:, HEIGHT:]
    content = torch.cat([content[:, :HEIGHT], content[:, HEIGHT:] + raised], dim=1)
    put = put * (content[:, HEIGHT:] >= cleared[:, HEIGHT:])
    return Moved(cleared + put * (content - cleared), cleared, taken, put, lift, table)


def carry_all(scenes: Tensor, actions: Tensor, moved: Moved) -> Tensor:
    """Scenes turned and shifted as a whole, as if all of the table were carried: what belongs to an object is open.

    Args:
        scenes: (B, 4, 160, 80).
        actions: (B, 5).
        moved: of ``move``; where nothing comes from, its table is shown.

    Returns:
        (B, 4, 160, 80). The heights are raised by what the object is put on.
    """
    # Zero outside: the table is taken away before, and added after.
    relative = _warp((scenes - moved.table).contiguous(), actions.to(scenes))
    raised = moved.table.expand(len(actions), -1, -1, -1).clone()
    raised[:, HEIGHT] += moved.lift[:, None, None]
    return relative + raised


CARRIED = HEIGHT + 1
"""Channels of a scene that an object carries along: colour and height."""


def _medians(scenes: Tensor) -> NDArray[np.float32]:
    """(B, C) of each channel: by numpy, which is three times as fast as torch on a processor."""
    found: NDArray[np.float32] = np.median(scenes.detach().flatten(2).float().cpu().numpy(), axis=2)
    return found


def _warp(values: Tensor, actions: Tensor) -> Tensor:
    """Images (B, C, 160, 80) turned about the picks and taken to the places, bilinear, zero outside."""
    angle = actions[:, 4]
    cosine, sine = torch.cos(angle), torch.sin(angle)
    columns = torch.arange(COLUMNS, device=values.device) + 0.5
    rows = torch.arange(ROWS, device=values.device) + 0.5
    x = columns[None, None] - actions[:, 2, None, None]  # (B, 1, 80)
    y = rows[None, :, None] - actions[:, 3, None, None]  # (B, 160, 1)
    c, s = cosine[:, None, None], sine[:, None, None]
    # From a position of the result back to where it came from: by the inverse turn.
    source_x = c * x + s * y + actions[:, 0, None, None]
    source_y = -s * x + c * y + actions[:, 1, None, None]
    grid = torch.stack([2 * source_x / COLUMNS - 1, 2 * source_y / ROWS - 1], dim=-1)
    return functional.grid_sample(values, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _rests_on(height: Tensor, put: Tensor) -> Tensor:
    """(B,) what ``_RESTS`` of the heights (B, 160, 80) below objects do not exceed; a corner's height for none."""
    heights, under = height.detach().cpu().numpy(), (put > _HALF).cpu().numpy()
    found = [
        np.quantile(below[where], _RESTS, method="nearest") if where.any() else below[0, 0]
        for below, where in zip(heights, under, strict=True)
    ]
    return torch.from_numpy(np.array(found, dtype=np.float32)).to(height)
