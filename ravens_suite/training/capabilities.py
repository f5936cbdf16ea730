"""What an agent cannot give although its demonstrations show it, said before training begins."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravens_suite.agents.base import Trainee
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.errors import CapabilityWarning

LEAST_TILT = math.radians(5)
"""Radians against the upright above which a demonstrated pose counts as tilted."""

_LOOKED_AT = 20
"""Episodes of each task that are looked at."""


def warn_of_tilts(agent: type[Trainee[Any]], demonstrations: Demonstrations) -> None:
    """Warn where poses of the demonstrations tilt the tool and the agent only turns it about the vertical axis.

    Args:
        agent: whose ``tilts`` says what it can give.
        demonstrations: the first episodes of each task are looked at.

    Warns:
        CapabilityWarning: names the tasks, and what to do.
    """
    if agent.tilts:
        return
    seen: dict[str, int] = {}
    tilted: dict[str, float] = {}
    for episode in demonstrations:
        task = episode.summary.task
        seen[task] = seen.get(task, 0) + 1
        if seen[task] <= _LOOKED_AT:
            for values in episode.actions().values():
                tilted[task] = max(tilted.get(task, 0.0), greatest_tilt(values))
    tasks = [task for task, tilt in tilted.items() if tilt > LEAST_TILT]
    if tasks:
        most = math.degrees(max(tilted[task] for task in tasks))
        warnings.warn(
            f"{agent.name} turns the tool about the vertical axis only, but demonstrations of {', '.join(tasks)} tilt "
            f"it by up to {most:.0f} degrees, so it can solve only a part of the scenes. Train an agent that gives "
            "whole orientations (ravens-suite agents; tilts = True), or another task.",
            CapabilityWarning,
            stacklevel=2,
        )


def greatest_tilt(poses: NDArray[Any]) -> float:
    """The greatest angle in radians against the upright of some poses (..., 7); 0 for what is no pose."""
    if poses.ndim < 1 or poses.shape[-1] != 7 or poses.size == 0:
        return 0.0
    quaternions = poses[..., 3:].reshape(-1, 4).astype(np.float64)
    quaternions = quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)
    upright = 1 - 2 * (quaternions[:, 0] ** 2 + quaternions[:, 1] ** 2)
    return float(np.arccos(np.clip(upright, -1.0, 1.0)).max())
