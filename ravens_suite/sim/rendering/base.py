"""The renderer interface, and the colours that both renderers share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.cameras import Camera
from ravens_suite.core.geometry import Vector
from ravens_suite.core.numbers import is_finite
from ravens_suite.core.palette import Color
from ravens_suite.errors import ConfigError
from ravens_suite.sim.scene import Scene

BACKGROUND: Color = (0.93, 0.94, 0.96)
"""What a camera sees beyond the ground plane, at the camera's far depth."""

SQUARES_PER_METRE = 2.0
LIGHT_SQUARE = (1.55, 1.38, 1.22)
"""The ground plane's checkerboard: dark squares have the plane's colour, light ones that colour times this."""


@dataclass(frozen=True)
class Images:
    """What N cameras see of one scene at one moment; the arrays belong to the caller.

    Attributes:
        color: (N, H, W, 3) uint8, RGB.
        depth: (N, H, W) float32, metres along the optical axis, whole multiples of ``DEPTH_UNIT``; the camera's far
            depth where nothing is hit.
        segmentation: (N, H, W) int32 labels of ``Scene.labels()``, 0 for the ground plane and the background; ``None``
            unless it was asked for.
    """

    color: NDArray[np.uint8]
    depth: NDArray[np.float32]
    segmentation: NDArray[np.int32] | None = None


@dataclass(frozen=True)
class Lighting:
    """One distant light. A face turned to the light has ``ambient + diffuse`` times its body's colour.

    Attributes:
        direction: (x, y, z) towards the light, world frame, of any length but zero.
        ambient: brightness of what the light does not reach.
        diffuse: brightness that the light adds, times the cosine of its angle to the face's normal.
        shadows: whether bodies cast shadows on the table; the moderngl renderer only.

    Raises:
        ConfigError: the direction is zero, or a number is negative or not finite.
    """

    direction: Vector = (0.25, -0.35, 1.0)
    ambient: float = 0.55
    diffuse: float = 0.48
    shadows: bool = True

    def __post_init__(self) -> None:
        numbers = (*self.direction, self.ambient, self.diffuse)
        if len(numbers) != 5 or not all(map(is_finite, numbers)) or not any(self.direction):
            raise ConfigError(f"A light needs finite numbers and a direction that is not zero; got {self}.")
        if self.ambient < 0 or self.diffuse < 0:
            raise ConfigError(f"The brightness of a light must be >= 0; got {self.ambient} and {self.diffuse}.")


PUBLISHED_LIGHTING = Lighting()
"""Shadows, and level faces close to their palette colour."""


class Renderer(Protocol):
    """Draws scenes. Several may live in one process; each may draw any number of scenes.

    Attributes:
        name: ``"moderngl"`` or ``"tiny"``.
    """

    name: str

    def render(
        self,
        scene: Scene,
        cameras: Sequence[Camera],
        *,
        segmentation: bool = False,
        lighting: Lighting = PUBLISHED_LIGHTING,
    ) -> Images:
        """What ``cameras``, all of one image size, see of ``scene``."""

    def check_image_size(self, size: tuple[int, int]) -> None:
        """Refuse a (rows, columns) that cannot be drawn on this machine, before memory is taken; raises ConfigError."""

    def close(self) -> None:
        """Free what the renderer holds; closing twice is fine."""


def shared_image_size(cameras: Sequence[Camera]) -> tuple[int, int]:
    """(rows, columns) that all cameras have.

    Raises:
        ConfigError: there is no camera, or their image sizes differ.
    """
    sizes = {camera.image_size for camera in cameras}
    if len(sizes) != 1:
        raise ConfigError(
            f"Cameras rendered together need one image size, but these have {sorted(sizes) or 'no camera among them'}; "
            "render them in one call for each size."
        )
    return sizes.pop()
