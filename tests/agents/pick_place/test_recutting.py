"""Objects and slots of other outlines."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ravens_suite.agents.pick_place.augmentation import Augmentation, augment
from ravens_suite.agents.pick_place.dataset import PickPlaceDataset
from ravens_suite.agents.pick_place.outlines import draw_outline, draw_shape
from ravens_suite.agents.pick_place.plane import rigid, warp
from ravens_suite.agents.pick_place.recutting import has_slot, recut
from ravens_suite.agents.pick_place.slots import slot_at
from ravens_suite.agents.pick_place.steps import Step
from ravens_suite.agents.pick_place.symmetry import mask_centre, symmetry_order
from ravens_suite.core.geometry import Array
from tests.agents import scenes

TABLE, BOARD, RED = (51, 51, 51), (156, 117, 95), (255, 87, 89)
TRIANGLE = np.array([[-35, -25], [40, -25], [-10, 35]]) / 1000
BAR = np.array([[-40, -12], [40, -12], [40, 12], [-40, 12]]) / 1000
PLATE = np.array([[-90, -70], [90, -70], [90, 70], [-90, 70]]) / 1000


def kit(seed: int, slot: Array = TRIANGLE, seen: tuple[int, int, int] = TABLE) -> Step:
    """A triangle that goes onto a board with a slot."""
    rng = np.random.default_rng(seed)
    start, target = np.array([0.35, -0.3, rng.uniform(0, 6)]), np.array([0.5, 0.1, rng.uniform(0, 6)])
    decor = ((scenes.place(PLATE, target), 0.006, BOARD), (scenes.place(slot, target), 0.006, seen))
    step = scenes.Scene(TRIANGLE, 0.02, RED, start, (target,), decor).step(rng)
    assert step.free_objects
    return step


def covered(step: Step) -> NDArray[np.bool_]:
    """The pixels that its object will cover."""
    mask = (step.pick_affinity > 0).astype(np.float32)
    return warp(mask, step.motion, flags=cv2.INTER_LINEAR) > 0.5


@pytest.mark.parametrize("seed", range(4))
def test_a_slot_is_found_where_one_is_seen(seed: int) -> None:
    step = kit(seed)
    slot = slot_at(step.scene, covered(step))
    assert has_slot(step) and slot is not None
    assert (slot.mask & covered(step)).sum() > 0.85 * slot.mask.sum()
    assert not (slot.mask & slot.around).any()
    assert not has_slot(kit(seed, slot=BAR)), "another outline"
    assert not has_slot(kit(seed, seen=BOARD)), "a bare board"


def test_data_sets_know_how_often_objects_go_into_slots() -> None:
    assert PickPlaceDataset([[kit(0), kit(1)], [kit(0, seen=BOARD)]]).habits.slots == 2.5 / 4


def test_a_block_that_stands_where_an_equal_one_goes_is_no_slot() -> None:
    start, target = np.array([0.35, -0.3, 0.4]), np.array([0.5, 0.1, 1.0])

    def step(height: float, color: tuple[int, int, int]) -> Step:
        there = (scenes.place(TRIANGLE, target), height, color)
        made = scenes.Scene(TRIANGLE, 0.02, RED, start, (target,), (there,)).step(np.random.default_rng(1))
        assert made.free_objects
        return made

    block, mark = step(0.02, (40, 80, 160)), step(2.5e-4, (40, 80, 160))
    assert slot_at(block.scene, covered(block)) is None and not has_slot(block)
    assert has_slot(mark)
    assert not has_slot(replace(mark, final_scene=mark.scene)), "a push"


def test_a_block_and_its_mark_have_no_slot() -> None:
    for seed in range(4):
        assert not has_slot(scenes.corner(np.random.default_rng(seed)).step(np.random.default_rng(seed)))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_object_and_slot_are_recut_alike(seed: int) -> None:
    step = kit(seed % 7)
    changed = recut(step, np.random.default_rng(seed))
    assert changed is not step
    (free_object,) = changed.free_objects
    mask = np.zeros(step.height.shape, bool)
    mask[free_object.window] = free_object.mask
    assert np.all(changed.color[mask] == RED) and np.allclose(changed.height[mask], 0.02)
    assert np.array_equal(changed.pick_affinity > 0, mask) and changed.pick_affinity.sum() == pytest.approx(1, abs=1e-4)
    assert np.array_equal(changed.centre, mask_centre(mask))
    assert changed.symmetry_order == symmetry_order(mask, changed.color)
    slot = slot_at(changed.scene, covered(changed))
    assert slot is not None
    assert (slot.mask & covered(changed)).sum() > 0.85 * (slot.mask | covered(changed)).sum()
    # Nothing else is red, and the board has one slot.
    assert np.array_equal((changed.color == RED).all(axis=-1), mask)
    board = cv2.erode(board_of(step), np.ones((3, 3), np.uint8)) > 0
    assert np.array_equal(board & (changed.color == TABLE).all(axis=-1), board & slot.mask)
    assert np.array_equal(changed.pick, step.pick) and np.array_equal(changed.motion, step.motion)


def board_of(step: Step) -> NDArray[np.uint8]:
    """(rows, columns) uint8: one on the board and its slot."""
    return ((step.height > 0.004) & (step.height < 0.01)).astype(np.uint8)


def draw(old: NDArray[np.bool_], seed: int) -> NDArray[np.bool_] | None:
    """A random outline in place of an old one."""
    rng = np.random.default_rng(seed)
    return draw_outline(draw_shape(rng), old, rng)


def test_some_shapes_are_like_another_one_but_for_a_detail() -> None:
    other = np.hypot(*(np.indices((96, 96)) - 48)) < 30
    shapes = [draw_shape(np.random.default_rng(seed), [other]) for seed in range(100)]
    changed = [(shape ^ other).sum() / other.sum() for shape in shapes]
    twins = [shape for shape, share in zip(shapes, changed, strict=True) if share < 0.25]
    assert 15 < len(twins) < 50 and min(changed) > 0.015
    assert any((shape & ~other).any() for shape in twins) and any((other & ~shape).any() for shape in twins)


def test_outlines_are_in_one_piece_about_as_large_and_follow_from_the_seed() -> None:
    old = np.zeros((60, 50), bool)
    old[15:45, 10:38] = True
    drawn = [draw(old, seed) for seed in range(200)]
    found = [outline for outline in drawn if outline is not None]
    assert len(found) > 150
    for outline in found:
        assert outline.shape == old.shape and outline.sum() >= 60
        assert cv2.connectedComponents(outline.astype(np.uint8), connectivity=4)[0] == 2
        rows, columns = np.nonzero(outline)
        assert np.hypot(rows - rows.mean(), columns - columns.mean()).max() < 1.2 * np.hypot(15, 14) + 2
    areas = [outline.sum() for outline in found]
    assert min(areas) < 0.5 * np.median(areas) and max(areas) > 1.5 * np.median(areas), "of many kinds"
    orders = [symmetry_order(outline, np.zeros((*outline.shape, 3), np.uint8)) for outline in found]
    assert sum(order > 2 for order in orders) > 0.1 * len(found) and sum(order == 1 for order in orders) > 0.5 * len(
        found
    )
    again = draw(old, 3)
    assert drawn[3] is None or np.array_equal(drawn[3], again)


def test_all_objects_with_slots_are_recut_or_none() -> None:
    step = kit(0)
    (free_object,) = step.free_objects
    elsewhere = rigid(0.0, np.zeros(2), np.array([0.0, 5.0]))
    other = replace(free_object, slot=elsewhere)
    assert (
        recut(replace(step, free_objects=(free_object, other)), np.random.default_rng(0)).free_objects[0] is free_object
    )
    without = recut(replace(step, free_objects=(free_object, replace(other, slot=None))), np.random.default_rng(0))
    assert without.free_objects[0] is not free_object


def test_what_has_no_slot_or_comes_with_other_scenes_stays() -> None:
    step, rng = kit(0), np.random.default_rng(0)
    for other in (replace(step, goal=step.scene), replace(step, first=step.scene), kit(0, slot=BAR)):
        assert recut(other, rng) is other
    every, none = Augmentation(recut=1.0), Augmentation()
    examples = [augment(kit(0, slot=BAR), each, np.random.default_rng(1)) for each in (every, none)]
    assert np.array_equal(examples[0].color, examples[1].color), "the same random numbers"
    examples = [augment(step, each, np.random.default_rng(1)) for each in (every, none)]
    assert not np.array_equal(examples[0].color, examples[1].color)


def test_the_same_step_is_recut_to_the_bit_wherever_its_arrays_lie_in_memory() -> None:
    """The last digits of some functions of OpenCV depend on that, and choose between pixels that fit alike."""
    step, rng = kit(3), np.random.default_rng(0)
    (free_object,) = step.free_objects
    shades = rng.integers(0, 20, free_object.color.shape, dtype=np.uint8)
    step = replace(step, free_objects=(replace(free_object, color=free_object.color // 2 + shades),))
    kept = []
    for outline in range(6):
        seen = set()
        for _ in range(40):
            kept.append(np.empty(rng.integers(1, 5000), np.uint8))
            changed = recut(step, np.random.default_rng(outline))
            seen.add(changed.color.tobytes() + changed.height.tobytes())
        assert len(seen) == 1
