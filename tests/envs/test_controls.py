"""A new primitive is one class: action space, checks, oracle and way-points follow from it, for any number of poses."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import Goal, PoseGoal
from ravens_suite.core.palette import PALETTE
from ravens_suite.core.types import Action
from ravens_suite.core.workspace import AGENT_WORKSPACE, WAYPOINT_WORKSPACE, Workspace
from ravens_suite.envs.actions import checked_pose
from ravens_suite.envs.controls import Control, make_control
from ravens_suite.errors import ConfigError, InvalidActionError, OracleGaveUpError
from ravens_suite.sim.bodies import Box, Cylinder, marker, solid
from ravens_suite.sim.grippers import Spatula, Suction, Tool
from ravens_suite.sim.robot import HOME_TIP, Robot
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.primitives import WAYPOINTS_PER_ACTION, MotionReport, PickPlace, Primitive, Waypoint

CUBE = (0.04, 0.04, 0.04)
GOAL = PoseGoal(
    objects=("cube",), targets=(Pose.planar(0.5, 0.2, 0.02, 1.0),), matches=((True,),), symmetries=(np.pi / 2,)
)


class Tap(Primitive):
    """Touches one place."""

    name = "tap"
    tool: ClassVar[type[Tool]] = Spatula
    poses: ClassVar[tuple[str, ...]] = ("tap",)

    def __call__(self, robot: Robot, action: Action) -> MotionReport:
        robot.travel(action["tap"])
        return MotionReport("done")


class Relay(PickPlace):
    """Has three poses."""

    poses: ClassVar[tuple[str, ...]] = ("pick", "via", "place")


class Lost(Tap):
    """Plans way-points that nobody reaches."""

    def waypoints(self, robot: Robot, action: Action) -> list[Waypoint]:
        return []


class Cube(Task):
    """One cube in the middle of the table."""

    max_steps = 3

    def __init__(self, primitive: Primitive) -> None:
        super().__init__()
        self.primitive = primitive  # type: ignore[misc]

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        scene.add("cube", solid(Box(CUBE), PALETTE["red"], mass=0.01), Pose((0.5, 0.0, 0.02)), "movable")
        return [GOAL]


Make = Callable[..., Control]


@pytest.fixture
def make() -> Iterator[Make]:
    """``make(primitive, control="primitive")``: a control over the scene with the cube."""
    scenes: list[Scene] = []

    def control(primitive: Primitive, name: str = "primitive") -> Control:
        scene, task = Scene(), Cube(primitive)
        scenes.append(scene)
        robot = Robot(scene, task.primitive.tool)
        scene.reset()
        robot.reset()
        task.build(scene, np.random.default_rng(0))
        scene.settle()
        made = make_control(name, task, robot)
        made.reset()
        return made

    yield control
    for scene in scenes:
        scene.close()


def vector(x: float, y: float, z: float) -> Any:
    return Pose((x, y, z)).vector()


@pytest.mark.parametrize(("primitive", "poses"), [(Tap(), ["tap"]), (Relay(), ["pick", "via", "place"])])
def test_the_action_space_has_the_poses_of_the_primitive(make: Make, primitive: Primitive, poses: list[str]) -> None:
    control = make(primitive)
    assert sorted(control.action_space) == sorted(poses)
    action = control.oracle(GOAL, np.random.default_rng(0))
    assert list(action) == poses
    assert control.action_space.contains(action)
    assert control.max_steps == 3


def test_missing_poses_and_wrong_shapes_are_refused_by_name(make: Make) -> None:
    control = make(Relay())
    good = {name: vector(0.5, 0.0, 0.02) for name in ("pick", "via", "place")}
    for name in good:
        with pytest.raises(InvalidActionError, match=f"'{name}'"):
            control.execute({key: value for key, value in good.items() if key != name})
        with pytest.raises(InvalidActionError, match=rf"action\['{name}'\] must have shape \(7,\)"):
            control.execute({**good, name: np.zeros(3)})
    assert control.robot.scene.steps == make(Relay()).robot.scene.steps, "nothing has moved"


def test_positions_are_clipped_to_the_workspace_for_every_pose(make: Make) -> None:
    control = make(Tap())
    executed = control.execute({"tap": vector(2.0, 0.0, 0.1)})
    assert executed.clipped
    assert control.robot.tool.tip.position[0] == pytest.approx(AGENT_WORKSPACE.high[0])
    assert not control.execute({"tap": vector(0.5, 0.0, 0.1)}).clipped


def corners(space: Any) -> list[Any]:
    return [np.array([x, y, z, 0.0, 0.0, 0.0, 1.0]) for x, y, z in product(*zip(space.low, space.high, strict=True))]


@pytest.mark.parametrize(("control", "key"), [("primitive", "tap"), ("waypoint", "pose")])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_whatever_lies_in_the_action_space_is_not_clipped(make: Make, control: str, key: str, dtype: Any) -> None:
    space = make(Tap(), control).action_space[key]
    workspace = AGENT_WORKSPACE if control == "primitive" else WAYPOINT_WORKSPACE
    space.seed(0)
    for vector in [*corners(workspace), *(space.sample() for _ in range(200))]:
        pose = vector.astype(dtype)
        assert space.contains(pose)
        checked = checked_pose({key: pose}, key, workspace)
        assert not checked.clipped
        np.testing.assert_array_equal(checked.vector, pose)
    np.testing.assert_allclose(space.low[:3], workspace.low, atol=1e-7)
    np.testing.assert_allclose(space.high[:3], workspace.high, atol=1e-7)


def test_every_waypoint_space_holds_the_pose_in_which_an_episode_begins(make: Make) -> None:
    control = make(Tap(), "waypoint")
    assert control.action_space["pose"].contains(HOME_TIP.vector())
    executed = control.execute({"pose": HOME_TIP.vector(), "gripper": 0})
    assert (executed.report.outcome, executed.clipped) == ("done", False)


@given(
    corner=st.tuples(*[st.floats(-2.0, 2.0)] * 3),
    size=st.tuples(*[st.floats(0.01, 1.0)] * 3),
    parts=st.tuples(*[st.floats(0.0, 1.0)] * 3),
)
def test_limits_hold_what_float32_makes_of_a_position(corner: Any, size: Any, parts: Any) -> None:
    high = tuple(c + s for c, s in zip(corner, size, strict=True))
    low_limit, high_limit = Workspace(corner, high).limits()
    position = np.minimum(np.array(corner) + np.array(parts) * np.array(size), high)
    for point in (position, position.astype(np.float32)):
        assert np.all(low_limit <= point) and np.all(point <= high_limit)
    np.testing.assert_allclose(low_limit, corner, atol=1e-6)
    np.testing.assert_allclose(high_limit, high, atol=1e-6)


def test_what_is_reported_is_what_was_done(make: Make) -> None:
    executed = make(Tap()).execute({"tap": np.array([2.0, 0.1, 0.2, 0.0, 0.0, 0.0, 0.5], dtype=np.float32)})
    assert executed.action["tap"].dtype == np.float64
    np.testing.assert_allclose(executed.action["tap"], [0.75, 0.1, 0.2, 0.0, 0.0, 0.0, 0.5], atol=1e-6)
    executed = make(Tap(), "waypoint").execute({"pose": [0.5, 0.0, 0.9, 0.0, 0.0, 0.0, 1.0], "gripper": True})
    assert executed.action["pose"][2] == WAYPOINT_WORKSPACE.high[2]
    assert executed.action["gripper"].dtype == np.int64


def test_an_oracle_plans_nothing_beside_the_table(make: Make) -> None:
    beside = replace(GOAL, targets=(Pose.planar(0.9, 0.2, 0.5, 1.0),))
    for control in (make(Relay()), make(PickPlace(), "waypoint")):
        actions = [control.oracle(beside, np.random.default_rng(0)) for _ in range(6)]
        assert all(control.action_space.contains(action) for action in actions)


def test_the_one_pose_of_an_action_may_come_without_its_name(make: Make) -> None:
    control = make(Tap())
    assert control.execute(vector(0.5, 0.0, 0.1)).report.outcome == "done"
    assert list(control.execute(vector(0.5, 0.0, 0.1)).action) == ["tap"]
    with pytest.raises(InvalidActionError, match=r"action\['tap'\] must have shape \(7,\)"):
        control.execute(np.zeros(6))
    with pytest.raises(InvalidActionError, match="mapping with the key 'pick'"):
        make(Relay()).execute(vector(0.5, 0.0, 0.1))


def test_the_oracle_takes_the_body_from_its_first_pose_to_its_last(make: Make) -> None:
    control = make(Relay())
    action = Action.from_dict(control.oracle(GOAL, np.random.default_rng(0)))
    cube = control.robot.scene.pose("cube")
    for name in ("via", "place"):
        moved = action[name] @ action["pick"].inverse() @ cube
        assert moved.position == pytest.approx(GOAL.targets[0].position, abs=1e-6)
        assert moved.yaw == pytest.approx(1.0)


def test_by_default_waypoints_go_down_to_each_pose_and_up_again(make: Make) -> None:
    control = make(Tap(), "waypoint")
    planned = control.task.primitive.waypoints(control.robot, Action(tap=Pose((0.5, 0.1, 0.0))))
    assert 3 <= len(planned) <= WAYPOINTS_PER_ACTION
    heights = [waypoint.tip.position[2] for waypoint in planned]
    assert min(heights) == 0.0
    assert heights[-1] > 0.2
    assert not any(waypoint.engaged for waypoint in planned)


def test_the_continuous_form_follows_from_a_primitive_that_says_nothing_of_it(make: Make) -> None:
    control = make(Tap(), "waypoint")
    assert sorted(control.action_space) == ["gripper", "pose"]
    assert control.max_steps == 3 * WAYPOINTS_PER_ACTION
    rng, lowest = np.random.default_rng(0), 1.0
    for _ in range(6):
        executed = control.execute(control.oracle(GOAL, rng))
        assert executed.report.outcome == "done"
        assert executed.scores
        lowest = min(lowest, control.robot.tool.tip.position[2])
    assert lowest == pytest.approx(0.039, abs=0.004), "the descent stops on the cube"


def test_a_gripper_is_switched_at_the_end_of_a_waypoint(make: Make) -> None:
    control = make(PickPlace(), "waypoint")
    above, onto = vector(0.5, 0.0, 0.2), vector(0.5, 0.0, 0.0)
    assert control.execute({"pose": above, "gripper": 1}).report == MotionReport("nothing gripped", complete=False)
    gripped = control.execute({"pose": onto, "gripper": 1})
    assert gripped.report == MotionReport("done", grasped=True, complete=False)
    assert not gripped.scores
    assert not control.execute({"pose": above, "gripper": 1}).scores
    released = control.execute({"pose": onto, "gripper": 0})
    assert released.report == MotionReport("done", complete=True)
    assert released.scores


@pytest.mark.parametrize("primitive", [Tap(), PickPlace()])
def test_a_waypoint_out_of_reach_moves_nothing(make: Make, primitive: Primitive) -> None:
    control = make(primitive, "waypoint")
    before = control.robot.tool.tip
    upside_down = np.array([0.5, 0.0, 0.1, 1.0, 0.0, 0.0, 0.0])
    assert control.execute({"pose": upside_down, "gripper": 1}).report == MotionReport("unreachable", complete=False)
    assert control.robot.tool.tip == before


class Tensor:
    """As one of PyTorch that requires gradients."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")


