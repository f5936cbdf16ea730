"""One decision of the agent, and how it is shown.

Scenes are float32, see ``scenes.py``.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ravens_suite.core.workspace import AGENT_WORKSPACE

from .planners.base import Plan
from .scenes import REDUCTION

_SHARPNESS = 10.0
"""Range of worths over which the weight of what was considered rises by e to this power."""
_BLUR = 3.0
"""Pixels of the heightmap, standard deviation of a spot."""


class Thought(NamedTuple):
    """A decision.

    Attributes:
        scene: (4, 160, 80) what is seen.
        goal: (4, 160, 80) what is wanted.
        plan: what was decided and considered.
        predicted: (4, 160, 80) the scene after the action; ``None`` for models without pictures.
    """

    scene: Tensor
    goal: Tensor
    plan: Plan
    predicted: Tensor | None


def heatmaps(plan: Plan) -> dict[str, NDArray[np.float32]]:
    """``pick`` and ``place`` (320, 160) float32: spots where first actions were considered; each map sums to 1."""
    worths = plan.worths.double().cpu().numpy()
    reach = max(float(np.ptp(worths)), 1e-9)
    weights = np.exp(_SHARPNESS * (worths - worths.max()) / reach)
    actions = plan.considered.double().cpu().numpy() * REDUCTION
    rows, columns = AGENT_WORKSPACE.shape
    maps = {}
    for name, first in (("pick", 0), ("place", 2)):
        spots = np.zeros((rows, columns), dtype=np.float32)
        at = np.clip(actions[:, first : first + 2].astype(int), 0, (columns - 1, rows - 1))
        np.add.at(spots, (at[:, 1], at[:, 0]), weights)
        blurred = np.asarray(cv2.GaussianBlur(spots, (0, 0), _BLUR), dtype=np.float32)
        maps[name] = blurred / max(float(blurred.sum()), 1e-12)
    return maps
