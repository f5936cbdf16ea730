"""Objects in slots that they do not fit."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ravens_suite.agents.pick_place.augmentation import Augmentation, augment
from ravens_suite.agents.pick_place.free_objects import FreeObject, stretch
from ravens_suite.agents.pick_place.misplacing import in_wrong_slot, raised
from ravens_suite.agents.pick_place.plane import IDENTITY, compose, inverse, rigid, transform, warp
from ravens_suite.agents.pick_place.symmetry import mask_centre
from ravens_suite.core.geometry import Array
from tests.agents.pick_place.test_recutting import RED, TABLE, kit


def own(seed: int) -> FreeObject:
    """The object of a step."""
    return kit(seed).free_objects[0]


def middle(free_object: FreeObject, motion: Array) -> Array:
    """(2,) pixel position of its middle after a motion."""
    return transform(motion, mask_centre(free_object.mask) + free_object.origin)


def overlap(free_object: FreeObject, motion: Array, other: FreeObject) -> float:
    """Share that two objects have in common, the first after a motion, the second in its slot."""
    assert other.slot is not None
    masks = []
    for each, matrix in ((free_object, motion), (other, other.slot)):
        mask = np.zeros((320, 160), np.uint8)
        mask[each.window] = each.mask
        masks.append(warp(mask, matrix) > 0)
    return float((masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum())


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_what_lies_in_its_slot_is_turned_so_that_one_sees_it(seed: int) -> None:
    free_object = own(seed % 5)
    assert free_object.slot is not None
    motion = in_wrong_slot([free_object], IDENTITY, IDENTITY, np.random.default_rng(seed))
    assert motion is not None
    distance = np.linalg.norm(middle(free_object, motion) - middle(free_object, free_object.slot))
    assert distance < 6, "pixels: in the slot"
    assert overlap(free_object, motion, free_object) < 0.9
    np.testing.assert_allclose(motion[:, :2] @ motion[:, :2].T, np.eye(2), atol=1e-9)


def test_it_lies_in_the_slot_of_another_one_too() -> None:
    free_object = own(1)
    assert free_object.slot is not None
    other = replace(free_object, slot=compose(rigid(0.0, np.zeros(2), np.array([-30.0, 10.0])), free_object.slot))
    nearer = []
    for seed in range(40):
        motion = in_wrong_slot([free_object, other], IDENTITY, IDENTITY, np.random.default_rng(seed))
        assert motion is not None
        here = middle(free_object, motion)
        distances = [np.linalg.norm(here - middle(each, each.slot)) for each in (free_object, other)]
        assert min(distances) < 6 and max(distances) > 20
        nearer.append(int(np.argmin(distances)))
    assert 10 < sum(nearer) < 30
    without = [free_object, replace(other, slot=None)]
    for seed in range(20):
        motion = in_wrong_slot(without, IDENTITY, IDENTITY, np.random.default_rng(seed))
        assert motion is not None
        assert np.linalg.norm(middle(free_object, motion) - middle(free_object, free_object.slot)) < 6


def test_it_is_seen_not_to_fit_when_stretched_too() -> None:
    """A disc that became an oval no longer fits at every angle, and a long thing as wide as long fits at more."""
    free_object = replace(own(0), mask=disc_like(own(0)))
    assert free_object.slot is not None
    stretched = stretch(free_object, np.array([1.6, 1 / 1.6]))
    on_table = compose(compose(free_object.slot, stretched), inverse(free_object.slot))
    found = 0
    for seed in range(20):
        motion = in_wrong_slot([free_object], stretched, on_table, np.random.default_rng(seed))
        found += motion is not None
        if motion is not None:
            turn = math.atan2(motion[1, 0], motion[0, 0]) - math.atan2(free_object.slot[1, 0], free_object.slot[0, 0])
            assert abs(math.remainder(turn, math.pi)) > 0.1
    assert found > 15


def disc_like(free_object: FreeObject) -> NDArray[np.bool_]:
    """(rows, columns) bool: a disc in the middle of the window of an object."""
    disc = np.zeros(free_object.mask.shape, np.uint8)
    cv2.circle(disc, (disc.shape[1] // 2, disc.shape[0] // 2), 10, 1, -1)
    return disc > 0


def test_a_disc_never_lies_wrongly_in_its_slot() -> None:
    for seed in range(10):
        alone = [replace(own(0), mask=disc_like(own(0)))]
        motion = in_wrong_slot(alone, IDENTITY, IDENTITY, np.random.default_rng(seed))
        assert motion is None


@pytest.mark.parametrize("seed", range(4))
def test_examples_mend_it(seed: int) -> None:
    """On the board it lies as high as that carries it, and what shows of its slot is covered once it is in place."""
    augmentation = Augmentation(scatter=1, misplaced=1, shift=0)
    in_slot = 0
    for number in range(12):
        example = augment(kit(seed), augmentation, np.random.default_rng([seed, number]))
        red = (example.color == RED).all(axis=-1)
        arrived = warp(red.astype(np.uint8), rigid(example.yaw[0], example.pick, example.place[0])) > 0
        if np.linalg.norm(np.argwhere(red).mean(axis=0) - np.argwhere(arrived).mean(axis=0)) < 5:
            in_slot += 1
            assert np.isclose(np.median(example.height[red]), 0.02 + 0.006 - 2.5e-4, atol=1e-4)
            board = ((example.height > 0.004) & (example.height < 0.01)).astype(np.uint8)
            shown = (cv2.erode(board, np.ones((3, 3))) > 0) & (example.color == TABLE).all(axis=-1)
            assert (shown & ~arrived).sum() < 0.1 * arrived.sum()
    assert 2 <= in_slot <= 11, "half of them, and a few of those beside it"


def test_across_a_hole_it_lies_on_the_rim() -> None:
    free_object, heights = own(2), np.full((320, 160), 2.5e-4, np.float32)
    assert free_object.slot is not None
    heights[100:300, 20:140] = 0.012
    slot = np.zeros(heights.shape, np.uint8)
    slot[free_object.window] = free_object.mask
    heights[warp(slot, free_object.slot) > 0] = 2.5e-4
    here = middle(free_object, free_object.slot)
    turned = raised(free_object, heights, compose(rigid(1.5, here, here), free_object.slot))
    rise = turned.height[free_object.mask] - free_object.height[free_object.mask]
    np.testing.assert_allclose(rise, 0.012 - 2.5e-4, atol=1e-6)
    assert np.array_equal(turned.height[~free_object.mask], free_object.height[~free_object.mask])


def test_one_of_several_is_misplaced_while_the_others_lie_on_the_table() -> None:
    step, blue = kit(0), (80, 120, 200)
    (free_object,) = step.free_objects
    color = np.where(free_object.mask[..., None], blue, free_object.color).astype(np.uint8)
    two = replace(step, free_objects=(free_object, replace(free_object, color=color, slot=None)))
    augmentation = Augmentation(scatter=1, misplaced=1, shift=0, stretch=1.5, altered=1, flips=True)
    on_board = 0
    for seed in range(20):
        example = augment(two, augmentation, np.random.default_rng(seed))
        red, other = ((example.color == shade).all(axis=-1) for shade in (RED, blue))
        assert (example.pick_affinity > 0)[red].mean() > 0.7 and not (example.pick_affinity > 0)[other].any()
        on_board += np.median(example.height[red]) > 0.023
        assert not other.any() or np.median(example.height[other]) < 0.021
    assert on_board > 12
