"""Squares of a colour on the table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ravens_suite.core.geometry import Pose
from ravens_suite.errors import PlacementError
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.language._colors import RGB
from ravens_suite.tasks.placement import free_pose


def add_square(scene: Scene, color: str, sides: Sequence[float], rng: np.random.Generator) -> tuple[Pose, float]:
    """A square of a colour anywhere free: its pose, and its side in metres.

    Args:
        scene: that it is added to.
        color: of its border.
        sides: metres; the first that fits is taken.
        rng: draws the place.

    Raises:
        PlacementError: none fits.
    """
    for side in sides:
        try:
            pose = free_pose(scene, (side, side, 0.0), rng)
        except PlacementError as error:
            reason = error
            continue
        scene.add(f"{color} square", objects.zone_frame((side, side)).colored(RGB[color]), pose, "marker")
        return pose, side
    raise reason
