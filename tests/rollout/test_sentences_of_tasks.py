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
from ravens_suite.data.language_probes import ANOTHER, OWN
from ravens_suite.errors import OracleGaveUpError, PlacementError
from ravens_suite.rollout.environments import make_environment
from ravens_suite.rollout.policies import FunctionPolicy
from ravens_suite.rollout.rollout import roll_out
from ravens_suite.rollout.sentences import needs_sentence, sentence_of, without_sentence
from ravens_suite.rollout.told_policy import ProbeJob, ToldPolicy
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task, Variants
from ravens_suite.tasks.candidates import Candidate, Candidates

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


class TwoBlocks(SetInBuild):
    """A red and a blue block, one of which is meant; its candidates have words for a slot."""

    def build(self, scene: Scene, rng: np.random.Generator) -> list[Goal]:
        """The blocks, the one that is drawn meant."""
        names = [f"{color} block" for color in ("red", "blue")]
        for x, name in zip((0.4, 0.6), names, strict=True):
            scene.add(name, objects.block(PALETTE[name.split()[0]]), Pose((x, 0.1, 0.02)), "movable")
        self.meant, self.other = (names[i] for i in rng.permutation(2))
        self.instruction = f"fetch the {self.meant}"  # type: ignore[misc]
        target = Pose((0.5, -0.1, 0.02))
        return [PoseGoal(objects=(self.meant,), targets=(target,), matches=((True,),), symmetries=(0.0,))]

    def candidates(self, step: int) -> Candidates:
        """Both."""
        return Candidates(picks=tuple(Candidate({"block": name}, (name,)) for name in (self.meant, self.other)))


class SaidByMethod(TwoBlocks):
    """The same sentence, made by a method out of words for slots."""

    def slots(self, step: int) -> Mapping[str, str]:
        """The block that is meant."""
        return {"block": self.meant}

    def current_instruction(self, step: int) -> str:
        """Not by ``instruction``."""
        return f"bring the {self.slots(step)['block']} to me"


def told_when_probed(task: type[Task]) -> tuple[str, str, bool, bool]:
    """What a scene says, what a probe says in its place about the other block, and whether it may; and of its own."""
    ravens_suite.register_task("told", task)
    environment = make_environment("told", "test", {"observe": ["instruction"]})
    said: list[str] = []

    def listen(observation: Mapping[str, Any]) -> Any:
        said.append(observation["instruction"])
        raise OracleGaveUpError("Heard.")

    can_say = []
    for kind in (OWN, ANOTHER):
        speaker = ToldPolicy(FunctionPolicy(listen), environment, ProbeJob(0, kind))
        roll_out(environment, speaker, 0, record=False)
        can_say.append(speaker.can_say)
    environment.close()
    own, another = said
    return own, another, *can_say  # type: ignore[return-value]


def test_a_probe_tells_another_objects_sentence_as_the_task_says_it() -> None:
    """It filled the class's own template, which such a task does not say: here an empty one."""
    own, another, *can_say = told_when_probed(SaidByMethod)
    assert {own, another} == {"bring the red block to me", "bring the blue block to me"}
    assert can_say == [True, True]


def test_a_probe_names_another_object_in_a_sentence_without_slots() -> None:
    """The task's own sentence counted as one about another object: whoever listened seemed not to."""
    own, another, *can_say = told_when_probed(TwoBlocks)
    assert {own, another} == {"fetch the red block", "fetch the blue block"}
    assert can_say == [True, True]
