"""Where a planner draws its actions from: the scene and the goal picture, or anywhere on the table."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ravens_suite.core.geometry import Array

from .distance import CHANGED_COLOR, CHANGED_HEIGHT
from .scenes import COLUMNS, HEIGHT, ROWS

Mask = NDArray[np.bool_]
"""(160, 80) bool."""


def propose(kind: str, scene: Tensor, goal: Tensor, count: int, rng: np.random.Generator) -> Tensor:
    """Actions for one scene.

    Args:
        kind: ``difference``, ``objects`` or ``uniform``; see ``config.py``.
        scene: (4, 160, 80).
        goal: (4, 160, 80).
        count: of the actions.
        rng: draws them.

    Returns:
        (count, 5) float32 on the CPU; yaws are uniform.
    """
    everywhere = np.ones((ROWS, COLUMNS), dtype=bool)
    picks, places = everywhere, everywhere
    if kind != "uniform":
        now, wanted = (_numpy(each) for each in (scene, goal))
        objects = now[HEIGHT] > np.median(now[HEIGHT]) + CHANGED_HEIGHT
        picks = objects if objects.any() else everywhere
        if kind == "difference":
            picks, places = _differing(now, wanted, objects, picks)
    drawn = [_draw(picks, count, rng), _draw(places, count, rng), rng.uniform(-math.pi, math.pi, (count, 1))]
    return torch.from_numpy(np.concatenate(drawn, axis=1).astype(np.float32))


def _differing(now: Array, wanted: Array, objects: Mask, otherwise: Mask) -> tuple[Mask, Mask]:
    """Where the scene has what the goal lacks, and where the goal has what the scene lacks."""
    colors = np.abs(now[:HEIGHT] - wanted[:HEIGHT]).max(axis=0) > CHANGED_COLOR
    taller = now[HEIGHT] > wanted[HEIGHT] + CHANGED_HEIGHT
    lower = now[HEIGHT] < wanted[HEIGHT] - CHANGED_HEIGHT
    superfluous = objects & (taller | colors)
    lacking = lower | (colors & ~taller)
    everywhere = np.ones_like(objects)
    return superfluous if superfluous.any() else otherwise, lacking if lacking.any() else everywhere


def _draw(mask: Mask, count: int, rng: np.random.Generator) -> Array:
    """(count, 2) positions (column, row) within the pixels of a mask."""
    pixels = np.argwhere(mask)
    chosen = pixels[rng.integers(len(pixels), size=count)]
    return chosen[:, ::-1] + rng.random((count, 2))


def _numpy(scene: Tensor) -> Array:
    values: Array = scene.detach().float().cpu().numpy()
    return values
