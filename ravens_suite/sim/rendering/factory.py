"""The choice between renderers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache

from ravens_suite.errors import ForkedRendererError, RendererError, UnknownNameError
from ravens_suite.sim.rendering.base import Renderer

_LOG = logging.getLogger(__name__)


def make_renderer(name: str = "auto") -> Renderer:
    """A renderer by name.

    Args:
        name: ``"moderngl"`` (EGL, a GPU or Mesa's software rasteriser), ``"tiny"`` (Bullet's own, slow, runs
            everywhere), or ``"auto"``: the first of these that runs here.

    Raises:
        UnknownNameError: there is no such renderer.
        RendererError: the renderer asked for cannot run on this machine; the message says how to mend it.
        ForkedRendererError: this process was forked from one in which drawing had threads; ``auto`` raises it, too.
    """
    if name == "auto":
        try:
            return _make_moderngl()
        except ForkedRendererError:  # Other processes of this program may well draw: images must not depend on which.
            raise
        except RendererError as error:
            _warn_once(str(error))
            return _make_tiny()
    check_renderer(name)
    return _MAKERS[name]()


def check_renderer(name: str) -> None:
    """Refuse a name that no renderer has; whether one of that name runs here shows when it is made.

    Args:
        name: see ``make_renderer``.

    Raises:
        UnknownNameError: there is no such renderer.
    """
    if name not in (known := [*_MAKERS, "auto"]):
        raise UnknownNameError("renderer", name, known)


def _make_moderngl() -> Renderer:
    from ravens_suite.sim.rendering.opengl import ModernglRenderer

    return ModernglRenderer()


def _make_tiny() -> Renderer:
    from ravens_suite.sim.rendering.tiny import TinyRenderer

    return TinyRenderer()


_MAKERS: dict[str, Callable[[], Renderer]] = {"moderngl": _make_moderngl, "tiny": _make_tiny}


@lru_cache(maxsize=8)
def _warn_once(reason: str) -> None:
    _LOG.warning("Drawing with Bullet's TinyRenderer instead, which is many times slower. %s", reason)
