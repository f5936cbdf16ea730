from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import Scorer, ZoneGoal
from ravens_suite.core.types import Action
from ravens_suite.sim.grippers import Spatula
from ravens_suite.tasks.sweeping_piles import COUNT, PILE_X, PILE_Y, ZONE

TASK = "sweeping-piles"


def test_fifty_cubes_lie_around_the_middle_and_the_zone_is_a_small_square(build: Callable[..., Any]) -> None:
    start = build(TASK, 0)
    (goal,) = start.goals
    assert isinstance(goal, ZoneGoal)
    assert goal.size == ZONE == (0.12, 0.12)
    assert all(len(points) == 1 for points in goal.lattices)
    cubes = np.array([start.scene.pose(name).position for name in goal.objects])
    assert len(cubes) == COUNT
    margin = 0.03  # those that started within each other have pushed themselves apart
    assert np.all((cubes[:, 0] > PILE_X[0] - margin) & (cubes[:, 0] < PILE_X[1] + margin))
    assert np.all((cubes[:, 1] > PILE_Y[0] - margin) & (cubes[:, 1] < PILE_Y[1] + margin))
    assert np.all((cubes[:, 2] > 0.003) & (cubes[:, 2] < 0.03))


def test_the_scene_is_the_same_for_the_same_seed(build: Callable[..., Any]) -> None:
    assert build(TASK, 3).scene.poses() == build(TASK, 3).scene.poses()


def test_all_cubes_must_be_in_the_zone(build: Callable[..., Any]) -> None:
    start = build(TASK, 1)
    (goal,) = start.goals
    inside = dict.fromkeys(goal.objects, goal.zone)
    scorer = Scorer(start.goals)
    # A cube stands for the one point at its least corner.
    assert scorer.update(inside | {"cube_0": goal.zone @ Pose((0.066, 0.0, 0.0))}) == pytest.approx(0.98)
    assert not scorer.done
    scorer.update(inside)
    assert scorer.done


@pytest.mark.parametrize("motion", ["fast", "simulated"])
def test_a_push_takes_a_cube_along_on_the_table_and_stops_short(build: Callable[..., Any], motion: str) -> None:
    start = build(TASK, 2, "train", motion)
    scene, robot = start.scene, start.robot
    for i in range(1, COUNT):
        scene.remove(f"cube_{i}")
    scene.move("cube_0", Pose.planar(0.5, 0.0, 0.004))
    highest: list[float] = []
    scene.on_step = lambda: highest.append(scene.pose("cube_0").position[2])
    assert isinstance(robot.tool, Spatula)
    start.task.primitive(robot, Action(Pose((0.49, 0.0, 0.0)), Pose((0.49, 0.3, 0.0))))
    scene.settle()
    x, y, z = scene.pose("cube_0").position
    assert abs(x - 0.5) < 0.03
    assert 0.24 < y < 0.32
    assert z == pytest.approx(0.004, abs=1e-3)
    assert max(highest) < 0.012  # it slides or rolls, but does not fly


def test_the_oracle_sweeps_up_every_cube(rollout: Callable[..., Any]) -> None:
    end = rollout(TASK, 0)
    assert end.success
    assert all(-0.002 < end.poses[f"cube_{i}"].position[2] < 0.05 for i in range(COUNT))


def test_resets_keep_memory(growth: Callable[..., float]) -> None:
    assert growth(TASK, 20) < 5
