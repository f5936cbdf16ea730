import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from ravens_suite.core.geometry import Pose
from ravens_suite.sim.constraints import link
from ravens_suite.sim.objects import BEAD_SIDE
from ravens_suite.tasks._rope import BEADS, LENGTH, SPACING, TOLERANCE, OneWayGoal, _pulled, rope_goal

TASKS = ["manipulating-rope", "align-rope"]
BOTH = pytest.mark.parametrize("task", TASKS)


def beads(poses: dict[str, Pose]) -> np.ndarray:
    return np.array([poses[f"bead_{i}"].position for i in range(BEADS)])


def test_dimensions() -> None:
    assert pytest.approx(0.2828, abs=1e-4) == LENGTH
    assert pytest.approx(0.01414, abs=1e-5) == SPACING


@BOTH
def test_the_rope_lies_in_one_piece_on_the_table(build: Callable[..., Any], task: str) -> None:
    for seed in range(2):
        points = beads(build(task, seed).scene.poses())
        assert np.linalg.norm(np.diff(points, axis=0), axis=1) == pytest.approx(SPACING, abs=5e-4)
        assert points[:, 2].min() > 0.003
        assert points[:, 2].max() < 0.04


def test_the_rope_topples_as_the_published_one(build: Callable[..., Any]) -> None:
    """The published one's radius of gyration is 28.3 mm, with a standard deviation of 3.1 mm."""
    radii = []
    for seed in range(10):
        points = beads(build(TASKS[seed % 2], seed).scene.poses())
        radii.append(1e3 * np.sqrt(np.square(points - points.mean(axis=0)).sum(axis=1).mean()))
    assert np.mean(radii) == pytest.approx(28.3, abs=2.5)
    assert 2 < np.std(radii, ddof=1) < 6


def test_every_bead_has_its_upper_neighbour_at_a_fixed_place(build: Callable[..., Any]) -> None:
    poses = build(TASKS[0], 0).scene.poses()
    for lower, upper in pairwise(range(BEADS)):
        place = poses[f"bead_{lower}"].apply((0.0, 0.0, SPACING))
        assert place == pytest.approx(poses[f"bead_{upper}"].position, abs=5e-4)


def test_neighbours_cannot_meet() -> None:
    """So that they ignore each other's contact saves time and changes nothing."""
    reach = math.sqrt(3) * BEAD_SIDE / 2
    assert reach < SPACING - BEAD_SIDE / 2


@BOTH
def test_the_scene_is_the_same_for_the_same_seed(build: Callable[..., Any], task: str) -> None:
    assert build(task, 3).scene.poses() == build(task, 3).scene.poses()


def test_every_fall_gives_another_shape(build: Callable[..., Any]) -> None:
    shapes = []
    for seed in range(3):
        points = beads(build(TASKS[0], seed).scene.poses())
        shapes.append(np.linalg.norm(points[:, None] - points[None], axis=-1))
    assert min(np.abs(shapes[i] - shapes[j]).max() for i, j in ((0, 1), (0, 2), (1, 2))) > 0.02


@BOTH
def test_targets_are_equally_spaced_on_a_line_that_either_end_may_begin(build: Callable[..., Any], task: str) -> None:
    (goal,) = build(task, 0).goals
    targets = np.array([target.position[:2] for target in goal.targets])
    steps = np.diff(targets, axis=0)
    assert np.hypot(*steps.T) == pytest.approx(SPACING)
    assert steps == pytest.approx(np.broadcast_to(steps[0], steps.shape))
    for order in (goal.targets, goal.targets[::-1]):
        assert goal.progress(dict(zip(goal.objects, order, strict=True))) == pytest.approx(1)
    aside = Pose((0.0, TOLERANCE * 1.01, 0.0))
    turned = math.atan2(steps[0][1], steps[0][0])
    beside = [Pose.planar(target.position[0], target.position[1], 0.0, turned) @ aside for target in goal.targets]
    assert goal.progress(dict(zip(goal.objects, beside, strict=True))) == 0


def test_the_line_is_the_missing_side_of_the_square(build: Callable[..., Any]) -> None:
    start = build(TASKS[0], 0)
    (goal,) = start.goals
    in_square = start.scene.pose("square").inverse()
    local = np.array([(in_square @ target).position for target in goal.targets])
    assert local[:, 1] == pytest.approx(LENGTH / 2)
    assert sorted(local[:, 0])[0] == pytest.approx(SPACING / 2 - LENGTH / 2)
    drawn = np.concatenate([np.array([visual.shape.pose.position]) for visual in start.scene.body("square").visuals])
    assert drawn[:, 1].max() < LENGTH / 2 - 0.05


