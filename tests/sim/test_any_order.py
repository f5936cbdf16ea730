"""Bodies come and go in any order: what is left of pairs and joints is what was said of the bodies that are there."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ravens_suite.core.geometry import Pose
from ravens_suite.sim.bodies import Box, Shape, Sphere, solid
from ravens_suite.sim.bullet_shapes import bullet
from ravens_suite.sim.constraints import link
from ravens_suite.sim.scene import Scene

NAMES = ("a", "b", "c", "d")
SHAPES: dict[str, tuple[Shape, float]] = {
    "a": (Box((0.04, 0.04, 0.04)), 0.1),
    "b": (Sphere(0.02), 0.1),
    "c": (Box((0.1, 0.1, 0.02)), 0.0),
    "d": (Box((0.04, 0.04, 0.04)), 0.1),
}
PAIR = st.lists(st.sampled_from(NAMES), min_size=2, max_size=2, unique=True)
COURSE = st.lists(st.tuples(st.sampled_from(["add", "remove", "ignore", "link"]), PAIR), min_size=4, max_size=14)


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.close()


def carry_out(scene: Scene, course: list[tuple[str, list[str]]]) -> tuple[set[frozenset[str]], list[frozenset[str]]]:
    """The pairs that pass through each other at the end, and the joints."""
    ignored: set[frozenset[str]] = set()
    joints: list[frozenset[str]] = []
    for what, (name, other) in course:
        if what == "add" and name not in scene:
            shape, mass = SHAPES[name]
            place = Pose((0.5, 0.1 * NAMES.index(name), 1.0))
            scene.add(name, solid(shape, (1.0, 0.0, 0.0), mass), place, "movable" if mass else "fixed")
        elif what == "remove" and name in scene:
            scene.remove(name)
            ignored = {pair for pair in ignored if name not in pair}
            joints = [pair for pair in joints if name not in pair]
        elif what in ("ignore", "link") and name in scene and other in scene:
            if what == "ignore":
                scene.ignore_collisions(name, other)
                ignored.add(frozenset((name, other)))
            else:
                link(scene, name, other, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
                joints.append(frozenset((name, other)))
        scene.step()
    return ignored, joints


@given(course=COURSE)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pairs_and_joints_are_those_of_the_bodies_that_are_there(
    scene: Scene, course: list[tuple[str, list[str]]]
) -> None:
    scene.reset()
    ignored, joints = carry_out(scene, [("add", list(NAMES[:2])), ("add", list(NAMES[1:3])), *course])
    assert bullet.getNumConstraints(physicsClientId=scene.client) == len(scene.joints) == len(joints)
    there = [name for name in NAMES if name in scene]
    for one, other in itertools.combinations(there, 2):
        if frozenset((one, other)) in joints:
            continue
        for index, name in enumerate(there):
            scene.move(name, Pose((0.5, 0.4 * index - 0.6, 1.0)))
        scene.move(one, Pose((0.5, 1.5, 1.0)))
        scene.move(other, Pose((0.5, 1.5, 1.015)))
        scene.step()
        assert (other in scene.touching(one)) == (frozenset((one, other)) not in ignored)
