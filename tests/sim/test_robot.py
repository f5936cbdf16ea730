"""The parts of a motion that are not simulated, and physics in longer steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ravens_suite.core.geometry import Pose, euler_quaternion
from ravens_suite.errors import ConfigError
from ravens_suite.sim import objects
from ravens_suite.sim.grippers import Suction
from ravens_suite.sim.precision import EXACT, TIME_STEP, Precision
from ravens_suite.sim.robot import NEAR, Robot
from ravens_suite.sim.scene import GRAVITY, Scene

BLOCK = objects.block((1.0, 0.0, 0.0))


@pytest.fixture(scope="module")
def robot() -> Iterator[Robot]:
    scene = Scene()
    yield Robot(scene, Suction)
    scene.close()


def begin(robot: Robot, *blocks: Pose, fixture: Pose | None = None) -> None:
    robot.scene.reset()
    robot.reset()
    for index, pose in enumerate(blocks):
        robot.scene.add(f"block {index}", BLOCK, pose, "movable")
    if fixture is not None:
        robot.scene.add("fixture", objects.l_fixture(), fixture, "fixed")
    robot.scene.settle()


places = st.tuples(st.floats(0.35, 0.65), st.floats(-0.3, 0.3))
turns = st.floats(-3.1, 3.1)


@settings(max_examples=40, deadline=None)
@given(block=places, tool=places, yaw=turns, roll=st.floats(-0.6, 0.6), pitch=st.floats(-0.6, 0.6))
def test_the_skipped_part_of_a_descent_touches_nothing_and_ends_near_contact(
    robot: Robot, block: tuple[float, float], tool: tuple[float, float], yaw: float, roll: float, pitch: float
) -> None:
    begin(robot, Pose.planar(*block, 0.02, yaw), fixture=Pose.planar(0.5, 0.0, 0.02, yaw))
    before = robot.scene.poses()
    start = Pose((*tool, 0.25), euler_quaternion(roll, pitch, yaw))
    robot.tool.jump(start)
    robot.skip(start.raised(-0.4))
    reached = robot.tool.tip
    assert robot.scene.distance([robot.tool.name], 1.0) > 0, "it stays clear of everything"
    assert robot.scene.distance([robot.tool.name], 1.0) <= 2 * NEAR, "and comes as near as it may"
    below = (reached.inverse() @ start).position
    assert below[:2] == pytest.approx((0.0, 0.0), abs=1e-9), "it goes straight"
    assert below[2] > 0, "and down"
    assert robot.scene.poses() == before, "nothing else moves"


@settings(max_examples=25, deadline=None)
@given(block=places, goal=places, yaw=turns, height=st.floats(0.03, 0.2))
def test_a_held_block_is_carried_no_nearer_to_another_one_than_it_may(
    robot: Robot, block: tuple[float, float], goal: tuple[float, float], yaw: float, height: float
) -> None:
    begin(robot, Pose.planar(*goal, 0.02, yaw))
    robot.scene.add("held", BLOCK, Pose.planar(*block, 0.3, yaw), "movable")
    robot.tool.jump(Pose((*block, 0.319)))
    robot.scene.step()
    assert robot.tool.activate()
    robot.tool.jump(Pose((*block, 0.32)))
    target = Pose.planar(*goal, height, 1.0)
    robot.skip(target)
    distance = robot.scene.distance(robot.tool.parts, 1.0)
    assert distance > 0
    arrived = robot.tool.tip.vector() == pytest.approx(target.vector(), abs=1e-12)
    assert arrived or distance <= 2 * NEAR


@pytest.mark.parametrize("motion", ["careful", "simulated"])
def test_other_motions_skip_nothing_there(robot: Robot, motion: str) -> None:
    begin(robot)
    other = Robot(robot.scene, Suction, motion)  # type: ignore[arg-type]
    robot.scene.reset()
    other.reset()
    tip = other.tool.tip
    other.skip(tip.raised(-0.2))
    assert other.tool.tip == tip


def test_distance_is_that_of_the_nearest_and_at_most_the_limit(robot: Robot) -> None:
    begin(robot, Pose((0.5, 0.0, 0.02)), Pose((0.5, 0.1, 0.02)))
    scene = robot.scene
    robot.tool.jump(Pose((0.5, -0.4, 0.3)))
    assert scene.distance(["block 0"], 0.5) < 1e-3, "it stands on the table"
    scene.move("block 0", Pose((0.5, 0.0, 0.5)))
    scene.move("block 1", Pose((0.5, 0.1, 0.5)))
    assert scene.distance(["block 0"], 0.5) == pytest.approx(0.06, abs=1e-3)
    assert scene.distance(["block 0", "block 1"], 0.3) == 0.3, "not counting those that move together"


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_time_is_counted_in_the_same_unit_however_long_a_physics_step_is(stride: int) -> None:
    scene = Scene(Precision(stride=stride))
    scene.add("block", BLOCK, Pose((0.5, 0.0, 1.0)), "movable")
    calls = []
    scene.on_step = lambda: calls.append(scene.steps)
    scene.step(96)
    fallen = 1.0 - scene.pose("block").position[2]
    time = 96 * TIME_STEP
    assert fallen == pytest.approx(-GRAVITY * time * (time + stride * TIME_STEP) / 2, rel=1e-3)
    assert calls == list(range(1, 97))
    scene.close()


@pytest.mark.parametrize("stride", [2, 4])
def test_a_tool_follows_its_command_alike_in_longer_steps(stride: int) -> None:
    reached = []
    for precision in (EXACT, Precision(stride=stride)):
        scene = Scene(precision)
        robot = Robot(scene, Suction)
        robot.reset()
        start = robot.tool.tip
        before = scene.steps
        robot.line(start.raised(-0.1), 0.002)
        reached.append((scene.steps - before, scene.pose(robot.tool.name).position[2]))
        scene.close()
    (steps, exact), (longer, coarse) = reached
    assert longer == pytest.approx(steps, abs=stride)
    assert coarse == pytest.approx(exact, abs=0.0015 * stride)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [({"residual": -1.0}, "residual"), ({"stride": 0}, "stride"), ({"iterations": 0}, "iterations")],
)
def test_a_precision_that_cannot_work_is_refused(wrong: dict[str, float], named: str) -> None:
    make: Callable[..., Precision] = Precision
    with pytest.raises(ConfigError, match=named):
        make(**wrong)
