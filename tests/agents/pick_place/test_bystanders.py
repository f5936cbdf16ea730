"""Things that a step has nothing to do with, shown elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ravens_suite.agents.pick_place.augmentation import augment
from ravens_suite.agents.pick_place.augmentation_settings import UNCHANGED
from ravens_suite.agents.pick_place.bystanders import bystanders, with_bystanders_elsewhere
from ravens_suite.agents.pick_place.steps import Step
from ravens_suite.agents.transporter.agent import Transporter
from ravens_suite.agents.transporter.config import TransporterConfig
from ravens_suite.agents.transporter.examples import augmentation_for, fitting
from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap
from tests.agents import scenes

_RED, _GREEN, _BLUE = (255, 87, 89), (89, 169, 79), (78, 121, 167)
_SQUARE = np.array([[-20, -20], [20, -20], [20, 20], [-20, 20]]) / 1000
_START, _GOAL = np.array([0.4, -0.2, 0.0]), np.array([0.6, 0.2, 0.7])
_MARK = (scenes.place(1.3 * _SQUARE, _GOAL), 0.002, _GREEN)


def _step(*others: Array) -> Step:
    """A red block that goes to a green mark; blue things stand at other positions (x, y, yaw)."""
    decor = (_MARK, *((scenes.place(_SQUARE, pose), 0.02, _BLUE) for pose in others))
    return scenes.Scene(_SQUARE, 0.03, _RED, _START, (_GOAL,), decor).step(np.random.default_rng(0))


_ASIDE, _FAR = np.array([0.4, 0.3, 0.0]), np.array([0.65, -0.35, 0.4])
_TWO = _step(_ASIDE, _FAR)


def _is(scene: Heightmap, color: tuple[int, int, int]) -> np.ndarray:
    found: np.ndarray = (scene.color == color).all(axis=-1)
    return found


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_they_lie_elsewhere_and_what_goes_where_stays_as_it_was(seed: int) -> None:
    moved = with_bystanders_elsewhere(_TWO, np.random.default_rng(seed))
    before, after = _is(_TWO.scene, _BLUE), _is(moved.scene, _BLUE)
    assert 0.7 * before.sum() < after.sum() < 1.3 * before.sum() and (before & after).mean() < 0.5 * before.mean()
    for color in (_RED, _GREEN):
        assert np.array_equal(_is(moved.scene, color), _is(_TWO.scene, color))
    assert np.array_equal(moved.height > 0.025, _TWO.height > 0.025)
    assert moved.pick is _TWO.pick and moved.pick_affinity is _TWO.pick_affinity


def test_all_pictures_of_a_step_show_them_at_the_same_places() -> None:
    goal = Heightmap(_TWO.color.copy(), _TWO.height.copy())
    block = _is(_TWO.scene, _RED)
    goal.color[block], goal.height[block] = (51, 51, 51), 2.5e-4
    moved = with_bystanders_elsewhere(replace(_TWO, goal=goal, first=_TWO.scene), np.random.default_rng(0))
    assert moved.goal is not None and moved.first is not None
    for other in (moved.goal, moved.first):
        assert np.array_equal(_is(other, _BLUE), _is(moved.scene, _BLUE))
    assert not _is(moved.goal, _RED).any() and np.array_equal(moved.first.color, moved.color)


def test_what_lies_otherwise_in_another_picture_stays() -> None:
    """It is moved later: a picture of the end must show where to."""
    goal = Heightmap(_TWO.color.copy(), _TWO.height.copy())
    later = _is(_TWO.scene, _BLUE) & (np.arange(len(goal.color)) < 160)[:, None]
    assert later.any()
    goal.color[later], goal.height[later] = (51, 51, 51), 2.5e-4
    assert len(bystanders(_TWO)) == 2 and len(bystanders(replace(_TWO, goal=goal))) == 1


@pytest.mark.parametrize("pose", [_GOAL, np.array([0.25, 0.0, 0.0])], ids=["the goal", "cut by the border"])
def test_what_is_no_bystander(pose: Array) -> None:
    step = _step(pose)
    assert not bystanders(step)
    assert with_bystanders_elsewhere(step, np.random.default_rng(0)) is step


def test_without_room_the_step_stays_as_it_is() -> None:
    poses = [np.array([x, y, 0.0]) for x in np.arange(0.29, 0.74, 0.056) for y in np.arange(-0.46, 0.47, 0.056)]
    full = _step(*(pose for pose in poses if min(np.hypot(*(pose - end)[:2]) for end in (_START, _GOAL)) > 0.1))
    assert bystanders(full)
    assert with_bystanders_elsewhere(full, np.random.default_rng(0)) is full


def test_where_few_demonstrations_are_told_something() -> None:
    config = TransporterConfig(bystanders=0.4)
    shares = [augmentation_for(config, demos, listens=True).bystanders for demos in (1, 3, 10, 100)]
    assert shares[0] == 0.4 > shares[1] > 0 == shares[2] == shares[3]
    assert augmentation_for(config, 1, listens=False).bystanders == 0
    assert Transporter().augmentation(1).bystanders == 0
    told = augmentation_for(config, 1, listens=True)
    for said, share in (("put the red block on the green mark", 0.4), ("put the red block on the left mark", 0.0)):
        assert fitting(config, told, replace(_TWO, instruction=said)).bystanders == share


def test_examples_show_them_elsewhere() -> None:
    often = replace(UNCHANGED, bystanders=1.0)
    examples = [augment(_TWO, often, np.random.default_rng(seed)) for seed in range(5)]
    assert len({_is(Heightmap(each.color, each.height), _BLUE).tobytes() for each in examples}) == 5
    plain = augment(_TWO, UNCHANGED, np.random.default_rng(0))
    assert np.array_equal(plain.color, _TWO.color)
