"""Tasks that say what they mean by slots, by slots within a sentence of their own, or by no slots at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import Goal, PoseGoal
from ravens_suite.core.palette import PALETTE
from ravens_suite.sim.bodies import Box, solid
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.candidates import Candidate, Candidates
from ravens_suite.tasks.placement import free_pose

CUBE = (0.04, 0.04, 0.04)


class Template(Task):
    """Of two cubes, bring the named one to a spot."""

    max_steps: ClassVar[int] = 2
    instruction: ClassVar[str] = "bring a {cube}"

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """Both cubes, one of which is drawn."""
        names = ("orange cube", "blue cube")
        for name in names:
            scene.add(name, solid(Box(CUBE), PALETTE[name.split()[0]], 0.01), free_pose(scene, CUBE, rng), "movable")
        self.named, self.other = (names[int(i)] for i in rng.permutation(2))
        spot = Pose((0.5, 0.0, 0.02))
        return [PoseGoal(objects=(self.named,), targets=(spot,), matches=((True,),), symmetries=(0.0,))]

    def slots(self, step: int) -> dict[str, str]:
        """What was drawn."""
        return {"cube": self.named}

    def candidates(self, step: int) -> Candidates:
        """Both cubes, the named one first."""
        return Candidates(picks=tuple(Candidate({"cube": name}, (name,)) for name in (self.named, self.other)))


class OwnSentence(Template):
    """Fills slots in a sentence that is not its ``instruction``."""

    instruction: ClassVar[str] = "do what the scene asks for"

    def current_instruction(self, step: int) -> str:
        """By ``slots``."""
        return f"today fetch the {self.slots(step)['cube']}"


class WithoutSlots(Template):
    """Says what is meant by itself."""

    instruction: ClassVar[str] = ""

    def slots(self, step: int) -> dict[str, str]:
        """None."""
        return {}

    def current_instruction(self, step: int) -> str:
        """By what was drawn."""
        return f"fetch {'an' if self.named[0] == 'o' else 'a'} {self.named}"


class Pointing(WithoutSlots):
    """Names nothing in words."""

    def current_instruction(self, step: int) -> str:
        """The same whatever is meant."""
        return "fetch the one I mean"
