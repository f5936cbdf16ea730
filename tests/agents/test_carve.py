"""Objects of new shapes, and silhouettes that still fit them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ravens_suite.agents.nn.augment import Augmentation, augment
from ravens_suite.agents.nn.plane import rigid, warp
from ravens_suite.agents.nn.steps import Step, carved
from tests.agents import scenes

_BOARD, _SILHOUETTE, _BLOCK = (200, 150, 100), (60, 60, 60), (255, 87, 89)
_CORNERS = 0.12 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
_SHAPE = np.array([[-15, -15], [45, -15], [45, 15], [15, 15], [15, 40], [-15, 40]]) / 1000


def _step(seed: int, *, silhouette: bool = True) -> Step:
    """A block that goes onto its silhouette on a board, or onto the bare board."""
    rng = np.random.default_rng(seed)
    target = np.array([rng.uniform(0.42, 0.58), rng.uniform(0.15, 0.35), rng.uniform(-3, 3)])
    start = np.array([rng.uniform(0.35, 0.65), rng.uniform(-0.4, -0.2), rng.uniform(-3, 3)])
    decor = [(scenes.place(_CORNERS, np.array([*target[:2], 0.4])), 0.005, _BOARD)]
    if silhouette:
        decor.append((scenes.place(_SHAPE, target), 0.006, _SILHOUETTE))
    scene = scenes.Scene(_SHAPE, 0.02, _BLOCK, start, (target,), tuple(decor))
    # A pick on the very edge lifts nothing, and teaches nothing.
    return next(step for step in iter(lambda: scene.step(rng), None) if step.loose)


def _shows(color: np.ndarray, shade: tuple[int, int, int]) -> np.ndarray:
    return (color == shade).all(axis=-1)


def _eroded(mask: np.ndarray) -> np.ndarray:
    return cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_what_is_cut_off_is_taken_from_the_silhouette_too(seed: int) -> None:
    step = _step(seed)
    cut = carved(step, np.random.default_rng(seed))
    before, left = step.grip > 0, cut.grip > 0
    assert 0.5 < left.sum() / before.sum() < 0.95 and not (left & ~before).any()
    motion = rigid(step.turn, step.pick, step.place)
    covered, bare = (_eroded(warp(part.astype(np.uint8), motion)) for part in (left, before & ~left))
    assert _shows(cut.color, _SILHOUETTE)[covered].all()
    assert _shows(cut.color, _BOARD)[bare].all()
    np.testing.assert_allclose(cut.height[bare], 0.005)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_an_example_shows_the_cut_object_and_picks_it(seed: int) -> None:
    step = _step(seed)
    rules = Augmentation(turn=0, shift=0, scatter=1, carve=1)
    example = augment(step, rules, np.random.default_rng(seed))
    assert _shows(example.color, _BLOCK).sum() < 0.97 * _shows(step.color, _BLOCK).sum()
    assert _shows(example.color, _SILHOUETTE).sum() < _shows(step.color, _SILHOUETTE).sum()
    column, row = (int(value) for value in example.pick)
    assert _shows(example.color[row - 1 : row + 2, column - 1 : column + 2], _BLOCK).any()
    column, row = (int(value) for value in example.place[0])
    assert _shows(example.color[row - 1 : row + 2, column - 1 : column + 2], _SILHOUETTE).any()


@pytest.mark.parametrize("make", [scenes.insertion, scenes.corner])
def test_without_a_silhouette_nothing_is_cut(make: scenes.Maker) -> None:
    rng = np.random.default_rng(0)
    for step in (make(rng).step(rng), _step(0, silhouette=False)):
        assert step.on is None
        assert carved(step, rng) is step
