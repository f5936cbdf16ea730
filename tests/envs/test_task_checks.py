"""What the author of a task gets wrong is said at once, with the task, the field, the value and what to do."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite import registry
from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import Goal, PoseGoal, ZoneGoal, all_to_all, lattice
from ravens_suite.envs.definition import define
from ravens_suite.envs.environment import RavensEnv
from ravens_suite.errors import TaskDefinitionError
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.sim.bodies import Body, Box, Cylinder, Sphere, Visual, marker, solid
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.primitives import PickPlace
from ravens_suite.tasks.sentences import Sentences

CUBE = solid(Box((0.04, 0.04, 0.04)), (1.0, 0.0, 0.0), mass=0.01)
GOAL = PoseGoal(
    objects=("cube",), targets=(Pose((0.5, 0.2, 0.02)),), matches=((True,),), symmetries=(math.pi / 2,), share=1.0
)
ZONE = ZoneGoal(
    objects=("cube",),
    targets=(Pose((0.5, 0.2, 0.02)),),
    matches=((True,),),
    symmetries=(0.0,),
    zone=Pose((0.5, 0.2, 0.0)),
    size=(0.1, 0.1),
    lattices=(lattice((0.04, 0.04, 0.04)),),
)


class Cubes(Task):
    """Its goals and what it adds are set by each test."""

    max_steps = 3
    goals: Any = (GOAL,)
    add: Callable[[Scene], None] = staticmethod(lambda scene: None)

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        scene.add("cube", CUBE, Pose((0.5, -0.2, 0.02)), "movable")
        type(self).add(scene)
        return self.goals  # type: ignore[no-any-return]


class Feeding(Cubes):
    """Brings more bodies between actions."""

    def after_action(self, scene: Scene) -> bool:
        return False


@pytest.fixture
def reset(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Resets an environment of the task with other attributes."""
    monkeypatch.setitem(registry.entries.tasks(), "cubes", registry.Entry("cubes", __name__, "Cubes"))
    monkeypatch.setitem(registry.entries.tasks(), "feeding", registry.Entry("feeding", __name__, "Feeding"))

    def run(name: str = "cubes", **attributes: Any) -> None:
        for key, value in attributes.items():
            monkeypatch.setattr(Cubes, key, staticmethod(value) if key == "add" else value)
        environment = RavensEnv(name, observe=["proprioception"])
        try:
            environment.reset(seed=0)
        finally:
            environment.close()

    return run


@pytest.fixture
def cubes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., RavensEnv]]:
    """Environments of the task with other attributes, which observe its sentence."""
    monkeypatch.setitem(registry.entries.tasks(), "cubes", registry.Entry("cubes", __name__, "Cubes"))
    made: list[RavensEnv] = []

    def make(wording: Any = "plain", **attributes: Any) -> RavensEnv:
        for key, value in attributes.items():
            monkeypatch.setattr(Cubes, key, value)
        made.append(RavensEnv("cubes", observe=["instruction"], wording=wording))
        return made[-1]

    yield make
    for environment in made:
        environment.close()


