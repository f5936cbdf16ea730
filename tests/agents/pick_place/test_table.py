"""Comparisons of pixels, beside the plain way to write them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ravens_suite.agents.pick_place.moved_object import disc
from ravens_suite.agents.pick_place.table import COLOR_TOLERANCE, colors_differ, median

_SHAPE = (20, 14)


@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2), elements=st.floats(-9, 9, width=32)))
def test_the_median_is_that_of_numpy(values: np.ndarray) -> None:
    assert median(values) == np.median(values)
    assert type(median(values)) is np.float32
    values[0, 0] = np.nan
    assert np.isnan(median(values))


@given(st.integers(0, 2**32 - 1), st.integers(1, 255))
def test_colours_differ_where_any_channel_does(seed: int, most: int) -> None:
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 256, (*_SHAPE, 3), dtype=np.uint8)
    change = rng.integers(-most, most + 1, first.shape)
    second = np.clip(first + change, 0, 255).astype(np.uint8)
    plainly = np.abs(first.astype(int) - second).max(axis=-1) > COLOR_TOLERANCE
    assert np.array_equal(colors_differ(first, second), plainly)
    assert np.array_equal(colors_differ(first[2:9, 3:7], second[2:9, 3:7]), plainly[2:9, 3:7])


@given(st.floats(-5, 25), st.floats(-5, 25), st.floats(0.1, 9))
def test_a_disc_is_within_its_radius(x: float, y: float, radius: float) -> None:
    column, row = np.clip((x, y), 0.5, [_SHAPE[1] - 0.5, _SHAPE[0] - 0.5])
    rows, columns = np.mgrid[: _SHAPE[0], : _SHAPE[1]] + 0.5
    plainly = np.hypot(columns - column, rows - row) <= radius
    assert np.array_equal(disc(_SHAPE, np.array([x, y]), radius), plainly)