def test_what_gives_no_array_is_refused_with_the_way_out(make: Make) -> None:
    with pytest.raises(InvalidActionError, match=r"action\['tap'\] must be seven numbers; got .*Tensor.*detach"):
        make(Tap()).execute({"tap": Tensor()})


@pytest.mark.parametrize(
    "gripper", [Tensor(), 2, 0.5, None, "on", [0, 1], [[0], [0, 1]], 10**400, float("nan"), 1j, {}]
)
def test_the_gripper_is_0_or_1(make: Make, gripper: Any) -> None:
    with pytest.raises(InvalidActionError, match=r"action\['gripper'\] must be 0 or 1"):
        make(Tap(), "waypoint").execute({"pose": vector(0.5, 0.0, 0.2), "gripper": gripper})


def test_a_plan_out_of_reach_ends_the_oracles_episode(make: Make) -> None:
    with pytest.raises(OracleGaveUpError, match="reaches no way-point"):
        make(Lost(), "waypoint").oracle(GOAL, np.random.default_rng(0))


class Rod(Tool):
    """A tool of a user's own."""

    name = "rod"
    force = 200.0
    stiffness = 0.5
    body = solid(Cylinder(0.005, 0.1, Pose((0.0, 0.0, 0.05))), PALETTE["gray"], mass=0.1)
    mount = marker((Box((0.02, 0.02, 0.02)),), PALETTE["gray"])


