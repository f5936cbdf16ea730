"""Counting, relations, hidden blocks, memory, and a limit that must not be exceeded."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import PoseGoal, Scorer, distance
from ravens_suite.errors import ConfigError
from ravens_suite.registry import load_task
from ravens_suite.tasks.language import hidden_blocks_in_bowls, sweep_without_exceeding
from ravens_suite.tasks.language._goals import OnTop, Together

Build = Callable[..., Any]


def moved(name: str, x: float, symmetry: float = 0.0) -> PoseGoal:
    return PoseGoal(
        objects=(name,), targets=(Pose((x, 0.0, 0.0)),), matches=((True,),), symmetries=(symmetry,), share=0.5
    )


# ----------------------------------------------------------------------------- goals


def test_goals_together_may_be_met_in_any_order() -> None:
    goal = Together.of([moved("a", 0.4), moved("b", 0.6)])
    at = {"a": Pose((0.5, 0.0, 0.0)), "b": Pose((0.6, 0.0, 0.0))}
    assert goal.progress(at) == 0.5
    assert goal.met(at) == {"a": False, "b": True}
    assert goal.moves(at) == [("a", Pose((0.4, 0.0, 0.0)))]
    assert goal.matches == ((True, False), (False, True))
    assert goal.weights().sum() == pytest.approx(1)


def test_what_is_on_top_counts_wherever_the_lower_one_is() -> None:
    goal = OnTop.of([("upper", "lower")], rise=0.05, symmetry=math.pi / 2)
    lower = Pose.planar(0.5, 0.1, 0.03, 0.4)
    there = lower @ Pose.planar(0.005, 0.0, 0.05, math.pi / 2)
    assert goal.progress({"upper": there, "lower": lower}) == 1
    for wrong in (
        there @ Pose((0.01, 0.0, 0.0)),
        there @ Pose((0.0, 0.0, 0.02)),
        there @ Pose.planar(0, 0, 0, 0.4),
        lower,
    ):
        assert goal.progress({"upper": wrong, "lower": lower}) == 0
    (name, target), *_ = goal.moves({"upper": Pose((0.3, 0.0, 0.02)), "lower": lower})
    assert (name, target.yaw) == ("upper", pytest.approx(lower.yaw))
    assert goal.progress({}) == 0


# ----------------------------------------------------------- even-blocks-in-matching-zone


def counts(scene: Any) -> Counter[str]:
    return Counter(name.split()[0] for name in scene.objects() if " block " in name)


def test_only_colours_of_even_number_are_moved(build: Build) -> None:
    for seed in range(12):
        start = build("even-blocks-in-matching-zone", seed)
        found = counts(start.scene)
        even = {color for color, count in found.items() if count % 2 == 0}
        assert even
        assert {name.split()[0] for name in start.goals[0].objects} == even
        assert 3 <= found.total() <= 9
        assert start.task.step_limit() == found.total() + 2
        assert start.goals[0].progress(start.scene.poses()) == 0


def test_moving_a_block_of_odd_number_fails(build: Build) -> None:
    start = next(s for s in (build("even-blocks-in-matching-zone", i) for i in range(20)) if s.task._fixed)
    assert start.task.failure(start.scene) == ""
    name, pose = next(iter(start.task._fixed.items()))
    start.scene.move(name, Pose((pose.position[0], pose.position[1] + 0.1, 0.1)))
    assert name.split()[0] in start.task.failure(start.scene)


# ---------------------------------------------------------------- stack-by-size-and-color


def test_small_blocks_have_a_big_one_of_their_colour_or_are_left_alone(build: Build) -> None:
    for seed in range(6):
        start = build("stack-by-size-and-color", seed)
        (goal,) = start.goals
        for upper, lower in zip(goal.objects, goal.below, strict=True):
            assert upper.replace("small", "big") == lower
            assert start.scene.body(upper).visuals[0].color == start.scene.body(lower).visuals[0].color
        small = [name for name in start.scene.objects() if name.startswith("small")]
        assert len(goal.objects) <= len(small) <= len(goal.objects) + 2
        assert start.task.step_limit() == len(goal.objects) + 2


def test_big_blocks_go_into_squares_first(build: Build) -> None:
    start = build("stack-by-size-and-color-in-zones", 0)
    first, second = start.goals
    assert {name.split()[0] for name in first.objects} == {"big"}
    assert {name.split()[0] for name in second.objects} == {"small"}
    assert start.task.current_instruction(0) == start.task.current_instruction(1)
    said = start.task.current_sentences(0)
    for sentence in (start.task.current_instruction(0), *said.training, *said.held_out):
        assert all(word in sentence for word in ("square", "big", "small")), "all that scores is said"
    with pytest.raises(ConfigError, match="zones must be true or false"):
        load_task("stack-by-size-and-color")[0](zones=1)


# ----------------------------------------------------------------- hidden-blocks-in-bowls


def test_big_blocks_hide_small_ones_from_above(build: Build) -> None:
    for seed in range(6):
        start = build("hidden-blocks-in-bowls", seed)
        off, into = start.goals
        poses = start.scene.poses()
        hidden = 0
        for big in off.objects:
            below = [name for name in into.objects if distance(poses[name].at(z=0), poses[big].at(z=0)) < 0.01]
            assert len(below) == 1
            assert poses[big].position[2] > poses[below[0]].position[2]
            hidden += 1
        assert len(into.objects) - hidden in (0, 1)
        bowls = [name for name in start.scene.objects() if name.endswith("bowl")]
        for name, target in zip(into.objects, into.targets, strict=True):
            bowl = name.replace("small ", "").replace("block", "bowl")
            assert bowl in bowls
            assert start.scene.pose(bowl) == target


def test_every_big_block_must_be_moved_before_bowls_count(build: Build) -> None:
    start = next(s for s in (build("hidden-blocks-in-bowls", i) for i in range(20)) if len(s.goals[0].objects) == 3)
    off, into = start.goals
    poses, scorer = dict(start.scene.poses()), Scorer(start.goals)
    poses |= dict(zip(off.objects[:2], off.targets[:2], strict=True))
    scorer.update(poses)
    assert scorer.steps_done == 0
    poses |= dict(zip(off.objects, off.targets, strict=True))
    scorer.update(poses)
    assert scorer.steps_done == 1
    assert scorer.progress == pytest.approx(hidden_blocks_in_bowls.UNCOVERING)
    poses |= dict(zip(into.objects, into.targets, strict=True))
    scorer.update(poses)
    assert scorer.success(poses)


# ------------------------------------------------------------ visit-in-order-then-restore


def put(start: Any, color: str) -> str:
    start.scene.move(start.task._block, start.scene.pose(f"{color} box").at(z=0.03))
    reason: str = start.task.failure(start.scene)
    return reason


def test_the_way_is_said_but_not_where_it_began(build: Build) -> None:
    for seed in range(6):
        start = build("visit-in-order-then-restore", seed)
        home, *visits, last = start.task._way
        assert home == last
        said = start.task.current_instruction(0)
        assert said == start.task.current_instruction(len(visits))
        places = [said.index(f"{color} box") for color in visits]
        assert places == sorted(places)
        assert f"{home} box" not in said
        assert distance(start.scene.pose(start.task._block), start.scene.pose(f"{home} box")) < 0.03
        assert start.task.step_limit() == len(visits) + 2


def test_a_wrong_box_fails_and_the_right_way_does_not(build: Build) -> None:
    start = build("visit-in-order-then-restore", 1)
    assert start.task.failure(start.scene) == ""
    for color in start.task._way[1:]:
        assert put(start, color) == ""
        assert put(start, color) == ""
    start = build("visit-in-order-then-restore", 1)
    wrong = next(color for color in start.task._boxes if color not in start.task._way[:2])
    assert f"the {wrong} box" in put(start, wrong)


def test_who_does_nothing_has_not_succeeded(build: Build) -> None:
    start = build("visit-in-order-then-restore", 3)
    scorer = Scorer(start.goals)
    assert not scorer.success(start.scene.poses())
    for color in start.task._way[1:]:
        put(start, color)
        scorer.update(start.scene.poses())
    assert scorer.success(start.scene.poses())
    assert scorer.progress == pytest.approx(1)


def test_beside_the_boxes_nothing_fails(build: Build) -> None:
    start = build("visit-in-order-then-restore", 2)
    start.scene.move(start.task._block, Pose((0.3, 0.48, 0.02)))
    assert start.task.failure(start.scene) == ""


# ---------------------------------------------------------------- sweep-without-exceeding


def lay(start: Any, name: str, depth: float, y: float = 0.0) -> str:
    start.scene.move(name, start.goals[0].opening @ Pose((depth, y, sweep_without_exceeding.SIDE / 2)))
    reason: str = start.task.failure(start.scene)
    return reason


def test_the_frame_and_all_blocks_are_on_the_table(build: Build) -> None:
    words = set()
    for seed in range(15):
        start = build("sweep-without-exceeding", seed)
        for pose in start.scene.poses().values():
            assert 0.25 < pose.position[0] < 0.75
            assert abs(pose.position[1]) < 0.5
        (goal,) = start.goals
        assert goal.progress(start.scene.poses()) == 0
        words.add(start.task.said[0]["blocks"].split()[0])
    assert len(words) >= 4


def test_what_breaks_the_rule_fails_for_good(build: Build) -> None:
    starts = [build("sweep-without-exceeding", seed) for seed in range(20)]
    one = next(start for start in starts if start.goals[0].most == 1)
    (goal,) = one.goals
    assert lay(one, goal.objects[0], goal.limit / 2) == ""
    assert goal.progress(one.scene.poses()) == 1
    assert all(goal.met(one.scene.poses()).values())
    assert "too many" in lay(one, goal.objects[1], goal.limit / 2, 0.08)
    other = next(start for start in starts if start.goals[0].most == 3)
    (goal,) = other.goals
    assert "past the line" in lay(other, goal.objects[0], goal.limit + 0.02)
    assert lay(other, goal.objects[0], goal.limit / 2) == ""
    assert 0 < goal.progress(other.scene.poses()) <= 1
    assert "other color" in lay(other, other.task._others[0], goal.limit / 2, 0.08)


@pytest.mark.parametrize(("meant", "y"), [(True, 0.0), (False, 0.0), (True, sweep_without_exceeding.WIDTH / 2 + 0.03)])
def test_a_block_that_leaves_the_frame_behind_the_line_has_exceeded_it(build: Build, meant: bool, y: float) -> None:
    start = build("sweep-without-exceeding", 0)
    name = start.goals[0].objects[0] if meant else start.task._others[0]
    assert lay(start, name, -0.05) == ""
    assert "past the line" in lay(start, name, sweep_without_exceeding.DEPTH + 0.05, y)


def test_a_block_that_goes_around_the_frame_has_not_exceeded_the_line(build: Build) -> None:
    start = build("sweep-without-exceeding", 0)
    behind = sweep_without_exceeding.DEPTH + 0.05
    for depth, y in ((-0.05, 0.25), (behind, 0.25), (behind, 0.0)):
        assert lay(start, start.goals[0].objects[0], depth, y) == ""


# -------------------------------------------------------------------------- the oracle


@pytest.mark.parametrize(
    "name",
    [
        "even-blocks-in-matching-zone",
        "stack-by-size-and-color",
        "stack-by-size-and-color-in-zones",
        "hidden-blocks-in-bowls",
        "visit-in-order-then-restore",
        "sweep-without-exceeding",
    ],
)
def test_the_oracle_keeps_to_the_rules(rollout: Callable[..., Any], name: str) -> None:
    for seed in range(2):
        end = rollout(name, seed, "test")
        assert end.success
        assert end.score == pytest.approx(1)
        assert np.isfinite([pose.position for pose in end.poses.values()]).all()
