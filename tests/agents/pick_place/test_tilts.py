"""Tilted places: swing and twist, what a motion looks like from above, and targets that are tilted anew."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ravens_suite.agents.pick_place.augmentation import Augmentation, augment
from ravens_suite.agents.pick_place.plane import rigid, to_pixels, transform
from ravens_suite.agents.pick_place.retilting import levelled, retilted
from ravens_suite.agents.pick_place.steps import Step, step_from_maps
from ravens_suite.agents.pick_place.tilts import flattened, moved_normal, tilt_of, turned, twist
from ravens_suite.core.geometry import Array, Pose, euler_quaternion, yaw_quaternion
from tests.agents import tilted_scenes

_ANGLE = st.floats(-1.0, 1.0)


def _angle_between(first: Array, second: Array) -> float:
    return math.degrees(math.acos(min(1.0, float(first @ second))))


@given(roll=_ANGLE, pitch=_ANGLE, yaw=st.floats(-3.1, 3.1))
def test_swing_and_twist_are_the_whole_rotation(roll: float, pitch: float, yaw: float) -> None:
    turn = Pose(quaternion=euler_quaternion(roll, pitch, yaw))
    tilt = tilt_of(turn, 0.1)
    if tilt is None:
        assert math.hypot(roll, pitch) < 2e-3
        return
    np.testing.assert_allclose(turned(tilt.normal, twist(turn)).rotation(), turn.rotation(), atol=1e-9)


@given(roll=_ANGLE, pitch=_ANGLE, yaw=st.floats(-3.1, 3.1), about=st.floats(-3.1, 3.1))
def test_turning_the_scene_turns_the_swing_and_keeps_the_twist(
    roll: float, pitch: float, yaw: float, about: float
) -> None:
    turn, scene = Pose(quaternion=euler_quaternion(roll, pitch, yaw)), Pose(quaternion=yaw_quaternion(about))
    tilt, other = tilt_of(turn, 0.1), tilt_of(scene @ turn @ scene.inverse(), 0.1)
    if tilt is None or other is None:
        return
    assert math.remainder(twist(scene @ turn @ scene.inverse()) - twist(turn), 2 * math.pi) == pytest.approx(
        0, abs=1e-9
    )
    moved = moved_normal(tilt.normal, rigid(about, np.zeros(2), np.zeros(2)))
    np.testing.assert_allclose(moved, other.normal, atol=1e-9)


@given(roll=_ANGLE, pitch=_ANGLE, yaw=st.floats(-3.1, 3.1), x=st.floats(-0.05, 0.05), y=st.floats(-0.05, 0.05))
def test_another_pick_on_the_object_has_the_place_that_geometry_gives(
    roll: float, pitch: float, yaw: float, x: float, y: float
) -> None:
    current, target = Pose.planar(0.4, -0.2, 0.02, 0.3), Pose((0.6, 0.2, 0.1), euler_quaternion(roll, pitch, yaw))
    first, other = (target @ current.inverse() @ Pose((0.4 + dx, -0.2 + dy, 0.04)) for dx, dy in ((0.0, 0.0), (x, y)))
    tilt = tilt_of(first, first.position[2])
    if tilt is None:
        return
    picks = [to_pixels(Pose((0.4 + dx, -0.2 + dy, 0.04))) for dx, dy in ((0.0, 0.0), (x, y))]
    motion = flattened(tilt.normal, twist(first), picks[0], to_pixels(first))
    np.testing.assert_allclose(transform(motion, picks[1]), to_pixels(other), atol=1e-6)
    assert tilt.height_at(to_pixels(other) - to_pixels(first)) == pytest.approx(other.position[2], abs=1e-9)


def test_a_tilted_step_knows_its_object_and_is_upright_for_agents_that_do_not_tilt() -> None:
    step = tilted_scenes.step(0.5, 2.0)
    assert step.tilt is not None
    np.testing.assert_allclose(step.tilt.normal, tilted_scenes.normal_of(0.5, 2.0), atol=1e-9)
    (block,) = step.free_objects
    red = (step.color == tilted_scenes.RED).all(axis=-1)
    assert block.mask.sum() == red.sum()
    assert step.symmetry_order == 2
    flat = step_from_maps(step.scene, step.scene, Pose((0.4, 0.0, 0.0)), Pose((0.5, 0.0, 0.1), (0.6, 0.0, 0.0, 0.8)))
    assert flat.tilt is None


@given(seed=st.integers(0, 10_000), tilt=st.floats(0.05, 0.6), direction=st.floats(0, 6.2))
@settings(max_examples=25, deadline=None)
def test_a_target_that_is_tilted_anew_is_a_plane_of_its_new_tilt(seed: int, tilt: float, direction: float) -> None:
    step = tilted_scenes.step(tilt, direction)
    new = retilted(step, np.random.default_rng(seed))
    assert step.tilt is not None and new.tilt is not None
    if new is step:
        return
    assert _angle_between(new.tilt.normal, step.tilt.normal) <= 20 + 1e-6
    _check_plane(new.scene, new.place, new.tilt.normal, new.tilt.height)
    np.testing.assert_array_equal(new.pick, step.pick)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_an_example_knows_tilt_and_height_of_its_place(seed: int) -> None:
    step = tilted_scenes.step(0.4, 1.0)
    example = augment(step, Augmentation(scatter=0.5, shift=20, flips=True, retilted=0.5), np.random.default_rng(seed))
    assert example.tilt is not None
    inside = np.all(example.place[0] > 20) and np.all(example.place[0] < np.array([140, 300]))
    if inside:
        _check_plane(_scene_of(example.color, example.height), example.place[0], *example.tilt)


@given(tilt=st.floats(0.05, 0.8), direction=st.floats(0, 6.2), yaw=st.floats(-3.1, 3.1))
@settings(max_examples=25, deadline=None)
def test_a_levelled_target_is_level_and_the_way_back_is_known(tilt: float, direction: float, yaw: float) -> None:
    normal = tilted_scenes.normal_of(tilt, direction)
    scene, place = tilted_scenes.draw(normal, yaw), to_pixels(Pose(tilted_scenes.GOAL))
    level = levelled(scene, place, normal)
    assert level is not None
    plane = tilted_scenes.plane_at(level.scene, level.there(np.array([*place, 0.0]))[:2])
    assert plane.normal[2] > math.cos(math.radians(4))
    # The plate is as large as it is, and no longer foreshortened.
    extent = np.linalg.norm(level.outline - level.outline.mean(axis=0), axis=1).max() * tilted_scenes.PIXEL
    assert extent == pytest.approx(math.hypot(0.06, 0.04), abs=0.006)
    point = np.array([place[0] + 5.0, place[1] - 7.0, 33.0])
    np.testing.assert_allclose(level.back(level.there(point)), point, atol=1e-9)
    block = (scene.color == tilted_scenes.RED).all(axis=-1)
    np.testing.assert_array_equal((level.scene.color == tilted_scenes.RED).all(axis=-1), block)


def test_where_nothing_stands_nothing_is_levelled() -> None:
    scene = tilted_scenes.draw(tilted_scenes.normal_of(0.4, 1.0), 0.3)
    assert levelled(scene, np.array([20.0, 20.0]), tilted_scenes.normal_of(0.4, 1.0)) is None


def test_what_is_not_tilted_stays_as_it_is() -> None:
    step: Step = tilted_scenes.step(0.4, 1.0)
    upright = Step(step.color, step.height, step.pick, step.place, step.yaw, step.pick_affinity, step.free_objects)
    assert retilted(upright, np.random.default_rng(0)) is upright
    assert augment(upright, Augmentation(retilted=1.0), np.random.default_rng(0)).tilt is None


def _scene_of(color: Array, height: Array) -> tilted_scenes.Heightmap:
    return tilted_scenes.Heightmap(color, height)


def _check_plane(scene: tilted_scenes.Heightmap, place: Array, normal: Array, height: float) -> None:
    """The plate is a plane of that normal, three centimetres below the place along it."""
    plane = tilted_scenes.plane_at(scene, place)
    assert _angle_between(plane.normal, normal) < 4
    assert height - plane.height == pytest.approx(0.03 / normal[2], abs=0.006)
