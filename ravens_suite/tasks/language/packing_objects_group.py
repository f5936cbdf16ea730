"""Pack all things of one kind into a container, and leave the others outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ravens_suite.core.goals import Goal
from ravens_suite.errors import PlacementError
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Variants
from ravens_suite.tasks.candidates import Candidate, Candidates
from ravens_suite.tasks.language._packing_things import PackingThings
from ravens_suite.tasks.sentences import Sentences

COPIES = 2
"""Cells at least that the thing to be packed fills, and another thing after it where there are so many cells."""


class PackingObjectsGroup(PackingThings):
    """Put every thing of the name that the sentence says into the brown container.

    After the published packing-google-objects-group (CLIPort, appendix A), with things of the suite's own making, see
    ``packing-objects-seq``. Another thing comes twice, too, as far as there is room for it.

    Args:
        split: decides the things.
        objects: ``seen``, ``unseen``, ``unseen-shapes`` or ``unseen-looks``, as of ``packing-objects-seq``.
        folder: of ``.obj`` or ``.stl`` files of yours, as of ``packing-objects-seq``.

    Raises:
        ConfigError: ``objects`` is none of these, or the folder does not fit.

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = 20
    instruction: ClassVar[str] = "pack all the {thing} objects in the brown box"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "put every {thing} into the brown box",
            "in the brown box pack all the {thing} objects",
            "into the brown box put every {thing}",
            "all the {thing} objects go into the brown box",
            "the brown box is where every {thing} belongs",
        ),
        held_out=(
            "drop each {thing} into the brown box",
            "into the brown box drop each {thing}",
            "find all the {thing} objects and stow them in the brown box",
            "leave no {thing} outside the brown box",
        ),
    )
    variants: ClassVar[Variants] = {
        "seen": {"objects": "seen"},
        "unseen": {"objects": "unseen"},
        "unseen-shapes": {"objects": "unseen-shapes"},
        "unseen-looks": {"objects": "unseen-looks"},
    }

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """A container, then a thing for each of its cells: two of one, two of another, and any for the others."""
        container, cells = self.add_container(scene, rng)
        drawn = [self.things[int(i)] for i in rng.integers(len(self.things), size=len(cells))]
        first, second = (self.things[int(i)] for i in rng.permutation(len(self.things))[:2])
        things = [*[first] * COPIES, *[second] * COPIES, *drawn][: len(cells)]
        packed = self.add_things(scene, container, cells, things, rng)
        named = [one for one in packed if one.thing is first]
        if len(named) < COPIES or len(packed) == len(named):
            raise PlacementError("Too few things found a place.")
        self.limit = len(named) + 1
        self.said = [{"thing": first.name}]
        names = dict.fromkeys([first.name, *(one.thing.name for one in packed)])
        self.could_mean = [
            Candidates(
                picks=tuple(
                    Candidate({"thing": name}, bodies=tuple(one.name for one in packed if one.thing.name == name))
                    for name in names
                )
            )
        ]
        return [self.goal(named)]
