"""Depth of a real camera has noise and holes: what is seen through them is the same as without."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ravens_suite.agents.pick_place.augmentation import Augmentation, augment
from ravens_suite.agents.pick_place.history import History, Move
from ravens_suite.agents.pick_place.plane import warp
from ravens_suite.agents.pick_place.recutting import has_slot, recut
from ravens_suite.agents.pick_place.slots import slot_at
from ravens_suite.agents.pick_place.steps import Step, step_from_maps
from ravens_suite.agents.pick_place.table import HEIGHT_TOLERANCE, bare_table, height_tolerance, holes
from ravens_suite.core.heightmap import Heightmap
from tests.agents import scenes

_NOISE, _HOLES = 0.0012, 0.05
"""Metres, standard deviation, and share of pixels: what a map has of two cameras with 1.5 mm of noise each."""


def _measured(scene: Heightmap, seed: int, noise: float = _NOISE, share: float = _HOLES) -> Heightmap:
    """A map as a depth camera gives it, 5 mm above the lower end of the workspace."""
    rng = np.random.default_rng([seed, 7])
    color, height = scene.color.copy(), scene.height + np.float32(0.005)
    height += rng.normal(0, noise, height.shape).astype(np.float32)
    missing = rng.random(height.shape) < share
    color[missing], height[missing] = 0, 0
    return Heightmap(color, height)


def _step(scene: scenes.Scene, seed: int) -> Step:
    action = scene.oracle(np.random.default_rng(seed))
    maps = (scene.draw(scene.start), scene.draw(scene.after(action)))
    before, after = (_measured(each, seed + number) for number, each in enumerate(maps))
    return step_from_maps(before, after, action.pick, action.place)


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 5])
def test_a_moved_object_is_found_and_free(seed: int) -> None:
    scene = scenes.insertion(np.random.default_rng(seed))
    clean = scene.step(np.random.default_rng(seed))
    step = _step(scene, seed)
    truth = scenes.fill(scenes.place(scene.block, scene.start))
    found = step.pick_affinity > 0
    assert (found & truth).sum() > 0.85 * truth.sum()
    assert (found & ~truth).sum() < 0.05 * truth.sum()
    assert len(step.free_objects) == len(clean.free_objects)


@pytest.mark.parametrize("share", [0.05, 0.1])
def test_slots_are_found_and_recut(share: float) -> None:
    """Pixels without a measurement say neither that there is a slot nor that there is none."""
    changed = 0
    for seed in range(8):
        step = step_of_a_kit(seed, share)
        assert has_slot(step)
        changed += recut(step, np.random.default_rng(seed)) is not step
    assert changed >= 7


def test_a_slot_that_is_hardly_seen_is_none() -> None:
    step = step_of_a_kit(0, 0.05)
    mask = (step.pick_affinity > 0).astype(np.float32)
    covered = warp(mask, step.motion, flags=cv2.INTER_LINEAR) > 0.5
    found = slot_at(step.scene, covered)
    assert found is not None and not (found.mask & found.around).any()
    for hidden in (covered, cv2.dilate(covered.astype(np.uint8), np.ones((13, 13), np.uint8)).astype(bool) & ~covered):
        color, height = step.color.copy(), step.height.copy()
        color[hidden], height[hidden] = 0, 0
        assert slot_at(Heightmap(color, height), covered) is None


def step_of_a_kit(seed: int, share: float) -> Step:
    """A triangle that goes into a slot of a board, as a depth camera sees it."""
    triangle = np.array([[-35, -25], [40, -25], [-10, 35]]) / 1000
    plate = np.array([[-90, -70], [90, -70], [90, 70], [-90, 70]]) / 1000
    target = np.array([0.5, 0.1, 0.8 * seed])
    decor = (
        (scenes.place(plate, target), 0.006, (156, 117, 95)),
        (scenes.place(triangle, target), 0.006, (51, 51, 51)),
    )
    scene = scenes.Scene(triangle, 0.02, (255, 87, 89), np.array([0.35, -0.3, 0.4 + seed]), (target,), decor)
    action = scene.oracle(np.random.default_rng(seed))
    maps = (scene.draw(scene.start), scene.draw(scene.after(action)))
    before, after = (_measured(each, seed + number, share=share) for number, each in enumerate(maps))
    return step_from_maps(before, after, action.pick, action.place)


def test_an_object_with_a_shadow_of_depth_is_free() -> None:
    """Cameras do not see the table right behind an object."""
    scene = scenes.insertion(np.random.default_rng(0))
    action = scene.oracle(np.random.default_rng(0))
    before, after = (_measured(scene.draw(pose), 3) for pose in (scene.start, scene.after(action)))
    block = scenes.fill(scenes.place(scene.block, scene.start))
    hidden = np.roll(block, 8, axis=0) & ~block
    before.color[hidden], before.height[hidden] = 0, 0
    step = step_from_maps(before, after, action.pick, action.place)
    assert len(step.free_objects) == 1
    assert not (step.free_objects[0].mask & hidden[step.free_objects[0].window]).any()


def test_it_is_pasted_elsewhere() -> None:
    scene = scenes.insertion(np.random.default_rng(1))
    step = _step(scene, 1)
    rng = np.random.default_rng(0)
    picks = np.array([augment(step, Augmentation(flips=False, scatter=1), rng).pick for _ in range(10)])
    assert np.linalg.norm(picks - step.pick, axis=1).max() > 20


@pytest.mark.parametrize("noise", [0.0005, 0.0012, 0.003])
def test_a_pick_that_changes_nothing_is_remembered_and_another_is_not(noise: float) -> None:
    scene = scenes.insertion(np.random.default_rng(2))
    step = _step(scene, 2)
    away = scene.draw(scene.targets[0])
    for then, remembered in ((scene.draw(scene.start), 1), (away, 0)):
        memory = History()
        memory.record(Move(_measured(scene.draw(scene.start), 5, noise), step.pick, step.place))
        memory.observe(_measured(then, 6, noise))
        assert len(memory.failed_picks) == remembered


def test_nearly_all_of_the_table_is_bare_and_the_block_is_not() -> None:
    scene = scenes.insertion(np.random.default_rng(3))
    bare = bare_table(_measured(scene.draw(scene.start), 1))
    block = scenes.fill(scenes.place(scene.block, scene.start))
    assert not bare[block].any()
    clean = bare_table(scene.draw(scene.start))
    assert bare[clean].mean() > 0.99


def test_of_drawn_depth_nothing_changes() -> None:
    """Its noise is the rounding of depth to 0.1 mm, and what is black may be an object."""
    scene = scenes.insertion(np.random.default_rng(4)).draw(np.array([0.5, 0.1, 0.0]))
    scene.color[:20, :20] = 0
    scene.height[:20, :20] = 0
    drawn = _measured(scene, 0, noise=0.00003, share=0.0)
    drawn.height[:20, :20] = 0
    assert height_tolerance(drawn.height, drawn.height) == HEIGHT_TOLERANCE
    assert not holes(drawn).any()
    assert not bare_table(drawn)[:20, :20].any()
