"""Put the one object whose shape a sentence names into a container."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ravens_suite.core.goals import Goal, ZoneGoal, lattice
from ravens_suite.core.seeding import Split
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks._kits import HELD_OUT, OBJECT_SIZE, SHAPES
from ravens_suite.tasks._packing import HEIGHT
from ravens_suite.tasks.candidates import Candidate, Candidates
from ravens_suite.tasks.language._base import LanguageTask
from ravens_suite.tasks.language._colors import RGB, colors_of, draw_colors
from ravens_suite.tasks.language._shapes import NAMES
from ravens_suite.tasks.placement import free_pose
from ravens_suite.tasks.sentences import Sentences

SIDES = (0.10, 0.15)
"""Metres: the least and greatest inner width and depth of the container."""

COUNT = 5
"""Objects, each of another shape and colour."""


class PackingShapes(LanguageTask):
    """Put the object of the shape that the sentence names into the brown container, in one action.

    As the published packing-unseen-shapes (CLIPort, appendix A): validation and test scenes hold shapes that training
    scenes never do. Who takes any object gets 20.

    Args:
        split: decides the shapes.

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = 1
    instruction: ClassVar[str] = "pack the {shape} in the brown box"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "put the {shape} into the brown box",
            "in the brown box pack the {shape}",
            "into the brown box put the {shape}",
            "the {shape} goes into the brown box",
            "the brown box is where the {shape} belongs",
        ),
        held_out=(
            "drop the {shape} into the brown box",
            "into the brown box drop the {shape}",
            "find the {shape} and stow it in the brown box",
            "make sure that the {shape} ends up in the brown box",
        ),
    )

    def __init__(self, split: Split = "train") -> None:
        super().__init__(split)
        self._shapes = SHAPES if split == "train" else HELD_OUT
        self._colors = colors_of("full", split)

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """A container, then five objects, anywhere free; the first is the one that is meant."""
        width, depth = (float(side) for side in rng.uniform(*SIDES, size=2))
        container = free_pose(scene, (width, depth, HEIGHT), rng)
        scene.add("container", objects.container((width, depth, HEIGHT)), container, "fixed")
        shapes = [self._shapes[i] for i in rng.permutation(len(self._shapes))[:COUNT]]
        names = []
        for color, shape in zip(draw_colors(self._colors, COUNT, rng), shapes, strict=True):
            names.append(f"{color} {NAMES[shape]}")
            body = objects.kit_object(shape, RGB[color])
            scene.add(names[-1], body, free_pose(scene, OBJECT_SIZE, rng), "movable")
        self.said = [{"shape": NAMES[shapes[0]]}]
        objects_of = zip(shapes, names, strict=True)
        self.could_mean = [
            Candidates(picks=tuple(Candidate({"shape": NAMES[shape]}, bodies=(name,)) for shape, name in objects_of))
        ]
        return [
            ZoneGoal(
                objects=(names[0],),
                targets=(container,),
                matches=((True,),),
                symmetries=(0.0,),
                zone=container,
                size=(width, depth),
                lattices=(lattice(OBJECT_SIZE),),
            )
        ]

    def after_action(self, scene: Scene) -> bool:
        """There is one try, so the episode is over: it has ended, and is not cut off by a limit of steps.

        Gymnasium's ``check_env`` takes an environment that truncates after one step for a broken one (Gymnasium 1.4.0,
        ``utils/env_checker.py``).
        """
        return True
