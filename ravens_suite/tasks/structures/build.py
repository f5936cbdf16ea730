"""Build a structure of red cubes as the goal image shows it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import Goal, all_to_all
from ravens_suite.core.palette import PALETTE, Color
from ravens_suite.core.seeding import Split
from ravens_suite.sim import objects
from ravens_suite.sim.bodies import Body, Box, Visual
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task, Variants
from ravens_suite.tasks.placement import free_pose, kept_free
from ravens_suite.tasks.sentences import Sentences
from ravens_suite.tasks.structures._cells import PITCH, Cell, checked_cells, footprint, overhang
from ravens_suite.tasks.structures._layer_goal import LayerGoal

SIDE = objects.BLOCK_SIDE
"""Metres: of a cube, and height of a layer."""

PLATE = objects.PYRAMID_PLATE
"""Metres: size of the plate of the stand below each cube of the lowest layer."""

PLATE_COLOR: Color = (0.76, 0.61, 0.46)

SPARE_STEPS = 2
"""Actions of an episode beyond one for each cube."""


class Build(Task):
    """Build the structure of the goal image from red cubes, on a stand that is as large as its foot.

    Any cube may go to any place; a layer is begun when the one below is complete. Agents need ``observe`` with ``goal``
    where the stand leaves open what to build. Structures are those of Transporters with Visual Foresight (arXiv
    2202.10765). Agents learn from tower, row, square, t-shape, pyramid and palace; flat-t, flat-square, rectangle,
    stair, big-stair, building, pallet and twin-towers are for tests alone.

    Args:
        split: the same scenes in kind for all.
        structure: name of one, or one of your own: a list of cells ``[x, y, layer]``, one for each cube, with x and y
            in pitches of 5 cm and layer 0 on the stand. ``[[0, 0, 0], [0, 1, 0], [0, 0.5, 1]]`` is a gate of three.

    Raises:
        ConfigError: there is no such structure, or it could not be built.

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = 5
    instruction: ClassVar[str] = "build the structure of the goal image from the red cubes"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "make the structure of the goal image out of the red cubes",
            "from the red cubes build the structure of the goal image",
            "the red cubes become the structure of the goal image",
            "as the goal image shows, build a structure from the red cubes",
            "the goal image shows what to build from the red cubes",
        ),
        held_out=(
            "arrange the red cubes on the stand as in the goal image",
            "on the stand arrange the red cubes as the goal image shows them",
            "copy the structure in the goal image with the red cubes",
            "with the red cubes copy what the goal image shows",
            "put each red cube at a place that the goal image shows",
        ),
    )
    variants: ClassVar[Variants] = {
        "tower": {"structure": "tower"},
        "row": {"structure": "row"},
        "square": {"structure": "square"},
        "t-shape": {"structure": "t-shape"},
        "pyramid": {"structure": "pyramid"},
        "palace": {"structure": "palace"},
        "flat-t": {"structure": "flat-t"},
        "flat-square": {"structure": "flat-square"},
        "rectangle": {"structure": "rectangle"},
        "stair": {"structure": "stair"},
        "big-stair": {"structure": "big-stair"},
        "building": {"structure": "building"},
        "pallet": {"structure": "pallet"},
        "twin-towers": {"structure": "twin-towers"},
    }

    def __init__(self, split: Split = "train", structure: Any = "row") -> None:
        super().__init__(split)
        self.cells = checked_cells(structure)
        # The limit depends on the structure, as in the publication.
        self.max_steps = len(self.cells) + SPARE_STEPS  # type: ignore[misc]

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """The stand, then the cubes, anywhere free."""
        stand = free_pose(scene, (*footprint(self.cells), PLATE[2]), rng)
        scene.add("stand", _stand(self.cells), stand, "fixed")
        cubes = tuple(f"cube {index}" for index in range(1, len(self.cells) + 1))
        # Under an overhang a cube could be neither seen nor lifted.
        with kept_free(scene, [stand] if any(overhang(self.cells)) else [], (*footprint(self.cells), 0.0)):
            for name in cubes:
                scene.add(name, objects.block(PALETTE["red"]), free_pose(scene, (SIDE,) * 3, rng), "movable")
        goals: list[Goal] = []
        below: tuple[Pose, ...] = ()
        for layer in range(self.cells[-1].layer + 1):
            places = tuple(stand @ _place(cell) for cell in self.cells if cell.layer == layer)
            goals.append(
                LayerGoal(
                    objects=cubes,
                    targets=places,
                    matches=all_to_all(len(cubes), len(places)),
                    symmetries=(math.pi / 2,) * len(cubes),
                    share=len(places) / len(cubes),
                    below=below,
                )
            )
            below += places
        return goals


def _place(cell: Cell) -> Pose:
    """Pose of a cube in the frame of the stand, whose origin is the middle of its plates."""
    return Pose((PITCH * cell.x, PITCH * cell.y, PLATE[2] / 2 + SIDE * (cell.layer + 0.5)))


def _stand(cells: Sequence[Cell]) -> Body:
    """A thin plate below each cube of the lowest layer."""
    plates = tuple(Box(PLATE, Pose((PITCH * cell.x, PITCH * cell.y, 0.0))) for cell in cells if cell.layer == 0)
    return Body(tuple(Visual(plate, PLATE_COLOR) for plate in plates), plates)
