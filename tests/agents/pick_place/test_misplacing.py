"""Objects in slots that they do not fit."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ravens_suite.agents.pick_place.augmentation import Augmentation, augment
from ravens_suite.agents.pick_place.free_objects import FreeObject
from ravens_suite.agents.pick_place.misplacing import in_wrong_slot
from ravens_suite.agents.pick_place.plane import IDENTITY, compose, rigid, transform, warp
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
    motion = in_wrong_slot([free_object], IDENTITY, np.random.default_rng(seed))
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
        motion = in_wrong_slot([free_object, other], IDENTITY, np.random.default_rng(seed))
        assert motion is not None
        here = middle(free_object, motion)
        distances = [np.linalg.norm(here - middle(each, each.slot)) for each in (free_object, other)]
        assert min(distances) < 6 and max(distances) > 20
        nearer.append(int(np.argmin(distances)))
    assert 10 < sum(nearer) < 30
    without = [free_object, replace(other, slot=None)]
    for seed in range(20):
        motion = in_wrong_slot(without, IDENTITY, np.random.default_rng(seed))
        assert motion is None or np.linalg.norm(middle(free_object, motion) - middle(free_object, free_object.slot)) < 6


def test_a_disc_never_lies_wrongly_in_its_slot() -> None:
    free_object = own(0)
    disc = np.zeros(free_object.mask.shape, np.uint8)
    cv2.circle(disc, (disc.shape[1] // 2, disc.shape[0] // 2), 10, 1, -1)
    for seed in range(10):
        alone = [replace(free_object, mask=disc > 0)]
        motion = in_wrong_slot(alone, IDENTITY, np.random.default_rng(seed))
        assert motion is None


@pytest.mark.parametrize("seed", range(4))
def test_examples_mend_it(seed: int) -> None:
    """It lies as high as the board carries it, and what shows of its slot is covered once it is in place."""
    augmentation = Augmentation(scatter=1, misplaced=1, shift=0)
    on_board = 0
    for number in range(12):
        example = augment(kit(seed), augmentation, np.random.default_rng([seed, number]))
        red = (example.color == RED).all(axis=-1)
        if np.isclose(np.median(example.height[red]), 0.02 + 0.006 - 2.5e-4, atol=1e-4):
            on_board += 1
            arrived = warp(red.astype(np.uint8), rigid(example.yaw[0], example.pick, example.place[0])) > 0
            assert np.linalg.norm(np.argwhere(red).mean(axis=0) - np.argwhere(arrived).mean(axis=0)) < 8
            board = ((example.height > 0.004) & (example.height < 0.01)).astype(np.uint8)
            shown = (cv2.erode(board, np.ones((3, 3))) > 0) & (example.color == TABLE).all(axis=-1)
            assert shown.any() and (shown & ~arrived).sum() < 0.1 * arrived.sum()
    assert 2 <= on_board <= 10, "half of them; the others lie beside it"
