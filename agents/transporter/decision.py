"""The choice of a pick and a place: candidates are rescored jointly, and the best place is read between cells.

Positions are heightmap pixels (column, row) unless they are said to be cells.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ravens_suite.core.geometry import Array

from .candidates import Candidates, cell_centre
from .config import FINE, TransporterConfig
from .joint_rescoring import rescore_jointly
from .placing import angle_step
from .targets import mean_near, peak

_YAW_WINDOW = math.radians(15)
"""Yaws this near count as the same decision: what the tasks of the benchmark allow."""


class Decision(NamedTuple):
    """A pick and a place, and the logits that they were chosen by.

    Attributes:
        pick: (2,) float64 pixels.
        place: (2,) float64 pixels.
        yaw: radians, of the place pose relative to the pick pose.
        pick_logits: (rows / 2, columns / 2) float32.
        place_logits: (angles, rows / 4, columns / 4) float32, of the coarse map, for this pick.
        probability: of the windows of pick and place, and of the yaw to 15 degrees either way.
    """

    pick: Array
    place: Array
    yaw: float
    pick_logits: Tensor
    place_logits: Tensor
    probability: float


@torch.inference_mode()
def decide(config: TransporterConfig, found: Candidates) -> Decision:
    """The pick and the place with the best joint score."""
    pick, place = rescore_jointly(
        [candidate.log_probability for candidate in found.picks],
        [candidates.positions for candidates in found.places],
        [candidates.log_probabilities for candidates in found.places],
        found.sharing,
    )
    return decision_of(config, found, pick, place)


def decision_of(
    config: TransporterConfig, found: Candidates, pick: int, place: int, cell: Tensor | None = None
) -> Decision:
    """The decision for a pick and one of its places, given by their indices; the place is read between cells.

    It is the mean of what is probable around the maximum, or, of a cell that is given, which need not be a maximum, a
    parabola through it.

    Args:
        config: settings.
        found: candidates.
        pick: index of one.
        place: index of one of its places.
        cell: (2,) int64 row and column within the window of the place; those of its maximum unless given.
    """
    places = found.places[pick]
    window = places.refined[place]
    if cell is None:
        best = mean_near(window, torch.stack(torch.unravel_index(window.argmax(), window.shape)))
    else:
        best, _ = peak(window, torch.cat([window[:, cell[0], cell[1]].argmax()[None], cell]), cyclic=True)
    offset = cell_centre(best[1:]) - config.fine_reach - 0.5
    position = (places.centres[place] + offset) * FINE
    yaw = float(best[0]) * angle_step(config)
    sure = found.picks[pick].log_probability + float(places.log_probabilities[place])
    probability = min(math.exp(sure) * _yaw_share(window, float(best[0]), angle_step(config)), 1.0)
    return Decision(found.picks[pick].position, position, yaw, found.pick_logits, places.coarse, probability)


def _yaw_share(window: Tensor, best: float, step: float) -> float:
    """The part of a window's probability that has nearly the yaw of its maximum.

    Args:
        window: (angles, side, side) float32 logits.
        best: index of the maximum, between cells.
        step: radians between two angles.
    """
    share = window.flatten().softmax(0).view_as(window).sum(dim=(1, 2))
    count = len(share)
    offset = (torch.arange(count, device=share.device) - best + count / 2) % count - count / 2
    # One angle may be all that there is, where nothing is turned.
    return float(share[offset.abs() * step <= max(_YAW_WINDOW, step / 2)].sum())