@pytest.mark.parametrize(
    ("task", "seed", "split", "motion"),
    [("manipulating-rope", 0, "train", "fast"), ("align-rope", 1, "test", "simulated")],
)
def test_the_oracle_lays_the_rope(rollout: Callable[..., Any], task: str, seed: int, split: str, motion: str) -> None:
    end = rollout(task, seed, split, motion)
    assert end.success
    points = beads(end.poses)
    assert np.linalg.norm(np.diff(points, axis=0), axis=1) == pytest.approx(SPACING, abs=1e-3)


@pytest.mark.parametrize("seed", [9, 13, 40])
def test_the_oracle_does_not_turn_the_rope_over_again_and_again(rollout: Callable[..., Any], seed: int) -> None:
    """When each bead went to the nearer of its two places, these ran out of their 20 actions."""
    end = rollout("align-rope", seed, "test")
    assert end.success
    assert end.steps < 20


def test_the_oracle_of_align_rope_wants_one_direction_for_the_whole_rope() -> None:
    goal, names = one_way()
    aside = Pose((0.004, 0.05, 0.1))
    for targets in (goal.targets, goal.targets[::-1]):
        poses = {name: target @ aside for name, target in zip(names, targets, strict=True)}
        assert goal.reached(poses) == []
        assert dict(goal.moves(poses)) == dict(zip(names, targets, strict=True))
        poses = dict(zip(names, targets, strict=True))
        assert len(goal.reached(poses)) == BEADS
        assert goal.moves(poses) == []
        # One end at the place of the other counts for the score, but is still to be moved.
        poses[names[0]] = targets[-1]
        assert goal.progress(poses) == pytest.approx(1)
        assert [name for name, _ in goal.moves(poses)] == [names[0]]
        del poses[names[5]]
        assert [name for name, _ in goal.moves(poses)] == [names[0]]


def test_the_oracle_of_align_rope_moves_the_bead_that_leaves_the_rope_nearest_to_its_line() -> None:
    goal, names = one_way()
    poses = dict(zip(names, goal.targets, strict=True))
    # Its end lies beside the line. The end itself, taken to its place, lays its neighbour there with it.
    for i in (17, 18, 19):
        poses[names[i]] = goal.targets[i] @ Pose((0.0, 0.03, 0.0))
    assert goal.moves(poses)[0][0] == names[17]


@pytest.mark.parametrize("held", [0, 7, BEADS - 1])
def test_a_pulled_rope_stays_in_one_piece_and_what_hangs_slack_stays(held: int) -> None:
    angles = np.cumsum(np.random.default_rng(held).uniform(-0.5, 0.5, BEADS))
    points = SPACING * np.cumsum(np.stack([np.cos(angles), np.sin(angles)], axis=1), axis=0)
    to = points[held] + (0.03, 0.02)
    pulled = _pulled(points, held, to)
    assert pulled[held] == pytest.approx(to)
    assert pulled[held : held + 2] - points[held : held + 2] == pytest.approx(
        np.array([[0.03, 0.02]] * 2)[: BEADS - held]
    )
    assert np.hypot(*np.diff(pulled, axis=0).T).max() < SPACING + 1e-9
    slack = np.stack([np.arange(BEADS) * SPACING / 2, np.zeros(BEADS)], axis=1)
    moved = _pulled(slack, held, slack[held] + (0.0, SPACING / 2)) != slack
    assert np.flatnonzero(moved.any(axis=1)).tolist() == list(range(held, min(held + 2, BEADS)))


def one_way() -> tuple[OneWayGoal, tuple[str, ...]]:
    names = tuple(f"bead_{i}" for i in range(BEADS))
    goal = rope_goal(names, Pose.planar(0.5, 0.0, 0.0, 0.7), OneWayGoal)
    assert isinstance(goal, OneWayGoal)
    return goal, names


@BOTH
def test_resets_keep_memory(growth: Callable[..., float], task: str) -> None:
    assert growth(task, 12) < 5


def test_a_load_that_hangs_in_its_joints_ends_the_descent(build: Callable[..., Any]) -> None:
    """What holds a bead up may be a joint, which is no contact: without an end the tool would push on and on."""
    start = build("block-insertion", 0)
    robot, scene = start.robot, start.scene
    x, y, _ = scene.pose("block").position
    robot.travel(Pose((x, y, 0.06)))
    assert robot.line(Pose((x, y, 0.0)), 0.001, robot.touching)
    assert robot.tool.activate()
    robot.line(Pose((x, y, 0.2)), 0.002)
    hanging = scene.pose("block")
    link(scene, "plane", "block", (scene.pose("plane").inverse() @ hanging).position, (0.0, 0.0, 0.0))
    assert not robot.stopped()
    assert robot.line(Pose((x, y, 0.05)), 0.0005, robot.stopped)
    assert not robot.touching()
    assert scene.pose("block").position[2] == pytest.approx(hanging.position[2], abs=0.01)
