"""Tasks may bring bodies during an episode and take them away: how they look and where they are listed stays true."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest

import ravens_suite
from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import Goal, PoseGoal, Scorer, all_to_all
from ravens_suite.core.palette import PALETTE
from ravens_suite.core.seeding import Split
from ravens_suite.rollout.environments import make_environment
from ravens_suite.sim.bodies import Box, marker, solid
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.placement import free_pose

CUBES = 3
SIZE = (0.04, 0.04, 0.04)
PAD = (0.08, 0.08, 0.001)


class Feed(Task):
    """Put each cube on the pad: what lies there is taken away, and the next one comes, under a new name or its own."""

    max_steps: ClassVar[int] = 8

    def __init__(self, split: Split = "train", one_name: bool = False) -> None:
        super().__init__(split)
        self.names = ["cube"] * CUBES if one_name else [f"cube {i}" for i in range(CUBES)]

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        self.target = free_pose(scene, PAD, rng).at(z=SIZE[2] / 2).level()
        scene.add("pad", marker((Box(PAD),), PALETTE["green"]), self.target.at(z=0.0), "marker")
        self.places = [free_pose(scene, (0.1, 0.1, SIZE[2]), rng) for _ in range(CUBES)]
        self.number = 0
        self._bring(scene)
        return [
            PoseGoal(
                objects=(name,),
                targets=(self.target,),
                matches=all_to_all(1, 1),
                symmetries=(0.0,),
                share=1 / CUBES,
                position_tolerance=0.03,
            )
            for name in self.names
        ]

    def after_action(self, scene: Scene) -> bool:
        name = self.names[self.number]
        if math.dist(scene.pose(name).position[:2], self.target.position[:2]) < 0.03:
            scene.remove(name)
            self.number += 1
            self._bring(scene)
        return False

    def _bring(self, scene: Scene) -> None:
        body = solid(Box(SIZE), PALETTE["red"], mass=0.01)
        scene.add(self.names[self.number], body, self.places[self.number], "movable")


@pytest.fixture(autouse=True)
def _feed(registrations: None) -> Iterator[None]:
    ravens_suite.register_task("feed", Feed)
    yield


def made(**arguments: Any) -> gymnasium.Env[Any, Any]:
    return make_environment("feed", "train", {"image_size": [48, 64], **arguments})


LOOKS: list[dict[str, Any]] = [{"randomize": ["color", "shade"]}, {"perturb": {"color": 1.0}}]


@pytest.mark.parametrize("one_name", [False, True])
@pytest.mark.parametrize("looks", LOOKS)
def test_an_episode_that_is_restored_looks_as_it_did(looks: dict[str, Any], one_name: bool) -> None:
    first, second = (made(one_name=one_name, **looks) for _ in range(2))
    observation, _ = first.reset(seed=1)
    over = False
    while not over:
        state = first.get_wrapper_attr("save_state")()
        again, _ = second.reset(options={"state": state})
        np.testing.assert_array_equal(again["color"], observation["color"])
        observation, _, terminated, truncated, info = first.step(first.get_wrapper_attr("oracle_action")())
        over = terminated or truncated
    assert info["progress"] > 0.99
    assert info["success"] and info["goals"] == dict.fromkeys(["cube"] if one_name else Feed().names, True)
    first.close()
    second.close()


@pytest.mark.parametrize("looks", LOOKS)
def test_looks_do_not_depend_on_names(looks: dict[str, Any]) -> None:
    """A body that comes under the name of one that has gone varies as any other does."""
    other, same = (made(one_name=one_name, **looks) for one_name in (False, True))
    seen = [environment.reset(seed=1)[0]["color"] for environment in (other, same)]
    for _ in range(CUBES - 1):
        np.testing.assert_array_equal(*seen)
        actions = [environment.get_wrapper_attr("oracle_action")() for environment in (other, same)]
        seen = [
            environment.step(action)[0]["color"] for environment, action in zip((other, same), actions, strict=True)
        ]
    np.testing.assert_array_equal(*seen)
    other.close()
    same.close()


def test_what_was_taken_away_counts_as_it_lay() -> None:
    pad = PoseGoal(objects=("a", "b"), targets=(Pose(),), matches=all_to_all(2, 1), symmetries=(0.0, 0.0))
    scorer, beside = Scorer([pad]), Pose((0.1, 0.0, 0.0))
    scorer.take_away(["a"], {"a": Pose(), "b": beside})
    assert scorer.met({"b": beside}) == {"a": True, "b": False}
    assert scorer.met({"a": beside, "b": Pose()}) == {"a": False, "b": True}, "one of its name that is there counts"
    scorer.take_away(["b"], {"b": beside})
    assert not scorer.success({})


def test_the_goal_is_the_last_observation_of_an_episode() -> None:
    """What has gone by the end keeps its row there, too, and what is left its colour."""
    environment = made(observe=["images", "state", "goal"], randomize=["color"])
    observation, _ = environment.reset(seed=1)
    goal = {key: value for key, value in observation.items() if key.startswith("goal_")}
    for _ in range(CUBES):
        observation, *_ = environment.step(environment.get_wrapper_attr("oracle_action")())
    assert goal["goal_state_names"] == observation["state_names"] == "pad\ncube 0\ncube 1\ncube 2"
    present = [observed.reshape(-1, 11)[:, 0] for observed in (goal["goal_state"], observation["state"])]
    np.testing.assert_array_equal(*present)
    # The oracle picks at another pixel there, so that the cube lies a little otherwise; the other colours are 40 apart.
    red = [
        image[..., 0].astype(float)[image[..., 1] < 0.7 * image[..., 0]].mean()
        for image in (goal["goal_color"], observation["color"])
    ]
    assert abs(red[0] - red[1]) < 3
    environment.close()


class Decoys(Feed):
    """A task whose own bodies are called as those are that an environment adds."""

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        goals = super().build(scene, rng)
        for name in ("distractor 1", "occluder 1", "occluder 2"):
            scene.add(name, solid(Box(SIZE), PALETTE["blue"], mass=0.01), free_pose(scene, SIZE, rng), "movable")
        return goals


def test_names_of_distractors_and_occluders_give_way_to_those_of_the_task() -> None:
    ravens_suite.register_task("decoys", Decoys)
    arguments = {"observe": ["state"], "distractors": 2, "perturb": {"occluders": 1}}
    environment = make_environment("decoys", "train", arguments)
    _, info = environment.reset(seed=0)
    added = [name for name in info["privileged"]["poses"] if name.startswith(("distractor", "occluder"))]
    assert added == [
        *("distractor 1", "occluder 1", "occluder 2"),
        *("distractor 2", "distractor 3", "occluder 3"),
    ]
    environment.close()
