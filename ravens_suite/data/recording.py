"""What is seen in an episode, as it comes: checked, and images coded at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.observations import GOAL
from ravens_suite.data.frames import Encoder
from ravens_suite.errors import ConfigError

_IMAGE_AXES = 4
_FARTHEST_DEPTH = 100.0
"""Metres: beyond, a depth image of a table is in other units (0.3 m are 300 mm)."""
_SENSOR_NOISE = 1.0
"""Metres: depths of one place never differ more."""


@dataclass
class Recording:
    """What is seen in an episode, ready for the disk: images are coded as they come.

    Coded at once, an image is a fiftieth of its size, and its memory is there for the next one: new memory for each
    image of an episode, and for all of them in one array, takes as long as drawing them.

    Attributes:
        images: by key, what has rows and columns.
        values: by key, other arrays, one an observation, of any shape and dtype.
        texts: by key, strings.
    """

    images: dict[str, Encoder] = field(default_factory=dict)
    values: dict[str, list[NDArray[Any]]] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)

    def add(self, observation: Mapping[str, Any]) -> None:
        """Code the next observation; all of an episode have the same keys.

        Its arrays may change afterwards: a policy may work on them in place, and a camera fill them anew.

        Raises:
            ConfigError: an image has another shape or dtype than the first, or ``color`` and ``depth`` are not in the
                units and shapes of ``core/observations.py``; or a key or an array is one that no file can hold.
        """
        for key, value in observation.items():
            check_name("observation key", key)
            if isinstance(value, str):
                self.texts.setdefault(key, []).append(str(value))
                continue
            if isinstance(value, np.ma.MaskedArray):
                raise ConfigError(f"{key!r} has a mask, which is not stored: fill it, such as with .filled(0).")
            array = np.asarray(value)
            if key not in self.images and key not in self.values:
                _check_known(key, array)
            # Coordinates in float64 are no images, even where they are matrices, one a camera.
            if array.ndim < _IMAGE_AXES - 1 or array.dtype == np.float64:
                self.values.setdefault(key, []).append(array.copy())
            else:
                self.images.setdefault(key, Encoder()).add(array)

    def check(self, count: int) -> None:
        """Check that there are ``count`` observations, all alike.

        Raises:
            ConfigError: there are more or fewer, or an array changed its shape or dtype.
        """
        counts = {key: len(encoder) for key, encoder in self.images.items()}
        counts |= {key: len(values) for key, values in (self.values | self.texts).items()}
        if not counts:
            raise ConfigError("An episode without observations: give them, or the recording of its rollout.")
        for key, seen in counts.items():
            if seen != count:
                raise ConfigError(f"{key!r} was seen {seen} times; an episode of {count - 1} steps has {count}.")
        for key, values in self.values.items():
            kinds = sorted({f"{value.dtype} {value.shape}" for value in values})
            if len(kinds) > 1:
                raise ConfigError(f"{key!r} must keep shape and dtype in an episode; it was {', '.join(kinds)}.")


def check_name(what: str, name: Any) -> None:
    """Refuse a name that no array of a file can have.

    Args:
        what: is named, for the message.
        name: of it.

    Raises:
        ConfigError: it is no text, empty, or has a slash.
    """
    if not isinstance(name, str) or not name:
        raise ConfigError(f"The {what} {name!r} is no name: give it one of letters.")
    if "/" in name:
        raise ConfigError(f"The {what} {name!r} has a slash, which separates names in a file: rename it.")


def _check_known(key: str, array: NDArray[Any]) -> None:
    """Refuse the first image of an episode that is not in the units and shapes of ``core/observations.py``.

    Raises:
        ConfigError: it is not; the message says how to convert it.
    """
    name = key.removeprefix(GOAL)
    if name == "color" and (array.dtype != np.uint8 or array.ndim != _IMAGE_AXES or array.shape[-1] != 3):
        raise ConfigError(f"{key!r} must be RGB, (N, H, W, 3) uint8 for N cameras; it is {array.shape} {array.dtype}.")
    if name != "depth":
        return
    if array.dtype != np.float32 or array.ndim != _IMAGE_AXES - 1:
        hint = " Millimetres? depth = millimetres.astype(numpy.float32) / 1000." if array.dtype.kind in "iu" else ""
        raise ConfigError(
            f"{key!r} must be metres along the optical axis, (N, H, W) float32 for N cameras; it is {array.shape} "
            f"{array.dtype}.{hint}"
        )
    if array.size and not np.isfinite(array).all():
        raise ConfigError(f"{key!r} has values that are not finite: put 0 where the camera saw nothing.")
    if array.size and array.min() < 0:
        raise ConfigError(f"{key!r} has negative values: it must be metres along the optical axis, 0 for nothing seen.")
    if array.size and array.max() > _FARTHEST_DEPTH and not all(map(_only_nothing_is_beyond, array)):
        raise ConfigError(
            f"{key!r} reaches to {array.max():g} metres, farther than {_FARTHEST_DEPTH:g}: it looks like millimetres. "
            "Divide by 1000."
        )


def _only_nothing_is_beyond(depth: NDArray[np.float32]) -> bool:
    """Whether what is farther than ``_FARTHEST_DEPTH`` in an image is only where its camera saw nothing.

    There depth is the camera's ``far``, less the noise of its sensor; of millimetres hardly any is below that limit.

    Args:
        depth: (H, W) metres.
    """
    measured = depth[depth > 0]
    beyond = measured[measured > _FARTHEST_DEPTH]
    return not beyond.size or bool(beyond.size < measured.size and np.ptp(beyond) < _SENSOR_NOISE)
