"""Spaces of images: those of Gymnasium, without the memory of their bounds."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box
from gymnasium.vector.utils import batch_space

from ravens_suite.core.cameras import published_cameras
from ravens_suite.envs.observations import observation_space

_GROUPS = ("images", "segmentation")
_KEYS = ("color", "depth", "segmentation")


def _space(key: str) -> Any:
    return observation_space(_GROUPS, published_cameras(), 4)[key]


@pytest.mark.parametrize("key", _KEYS)
def test_bounds_of_images_take_no_memory(key: str) -> None:
    space = _space(key)
    for array in (space.low, space.high, space.bounded_below, space.bounded_above):
        assert array.shape == space.shape == (3, 480, 640, *[3] * (key == "color"))
        assert array.strides == (0,) * array.ndim


@pytest.mark.parametrize("key", _KEYS)
def test_it_is_the_box_of_gymnasium(key: str) -> None:
    space = _space(key)
    plain = Box(space.low.flat[0], space.high.flat[0], space.shape, space.dtype)
    assert space == plain and plain == space and repr(space) == repr(plain)
    assert space.is_bounded() and space.dtype == plain.dtype
    space.seed(3), plain.seed(3)
    drawn = space.sample()
    assert np.array_equal(drawn, plain.sample())
    assert space.contains(drawn) and not space.contains(drawn[..., :-1])
    if key == "depth":
        assert not space.contains(-drawn - 1)
    for other in (copy.deepcopy(space), pickle.loads(pickle.dumps(space))):
        assert other == plain and other.contains(drawn)
    assert batch_space(space, 2) == batch_space(plain, 2)
