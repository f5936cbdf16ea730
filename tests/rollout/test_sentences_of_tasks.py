"""Whether only its sentence says what is meant in a scene, however a task comes by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pytest

import ravens_suite
from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import Goal, PoseGoal
from ravens_suite.core.palette import PALETTE
from ravens_suite.errors import PlacementError
from ravens_suite.rollout.sentences import needs_sentence, sentence_of, without_sentence
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task, Variants

pytestmark = pytest.mark.usefixtures("registrations")


class OneBlock(Task):
    """One block, one place; and a colour that is drawn anew in every scene."""

    max_steps = 2
    instruction = "put the block down"

    def build(self, scene: Scene, rng: np.random.Generator) -> list[Goal]:
        """The block."""
        scene.add("block", objects.block(PALETTE["red"]), Pose((0.4, 0.1, 0.02)), "movable")
        self.drawn = str(rng.choice(["red", "blue", "green", "gray"]))
        target = Pose((0.5, -0.1, 0.02))
        return [PoseGoal(objects=("block",), targets=(target,), matches=((True,),), symmetries=(0.0,))]


class SetInBuild(OneBlock):
    """Its scenes set the sentence, which has no slots."""

    instruction = ""

    def build(self, scene: Scene, rng: np.random.Generator) -> list[Goal]:
        """The block, and its sentence."""
        goals = super().build(scene, rng)
        self.instruction = f"put it on {self.drawn}"  # type: ignore[misc]
        return goals


class Overridden(OneBlock):
    """Its method says the sentence."""

    def current_instruction(self, step: int) -> str:
        """Of the scene; it raises where there is none."""
        return f"put it on {self.drawn}"


class SlotsOfTheInstance(OneBlock):
    """Its ``__init__`` sets a sentence with slots."""

    def __init__(self, split: Any = "train") -> None:
        super().__init__(split)
        self.instruction = "put it on {color}"  # type: ignore[misc]

    def slots(self, step: int) -> Mapping[str, str]:
        """Of the scene."""
        return {"color": self.drawn}


class SlotsOfAnOption(OneBlock):
    """An option fills the slots: every scene says the same."""

    instruction = "put it on {color}"
    variants: ClassVar[Variants] = {"blue": {"color": "blue"}}

    def __init__(self, split: Any = "train", color: str = "red") -> None:
        super().__init__(split)
        self.color = color

    def slots(self, step: int) -> Mapping[str, str]:
        """Of the option."""
        return {"color": self.color}


class ToldByOption(SlotsOfAnOption):
    """An option decides whether scenes differ in what they say."""

    variants: ClassVar[Variants] = {}

    def __init__(self, split: Any = "train", color: str = "red", *, drawn_anew: bool = False) -> None:
        super().__init__(split, color)
        self.drawn_anew = drawn_anew

    def slots(self, step: int) -> Mapping[str, str]:
        """Of the option, or of the scene."""
        return {"color": self.drawn if self.drawn_anew else self.color}


class NeedsAnOption(OneBlock):
    """Nobody can make it without one; the class alone says what is known."""

    instruction = "put it on {color}"

    def __init__(self, color: str, split: Any = "train") -> None:
        super().__init__(split)


class Crowded(Overridden):
    """Most of its scenes have no room."""

    def build(self, scene: Scene, rng: np.random.Generator) -> list[Goal]:
        """Now and then."""
        if rng.random() < 0.5:
            raise PlacementError("No room.")
        return super().build(scene, rng)


@pytest.mark.parametrize(
    ("task", "needed"),
    [
        (OneBlock, False),
        (SetInBuild, True),
        (Overridden, True),
        (SlotsOfTheInstance, True),
        (SlotsOfAnOption, False),
        (NeedsAnOption, True),
        (Crowded, True),
    ],
)
def test_a_sentence_that_differs_from_scene_to_scene_is_needed(task: type[Task], needed: bool) -> None:
    ravens_suite.register_task("told", task)
    assert needs_sentence("told") == needed
    assert without_sentence({"told": {}}) == (["told"] if needed else [])
    assert not without_sentence({"told": {"observe": ["images", "instruction"]}})
    if task is SlotsOfAnOption:
        assert not needs_sentence("told-blue")


def test_options_of_the_environment_decide_too() -> None:
    """The sentence of the default was written beside episodes of another option, and nobody was warned."""
    ravens_suite.register_task("told", ToldByOption)
    assert sentence_of("told") == "put it on red"
    assert sentence_of("told", {"observe": ["images"], "color": "blue"}) == "put it on blue"
    assert not needs_sentence("told", {"color": "blue"})
    assert needs_sentence("told", {"drawn_anew": True})
    assert without_sentence({"told": {"drawn_anew": True}}) == ["told"]


def test_that_of_a_class_that_was_registered_anew_is_judged_anew() -> None:
    ravens_suite.register_task("told", OneBlock)
    assert not needs_sentence("told")
    ravens_suite.register_task("told", SetInBuild)
    assert needs_sentence("told")


@pytest.mark.parametrize(
    ("task", "needed"),
    [("block-insertion", False), ("stack-by-size-and-color-in-zones", False), ("put-block-in-bowl-unseen", True)],
)
def test_so_are_those_of_the_suite(task: str, needed: bool) -> None:
    assert needs_sentence(task) == needed
