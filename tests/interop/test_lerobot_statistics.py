"""Statistics of a LeRobot data set, counted in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ravens_suite.interop.lerobot_statistics import QUANTILES, PixelStatistics, of_vectors


@settings(max_examples=40, deadline=None)
@given(st.lists(hnp.arrays(np.uint8, (2, 3, 3)), min_size=1, max_size=4))
def test_statistics_of_pixels_are_exact(images: list[Any]) -> None:
    whole, parts = PixelStatistics(3), PixelStatistics(3)
    for image in images:
        one = PixelStatistics(3)
        one.add(image)
        whole.add(image)
        parts.merge(one)
    found = whole.summary()
    assert found == parts.summary()
    values = np.stack(images).reshape(-1, 3) / 255
    wanted = of_vectors(values)
    assert found["count"] == [len(images)]
    for name in (*QUANTILES, "min", "max", "mean", "std"):
        assert np.allclose(np.reshape(found[name], 3), wanted[name], atol=1e-9), name
