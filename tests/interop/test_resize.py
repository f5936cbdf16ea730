"""Observations in another image size, whatever their images hold."""

from __future__ import annotations

import numpy as np
import pytest

from ravens_suite.interop.resize import resized, resized_observation


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.uint16, np.int32, np.int64, np.float16, np.float32])
@pytest.mark.parametrize("axes", [(), (1,), (3,), (5,), (16,), (2, 2), (200,)])
def test_images_of_any_type_and_axes_are_resized(dtype: type, axes: tuple[int, ...]) -> None:
    # Halves of one value each, so that means and nearest pixels are the same.
    image = np.zeros((12, 18, *axes), dtype=dtype)
    image[:, 9:] = 1
    small = resized(image, (5, 4))
    assert small.dtype == image.dtype and small.shape == (5, 4, *axes)
    assert not small[:, :2].any() and (small[:, 2:] == 1).all()


def test_a_vector_a_pixel_has_the_nearest_ones_and_colours_are_means() -> None:
    image = np.arange(4 * 6 * 2, dtype=np.float32).reshape(4, 6, 2)
    frames = np.repeat(image[None, ..., None], 3, axis=-1)  # (1, 4, 6, 2, 3)
    color = np.zeros((1, 4, 6, 3), dtype=np.uint8)
    color[0, ::2] = 100
    seen = resized_observation({"color": color, "flow": frames}, (2, 3))
    np.testing.assert_array_equal(seen["flow"][0, ..., 0], image[1::2, 1::2])
    assert (seen["color"] == 50).all()
