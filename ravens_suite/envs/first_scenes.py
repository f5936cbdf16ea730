"""The first scenes that a task builds, looked at without an episode: nothing moves, and nothing is drawn."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice

import numpy as np

from ravens_suite.core.goals import Goal
from ravens_suite.core.seeding import generator
from ravens_suite.envs.task_checks import check_goals
from ravens_suite.errors import PlacementError
from ravens_suite.sim.robot import Robot
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.sentences import unfilled

_SEEDS_TRIED = 20
_ATTEMPTS = 50
"""Draws of the scene of one seed."""
_COMPARED = 4
"""Scenes whose sentences are compared."""


def first_scenes(task: Task) -> Generator[tuple[Scene, Sequence[Goal]], None, None]:
    """The scenes of the lowest seeds that can be placed, one after the other in the same ``Scene``.

    Args:
        task: that builds them.

    Yields:
        The scene, which is closed when the iterator is, and its goals.

    Raises:
        PlacementError: none of them can be placed.
        TaskDefinitionError: something is wrong with the goals.
    """
    scene, reason, found = Scene(), "", False
    try:
        robot = Robot(scene, task.primitive.tool)
        for seed in range(_SEEDS_TRIED):
            scene.reset()
            robot.reset()
            try:
                goals = check_goals(task, scene, task.build(scene, generator(seed, task.split, "scene")))
            except PlacementError as error:
                reason = str(error)
                continue
            found = True
            yield scene, goals
        if not found:
            raise PlacementError(f"None of the first {_SEEDS_TRIED} scenes of the task could be placed: {reason}")
    finally:
        scene.close()


@contextmanager
def scene_of_seed(task: Task, seed: int = 0) -> Iterator[tuple[Scene, Sequence[Goal]]]:
    """The scene of a seed and its goals; what the task says of the scene can be asked within, while it is there.

    Args:
        task: that builds it, once.
        seed: drawn anew, as in an episode, until everything has its place.

    Raises:
        PlacementError: there is no room.
        TaskDefinitionError: something is wrong with the goals.
    """
    scene, rng = Scene(), generator(seed, task.split, "scene")
    try:
        yield scene, _drawn(task, scene, rng)
    finally:
        scene.close()


def _drawn(task: Task, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
    robot = Robot(scene, task.primitive.tool)
    for _ in range(_ATTEMPTS):
        scene.reset()
        robot.reset()
        try:
            return check_goals(task, scene, task.build(scene, rng))
        except PlacementError as error:
            reason = error
    raise reason


def sentence_differs(task: Task) -> bool:
    """Whether the first sentence of a task is another one from scene to scene, however the task comes by it.

    Args:
        task: without a scene yet.

    Raises:
        Exception: what the task raises.
    """
    if unfilled(first := task.forms()[0]):
        return True  # Words for its slots are known once there is a scene.
    with closing(first_scenes(task)) as scenes:
        return any(task.current_instruction(0) != first for _ in islice(scenes, _COMPARED))
