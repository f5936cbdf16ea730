"""What a task's author writes of bodies: arrays and lists work as tuples do, and what cannot be is refused by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from ravens_suite.core.geometry import Pose
from ravens_suite.errors import ConfigError, MeshError, RavensError, TaskDefinitionError
from ravens_suite.sim.bodies import Body, Box, Cylinder, Hull, Mesh, Sphere, Visual, marker, solid
from ravens_suite.sim.constraints import Mount, link
from ravens_suite.sim.kinds import Kind
from ravens_suite.sim.precision import Precision
from ravens_suite.sim.scene import Scene

RED = (1.0, 0.0, 0.0)
CORNERS = ((0.0, 0.0, 0.0), (0.1, 0.0, 0.0), (0.0, 0.1, 0.0), (0.0, 0.0, 0.1))
ABOVE = Pose((0.5, 0.0, 0.5))


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.close()


@pytest.mark.parametrize("kind", [list, np.array], ids=["list", "array"])
def test_lists_and_arrays_describe_the_same_body_as_tuples(scene: Scene, kind: Callable[[Any], Any]) -> None:
    size, place, turn = (0.04, 0.05, 0.06), (0.0, 0.01, 0.0), (0.0, 0.0, 0.6, 0.8)
    box, own = Box(size, Pose(place, turn)), Box(kind(size), Pose(kind(place), kind(turn)))
    assert own == box
    assert hash(own) == hash(box)
    assert Hull(kind(CORNERS)) == Hull(CORNERS)
    assert hash(Hull(kind(CORNERS))) == hash(Hull(CORNERS))
    body = Body([Visual(own, kind(RED))], [own], np.float64(0.1))  # type: ignore[arg-type]
    assert body == solid(box, RED, 0.1)
    assert hash(body) == hash(solid(box, RED, 0.1))
    scene.add_alike({"a": body, "b": body}, {"a": Pose(kind((0.5, 0.0, 0.5))), "b": Pose((0.5, 0.3, 0.5))}, "movable")
    scene.step(50)
    assert scene.pose("a").position[2] == scene.pose("b").position[2] < 0.5


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: Box("abc"), "size of Box"),  # type: ignore[arg-type]
        (lambda: Box(0.04), "size of Box"),  # type: ignore[arg-type]
        (lambda: Box((0.04, 0.04)), "size of Box"),  # type: ignore[arg-type]
        (lambda: Box((0.04, 0.04, None)), "size of Box"),  # type: ignore[arg-type]
        (lambda: Box((0.04, 0.04, 0.04), (0, 0, 1)), "pose of Box"),  # type: ignore[arg-type]
        (lambda: Cylinder("1", 0.1), "radius and height of Cylinder"),  # type: ignore[arg-type]
        (lambda: Sphere(None), "radius of Sphere"),  # type: ignore[arg-type]
        (lambda: Hull(((0, 0), (1, 0), (0, 1))), "points of Hull"),  # type: ignore[arg-type]
        (lambda: Hull(0.1), "points of Hull"),  # type: ignore[arg-type]
        (lambda: Visual(Sphere(0.1), "red"), "color is 'red'"),  # type: ignore[arg-type]
        (lambda: Visual(Sphere(0.1), None), "color is None"),  # type: ignore[arg-type]
        (lambda: Visual(Body(()), RED), "shape of Visual"),  # type: ignore[arg-type]
        (lambda: Body(Visual(Sphere(0.1), RED)), "visuals of a body"),  # type: ignore[arg-type]
        (lambda: Body((), Sphere(0.1)), "collisions of a body"),  # type: ignore[arg-type]
        (lambda: Body((), (), "1"), "mass of a body"),  # type: ignore[arg-type]
        (lambda: Body((), (), 1.0, None), "friction of a body"),  # type: ignore[arg-type]
    ],
)
def test_what_describes_no_body_is_refused_by_name(make: Callable[[], Any], what: str) -> None:
    with pytest.raises(TaskDefinitionError, match=what):
        make()


@pytest.mark.parametrize("values", [{"name": None}, {"name": "bowl", "scale": "1"}, {"name": "bowl", "scale": None}])
def test_what_describes_no_mesh_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(MeshError, match=r"[mM]esh"):
        Mesh(**values)


@pytest.mark.parametrize(
    ("name", "body", "kind", "why"),
    [
        ("x", marker((Sphere(0.02),), RED), "movable", "no collision shape"),
        (3, solid(Sphere(0.02), RED), "fixed", "by a name"),
        ("x", Sphere(0.02), "fixed", "takes a Body"),
    ],
)
def test_a_body_that_is_not_of_its_kind_is_refused(scene: Scene, name: Any, body: Any, kind: Kind, why: str) -> None:
    before = scene.names()
    with pytest.raises(TaskDefinitionError, match=why):
        scene.add(name, body, ABOVE, kind)
    assert scene.names() == before


def test_what_is_fixed_never_moves_and_a_marker_never_collides(scene: Scene) -> None:
    body = solid(Box((0.04, 0.04, 0.04)), RED, 0.1)
    scene.add("shelf", body, ABOVE, "fixed")
    scene.add("picture", body, Pose((0.5, 0.0, 0.3)), "marker")
    scene.add("x", body, ABOVE.at(z=0.545), "movable")
    scene.add("y", body, Pose((0.5, 0.0, 0.35)), "movable")
    assert scene.settle()
    assert scene.pose("shelf") == ABOVE
    assert scene.pose("picture").position == (0.5, 0.0, 0.3)
    assert scene.pose("x").position[2] == pytest.approx(0.54, abs=1e-3)
    assert scene.pose("y").position[2] == pytest.approx(0.019, abs=1e-3)


def test_a_place_that_is_no_pose_is_refused(scene: Scene) -> None:
    with pytest.raises(TaskDefinitionError, match="pose of 'x'"):
        scene.add("x", solid(Sphere(0.02), RED), (0.5, 0.0, 0.5), "fixed")  # type: ignore[arg-type]


def test_only_the_colours_of_another_body_are_taken(scene: Scene) -> None:
    body = solid(Box((0.04, 0.04, 0.04)), RED, 0.1)
    scene.add("x", body, ABOVE, "movable")
    scene.recolor("x", marker((Sphere(0.5),), (0.0, 1.0, 0.0)))
    scene.step(50)
    assert scene.body("x") == body.colored((0.0, 1.0, 0.0))
    assert scene.pose("x").position[2] < 0.499


@pytest.mark.parametrize("force", [0.0, -5.0, float("nan"), float("inf")])
def test_a_force_that_is_no_limit_is_refused(scene: Scene, force: float) -> None:
    scene.add("part", solid(Sphere(0.02), RED, 0.1), ABOVE, "robot")
    with pytest.raises(ConfigError, match="force of the mount"):
        Mount(scene, "part", force, 0.2)


def test_joints_that_cannot_be_are_refused_before_bullet_sees_them(scene: Scene) -> None:
    scene.add("x", solid(Sphere(0.02), RED, 0.1), ABOVE, "movable")
    with pytest.raises(ConfigError, match="cannot be mounted"):
        Mount(scene, "x", 50.0, 0.2)
    with pytest.raises(ConfigError, match="two bodies"):
        link(scene, "x", "x", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    assert len(scene.joints) == 0


@pytest.mark.parametrize("time_step", [0.0, -1.0, float("nan"), float("inf")])
def test_a_time_step_that_is_none_is_refused(scene: Scene, time_step: float) -> None:
    with pytest.raises(ConfigError, match="time_step"):
        scene.settle_coarsely(10, time_step)


@pytest.mark.parametrize("residual", [-1.0, float("nan"), float("inf")])
def test_a_residual_that_is_none_is_refused(residual: float) -> None:
    with pytest.raises(RavensError, match="residual"):
        Scene(Precision(residual=residual))


def test_what_never_collides_has_no_bounds(scene: Scene) -> None:
    with pytest.raises(ValueError, match="'workspace' has no collision shape"):
        scene.bounds("workspace")
