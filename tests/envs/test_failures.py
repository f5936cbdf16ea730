"""A task that can fail for good: what its environment says, and how it is counted."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest

import ravens_suite
from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import Goal, PoseGoal
from ravens_suite.core.palette import PALETTE
from ravens_suite.data.outcomes import EpisodeOutcome, Summary
from ravens_suite.errors import TaskDefinitionError
from ravens_suite.registry import entries
from ravens_suite.rollout.rollout import roll_out
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task

NAME = "leave-the-red-block"
ID = "ravens_suite/LeaveTheRedBlock-v0"
PLACES = {"blue block": 0.2, "green block": 0.0, "red block": -0.2}
ABOVE = 0.04


class LeaveTheRedBlock(Task):
    """Two blocks are to be moved; the third may not."""

    max_steps: ClassVar[int] = 5
    instruction: ClassVar[str] = "move the blue and the green block and leave the red one alone"

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        for name, y in PLACES.items():
            scene.add(name, objects.block(PALETTE[name.split()[0]]), Pose((0.6, y, 0.02)), "movable")
        return [
            PoseGoal(objects=(name,), targets=(Pose((0.4, y, 0.02)),), matches=((True,),), symmetries=(0.0,), share=0.5)
            for name, y in list(PLACES.items())[:2]
        ]

    def failure(self, scene: Scene) -> str:
        return "the red block was moved" if scene.pose("red block").position[0] < 0.55 else ""


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    # Registering names the task in this variable, too; it is put back afterwards.
    monkeypatch.setenv("RAVENS_SUITE_TASKS", os.environ.get("RAVENS_SUITE_TASKS", ""))
    ravens_suite.register_task(NAME, LeaveTheRedBlock)
    environment = gymnasium.make(ID, observe=["state", "instruction"])
    environment.reset(seed=0)
    yield environment
    environment.close()
    del entries.registered["task"][NAME]
    monkeypatch.undo()
    entries.tasks.cache_clear()


def move(name: str) -> dict[str, Any]:
    pick, place = Pose((0.6, PLACES[name], ABOVE)), Pose((0.4, PLACES[name], ABOVE))
    return {"pick": pick.vector(), "place": place.vector()}


class Moves:
    """A policy that moves blocks in order."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def reset(self, seed: int) -> None:
        self.left = list(self.names)

    def act(self, observation: Any) -> dict[str, Any]:
        return move(self.left.pop(0))


def test_a_failure_ends_the_episode_and_takes_back_what_was_earned(env: Any) -> None:
    _, reward, terminated, _, info = env.step(move("blue block"))
    assert (reward, terminated, info["failure"], info["success"]) == (0.5, False, "", False)
    _, reward, terminated, truncated, info = env.step(move("red block"))
    assert (reward, terminated, truncated) == (-0.5, True, False)
    assert info["failure"] == "the red block was moved"
    assert info["progress"] == 0.0
    assert not info["success"]


def test_the_next_episode_begins_without_a_failure(env: Any) -> None:
    env.step(move("red block"))
    _, info = env.reset(seed=1)
    assert info["failure"] == ""
    total = 0.0
    for name in ("blue block", "green block"):
        _, reward, terminated, _, info = env.step(move(name))
        total += reward
    assert (total, terminated, info["success"], info["failure"]) == (1.0, True, True, "")


def test_failures_are_counted_apart_from_unfinished_episodes(env: Any) -> None:
    outcomes = []
    for names in (("blue block", "red block"), ("blue block",) * 5, ("blue block", "green block")):
        outcomes.append(roll_out(env, Moves(*names), 0).result())
    assert [outcome.outcome for outcome in outcomes] == ["failed: the red block was moved", "step limit", "done"]
    assert [outcome.score for outcome in outcomes] == [0.0, 0.5, 1.0]
    figures = Summary.of(outcomes)
    assert (figures.failures, figures.mean_score) == (1, 50.0)
    assert Summary.from_json(figures.to_json()) == figures
    assert EpisodeOutcome.from_json(outcomes[0].to_json()).failed


def test_figures_of_before_there_were_failures_are_read() -> None:
    row = Summary.of([]).to_json()
    del row["failures"]
    assert Summary.from_json(row).failures == 0


def test_a_reason_that_is_no_text_is_refused(env: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LeaveTheRedBlock, "failure", lambda self, scene: False)
    with pytest.raises(TaskDefinitionError, match="failure returned False: return a text"):
        env.step(move("blue block"))
