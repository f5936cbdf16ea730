"""Examples whose objects have other shapes and shades than those of the demonstration."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ravens_suite.agents.common.counts import count_things
from ravens_suite.agents.pick_place.augmentation import Augmentation, Example, augment
from ravens_suite.agents.pick_place.free_objects import stretch
from ravens_suite.agents.pick_place.plane import rigid, transform, warp
from ravens_suite.agents.pick_place.steps import Step, step_from_maps
from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.heightmap import Heightmap
from ravens_suite.core.workspace import AGENT_WORKSPACE
from tests.agents import scenes

_OBLONG = np.array([[-40, -20], [40, -20], [40, 20], [-40, 20]]) / 1000
_WEDGE = np.array([[-35, -30], [35, -30], [35, 0], [-35, 30]]) / 1000
_SQUARE = np.array([[-30, -30], [30, -30], [30, 30], [-30, 30]]) / 1000
_BLOCK, _SILHOUETTE = (200, 60, 60), (60, 120, 60)


def _kit(outline: Array, yaw: float = 0.7) -> Step:
    """An object that is taken to a silhouette of its own shape."""
    start, goal = np.array([0.4, -0.2, 0.0]), np.array([0.6, 0.2, yaw])
    decor = ((scenes.place(outline, goal), 5e-4, _SILHOUETTE),)
    scene = scenes.Scene(outline, 0.03, _BLOCK, start, (goal,), decor)
    return scene.step(np.random.default_rng(0))


def _seen(example: Example, shade: tuple[int, int, int]) -> np.ndarray:
    pixels: np.ndarray = (example.color == shade).all(axis=-1)
    return pixels


def _overlap(first: np.ndarray, second: np.ndarray) -> float:
    return float((first & second).sum() / (first | second).sum())


@pytest.mark.parametrize("outline", [_OBLONG, _WEDGE, _SQUARE])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), bent=st.sampled_from([0.0, 1.0]))
def test_an_object_of_another_shape_fits_its_silhouette(outline: Array, seed: int, bent: float) -> None:
    """Stretched or bent besides, whichever way round it is placed: with every place and turn of the example."""
    augmentation = Augmentation(scatter=1, stretch=1.8, altered=1, bent=bent, shift=0, flips=True)
    example = augment(_kit(outline), augmentation, np.random.default_rng(seed))
    block, silhouette = _seen(example, _BLOCK).astype(np.uint8), _seen(example, _SILHOUETTE)
    column, row = example.pick.astype(int)
    assert block[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2].any()
    edges = (block[[0, -1]].any(), block[:, [0, -1]].any(), silhouette[[0, -1]].any(), silhouette[:, [0, -1]].any())
    assume(not any(edges))
    for place, yaw in zip(example.place, example.yaw, strict=True):
        arrived = warp(block, rigid(yaw, example.pick, place)) > 0
        assert _overlap(arrived, silhouette) > 0.82


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_misplaced_object_goes_to_its_goal(seed: int) -> None:
    """It lies beside its silhouette or on it, and what shows of the silhouette is covered once it is in place."""
    augmentation = Augmentation(scatter=1, misplaced=1, shift=0, flips=True)
    example = augment(_kit(_WEDGE), augmentation, np.random.default_rng(seed))
    block, silhouette = _seen(example, _BLOCK).astype(np.uint8), _seen(example, _SILHOUETTE)
    edges = (block[[0, -1]].any(), block[:, [0, -1]].any(), silhouette[[0, -1]].any(), silhouette[:, [0, -1]].any())
    assume(not any(edges))
    arrived = warp(block, rigid(example.yaw[0], example.pick, example.place[0])) > 0
    lies, belongs = (np.argwhere(mask).mean(axis=0) for mask in (block > 0, arrived))
    assert np.linalg.norm(lies - belongs) < 45, "beside where it belongs, by a few times 8 pixels at most"
    assert (silhouette & ~arrived).sum() < 0.12 * arrived.sum()


def test_shapes_vary() -> None:
    augmentation = Augmentation(scatter=1, stretch=1.8, altered=1)
    sizes = [_seen(augment(_kit(_OBLONG), augmentation, np.random.default_rng(s)), _BLOCK).sum() for s in range(20)]
    assert max(sizes) > 1.8 * min(sizes)


def test_a_square_that_became_an_oblong_fits_half_as_many_ways() -> None:
    augmentation = Augmentation(scatter=1, stretch=1.8, altered=1)
    orders = {len(augment(_kit(_SQUARE), augmentation, np.random.default_rng(seed)).yaw) for seed in range(20)}
    assert _kit(_SQUARE).symmetry_order == 4
    assert orders == {2, 4}


@pytest.mark.parametrize("outline", [_OBLONG, _SQUARE])
def test_what_is_bent_fits_one_way_only(outline: Array) -> None:
    """Half a turn more, and it covers clearly less of its silhouette."""
    augmentation = Augmentation(scatter=1, bent=1, shift=0)
    differences = []
    for seed in range(20):
        example = augment(_kit(outline), augmentation, np.random.default_rng(seed))
        block, silhouette = _seen(example, _BLOCK), _seen(example, _SILHOUETTE)
        assert len(example.yaw) == 1
        middle = np.argwhere(block).mean(axis=0)[::-1] + 0.5
        place = transform(rigid(float(example.yaw[0]), example.pick, example.place[0]), middle)
        fits = [
            _overlap(warp(block.astype(np.uint8), rigid(float(yaw), middle, place)) > 0, silhouette)
            for yaw in example.yaw[0] + np.array([0, math.pi])
        ]
        differences.append(fits[0] - fits[1])
    assert np.median(differences) > 0.12 and min(differences) > 0.02


def test_an_object_is_stretched_along_its_sides() -> None:
    (free_object,) = _kit(_OBLONG).free_objects
    matrix = stretch(free_object, np.array([2.0, 0.5]))
    np.testing.assert_allclose(np.sort(np.linalg.svd(matrix[:, :2])[1]), [0.5, 2.0], atol=1e-9)
    assert abs(matrix[0, 1]) < 0.02 and abs(matrix[1, 0]) < 0.02


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_where_nothing_is_turned_the_whole_scene_is_stretched(seed: int) -> None:
    """Pick and place stay on what they were on: here two discs, which become ellipses."""
    scene = Heightmap(np.full((*AGENT_WORKSPACE.shape, 3), 51, np.uint8), np.zeros(AGENT_WORKSPACE.shape, np.float32))
    rows, columns = np.indices(AGENT_WORKSPACE.shape)
    for shade, (column, row) in ((_BLOCK, (60, 100)), (_SILHOUETTE, (90, 180))):
        disc = np.hypot(columns - column, rows - row) < 12
        scene.color[disc], scene.height[disc] = shade, 0.01
    pick, place = (Pose.planar(*AGENT_WORKSPACE.to_metres(row, column)) for column, row in ((60, 100), (90, 180)))
    step = step_from_maps(scene, scene, pick, place)
    example = augment(step, Augmentation(stretch=2.0, altered_scenes=1), np.random.default_rng(seed))
    for point, shade in ((example.pick, _BLOCK), (example.place[0], _SILHOUETTE)):
        column, row = point.astype(int)
        assert (example.color[row, column] == shade).all()
    assert math.isclose(float(example.yaw[0]), 0.0)
    before, after = np.hypot(30, 80), float(np.hypot(*(example.place[0] - example.pick)))
    plain = augment(step, Augmentation(stretch=2.0, altered_scenes=0), np.random.default_rng(seed))
    assert math.isclose(float(np.hypot(*(plain.place[0] - plain.pick))), before, rel_tol=0.03)
    assert not math.isclose(after, before, rel_tol=1e-6)


def test_shades_vary_and_hues_stay() -> None:
    augmentation = Augmentation(scatter=1, shade=1.6, altered=1)
    seen = []
    for seed in range(20):
        example = augment(_kit(_WEDGE), augmentation, np.random.default_rng(seed))
        column, row = example.pick.astype(int)
        seen.append(example.color[row, column].astype(float))
    brightness = [shade[0] for shade in seen]
    assert min(brightness) < 150 and 200 < max(brightness) <= 255
    for shade in seen:
        np.testing.assert_allclose(shade / shade[0], np.array(_BLOCK) / _BLOCK[0], atol=0.02)


@pytest.mark.parametrize("bent", [0.0, 1.0])
@pytest.mark.parametrize("scattered", [0.0, 1.0])
def test_things_that_leave_the_map_or_change_their_size_are_counted_as_they_were(scattered: float, bent: float) -> None:
    """Their number decides what a step does: the demonstration was right about that of its own scene."""
    start, goal = np.array([0.4, -0.2, 0.0]), np.array([0.6, 0.2, 0.7])
    others = [scenes.place(_OBLONG, np.array(pose)) for pose in ([0.65, -0.4, 1.0], [0.35, 0.4, 0.3])]
    decor = ((scenes.place(_OBLONG, goal), 5e-4, _SILHOUETTE), *((outline, 0.03, _BLOCK) for outline in others))
    step = scenes.Scene(_OBLONG, 0.03, _BLOCK, start, (goal,), decor).step(np.random.default_rng(0))
    assert step.free_objects
    augmentation = Augmentation(scatter=scattered, stretch=1.8, altered=1, bent=bent, flips=True, counts=True)
    counted_anew = []
    for seed in range(12):
        example = augment(step, augmentation, np.random.default_rng(seed))
        plain = augment(step, replace(augmentation, counts=False), np.random.default_rng(seed))
        assert plain.numbers is None and np.array_equal(plain.color, example.color), "nothing else changes"
        assert example.numbers is not None and example.numbers.dtype == np.uint8
        blocks, table = _seen(example, _BLOCK), ~_seen(example, _BLOCK) & ~_seen(example, _SILHOUETTE)
        assert set(example.numbers[blocks].tolist()) == {3} and not example.numbers[table].any()
        assert set(example.numbers[_seen(example, _SILHOUETTE)].tolist()) <= {1}
        counted_anew.append(int(count_things(example.color, example.height)[blocks].max()))
    assert min(counted_anew) < 3, "some of them left the map, or have another size than those that were scattered"


def test_a_loose_thing_elsewhere_keeps_its_number() -> None:
    start, goal = np.array([0.4, -0.2, 0.0]), np.array([0.6, 0.2, 0.0])
    step = scenes.Scene(_OBLONG, 0.03, _BLOCK, start, (goal,), ()).step(np.random.default_rng(0))
    loose = replace(step, free_objects=(), loose=step.free_objects[0])
    example = augment(loose, Augmentation(adrift=1, shift=0, counts=True), np.random.default_rng(0))
    assert not example.pick_affinity.any(), "it lies elsewhere"
    assert example.numbers is not None
    np.testing.assert_array_equal(example.numbers, _seen(example, _BLOCK).astype(np.uint8))
