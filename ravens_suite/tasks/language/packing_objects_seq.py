"""Pack things into a container, one after the other, each named by a sentence."""

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


class PackingObjectsSeq(PackingThings):
    """Put the thing that the sentence names into the brown container; the next sentence names another one.

    After the published packing-google-objects-seq (CLIPort, appendix A), with things of the suite's own making: 28
    shapes, each in two looks. Figures are not comparable with the published ones, whose meshes are scans; ``folder``
    takes such meshes. Every thing is as large as its cell of the container allows.

    Args:
        split: decides the things.
        objects: ``seen`` has all 56 things in every split; ``unseen`` trains with 37 and tests with the other 19, of
            which ``unseen-shapes`` are 12, and ``unseen-looks`` 7.
        folder: of ``.obj`` or ``.stl`` files of yours in place of the suite's things: file names are the things' names,
            with underscores for spaces; names in ``held_out.txt``, one a line, are held out.

    Raises:
        ConfigError: ``objects`` is none of these, or the folder does not fit.

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = 20
    instruction: ClassVar[str] = "pack the {thing} in the brown box"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "put the {thing} into the brown box",
            "in the brown box pack the {thing}",
            "into the brown box put the {thing}",
            "the {thing} goes into the brown box",
            "the brown box is where the {thing} belongs",
        ),
        held_out=(
            "drop the {thing} into the brown box",
            "into the brown box drop the {thing}",
            "find the {thing} and stow it in the brown box",
            "make sure that the {thing} ends up in the brown box",
        ),
    )
    variants: ClassVar[Variants] = {
        "seen": {"objects": "seen"},
        "unseen": {"objects": "unseen"},
        "unseen-shapes": {"objects": "unseen-shapes"},
        "unseen-looks": {"objects": "unseen-looks"},
    }

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """A container, then as many different things as it has cells; some of them are to be packed."""
        container, cells = self.add_container(scene, rng)
        order = rng.permutation(len(self.things))[: len(cells)]
        things = [self.things[i] for i in order]
        packed = self.add_things(scene, container, cells[: len(things)], things, rng)
        if len(packed) < 2:
            raise PlacementError("Only one thing found a place.")
        count = int(rng.integers(1, len(packed)))
        self.limit = count + 1
        every = [Candidate({"thing": one.thing.name}, bodies=(one.name,)) for one in packed]
        self.said = [candidate.words for candidate in every[:count]]
        self.could_mean = [
            Candidates(picks=(every[i], *(other for j, other in enumerate(every) if j != i))) for i in range(count)
        ]
        return [self.goal([one], 1 / count) for one in packed[:count]]
