"""Align a box of any size with a corner marked on the table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import FULL_TURN, Goal, PoseGoal, all_to_all
from ravens_suite.core.palette import PALETTE, Color
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.placement import free_pose
from ravens_suite.tasks.sentences import Sentences

SIDE_RANGE = (0.05, 0.15)
"""Metres: least and greatest width and depth of the box."""

HEIGHT_RANGE = (0.01, 0.06)
"""Metres: least and greatest height of the box."""

BRIGHTNESS_RANGE = (0.5, 1.5)
"""Least and greatest factor on the box's brown."""


class AlignBoxCorner(Task):
    """Put a corner of the brown box into the green corner marker (Transporter Networks, section 4.1).

    A box that is not square fits in four ways: any of its corners may lie in the marker.

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = 3
    instruction: ClassVar[str] = "align a corner of the brown box with the green corner marker"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "put the brown box so that a corner of it meets the green corner marker",
            "with the green corner marker align a corner of the brown box",
            "a corner of the brown box belongs in the green corner marker",
            "move the brown box until a corner of it fits the green corner marker",
        ),
        held_out=(
            "fit the brown box into the green corner marker",
            "into the green corner marker fit a corner of the brown box",
            "line a corner of the brown box up with the green corner marker",
            "the green corner marker is where a corner of the brown box goes",
        ),
    )

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """A marker, then a box, anywhere free."""
        width, depth = (float(side) for side in rng.uniform(*SIDE_RANGE, size=2))
        height = float(rng.uniform(*HEIGHT_RANGE))
        color = _shade(float(rng.uniform(*BRIGHTNESS_RANGE)))
        marker = free_pose(scene, (width, depth, 0.0), rng)
        scene.add("corner marker", objects.corner_marker(width, depth), marker, "marker")
        box = (width, depth, height)
        scene.add("box", objects.box(box, color), free_pose(scene, box, rng), "movable")
        targets = resting_poses(marker.at(z=height / 2), width, depth)
        return [PoseGoal(objects=("box",), targets=targets, matches=all_to_all(1, 4), symmetries=(FULL_TURN,))]


def resting_poses(outline: Pose, width: float, depth: float) -> tuple[Pose, ...]:
    """The four poses in which a corner of a box lies at the +x, +y corner of its outline.

    Args:
        outline: centre of the outline, world frame.
        width: length of the box along its x axis, metres.
        depth: length of the box along its y axis, metres.
    """
    shift = (width - depth) / 2
    quarter = math.pi / 2
    return (
        outline,
        outline @ Pose.planar(0, 0, 0, 2 * quarter),
        outline @ Pose.planar(shift, -shift, 0, quarter),
        outline @ Pose.planar(shift, -shift, 0, 3 * quarter),
    )


def _shade(brightness: float) -> Color:
    red, green, blue = (min(channel * brightness, 1.0) for channel in PALETTE["brown"])
    return red, green, blue
