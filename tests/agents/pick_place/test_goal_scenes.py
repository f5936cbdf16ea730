"""Goal scenes of examples: moved, bent and coloured with the scene; ends of demonstrations that might have been."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ravens_suite.agents.pick_place.augmentation import Augmentation, augment
from ravens_suite.agents.pick_place.dataset import PickPlaceDataset
from ravens_suite.agents.pick_place.goal_scenes import recolored_goal, with_earlier_goal
from ravens_suite.agents.pick_place.plane import rigid, warp
from ravens_suite.agents.pick_place.steps import Step, step_from_maps, with_later_objects
from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.heightmap import Heightmap
from tests.agents import scenes

_WEDGE = np.array([[-35, -30], [35, -30], [35, 0], [-35, 30]]) / 1000
_SQUARE = np.array([[-20, -20], [20, -20], [20, 20], [-20, 20]]) / 1000
_BLOCK, _MARK = (200, 60, 60), (60, 120, 60)
_STARTS = ((0.35, -0.3), (0.4, 0.0), (0.35, 0.3))
_PLACES = ((0.6, -0.05), (0.6, 0.0), (0.6, 0.05))


def _with_goal(outline: Array) -> Step:
    """An object that is taken to a mark of its own shape, and the scene in which it lies there."""
    start, goal = np.array([0.4, -0.2, 0.0]), np.array([0.6, 0.2, 0.7])
    scene = scenes.Scene(outline, 0.03, _BLOCK, start, (goal,), ((scenes.place(outline, goal), 5e-4, _MARK),))
    return replace(scene.step(np.random.default_rng(0)), goal=scene.draw(goal))


def _cubes(positions: tuple[tuple[float, float], ...]) -> Heightmap:
    empty = scenes.Scene(_SQUARE, 0.04, _BLOCK, np.zeros(3), (), ()).draw(np.array([9.0, 9.0, 0.0]))
    color, height = empty.color.copy(), empty.height.copy()
    for x, y in positions:
        mask = scenes.fill(scenes.place(_SQUARE, np.array([x, y, 0.0])))
        color[mask], height[mask] = _BLOCK, 0.04
    return Heightmap(color, height)


def _row() -> list[Step]:
    """Three cubes that are laid in a row, one after the other."""
    maps = [_cubes(_PLACES[:count] + _STARTS[count:]) for count in range(4)]
    ends = list(zip(_STARTS, _PLACES, strict=True))
    steps = [
        step_from_maps(maps[t], maps[t + 1], Pose((*ends[t][0], 0.04)), Pose.planar(*ends[t][1], 0.04, 1e-3))
        for t in range(3)
    ]
    return with_later_objects([replace(step, goal=maps[-1]) for step in steps])


@pytest.mark.parametrize("outline", [_WEDGE, _SQUARE])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), bent=st.sampled_from([0.0, 1.0]), scatter=st.sampled_from([0.0, 1.0]))
def test_the_goal_shows_the_object_where_the_example_places_it(
    outline: Array, seed: int, bent: float, scatter: float
) -> None:
    settings_of = Augmentation(
        scatter=scatter, stretch=1.6, altered=1, bent=bent, shift=20, flips=True, height=2.0, recolored=1.0
    )
    example = augment(_with_goal(outline), settings_of, np.random.default_rng(seed))
    assert example.goal is not None
    block, there = ((image == _BLOCK).all(axis=-1) for image in (example.color, example.goal.color))
    assume(not (block | there)[[0, -1]].any() and not (block | there)[:, [0, -1]].any())
    arrived = warp(block.astype(np.uint8), rigid(example.yaw[0], example.pick, example.place[0])) > 0
    assert (arrived & there).sum() / (arrived | there).sum() > 0.8
    assert np.median(example.goal.height[there]) == pytest.approx(np.median(example.height[block]))


def test_examples_without_a_goal_have_none() -> None:
    step = replace(_with_goal(_WEDGE), goal=None)
    assert augment(step, Augmentation(), np.random.default_rng(0)).goal is None


def test_what_both_show_alike_is_recoloured_alike() -> None:
    step = _with_goal(_WEDGE)
    color = np.full_like(step.color, 7)
    goal = step.goal
    assert goal is not None
    new = recolored_goal(goal, step.scene, color)
    moved = (step.color != goal.color).any(axis=-1)
    assert (new.color[~moved] == 7).all()
    np.testing.assert_array_equal(new.color[moved], goal.color[moved])
    np.testing.assert_array_equal(new.height, goal.height)


def test_an_earlier_end_leaves_out_what_is_moved_after_it() -> None:
    steps, ends = PickPlaceDataset([_row()]).episodes[0], set()
    assert [len(step.free_objects) for step in steps] == [3, 2, 1]
    for seed in range(20):
        step = with_earlier_goal(steps, 0, np.random.default_rng(seed))
        assert step.goal is not None
        cubes = len(step.free_objects)
        ends.add(cubes)
        want, built = _cubes(_STARTS[:cubes]), _cubes(_PLACES[:cubes])
        np.testing.assert_array_equal(step.color, want.color)
        np.testing.assert_allclose(step.height, want.height, atol=1e-6)
        np.testing.assert_array_equal(step.goal.color, built.color)
        np.testing.assert_allclose(step.goal.height, built.height, atol=1e-6)
    assert ends == {1, 2, 3}


def test_a_step_whose_later_objects_are_not_free_keeps_its_goal() -> None:
    steps = _row()
    steps[2] = replace(steps[2], free_objects=())
    for seed in range(10):
        step = with_earlier_goal(steps, 1, np.random.default_rng(seed))
        assert step is steps[1]
    bare = [replace(step, goal=None) for step in _row()]
    assert with_earlier_goal(bare, 0, np.random.default_rng(0)) is bare[0]


def test_without_hindsight_the_same_steps_are_drawn_as_ever() -> None:
    dataset = PickPlaceDataset([_row()])
    for seed in range(5):
        first, second = (np.random.default_rng(seed) for _ in range(2))
        step = dataset.sample(first)
        second.integers(1)
        np.testing.assert_array_equal(step.color, dataset.episodes[0][int(second.integers(3))].color)
        assert first.random() == second.random()
