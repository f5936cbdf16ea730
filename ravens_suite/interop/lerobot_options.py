"""How episodes become frames of a LeRobot data set."""

from __future__ import annotations

from dataclasses import dataclass

from ravens_suite.core.numbers import check_number
from ravens_suite.errors import (
    ConfigError,
)
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

    def check(self) -> None:
        """Refuse what cannot be.

        Raises:
            ConfigError: an image size or a rate is out of bounds.
        """
        for length in self.image_size or ():
            check_number("--image-size", length, _SMALLEST, _LARGEST)
        if self.fps is not None:
            check_number("--fps", self.fps, 1, 1000)
        if self.images == "video" and any(length % 2 for length in self.image_size or ()):
            raise ConfigError("Films have an even number of rows and columns: choose another --image-size.")
