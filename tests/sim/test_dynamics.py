"""What Bullet makes of mass, friction, inertia and damping: facts that the documentation states."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from ravens_suite.core.geometry import Pose, Vector
from ravens_suite.sim.bodies import Body, Box, Cylinder, Hull, Shape, Visual, solid
from ravens_suite.sim.bullet_bodies import INERTIA_SCALE
from ravens_suite.sim.bullet_shapes import bullet
from ravens_suite.sim.kinds import Kind
from ravens_suite.sim.precision import TIME_STEP
from ravens_suite.sim.scene import GRAVITY, Scene

RED = (1.0, 0.0, 0.0)
CUBE = Box((0.04, 0.04, 0.04))
MASS = 0.3


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.close()


def add(scene: Scene, shapes: tuple[Shape, ...], kind: Kind = "movable", *, z: float = 2.0) -> int:
    body = Body(tuple(Visual(shape, RED) for shape in shapes), shapes, MASS)
    scene.add("body", body, Pose((0.5, 0.0, z)), kind)
    return scene.handle("body")


def solid_box(size: Vector) -> list[float]:
    x, y, z = size
    return [MASS / 12 * (y * y + z * z), MASS / 12 * (x * x + z * z), MASS / 12 * (x * x + y * y)]


def damped(speed: float) -> float:
    """What a second leaves of a speed that falls by 4 % of itself times one plus itself; m/s, or radians a second."""
    left = speed / (1 + speed) * math.exp(-0.04)
    return left / (1 - left)


@pytest.mark.parametrize("speed", [0.05, 1.0])
@pytest.mark.parametrize("kind", ["movable", "robot"])
def test_bodies_in_maximal_coordinates_have_no_damping(scene: Scene, kind: Kind, speed: float) -> None:
    """Multibodies, of which published scenes and our tools are made, have some."""
    body, client = add(scene, (CUBE,), kind), scene.client
    bullet.setGravity(0, 0, 0, physicsClientId=client)
    bullet.resetBaseVelocity(body, [speed, 0.0, 0.0], [0.0, 0.0, speed], physicsClientId=client)
    scene.step(round(1 / TIME_STEP))
    linear, angular = bullet.getBaseVelocity(body, physicsClientId=client)
    kept = damped(speed) if kind == "robot" else speed
    assert (linear[0], angular[2]) == pytest.approx((kept, kept), rel=1e-3)


@pytest.mark.parametrize(
    ("shapes", "around"),
    [
        ((CUBE,), (0.04, 0.04, 0.04)),
        ((Box((0.02, 0.02, 0.02), Pose((0.1, 0, 0))), Box((0.02, 0.02, 0.02), Pose((-0.1, 0, 0)))), (0.22, 0.02, 0.02)),
        ((Box((0.02, 0.02, 0.02), Pose((0.2, 0, 0))), Box((0.02, 0.02, 0.02))), (0.22, 0.02, 0.02)),
    ],
    ids=["box", "dumbbell", "beside the origin"],
)
def test_several_shapes_have_the_inertia_of_a_box_around_them(
    scene: Scene, shapes: tuple[Shape, ...], around: Vector
) -> None:
    inertia = bullet.getDynamicsInfo(add(scene, shapes), -1, physicsClientId=scene.client)[2]
    assert inertia == pytest.approx([INERTIA_SCALE * value for value in solid_box(around)], rel=1e-6)


def test_one_round_shape_has_its_own_inertia(scene: Scene) -> None:
    radius, height = 0.05, 0.02
    body = add(scene, (Cylinder(radius, height),))
    inertia = bullet.getDynamicsInfo(body, -1, physicsClientId=scene.client)[2]
    across = MASS / 12 * (3 * radius**2 + height**2)
    expected = [INERTIA_SCALE * value for value in (across, across, MASS / 2 * radius**2)]
    assert inertia == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("side", [0.01, 0.04])
def test_a_hull_stands_off_and_has_the_inertia_of_a_larger_box(scene: Scene, side: float) -> None:
    """By 1 mm, and of one 3 mm larger on every side (``findings/pybullet_small_meshes_are_slow_to_turn.sh``)."""
    ends = (-side / 2, side / 2)
    hull = Hull(tuple((x, y, z) for x in ends for y in ends for z in ends))
    scene.add("below", solid(CUBE, RED), Pose((0.5, 0.0, 1.0)), "fixed")
    body = add(scene, (hull,), z=1.0 + (0.04 + side) / 2 + 0.002)
    inertia = bullet.getDynamicsInfo(body, -1, physicsClientId=scene.client)[2]
    around = side + 0.006
    assert inertia == pytest.approx([INERTIA_SCALE * value for value in solid_box((around,) * 3)], rel=1e-5)
    assert scene.settle()
    gap = scene.pose("body").position[2] - 1.0 - (0.04 + side) / 2
    assert gap == pytest.approx(0.001, abs=1e-4)


def test_inertia_counts(scene: Scene) -> None:
    """A torque for one step turns a body by what its inertia says, from the second step of its life on."""
    body, client, torque = add(scene, (CUBE,)), scene.client, 0.01
    scene.step()
    bullet.applyExternalTorque(body, -1, [0, 0, torque], bullet.WORLD_FRAME, physicsClientId=client)
    scene.step()
    turned = bullet.getBaseVelocity(body, physicsClientId=client)[1][2]
    assert turned == pytest.approx(torque * TIME_STEP / (INERTIA_SCALE * solid_box(CUBE.size)[2]), rel=1e-6)


@pytest.mark.parametrize("friction", [0.25, 0.5, 1.0])
def test_friction_counts(scene: Scene, friction: float) -> None:
    """A sliding body is braked by the product of its friction and the plane's, which is 1."""
    scene.add("body", solid(CUBE, RED, MASS, friction), Pose((0.4, 0.0, 0.019)), "movable")
    scene.step(48)
    bullet.resetBaseVelocity(scene.handle("body"), [0.6, 0, 0], [0, 0, 0], physicsClientId=scene.client)
    scene.step(24)
    speed = bullet.getBaseVelocity(scene.handle("body"), physicsClientId=scene.client)[0][0]
    assert 0.6 - speed == pytest.approx(-friction * GRAVITY * 24 * TIME_STEP, rel=0.1)


def test_two_bodies_slide_by_the_product_of_their_frictions(scene: Scene) -> None:
    """Other simulators take the greater one or the mean (``findings/friction_of_two_bodies_in_four_simulators.sh``)."""
    table, block = solid(Box((0.4, 0.4, 0.04)), RED, 0.0, 0.8), solid(CUBE, RED, MASS, 0.5)
    scene.add("table", table, Pose((0.4, 0.0, 0.019)), "fixed")
    scene.add("block", block, Pose((0.3, 0.0, 0.059)), "movable")
    scene.step(48)
    bullet.resetBaseVelocity(scene.handle("block"), [0.6, 0, 0], [0, 0, 0], physicsClientId=scene.client)
    scene.step(24)
    speed = bullet.getBaseVelocity(scene.handle("block"), physicsClientId=scene.client)[0][0]
    assert 0.6 - speed == pytest.approx(-0.8 * 0.5 * GRAVITY * 24 * TIME_STEP, rel=0.1)
