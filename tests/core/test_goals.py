from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.core.geometry import Pose, euler_quaternion
from ravens_suite.core.goals import FULL_TURN, PoseGoal, Scorer, ZoneGoal, all_to_all, lattice

angles = st.floats(-10, 10)
lengths = st.floats(-0.5, 0.5)


def pose_goal(target: Pose, symmetry: float = FULL_TURN, **options: object) -> PoseGoal:
    return PoseGoal(objects=("a",), targets=(target,), matches=((True,),), symmetries=(symmetry,), **options)  # type: ignore[arg-type]


@given(x=lengths, y=lengths, yaw=angles, turns=st.integers(-4, 4))
def test_an_object_on_its_target_counts_whatever_its_symmetric_turn_height_and_tilt(
    x: float, y: float, yaw: float, turns: int
) -> None:
    goal = pose_goal(Pose.planar(x, y, 0.0, yaw), symmetry=math.pi / 2)
    assert goal.progress({"a": Pose.planar(x, y, 0.25, yaw + turns * math.pi / 2)}) == 1.0


@given(distance=st.floats(0, 0.03), direction=angles, error=st.floats(-1, 1))
def test_both_tolerances_decide(distance: float, direction: float, error: float) -> None:
    goal = pose_goal(Pose())
    pose = Pose.planar(distance * math.cos(direction), distance * math.sin(direction), 0, error)
    near = abs(distance - 0.01) < 1e-9 or abs(abs(error) - math.radians(15)) < 1e-9
    if not near:
        assert goal.progress({"a": pose}) == float(distance < 0.01 and abs(error) < math.radians(15))


def test_symmetry_zero_ignores_rotation_and_full_turn_does_not() -> None:
    upside = {"a": Pose.planar(0, 0, 0, math.pi)}
    assert pose_goal(Pose(), symmetry=0.0).progress(upside) == 1.0
    assert pose_goal(Pose(), symmetry=FULL_TURN).progress(upside) == 0.0


def test_full_pose_is_strict_only() -> None:
    goal = pose_goal(Pose((0, 0, 0.1), euler_quaternion(0.5, 0.0, 0.0)), full_pose=True)
    level = {"a": Pose((0, 0, 0.1))}
    assert goal.progress(level) == 1.0
    assert goal.met(level) == {"a": False}
    assert goal.met({"a": goal.targets[0]}) == {"a": True}
    assert goal.met({"a": goal.targets[0].raised(0.02)}) == {"a": False}


def test_one_target_may_be_credited_twice_but_the_oracle_uses_it_once() -> None:
    goal = PoseGoal(
        objects=("a", "b"), targets=(Pose(), Pose((1, 0, 0))), matches=all_to_all(2, 2), symmetries=(0.0, 0.0)
    )
    both = {"a": Pose(), "b": Pose()}
    assert goal.progress(both) == 1.0
    assert goal.reached(both) == [(0, 0)]


def test_a_missing_object_does_not_count() -> None:
    assert pose_goal(Pose()).progress({}) == 0.0


def test_a_small_cube_is_one_point_and_a_box_many() -> None:
    assert len(lattice((0.01, 0.01, 0.01))) == 1
    points = lattice((0.09, 0.0567, 0.0567))
    assert len(points) == 5 * 3 * 3
    np.testing.assert_allclose(points.min(axis=0), [-0.045, -0.02835, -0.02835])


@given(inside=st.integers(0, 20))
def test_zone_progress_is_the_part_of_points_inside(inside: int) -> None:
    names = tuple(f"c{i}" for i in range(20))
    zone = Pose.planar(0.5, 0.1, 0.0, 0.7)
    goal = ZoneGoal(
        objects=names,
        targets=(zone,),
        matches=all_to_all(20, 1),
        symmetries=(0.0,) * 20,
        zone=zone,
        size=(0.12, 0.12),
        lattices=(lattice((0.01, 0.01, 0.01)),) * 20,
    )
    poses = {name: zone if i < inside else zone @ Pose((0.2, 0, 0)) for i, name in enumerate(names)}
    assert goal.progress(poses) == pytest.approx(inside / 20)
    assert sum(goal.met(poses).values()) == inside
    poses[names[0]] = Pose((0.5, 0.1, 0.31))
    assert not goal.met(poses)[names[0]]


def test_steps_are_scored_one_after_the_other_and_locked_in() -> None:
    first, second = Pose((1, 0, 0)), Pose((2, 0, 0))
    scorer = Scorer([pose_goal(first, share=0.25), pose_goal(second, share=0.75)])
    assert scorer.update({"a": Pose()}) == 0.0
    assert scorer.update({"a": second}) == 0.0
    assert scorer.update({"a": first}) == 0.25
    assert scorer.update({"a": Pose()}) == 0.0
    assert scorer.progress == 0.25
    assert not scorer.done
    assert scorer.update({"a": second}) == 0.75
    assert scorer.done
    assert scorer.goal is None
    assert scorer.success({"a": second})
    assert not scorer.success({"a": first})


@given(path=st.lists(st.lists(st.booleans(), min_size=3, max_size=3), max_size=12))
def test_rewards_never_sum_above_one(path: list[list[bool]]) -> None:
    target = Pose((1, 0, 0))
    goals = [
        PoseGoal(objects=(name,), targets=(target,), matches=((True,),), symmetries=(0.0,), share=1 / 3)
        for name in "abc"
    ]
    scorer = Scorer(goals)
    total = 0.0
    for step in path:
        total += scorer.update({name: target if there else Pose() for name, there in zip("abc", step, strict=True)})
        assert -1e-9 <= total <= 1 + 1e-9
        assert total == pytest.approx(scorer.progress)


def test_what_fell_through_the_table_below_its_target_scores_as_published_but_is_no_success() -> None:
    size = (0.01, 0.01, 0.01)
    zone = ZoneGoal(
        objects=("a",),
        targets=(Pose(),),
        matches=((True,),),
        symmetries=(0.0,),
        zone=Pose(),
        size=(0.1, 0.1),
        lattices=(lattice(size),),
    )
    for goal in (pose_goal(Pose()), zone):
        for z, stays in ((0.005, True), (-0.001, True), (-0.05, False), (-134.0, False)):
            scorer = Scorer([goal])
            poses = {"a": Pose((0.0, 0.0, z))}
            assert scorer.update(poses) == 1.0, "the published score looks from above"
            assert scorer.success(poses) is stays
            assert goal.met(poses) == {"a": stays}
    assert zone.reached({"a": Pose((0, 0, 0.005))}) == [(0, 0)]
    assert zone.reached({"a": Pose((0, 0, -1.0))}) == []


def test_a_target_below_the_table_is_a_target() -> None:
    goal = pose_goal(Pose((0.0, 0.0, -0.1)))
    assert goal.met({"a": Pose((0.0, 0.0, -0.1))}) == {"a": True}
    assert goal.met({"a": Pose((0.0, 0.0, -0.2))}) == {"a": False}
