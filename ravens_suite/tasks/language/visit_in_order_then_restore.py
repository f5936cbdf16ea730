"""Memory: take a block to some boxes in order, then back to the box where it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import Goal, Poses, ZoneGoal, lattice
from ravens_suite.core.seeding import Split
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks._packing import HEIGHT
from ravens_suite.tasks.candidates import Candidate, Candidates
from ravens_suite.tasks.language._base import LanguageTask
from ravens_suite.tasks.language._colors import RGB, TRAINING, draw_colors
from ravens_suite.tasks.sentences import Sentences

ROWS, COLUMNS = 2, 3
"""Boxes along x and along y."""

SIDES = (0.15, 0.17)
"""Metres: the least and greatest inner side of a box."""

PITCH = 0.20
"""Metres between the middles of neighbouring boxes."""

MIDDLE_X, MIDDLE_Y = (0.49, 0.51), (-0.15, 0.15)
"""Metres: ranges of the middle of all boxes."""

VISITS = (2, 3)
"""Numbers of boxes that are named."""

BLOCK_SIZE = (objects.BLOCK_SIDE,) * 3
"""Metres."""


class VisitInOrderThenRestore(LanguageTask):
    """Put the block into the boxes that the sentence names, one after the other, and then back where it was.

    The sentence stays the same, and does not say where the block was: once it has been moved, only memory tells. A
    wrong box fails. After VIMABench's pick-in-order-then-restore.

    Args:
        split: the same scenes in kind for all.

    Version history: v0, first version.
    """

    colors: tuple[str, ...] = TRAINING
    max_steps: ClassVar[int] = VISITS[-1] + 2
    instruction: ClassVar[str] = "put the {block} into the {boxes}, then back into the box where it was at first"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "move the {block} to the {boxes}, then to the box that it was in at the start",
            "into the {boxes}, put the {block}, and at the end put it back into the box where it began",
            "take the {block} to the {boxes}, and at the end back to the box where it started",
            "the {block} goes into the {boxes}, and then home to where it was at the start",
        ),
        held_out=(
            "let the {block} visit the {boxes}, and return it to where it started",
            "by way of the {boxes}, bring the {block} back to its starting place",
            "drop the {block} into the {boxes}, and finish in the box that it set out from",
            "carry the {block} around, into the {boxes}, and lay it down where it lay originally",
        ),
    )

    def __init__(self, split: Split = "train") -> None:
        super().__init__(split)
        self._way: list[str] = []
        self._visited: list[str] = []
        self._boxes: dict[str, tuple[Pose, float]] = {}
        self._block = ""

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """Six boxes in two rows, each of its own colour, and a block of another colour in one of them."""
        *colors, block_color = draw_colors(TRAINING, len(TRAINING), rng)
        middle = Pose((float(rng.uniform(*MIDDLE_X)), float(rng.uniform(*MIDDLE_Y)), HEIGHT / 2))
        places = [
            middle @ Pose((PITCH * (row - (ROWS - 1) / 2), PITCH * (column - (COLUMNS - 1) / 2), 0.0))
            for row in range(ROWS)
            for column in range(COLUMNS)
        ]
        side = float(rng.uniform(*SIDES))
        self._boxes = {color: (place, side) for color, place in zip(colors, places, strict=True)}
        for color, place in zip(colors, places, strict=True):
            scene.add(f"{color} box", objects.container((side, side, HEIGHT)).colored(RGB[color]), place, "fixed")
        home, *visits = [colors[i] for i in rng.permutation(len(colors))[: int(rng.choice(VISITS)) + 1]]
        self._block = f"{block_color} block"
        scene.add(self._block, objects.block(RGB[block_color]), _resting(self._boxes[home][0]), "movable")
        self._way, self._visited = [home, *visits, home], [home]
        self.limit = len(visits) + 2
        self.said = [{"block": self._block, "boxes": _in_order(visits)}] * (len(visits) + 1)
        firsts = [visits[0], *(color for color in colors if color not in (home, *visits))]
        boxes = [
            Candidate({"boxes": _in_order([color, *visits[1:]])}, places=(self._boxes[color][0],)) for color in firsts
        ]
        self.could_mean = [Candidates(places=tuple(boxes))] * len(self.said)
        share = 1 / (len(visits) + 1)
        return [
            InBox.of(self._block, *self._boxes[color], share, self._visited, tuple(self._way))
            for color in self._way[1:]
        ]

    def failure(self, scene: Scene) -> str:
        """The block lies in a box that is not its next one."""
        x, y, _ = scene.pose(self._block).position
        for color, (place, side) in self._boxes.items():
            if abs(x - place.position[0]) < side / 2 and abs(y - place.position[1]) < side / 2:
                left = self._way[len(self._visited) :]
                if left and color == left[0]:
                    self._visited.append(color)
                elif color != self._visited[-1]:
                    return f"the block was put into the {color} box, which was not its next one"
        return ""


def _in_order(colors: Sequence[str]) -> str:
    """``"red box, then the blue box"``."""
    return ", then the ".join(f"{color} box" for color in colors)


def _resting(box: Pose) -> Pose:
    """The block in the middle of a box."""
    return box.at(z=objects.WALL + objects.BLOCK_SIDE / 2)


@dataclass(frozen=True, kw_only=True)
class InBox(ZoneGoal):
    """The block in a box. Strict success also wants the whole way: at the start the block is where it ends.

    Attributes:
        visited: colours of the boxes so far; it grows.
        way: colours of all boxes, in order.
    """

    visited: list[str] = field(compare=False)
    way: tuple[str, ...]

    @staticmethod
    def of(block: str, box: Pose, side: float, share: float, visited: list[str], way: tuple[str, ...]) -> InBox:
        """Of a block and a box with this inner side."""
        return InBox(
            objects=(block,),
            targets=(_resting(box),),
            matches=((True,),),
            symmetries=(0.0,),
            share=share,
            rotate=False,
            zone=box,
            size=(side, side),
            lattices=(lattice(BLOCK_SIZE),),
            visited=visited,
            way=way,
        )

    def met(self, poses: Poses) -> dict[str, bool]:
        """Whether the block lies in the box at the end of its way."""
        whole = tuple(self.visited) == self.way
        return {name: met and whole for name, met in super().met(poses).items()}