class RodTap(Tap):
    """Taps with it."""

    tool: ClassVar[type[Tool]] = Rod


def test_a_new_tool_is_one_class_too(make: Make) -> None:
    control = make(RodTap(), "waypoint")
    scene, robot = control.robot.scene, control.robot
    control.execute({"pose": vector(0.5, 0.0, 0.1), "gripper": 0})
    assert control.execute({"pose": vector(0.5, 0.0, 0.0), "gripper": 0}).report.outcome == "done"
    assert robot.tool.touching() == ["cube"]
    robot.show()
    assert math.dist(scene.pose("rod_mount").position, robot.tool.tip.position) < 0.2


def test_an_unknown_control_is_refused(make: Make) -> None:
    with pytest.raises(ConfigError, match="control must be primitive or waypoint; got 'joints'"):
        make(Tap(), "joints")


def test_only_grippers_grip(make: Make) -> None:
    blade, suction = make(Tap()).robot.tool, make(PickPlace()).robot.tool
    assert (Spatula.can_hold, Suction.can_hold) == (False, True)
    assert not blade.activate()
    blade.release()
    assert not blade.holds
    assert not suction.activate(), "nothing is touched"


def test_an_action_is_a_mapping_of_poses_in_the_order_given() -> None:
    pick, via, place = (Pose((0.4 + x, 0.0, 0.1)) for x in (0.0, 0.1, 0.2))
    action = Action(pick=pick, via=via, place=place)
    assert list(action) == ["pick", "via", "place"]
    assert (action.pick, action.place) == (pick, place)
    assert Action(pick, place) == Action(pick=pick, place=place)
    assert Action.from_dict(action.to_dict(), order=("pick", "via", "place")) == action
    recorded = {"gripper": np.array(1), **dict(sorted(action.to_dict().items()))}
    assert list(Action.from_dict(recorded, order=("pick", "via", "place"))) == ["pick", "via", "place"]


def test_poses_without_names_are_a_pick_and_a_place() -> None:
    pose = Pose((0.5, 0.0, 0.1))
    with pytest.raises(TypeError, match="Name the poses"):
        Action(pose, pose, pose)
    with pytest.raises(TypeError, match="each once"):
        Action(pose, pick=pose)
    with pytest.raises(KeyError):
        _ = Action(poke=pose).place


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("length", [1e-5, 1.0, 1e200, 1e308])
def test_quaternions_of_any_length_are_taken_without_a_warning(length: float) -> None:
    action = {"pick": np.array([0.5, 0.0, 0.1, 0.0, 0.0, 0.6 * length, 0.8 * length])}
    assert checked_pose(action, "pick", AGENT_WORKSPACE).pose.yaw == pytest.approx(2 * math.asin(0.6))
