"""What every renderer offers, and the choice between them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.cameras import Camera
from ravens_suite.core.geometry import Vector
from ravens_suite.core.palette import Color
from ravens_suite.errors import ConfigError, RendererError, UnknownNameError

if TYPE_CHECKING:
    from ravens_suite.sim.scene import Scene

_LOG = logging.getLogger(__name__)

BACKGROUND: Color = (0.93, 0.94, 0.96)
"""What a camera sees beyond the ground plane, at the camera's far depth."""

GROUND_NAME = "plane"
SHEET_NAME = "workspace"
"""Names of the level bodies that make up the table."""

SQUARES_PER_METRE = 2.0
LIGHT_SQUARE = (1.55, 1.38, 1.22)
"""The ground plane's checker: dark squares have the plane's colour, light ones this times it."""


_LARGEST_KEPT = 2**25 - 2**16
"""Bytes: a little below glibc's greatest threshold between blocks it keeps and blocks it gives back."""


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
        direction: towards the light, world frame, any length.
        ambient: brightness of what the light does not reach.
        diffuse: what the light adds, times the cosine of its angle to the face.
        shadows: whether bodies cast shadows: on the table, with moderngl only.
    """

    direction: Vector = (0.25, -0.35, 1.0)
    ambient: float = 0.55
    diffuse: float = 0.48
    shadows: bool = True


PUBLISHED_LIGHTING = Lighting()
"""Shadows on, and level faces close to their palette colour."""


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


def make_renderer(name: str = "auto") -> Renderer:
    """A renderer by name.

    Args:
        name: ``"moderngl"`` (EGL, a GPU or Mesa's software rasteriser), ``"tiny"`` (Bullet's own, slow, runs
            everywhere), or ``"auto"``: the first of these that runs here.

    Raises:
        UnknownNameError: there is no such renderer.
        RendererError: the renderer asked for cannot run on this machine; the message says how to mend it.
    """
    _keep_freed_memory()
    if name == "auto":
        try:
            return _make_moderngl()
        except RendererError as error:
            _warn_once(str(error))
            return _make_tiny()
    if name not in _MAKERS:
        raise UnknownNameError("renderer", name, [*_MAKERS, "auto"])
    return _MAKERS[name]()


def _make_moderngl() -> Renderer:
    from ravens_suite.sim.rendering.moderngl_renderer import ModernglRenderer

    return ModernglRenderer()


def _make_tiny() -> Renderer:
    from ravens_suite.sim.rendering.tiny_renderer import TinyRenderer

    return TinyRenderer()


_MAKERS: dict[str, Callable[[], Renderer]] = {"moderngl": _make_moderngl, "tiny": _make_tiny}


@lru_cache(maxsize=1)
def _keep_freed_memory() -> None:
    """Have the C library keep up to 64 MB that this process has freed, for the next images.

    Otherwise it gives the memory of images back as soon as they are dropped, and the system clears every page anew:
    2,700 pages a demonstration of one action, a seventh of its time. glibc keeps twice the largest block that was ever
    freed, 32 MB at most; this one is never written to, so it costs nothing. With other C libraries nothing changes.
    """
    np.empty(_LARGEST_KEPT, dtype=np.uint8)


@lru_cache(maxsize=8)
def _warn_once(reason: str) -> None:
    _LOG.warning("Falling back to Bullet's TinyRenderer, which is many times slower. %s", reason)
