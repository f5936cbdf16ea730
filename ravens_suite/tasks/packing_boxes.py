"""Pack boxes of many sizes tightly into a container."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ravens_suite.core.goals import Goal, ZoneGoal, lattice
from ravens_suite.core.palette import PALETTE
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks._packing import HEIGHT, divide, floor
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.placement import free_pose
from ravens_suite.tasks.sentences import Sentences

SIDES = (0.05, 0.30)
"""Metres: the least and greatest inner width and depth of the container."""


class PackingBoxes(Task):
    """Put all boxes into the container; at the start they are known to fit (Transporter Networks, section 4.1).

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = 20
    instruction: ClassVar[str] = "pack all boxes tightly into the brown container"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "put all boxes tightly into the brown container",
            "into the brown container pack all boxes tightly",
            "all boxes go into the brown container",
            "the brown container is for all the boxes",
        ),
        held_out=(
            "fill the brown container with all the boxes",
            "into the brown container stow every box",
            "stow every box in the brown container",
            "collect all boxes inside the brown container",
        ),
    )

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """A container, and the boxes that a random division of it gives, anywhere free outside of it."""
        width, depth = (float(side) for side in rng.uniform(*SIDES, size=2))
        container = free_pose(scene, (width, depth, HEIGHT), rng)
        scene.add("container", objects.container((width, depth, HEIGHT)), container, "fixed")
        cells = divide(floor(width, depth), rng)
        colors = [color for name, color in PALETTE.items() if name != "brown"]
        for i, cell in enumerate(cells):
            box = objects.box(cell.size, colors[rng.integers(len(colors))])
            scene.add(f"box_{i}", box, free_pose(scene, cell.size, rng), "movable")
        count = len(cells)
        return [
            ZoneGoal(
                objects=tuple(f"box_{i}" for i in range(count)),
                targets=tuple(container @ cell.pose for cell in cells),
                matches=tuple(tuple(i == j for j in range(count)) for i in range(count)),
                symmetries=(0.0,) * count,
                zone=container,
                size=(width, depth),
                lattices=tuple(lattice(cell.size) for cell in cells),
            )
        ]
