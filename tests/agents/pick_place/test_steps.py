"""What a demonstration says about the object it moved, and how examples are drawn from it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ravens_suite.agents.pick_place.augmentation import Augmentation, augment
from ravens_suite.agents.pick_place.plane import rigid, transform, warp
from ravens_suite.agents.pick_place.steps import Step, step_from_maps
from ravens_suite.core.geometry import Pose
from ravens_suite.core.heightmap import Heightmap
from ravens_suite.core.workspace import AGENT_WORKSPACE
from tests.agents import scenes


@pytest.mark.parametrize("make", [scenes.insertion, scenes.corner])
@pytest.mark.parametrize("seed", range(3))
def test_the_moved_object_is_found(make: scenes.Maker, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene = make(rng)
    found = scene.step(rng).pick_affinity > 0
    truth = scenes.fill(scenes.place(scene.block, scene.start))
    assert (found & truth).sum() / (found | truth).sum() > 0.9


def test_what_does_not_move_rigidly_is_picked_where_it_was() -> None:
    scene = scenes.insertion(np.random.default_rng(0))
    still = scene.draw(scene.start)
    step = step_from_maps(still, still, Pose((0.4, 0.1, 0.0)), Pose((0.6, 0.2, 0.0)))
    rows, columns = np.nonzero(step.pick_affinity)
    assert abs(rows.mean() + 0.5 - step.pick[1]) < 1 and abs(columns.mean() + 0.5 - step.pick[0]) < 1
    assert len(rows) < 12


def test_the_pick_affinity_avoids_edges() -> None:
    scene = scenes.corner(np.random.default_rng(3))
    pick_affinity = scene.step(np.random.default_rng(4)).pick_affinity
    row, column = np.unravel_index(pick_affinity.argmax(), pick_affinity.shape)
    edge = pick_affinity[pick_affinity > 0].min()
    assert pick_affinity[row, column] > 20 * edge


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), flips=st.booleans(), scale=st.sampled_from([1.0, 1.3]))
def test_an_example_tells_of_the_same_move(seed: int, flips: bool, scale: float) -> None:
    """Distances scale, the angle keeps its size, and the picked pixel keeps its colour."""
    rng = np.random.default_rng(seed)
    scene = scenes.insertion(rng)
    step = scene.step(rng)
    example = augment(step, Augmentation(flips=flips, scale=scale, scatter=0), rng)
    (yaw,) = example.yaw
    assert math.isclose(math.cos(yaw), math.cos(step.yaw), abs_tol=1e-9)
    assert flips or math.isclose(math.sin(yaw), math.sin(step.yaw), abs_tol=1e-9)
    size = np.array([160, 320])
    assert np.all(example.pick >= 0) and np.all(example.place >= 0)
    assert np.all(example.pick < size) and np.all(example.place < size)
    assert math.isclose(float(example.pick_affinity.sum()), 1.0, rel_tol=1e-4)
    column, row = example.pick.astype(int)
    window = example.color[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3].reshape(-1, 3)
    assert (window == scene.block_color).all(axis=1).any()
    palette = {tuple(shade) for shade in step.color.reshape(-1, 3)}
    assert {tuple(shade) for shade in example.color.reshape(-1, 3)} <= palette


@pytest.mark.parametrize("make", [scenes.insertion, scenes.corner])
@pytest.mark.parametrize("seed", range(4))
def test_an_object_that_starts_elsewhere_ends_at_the_same_target(make: scenes.Maker, seed: int) -> None:
    rng = np.random.default_rng(seed)
    step = make(rng).step(rng)
    assert len(step.free_objects) == 1
    example = augment(step, Augmentation(yaw=0, shift=0, scatter=1), rng)
    assert np.hypot(*(example.pick - step.pick)) > 1
    ends = [
        warp(step.pick_affinity, rigid(step.yaw, step.pick, step.place)) > 0,
        warp(example.pick_affinity, rigid(example.yaw[0], example.pick, example.place[0])) > 0,
    ]
    assert (ends[0] & ends[1]).sum() / (ends[0] | ends[1]).sum() > 0.85
    column, row = example.pick.astype(int)
    assert example.height[row, column] > 0.005
    assert ((example.height > 0.005).sum()) == pytest.approx((step.height > 0.005).sum(), rel=0.1)


def test_the_motion_takes_the_object_to_its_target() -> None:
    rng = np.random.default_rng(5)
    scene = scenes.insertion(rng)
    action = scene.oracle(rng)
    assert scene.solved(action)
    moved = transform(rigid(0.3, np.array([1.0, 2.0]), np.array([3.0, 4.0])), np.array([1.0, 2.0]))
    np.testing.assert_allclose(moved, [3, 4])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), order=st.integers(2, 6))
def test_every_move_of_a_symmetric_object_ends_on_the_same_spot(seed: int, order: int) -> None:
    """The middle of the object ends in one place, whichever of the equal moves is made."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform(20, 140, 2)
    blank = np.zeros((320, 160))
    step = Step(blank, blank, centre + 3, rng.uniform(20, 140, 2), rng.uniform(0, 6), blank, (), order, centre)
    motions, yaws = step.equivalent_motions()
    assert len(yaws) == order
    np.testing.assert_allclose(transform(motions[0], step.pick), step.place, atol=1e-9)
    for motion, yaw in zip(motions, yaws, strict=True):
        np.testing.assert_allclose(transform(motion, centre), transform(motions[0], centre), atol=1e-9)
        assert math.isclose(math.cos(math.atan2(motion[1, 0], motion[0, 0]) - yaw), 1, abs_tol=1e-9)


_HALF = 8


def _table(*squares: tuple[int, int]) -> Heightmap:
    """Red squares 16 pixels wide at (column, row) on a bare table."""
    color = np.full((320, 160, 3), 51, np.uint8)
    height = np.zeros((320, 160), np.float32)
    for column, row in squares:
        area = (slice(row - _HALF, row + _HALF), slice(column - _HALF, column + _HALF))
        color[area], height[area] = (255, 87, 89), 0.04
    return Heightmap(color, height)


def _pose(column: int, row: int) -> Pose:
    x, y = AGENT_WORKSPACE.to_metres(row, column)
    return Pose((x, y, 0.0))


def test_an_object_is_found_whole_where_the_next_one_takes_its_place() -> None:
    before, after = _table((60, 60)), _table((60, 250), (64, 58))
    step = step_from_maps(before, after, _pose(60, 60), _pose(60, 250))
    assert (step.pick_affinity > 0).sum() == (2 * _HALF) ** 2
