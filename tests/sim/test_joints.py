"""Joints, mounts and ignored pairs: limits are what they say at any time step, and nothing outlives its bodies."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from ravens_suite.core.geometry import Pose
from ravens_suite.sim.bodies import Body, Box, Hull, Shape, solid
from ravens_suite.sim.bullet_shapes import bullet
from ravens_suite.sim.constraints import Grasp, Mount, link
from ravens_suite.sim.grippers import Suction
from ravens_suite.sim.precision import TIME_STEP
from ravens_suite.sim.scene import COARSE_TIME_STEP, GRAVITY, Scene

CUBE = Box((0.04, 0.04, 0.04))
ABOVE = Pose((0.5, 0.0, 0.5))


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.close()


def add(scene: Scene, name: str, pose: Pose, mass: float = 0.1) -> None:
    scene.add(name, solid(CUBE, (1.0, 0.0, 0.0), mass), pose, "movable" if mass else "fixed")


def hang(scene: Scene, weight: float, force: float, stiffness: float = 0.2) -> Mount:
    """A robot part that pulls down with ``weight`` newtons, mounted so that it can be pulled with ``force``."""
    scene.add("part", solid(CUBE, (1.0, 0.0, 0.0), weight / -GRAVITY), ABOVE, "robot")
    return Mount(scene, "part", force, stiffness)


def fallen(scene: Scene, name: str = "part") -> float:
    """Metres below ``ABOVE``."""
    return ABOVE.position[2] - scene.pose(name).position[2]


@pytest.mark.parametrize(("weight", "falls"), [(48.0, False), (52.0, True)])
@pytest.mark.parametrize("coarse", [False, True], ids=["fine", "coarse"])
def test_a_mount_pulls_with_its_newtons_at_any_time_step(
    scene: Scene, weight: float, falls: bool, coarse: bool
) -> None:
    hang(scene, weight, force=50.0)
    add(scene, "stirrer", Pose((0.3, 0.3, 3.0)))  # Falls all the time, so that the scene does not settle.
    if coarse:
        assert not scene.settle_coarsely(60)
    scene.step(120)
    seconds = 120 * TIME_STEP + coarse * 60 * COARSE_TIME_STEP
    surplus = -GRAVITY * (1 - 50.0 / weight)
    expected = surplus * seconds**2 / 2 if falls else 0.0
    assert fallen(scene) == pytest.approx(expected, rel=0.2, abs=1e-3)


def test_an_interrupted_fall_leaves_the_fine_time_step(scene: Scene) -> None:
    hang(scene, 48.0, force=50.0)

    def interrupt() -> None:
        raise KeyboardInterrupt

    scene.on_step = interrupt
    with pytest.raises(KeyboardInterrupt):
        scene.settle_coarsely(60)
    scene.on_step = None
    before = scene.pose("part")
    scene.step(120)
    assert bullet.getPhysicsEngineParameters(physicsClientId=scene.client)["fixedTimeStep"] == TIME_STEP
    assert math.dist(scene.pose("part").position, before.position) < 1e-3


@pytest.mark.parametrize("stiffness", [0.2, 0.5, 0.9])
def test_a_mount_lags_behind_as_its_stiffness_says(scene: Scene, stiffness: float) -> None:
    mount, step = hang(scene, 1.0, 1000.0, stiffness), 0.001
    for i in range(1, 101):
        mount.command(Pose((0.5 + i * step, 0.0, 0.5)))
        scene.step()
    lag = mount.target.position[0] - scene.pose("part").position[0]
    assert lag == pytest.approx((1 / stiffness - 1) * step, rel=0.01)


@pytest.mark.parametrize("stiffness", [0.0, -0.1, 1.1, math.nan])
def test_a_stiffness_that_is_no_share_is_refused(scene: Scene, stiffness: float) -> None:
    with pytest.raises(ValueError, match="at most 1"):
        scene.stiffen(stiffness)


def test_a_stiff_tool_of_one_scene_does_not_stiffen_the_next(scene: Scene) -> None:
    hang(scene, 1.0, 1000.0, 0.9)
    scene.reset()
    scene.add("part", solid(CUBE, (1.0, 0.0, 0.0), 0.1), ABOVE, "robot")
    joint = scene.joints.make(scene.handle("part"), None, bullet.JOINT_FIXED, Pose(), ABOVE)
    scene.joints.pull(joint, Pose((0.5, 0.0, 0.51)), 1000.0)
    scene.step()
    assert fallen(scene) == pytest.approx(-0.2 * 0.01, rel=0.02)


def test_a_link_never_yields(scene: Scene) -> None:
    add(scene, "anchor", ABOVE, mass=0.0)
    add(scene, "load", Pose((0.5, 0.0, 0.4)), mass=50.0)
    link(scene, "anchor", "load", (0.0, 0.0, -0.05), (0.0, 0.0, 0.05))
    scene.step(240)
    assert scene.pose("load").position[2] == pytest.approx(0.4, abs=1e-3)


def test_a_grasp_has_no_limit_of_its_own(scene: Scene) -> None:
    hang(scene, 1.0, 1e6)
    add(scene, "load", ABOVE.raised(-0.1), mass=500.0)
    Grasp(scene, "part", "load")
    scene.step(240)
    assert fallen(scene, "load") == pytest.approx(0.1, abs=0.05)


def test_the_partner_of_a_removed_body_falls_freely(scene: Scene) -> None:
    add(scene, "anchor", ABOVE, mass=0.0)
    add(scene, "load", Pose((0.5, 0.0, 0.4)))
    link(scene, "anchor", "load", (0.0, 0.0, -0.05), (0.0, 0.0, 0.05))
    scene.step(10)
    scene.remove("anchor")
    assert bullet.getNumConstraints(physicsClientId=scene.client) == 0
    add(scene, "stranger", Pose((0.5, 0.3, 0.4)))
    scene.step(48)
    drop = -GRAVITY * (48 * TIME_STEP) ** 2 / 2
    assert 0.4 - scene.pose("load").position[2] == pytest.approx(drop, rel=0.05)
    assert scene.pose("stranger").position[:2] == pytest.approx((0.5, 0.3), abs=1e-9)


def test_a_chain_loses_its_middle(scene: Scene) -> None:
    for i in range(3):
        add(scene, f"bead {i}", Pose((0.5, 0.0, 0.5 - 0.05 * i)), mass=0.0 if i == 0 else 0.1)
    for i in range(2):
        link(scene, f"bead {i}", f"bead {i + 1}", (0.0, 0.0, -0.025), (0.0, 0.0, 0.025))
    scene.remove("bead 1")
    assert len(scene.joints) == bullet.getNumConstraints(physicsClientId=scene.client) == 0
    scene.step(48)
    assert scene.pose("bead 2").position[2] < 0.38


def test_a_removed_mount_says_so(scene: Scene) -> None:
    mount = hang(scene, 1.0, 50.0)
    scene.remove("part")
    with pytest.raises(RuntimeError, match="'part' is not in the scene any more"):
        mount.command(ABOVE)


def test_a_gripper_whose_body_is_removed_is_empty(scene: Scene) -> None:
    tip = Pose((0.5, 0.0, 0.3))
    gripper = Suction(scene, tip)
    add(scene, "load", Pose((0.5, 0.0, 0.2)))
    gripper._last_grasp = Grasp(scene, gripper.name, "load")
    assert gripper.holds
    assert gripper.held == "load"
    scene.remove("load")
    assert not gripper.holds
    assert gripper.held is None
    assert gripper.parts == ["suction"]
    assert gripper.touching() == []
    gripper.jump(Pose((0.5, 0.1, 0.3)))
    add(scene, "load", Pose((0.5, 0.0, 0.2)))  # Another body of the same name and id is not held.
    assert not gripper.holds
    gripper.release()
    scene.step(24)
    assert scene.pose("load").position[2] < 0.2


def test_a_grasp_released_after_a_reset_of_the_scene_ends_no_other_joint(scene: Scene) -> None:
    gripper = Suction(scene, Pose((0.5, 0.0, 0.3)))
    add(scene, "load", Pose((0.5, 0.0, 0.2)))
    grasp = Grasp(scene, gripper.name, "load")
    scene.reset()
    hang(scene, 1.0, 50.0)
    grasp.release()
    scene.step(48)
    assert fallen(scene) == pytest.approx(0.0, abs=1e-3)


def test_a_body_in_place_of_a_removed_one_collides(scene: Scene) -> None:
    plate = solid(Box((0.2, 0.2, 0.02)), (0.0, 1.0, 0.0))
    scene.add("plate", plate, Pose((0.5, 0.0, 0.01)), "fixed")
    for name in ("a", "b", "c"):
        add(scene, name, Pose((0.5, 0.0, 0.1)))
        scene.ignore_collisions(name, "plate")
        scene.remove(name)
    add(scene, "d", Pose((0.5, 0.0, 0.05)))
    assert scene.settle()
    assert scene.pose("d").position[2] == pytest.approx(0.04, abs=1e-3)


def test_removing_the_other_body_of_an_ignored_pair_ends_it_too(scene: Scene) -> None:
    plate = solid(Box((0.2, 0.2, 0.02)), (0.0, 1.0, 0.0))
    scene.add("plate", plate, Pose((0.5, 0.0, 0.01)), "fixed")
    add(scene, "a", Pose((0.5, 0.0, 0.1)))
    scene.ignore_collisions("a", "plate")
    scene.remove("plate")
    scene.add("plate", plate, Pose((0.5, 0.0, 0.01)), "fixed")
    assert scene.settle()
    assert scene.pose("a").position[2] == pytest.approx(0.04, abs=1e-3)


SHAPES: dict[str, tuple[Shape, ...]] = {
    "box": (CUBE,),
    "compound": (Box((0.04, 0.04, 0.02), Pose((0, 0, 0.01))), Box((0.04, 0.04, 0.02), Pose((0, 0, -0.01)))),
    "hull": (Hull(tuple((x, y, z) for x in (-0.02, 0.02) for y in (-0.02, 0.02) for z in (-0.02, 0.02))),),
}


@pytest.mark.parametrize("shapes", SHAPES.values(), ids=SHAPES)
def test_a_shape_outlives_the_first_body_that_had_it(scene: Scene, shapes: tuple[Shape, ...]) -> None:
    body = Body((), shapes, 0.1)
    for _ in range(2):
        scene.add("a", body, Pose((0.5, 0.0, 0.03)), "movable")
        assert scene.settle()
        assert scene.pose("a").position[2] == pytest.approx(0.019, abs=1e-3)
        scene.remove("a")


def test_contacts_of_a_removed_body_are_not_those_of_the_next_one(scene: Scene) -> None:
    add(scene, "a", Pose((0.5, 0.0, 0.019)))
    add(scene, "b", Pose((0.5, 0.0, 0.0585)))
    scene.step(24)
    assert scene.touching("b") == ["a"]
    number = scene.handle("a")
    scene.remove("a")
    assert scene.touching("b") == []
    add(scene, "c", Pose((0.3, 0.3, 0.5)))
    assert scene.handle("c") == number
    assert scene.touching("b") == scene.touching("c") == []
    scene.step()
    assert scene.touching("b") == scene.touching("c") == []


def test_ignored_pairs_end_with_a_reset(scene: Scene) -> None:
    for ignored in (True, False):
        scene.reset()
        add(scene, "a", Pose((0.5, 0.0, 0.03)))
        if ignored:
            scene.ignore_collisions("a", "plane")
        scene.step(240)
        assert (scene.pose("a").position[2] < 0.0) == ignored
