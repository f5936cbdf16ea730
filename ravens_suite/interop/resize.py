"""Observations and cameras of another image size, for policies that want small images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.cameras import Camera

Size = tuple[int, int]
"""Rows and columns."""

_IMAGE_AXES = 3
_CHANNELS = 4
"""OpenCV averages no more at once."""
_OF_CAMERAS = ("color", "depth", "segmentation")
"""Images that the intrinsics are of."""


def resized_observation(observation: Mapping[str, Any], size: Size) -> dict[str, Any]:
    """An observation whose images have another size, and whose intrinsics are of those images.

    Colours are averaged over the area of a new pixel; depths and labels are those of the nearest old pixel, as a mean
    of two surfaces is no surface. What has not the cameras' rows and columns stays as it is: it is of no camera.

    Args:
        observation: by key; see ``core/observations.py``.
        size: rows and columns.
    """
    found: dict[str, Any] = {}
    images = {key: value.shape[1:3] for key, value in observation.items() if _is_image(value)}
    old = next((images[key] for key in _OF_CAMERAS if key in images), next(iter(images.values()), size))
    for key, value in observation.items():
        if images.get(key) == old:
            found[key] = np.stack([resized(image, size) for image in value])
        elif key.endswith("camera_intrinsics"):
            found[key] = np.diag([size[1] / old[1], size[0] / old[0], 1.0]) @ value
        else:
            found[key] = value
    return found


def resized(image: NDArray[Any], size: Size) -> NDArray[Any]:
    """An image (rows, columns, ...) in another size and the same dtype; the same one where it has that size."""
    if image.shape[:2] == size:
        return image
    rows, columns = image.shape[:2]
    if image.dtype == np.uint8 and image.ndim == _IMAGE_AXES:
        parts = [image[..., first : first + _CHANNELS] for first in range(0, image.shape[2], _CHANNELS)]
        made = [cv2.resize(part, (size[1], size[0]), interpolation=cv2.INTER_AREA) for part in parts]
        # OpenCV drops a last axis of length 1.
        return np.concatenate([part.reshape(*size, -1) for part in made], axis=-1).astype(np.uint8, copy=False)
    # OpenCV takes neither all types nor any number of axes; which pixel is the nearest, it says of each.
    numbers = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    nearest = cv2.resize(numbers, (size[1], size[0]), interpolation=cv2.INTER_NEAREST_EXACT)
    chosen: NDArray[Any] = image.reshape(rows * columns, *image.shape[2:])[nearest]
    return chosen


def resized_camera(camera: Camera, size: Size) -> Camera:
    """The camera whose image is another one's in another size."""
    down, across = size[0] / camera.image_size[0], size[1] / camera.image_size[1]
    return replace(
        camera,
        image_size=size,
        focal_length=camera.fx * across,
        focal_length_y=camera.fy * down,
        principal_point=(camera.cx * across, camera.cy * down),
    )


def _is_image(value: Any) -> bool:
    """Whether it is (N, rows, columns, ...); coordinates in float64 are no images, even where they are matrices."""
    return isinstance(value, np.ndarray) and value.ndim >= _IMAGE_AXES and value.dtype != np.float64
