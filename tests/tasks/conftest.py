"""Tasks without cameras: build a scene, or let the oracle play it to its end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import Goal, Scorer
from ravens_suite.core.seeding import Split, generator
from ravens_suite.envs.oracle import oracle_action
from ravens_suite.envs.simulation import precision_of
from ravens_suite.errors import OracleGaveUpError, PlacementError
from ravens_suite.registry import load_task
from ravens_suite.sim.robot import Motion, Robot
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task

ATTEMPTS = 50
WARM_UP = 8


@dataclass(frozen=True)
class Built:
    """The start of an episode."""

    task: Task
    scene: Scene
    robot: Robot
    goals: Sequence[Goal]


@dataclass(frozen=True)
class Rollout:
    """The end of an episode that the oracle played."""

    score: float
    steps: int
    success: bool
    poses: dict[str, Pose]


Build = Callable[..., Built]
Play = Callable[..., Rollout]
Growth = Callable[[str, int], float]


@pytest.fixture
def build() -> Iterator[Build]:
    """``build(task_name, seed, split="train", motion="fast")``: the settled scene of a seed."""
    scenes: list[Scene] = []

    def make(name: str, seed: int, split: Split = "train", motion: Motion = "fast") -> Built:
        task_class, options = load_task(name)
        task = task_class(split=split, **options)
        scene = Scene(precision_of(task, motion))
        scenes.append(scene)
        robot = Robot(scene, task.primitive.tool, motion)
        goals = _built(task, scene, robot, seed)
        scene.settle()
        return Built(task, scene, robot, goals)

    yield make
    for scene in scenes:
        scene.close()


@pytest.fixture
def rollout(build: Build) -> Play:
    """``rollout(task_name, seed, split="train", motion="fast")``: the oracle's episode."""

    def play(name: str, seed: int, split: Split = "train", motion: Motion = "fast") -> Rollout:
        start = build(name, seed, split, motion)
        scorer, rng, steps, failure = Scorer(start.goals), generator(seed, split, "oracle"), 0, ""
        while scorer.goal is not None and not scorer.done and steps < start.task.max_steps:
            try:
                action = oracle_action(start.scene, start.task.primitive, scorer.goal, rng)
            except OracleGaveUpError:
                break
            start.task.primitive(start.robot, action)
            start.scene.settle()
            steps += 1
            failure = start.task.failure(start.scene)
            if failure:
                scorer.forfeit()
                break
            scorer.update(start.scene.poses())
            if not scorer.done and start.task.after_action(start.scene):
                break
        poses = start.scene.poses()
        return Rollout(scorer.progress, steps, scorer.success(poses) and not failure, poses)

    return play


@pytest.fixture
def growth() -> Growth:
    """``growth(task_name, count)``: megabytes of resident memory that ``count`` resets add after a few to warm up."""

    def measure(name: str, count: int) -> float:
        task_class, options = load_task(name)
        task = task_class(split="train", **options)
        scene = Scene()
        robot = Robot(scene, task.primitive.tool)
        for seed in range(WARM_UP):
            _built(task, scene, robot, seed)
        before = _resident_megabytes()
        for seed in range(WARM_UP, WARM_UP + count):
            _built(task, scene, robot, seed)
        after = _resident_megabytes()
        scene.close()
        return after - before

    return measure


def _resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _built(task: Task, scene: Scene, robot: Robot, seed: int) -> Sequence[Goal]:
    rng = generator(seed, task.split, "scene")
    for _ in range(ATTEMPTS):
        scene.reset()
        robot.reset()
        try:
            return task.build(scene, rng)
        except PlacementError:
            continue
    raise PlacementError(f"No scene for seed {seed}.")
