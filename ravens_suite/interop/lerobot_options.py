"""How episodes become frames of a LeRobot data set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, get_args

from ravens_suite.core.numbers import check_number
from ravens_suite.errors import ConfigError
from ravens_suite.interop.lerobot_features import ImageForm
from ravens_suite.interop.resize import Size
from ravens_suite.interop.vectors import LayoutName

_SMALLEST, _LARGEST = 8, 4096


@dataclass(frozen=True)
class LeRobotOptions:
    """How episodes become frames.

    Attributes:
        images: ``png``: every pixel as it was; ``video``: H.264, smaller, and not.
        image_size: (rows, columns) of every image; ``None`` for that of the episodes.
        actions: layout of the action's numbers; see ``interop/vectors.py``.
        depth: whether frames have depth images, too, in whole millimetres.
        fps: frames a second; ``None`` for 1 with actions of pick and place, 5 with way-points.
    """

    images: ImageForm = "png"
    image_size: Size | None = None
    actions: LayoutName = "yaw"
    depth: bool = False
    fps: int | None = None

    def checked(self) -> LeRobotOptions:
        """The same with plain numbers.

        Raises:
            ConfigError: a form of images, an image size or a rate cannot be.
        """
        if self.images not in get_args(ImageForm):
            raise ConfigError(f"images must be {' or '.join(get_args(ImageForm))}; got {self.images!r}.")
        size = None if self.image_size is None else _whole_size(self.image_size)
        fps = None if self.fps is None else check_number("--fps", self.fps, 1, 1000)
        if self.images == "video" and any(length % 2 for length in size or ()):
            raise ConfigError("Films have an even number of rows and columns: choose another --image-size.")
        return replace(self, image_size=size, fps=fps)


def _whole_size(value: Any) -> Size:
    try:
        rows, columns = value
    except (TypeError, ValueError):
        raise ConfigError(f"--image-size must be (rows, columns); got {value!r}.") from None
    rows, columns = (check_number("--image-size", length, _SMALLEST, _LARGEST) for length in (rows, columns))
    return rows, columns
