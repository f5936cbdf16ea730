"""Pack all boxes of one or two colours, named by a sentence, and leave the others outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ravens_suite.core.geometry import Vector
from ravens_suite.core.goals import Goal, ZoneGoal, lattice
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks._packing import HEIGHT, divide, floor
from ravens_suite.tasks.base import Variants
from ravens_suite.tasks.candidates import Candidate, Candidates, by_color
from ravens_suite.tasks.language._base import ColorTask
from ravens_suite.tasks.language._colors import RGB, draw_colors
from ravens_suite.tasks.placement import free_pose
from ravens_suite.tasks.sentences import Sentences, several

SIDES = (0.05, 0.30)
"""Metres: the least and greatest inner width and depth of the container."""

DISTRACTORS = 4
"""Boxes of colours that the sentence does not name."""

CEILING = HEIGHT + 0.0025
"""Metres above the table below which what is packed counts: a box on another one does not."""


class PackingBoxesPairs(ColorTask):
    """Pack every box of the colours that the sentence names into the brown container, none on top of another.

    As the published packing-box-pairs (CLIPort, appendix A), but that every colour named has a box.

    Args:
        split: with ``colors="unseen"``, ``val`` and ``test`` have colours that ``train`` does not have.
        colors: ``seen``, ``unseen`` or ``full``, which has the colours of both.

    Raises:
        ConfigError: ``colors`` is none of these.

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = 20
    max_bodies: ClassVar[int] = 40
    instruction: ClassVar[str] = "pack all the {blocks} into the brown box"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "put all the {blocks} in the brown box",
            "into the brown box pack all the {blocks}",
            "in the brown box put every one of the {blocks}",
            "all the {blocks} go into the brown box",
            "the brown box is for all the {blocks}",
        ),
        held_out=(
            "fill the brown box with all the {blocks}",
            "into the brown box drop all the {blocks}",
            "collect all the {blocks} and stow them in the brown box",
            "stow all the {blocks} in the brown box",
        ),
    )
    variants: ClassVar[Variants] = {
        "seen": {"colors": "seen"},
        "unseen": {"colors": "unseen"},
        "full": {"colors": "full"},
    }

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """A container, boxes of one or two colours that a random division of it gives, and four of other colours."""
        width, depth = (float(side) for side in rng.uniform(*SIDES, size=2))
        container = free_pose(scene, (width, depth, HEIGHT), rng)
        scene.add("container", objects.container((width, depth, HEIGHT)), container, "fixed")
        cells = divide(floor(width, depth), rng)
        colors = draw_colors(self.colors, len(self.colors), rng)
        named, others = colors[: min(2, len(cells))], colors[2:]
        names = []
        for i, cell in enumerate(cells):
            color = named[i] if i < len(named) else named[int(rng.integers(len(named)))]
            names.append(f"{color} box {i + 1}")
            _add_box(scene, names[-1], cell.size, rng)
        for i in range(DISTRACTORS):
            size = cells[int(rng.integers(len(cells)))].size
            _add_box(scene, f"{others[int(rng.integers(len(others)))]} box {len(cells) + i + 1}", size, rng)
        self.said = [{"blocks": f"{several(named)} blocks"}]
        boxes = by_color(scene.objects(), "box")
        self.could_mean = [
            Candidates(
                picks=(
                    Candidate(self.said[0], bodies=tuple(names)),
                    *(Candidate({"blocks": f"{c} blocks"}, bodies=boxes[c]) for c in boxes if c not in named),
                )
            )
        ]
        count = len(cells)
        return [
            ZoneGoal(
                objects=tuple(names),
                targets=tuple(container @ cell.pose for cell in cells),
                matches=tuple(tuple(i == j for j in range(count)) for i in range(count)),
                symmetries=(0.0,) * count,
                zone=container,
                size=(width, depth),
                lattices=tuple(lattice(cell.size) for cell in cells),
                ceiling=CEILING,
            )
        ]


def _add_box(scene: Scene, name: str, size: Vector, rng: np.random.Generator) -> None:
    """A box of the colour that its name begins with, anywhere free."""
    scene.add(name, objects.box(size, RGB[name.split()[0]]), free_pose(scene, size, rng), "movable")
