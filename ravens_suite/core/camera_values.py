"""Values that a camera is described by, checked one by one; messages name the camera and the value."""

from __future__ import annotations

from typing import Any

import numpy as np

from ravens_suite.core.geometry import Vector
from ravens_suite.core.numbers import UNREADABLE, is_finite
from ravens_suite.errors import InvalidCameraError, InvalidPoseError

MOST_PIXELS = 1 << 24
"""Pixels of an image: 4096 x 4096. An observation of three takes 0.4 GB, its declared bounds twice that."""


def vector_of(value: Any, name: str) -> Vector:
    """Three numbers (x, y, z) of the camera of a name, as they were given: metres, or a direction.

    Raises:
        InvalidPoseError: they are others.
    """
    x, y, z = numbers_of(value, 3, "position, look_at and up", name)
    return x, y, z


def numbers_of(value: Any, count: int, what: str, name: str) -> list[float]:
    """So many numbers; ``what`` and ``name`` are for the message.

    Raises:
        InvalidPoseError: there are more or fewer, or they are none.
    """
    try:
        numbers = [float(number) for number in value]
    except UNREADABLE:
        numbers = []
    if len(numbers) != count:
        raise InvalidPoseError(f"Camera {name!r}: {what} must have {count} numbers; got {value!r}.")
    return numbers


def whole_size(value: Any, name: str) -> tuple[int, int]:
    """Rows and columns of an image that can be.

    Raises:
        InvalidCameraError: they are no whole numbers, or too large.
    """
    whole = (int, np.integer)
    try:
        rows, columns = value
    except (TypeError, ValueError):
        rows = columns = None
    if not all(
        isinstance(length, whole) and not isinstance(length, bool) and length >= 1 for length in (rows, columns)
    ):
        raise InvalidCameraError(f"Camera {name!r}: image_size is (rows, columns), whole numbers >= 1; got {value!r}.")
    if int(rows) * int(columns) > MOST_PIXELS:
        raise InvalidCameraError(
            f"Camera {name!r}: an image of {rows} x {columns} has more than {MOST_PIXELS} pixels (4096 x 4096)."
        )
    return int(rows), int(columns)


def finite_number(value: Any, what: str, name: str) -> float:
    """A number as float.

    Raises:
        InvalidCameraError: it is none, or not finite.
    """
    if not is_finite(value):
        raise InvalidCameraError(f"Camera {name!r}: {what} must be a finite number; got {value!r:.80}.")
    return float(value)


def image_point(value: Any, name: str) -> tuple[float, float]:
    """Image coordinates (cx, cy), pixels.

    Raises:
        InvalidCameraError: they are not two finite numbers.
    """
    try:
        cx, cy = value
    except (TypeError, ValueError):
        raise InvalidCameraError(f"Camera {name!r}: principal_point is (cx, cy), pixels; got {value!r}.") from None
    return finite_number(cx, "cx", name), finite_number(cy, "cy", name)