_OFF = replace(GOAL, targets=(Pose((0.9, 0.2, 0.02)),))
_BELOW = replace(GOAL, targets=(Pose((0.5, 0.2, -0.5)),))


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"goals": (replace(GOAL, objects=("cubes",)),)}, r"objects of goal 1 has 'cubes', .*mean 'cube'"),
        (
            {"goals": (replace(GOAL, objects=("cube", "red"), matches=all_to_all(2, 1), symmetries=(0, 0)),)},
            r"objects of goal 1 has 'red', but the scene has cube",
        ),
        ({"goals": (replace(GOAL, share=0.5),)}, r"shares of its goals \(0.5\) sum to 0.5: let them sum to 1"),
        ({"goals": (GOAL, replace(GOAL, share=0.25))}, r"shares of its goals \(1, 0.25\) sum to 1.25"),
        ({"goals": (_OFF,)}, r"target 0 of goal 1 is at \(0.900, 0.200, 0.020\), off the table"),
        ({"goals": (_BELOW,)}, r"off the table"),
        ({"goals": GOAL}, r"build returned one goal: return a list"),
        ({"goals": None}, r"build returned no goals"),
        ({"goals": iter(())}, r"build returned no goals"),
        ({"goals": 3}, r"build returned 3: return a list"),
        ({"goals": ["cube"]}, r"build returned 'cube' among its goals"),
        ({"max_steps": None}, r"max_steps is None: set it to a whole number"),
        ({"max_steps": 0}, r"max_steps is 0"),
        ({"max_steps": 2.5}, r"max_steps is 2.5"),
        ({"max_steps": True}, r"max_steps is True"),
        ({"max_bodies": 0}, r"max_bodies is 0"),
        ({"instruction": None}, r"instruction is None"),
        ({"sentences": ("put it there", "lay it there")}, r"sentences gives \('put it there', .*: give Sentences\("),
        ({"files": "mug.obj"}, r"files is 'mug.obj': set it to a list"),
        ({"primitive": PickPlace}, r"primitive is a class: give an object, primitive = PickPlace\(\)"),
        ({"primitive": "push"}, r"primitive is 'push'"),
        (
            {"add": lambda s: s.add("a", CUBE, Pose((0.5, 0.3, 0.02)), "moveable")},
            r"kind of 'a' is 'moveable'.*'movable'",
        ),
        ({"add": lambda s: s.add("a", CUBE, Pose((0.5, 0.3, 0.02)), 3)}, r"kind of 'a' is 3"),
        ({"add": lambda s: s.add("a", marker((Box((1, 1, 1)),), (0, 0, 0)), Pose(), "movable")}, r"no collision shape"),
        (
            {"add": lambda s: s.add("a", solid(Box((0.1, 0.1, 0.1)), (0, 0, 0)), Pose(), "movable")},
            r"'a' is of kind 'movable' with a mass of 0.0, so that it never moves",
        ),
        ({"add": lambda s: s.add("a", CUBE.colored((0.0, 1.2, 0.0)), Pose(), "fixed")}, r"color is \(0.0, 1.2, 0.0\)"),
    ],
)
def test_a_wrong_definition_is_named(reset: Callable[..., None], attributes: dict[str, Any], said: str) -> None:
    with pytest.raises(TaskDefinitionError, match=said) as error:
        reset(**attributes)
    assert "The task cubes is defined wrongly" in str(error.value)
    assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)


@pytest.mark.parametrize(
    ("wording", "words", "said"),
    [
        ("plain", None, "slot 'color', but slots\\(\\) gives no words at goal step 0"),
        ("training", {}, "slot 'color', but slots\\(\\) gives no words at goal step 0"),
        ("held-out", {}, "slot 'color', but slots\\(\\) gives no words at goal step 0"),
        ("plain", {"color": 3}, "slots gives 3 for the slot 'color'"),
        ("training", {"colour": "red"}, "slot 'color', but words are given for colour"),
    ],
)
def test_a_sentence_with_a_slot_that_nothing_fills_is_named(
    cubes: Callable[..., RavensEnv], wording: Any, words: Any, said: str
) -> None:
    """It was told with its braces, or ended in an error that named none."""
    forms = Sentences(("put the {color} one there",), ("lay the {color} one there",))
    environment = cubes(
        wording=wording,
        instruction="put the {color} cube there",
        sentences=forms,
        slots=lambda self, step: words,
    )
    with pytest.raises(TaskDefinitionError, match=f"The task cubes is defined wrongly: .*{said}"):
        environment.reset(seed=0)


def test_what_methods_return_in_place_of_sentences_and_candidates_is_named(cubes: Callable[..., RavensEnv]) -> None:
    environment = cubes(current_sentences=lambda self, step: ["put it there"], candidates=lambda self, step: None)
    environment.reset(seed=0)
    with pytest.raises(TaskDefinitionError, match="candidates returned None: return Candidates"):
        print(environment.sentences.candidates)
    with pytest.raises(TaskDefinitionError, match=r"current_sentences gives \['put it there'\]: give Sentences"):
        print(environment.sentences.has_paraphrases)
    with pytest.raises(TaskDefinitionError, match=r"current_sentences gives \['put it there'\]: give Sentences"):
        cubes(wording="held-out", current_sentences=lambda self, step: ["put it there"])


def test_goals_may_be_yielded(reset: Callable[..., None]) -> None:
    """They were looked at once, and gone: their shares were said to sum to 0."""
    reset(goals=iter([GOAL]))


def test_a_goal_of_a_body_that_does_not_move_is_named(reset: Callable[..., None]) -> None:
    def add(scene: Scene) -> None:
        scene.add("base", CUBE, Pose((0.5, 0.3, 0.02)), "fixed")

    with pytest.raises(TaskDefinitionError, match="has 'base', whose kind is 'fixed'"):
        reset(add=add, goals=(replace(GOAL, objects=("base",)),))


def test_what_an_action_brings_later_need_not_be_there(reset: Callable[..., None]) -> None:
    later = replace(GOAL, objects=("cube", "box"), matches=all_to_all(2, 1), symmetries=(0.0, 0.0))
    reset("feeding", goals=(later,))
    with pytest.raises(TaskDefinitionError, match="'box'"):
        reset("cubes", goals=(later,))
    with pytest.raises(TaskDefinitionError, match="'bax'"):
        reset("feeding", goals=(replace(GOAL, objects=("bax",)),))


