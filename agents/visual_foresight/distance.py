"""How far scenes are from goal pictures: the reward of a plan where nothing else says what is good.

Scenes and errors are float32, see ``scenes.py``.
"""

from __future__ import annotations

from torch import Tensor

from .scenes import HEIGHT, PIXEL

_AREA = (PIXEL * 10) ** 2
"""Square decimetres of a pixel."""
CHANGED_COLOR = 30 / 255
"""Difference of a channel from which a pixel shows another colour."""
CHANGED_HEIGHT = 0.04
"""Decimetres from which a pixel has another height."""


def pixel_errors(scenes: Tensor, others: Tensor) -> Tensor:
    """(B, 160, 80): the mean difference of the colours, 0 to 1, plus that of the heights in decimetres."""
    difference = (scenes - others).abs()
    return difference[:, :HEIGHT].mean(dim=1) + difference[:, HEIGHT]


def visible_errors(scenes: Tensor, others: Tensor) -> Tensor:
    """(B, 160, 80): ``pixel_errors`` without small differences of colours.

    The shadow of the arm, which lies wherever the last action left the arm, is such a difference.
    """
    difference = (scenes - others).abs()
    return (difference[:, :HEIGHT] - CHANGED_COLOR).clamp_min(0).mean(dim=1) + difference[:, HEIGHT]


def distance(scenes: Tensor, goals: Tensor) -> Tensor:
    """(B,) ``visible_errors`` summed over the table, times square decimetres.

    Args:
        scenes: (B, 4, 160, 80).
        goals: (B or 1, 4, 160, 80).
    """
    return visible_errors(scenes, goals).flatten(1).sum(dim=1) * _AREA


def changed(before: Tensor, after: Tensor) -> Tensor:
    """(B, 160, 80) bool: pixels whose colour or height differs visibly."""
    difference = (after - before).abs()
    return (difference[:, :HEIGHT].amax(dim=1) > CHANGED_COLOR) | (difference[:, HEIGHT] > CHANGED_HEIGHT)