def test_the_probe_and_an_evaluation_say_the_same(reset: Callable[..., None], tmp_path: Any) -> None:
    with pytest.raises(TaskDefinitionError, match=r"sum to 0\.5"):
        reset(goals=(replace(GOAL, share=0.5),))
    with pytest.raises(TaskDefinitionError, match=r"The task cubes is defined wrongly: .* sum to 0\.5"):
        define("cubes")
    with pytest.raises(TaskDefinitionError, match=r"The task cubes is defined wrongly: .* sum to 0\.5"):
        evaluate("oracle", "cubes", episodes=1, out=tmp_path)


def test_too_many_bodies_for_the_state_are_named(reset: Callable[..., None]) -> None:
    def add(scene: Scene) -> None:
        scene.add("more", CUBE, Pose((0.5, 0.3, 0.02)), "movable")

    with pytest.raises(TaskDefinitionError, match="has 2 bodies, and max_bodies is 1"):
        reset(add=add, max_bodies=1)


@pytest.mark.parametrize(
    ("goal", "changes", "said"),
    [
        (GOAL, {"objects": ()}, "objects of PoseGoal"),
        (GOAL, {"objects": "cube"}, "objects of PoseGoal is 'cube'"),
        (GOAL, {"objects": ("a", "a")}, "names a body twice"),
        (GOAL, {"targets": ()}, "targets of PoseGoal"),
        (GOAL, {"targets": Pose()}, "targets of PoseGoal"),
        (GOAL, {"matches": ((True, False),)}, r"rows of lengths \[2\], but there are 1 objects and 1 targets"),
        (GOAL, {"matches": ((True,), (True,))}, r"rows of lengths \[1, 1\]"),
        (GOAL, {"matches": ((False,),)}, "lets 'cube' go to no target"),
        (GOAL, {"symmetries": ()}, "symmetries of PoseGoal has 0 entries for 1 objects"),
        (GOAL, {"symmetries": (0.0, 0.0)}, "has 2 entries"),
        (GOAL, {"symmetries": (math.nan,)}, "has nan"),
        (GOAL, {"symmetries": (-1.0,)}, "has -1.0"),
        (GOAL, {"position_tolerance": 0.0}, "position_tolerance of PoseGoal is 0.0"),
        (GOAL, {"rotation_tolerance": math.inf}, "rotation_tolerance of PoseGoal is inf"),
        (ZONE, {"size": (0.1, -0.1)}, "size of ZoneGoal is -0.1"),
        (ZONE, {"size": (0.1, 0.1, 0.1)}, "size of ZoneGoal"),
        (ZONE, {"lattices": ()}, "lattices of ZoneGoal has 0 entries for 1 objects"),
        (ZONE, {"lattices": (np.zeros((0, 3)),)}, r"the lattice of 'cube' in ZoneGoal has shape \(0, 3\)"),
        (ZONE, {"lattices": (np.zeros((4, 2)),)}, r"shape \(4, 2\)"),
        (ZONE, {"ceiling": math.nan}, "ceiling of ZoneGoal"),
    ],
)
def test_a_goal_that_cannot_be_is_refused_where_it_is_made(goal: Goal, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(TaskDefinitionError, match=said):
        replace(goal, **changes)


@given(st.floats() | st.just(0))
def test_a_share_is_a_part_of_the_reward(share: float) -> None:
    if (
        0.010001 < share <= 1
    ):  # Less is within what a step may lack to count as complete, so it would be from the start.
        assert replace(GOAL, share=share).share == share
    else:
        with pytest.raises(TaskDefinitionError, match="share of PoseGoal"):
            replace(GOAL, share=share)


@given(st.tuples(*[st.floats(-1, 2)] * 3))
def test_a_colour_is_in_0_to_1(color: tuple[float, float, float]) -> None:
    if all(0 <= part <= 1 for part in color):
        Visual(Sphere(0.1), color)
    else:
        with pytest.raises(TaskDefinitionError, match="color is"):
            Visual(Sphere(0.1), color)


@pytest.mark.parametrize("bad", [0.0, -0.1, math.nan, math.inf])
def test_lengths_are_above_0_and_masses_not_below(bad: float) -> None:
    for make in (
        lambda: Box((0.1, bad, 0.1)),
        lambda: Cylinder(bad, 0.1),
        lambda: Cylinder(0.1, bad),
        lambda: Sphere(bad),
    ):
        with pytest.raises(TaskDefinitionError):
            make()
    for name in ("mass", "friction"):
        if bad != 0.0:
            with pytest.raises(TaskDefinitionError, match=f"{name} of a body"):
                Body((), (), **{name: bad})
