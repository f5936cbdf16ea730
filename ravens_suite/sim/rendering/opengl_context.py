"""The OpenGL context: made through EGL, current only while something is drawn, and never after a fork that breaks it.

Facts that this relies on, of moderngl 5.13.0 with glcontext 3.1.0 and Mesa's llvmpipe:

- A context that is made is current afterwards, and ``with context:`` leaves none current
  (findings/moderngl_leaves_no_context_current.sh). A program that draws beside this package would then draw nothing.
- ``moderngl.create_context`` makes its context the one that ``moderngl.get_context()`` returns.
- llvmpipe draws with threads of its own, named ``llvmpipe-0`` and so on, unless LP_NUM_THREADS is 0. A forked child
  inherits its lists of work but none of its threads, and would wait for them for ever.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import moderngl

from ravens_suite.errors import ForkedRendererError, RendererError

_EGL_DEVICES = 4
"""EGL devices that are tried; the environment variable GLCONTEXT_DEVICE_INDEX chooses one."""

_LIBRARIES: tuple[dict[str, Any], ...] = ({"libgl": "libGL.so.1", "libegl": "libEGL.so.1"}, {})
"""Machines without development packages have only the names with a version."""

_DRAW, _READ = 0x3059, 0x305A
"""EGL_DRAW and EGL_READ of eglGetCurrentSurface."""

_MEND = (
    "Install Mesa's EGL (Debian and Ubuntu: apt-get install libegl1 libgl1-mesa-dri) or a GPU driver with EGL and "
    "OpenGL 4.3, or choose renderer='tiny'."
)


def make_context() -> moderngl.Context:
    """A context of OpenGL 4.3 without a window. It is not current, and the caller's stays the current one.

    Raises:
        RendererError: EGL or OpenGL 4.3 is missing.
        ForkedRendererError: this process was forked from one whose rasteriser had threads.
    """
    refuse_after_fork()
    # Zero threads: llvmpipe rasterises in the calling thread, so that worker processes do not fight for cores and a
    # fork finds no dead threads; Mesa's shader cache would start a thread too. A GPU's driver heeds neither.
    os.environ.setdefault("LP_NUM_THREADS", "0")
    os.environ.setdefault("MESA_SHADER_CACHE_DISABLE", "true")
    _load_triton()
    reasons: list[str] = []
    # The first EGL device may be a GPU that this user may not open, with a software rasteriser behind it.
    for libraries in _LIBRARIES:
        for device in range(_EGL_DEVICES):
            options = {"backend": "egl", "device_index": device, **libraries}
            try:
                with kept_current(), _kept_default():
                    return moderngl.create_context(require=430, standalone=True, **options)
            except Exception as error:  # moderngl raises plain Exception, and ImportError without its EGL backend.
                reasons.append(str(error))
    raise RendererError(f"OpenGL through EGL cannot be used here ({'; '.join(dict.fromkeys(reasons))}). {_MEND}")


@contextmanager
def kept_current() -> Iterator[None]:
    """Make current again, at the end, the context that is current now in this thread."""
    egl = _egl()
    if egl is None:
        yield
        return
    interface = egl.eglQueryAPI()
    display, context = egl.eglGetCurrentDisplay(), egl.eglGetCurrentContext()
    surfaces = egl.eglGetCurrentSurface(_DRAW), egl.eglGetCurrentSurface(_READ)
    try:
        yield
    finally:
        egl.eglBindAPI(interface)
        if context and display:
            egl.eglMakeCurrent(display, *surfaces, context)
        elif egl.eglGetCurrentDisplay():
            egl.eglMakeCurrent(egl.eglGetCurrentDisplay(), None, None, None)


def check_current() -> None:
    """Raise where no EGL context could be made current, so that nothing is drawn into another one.

    glcontext 3.1.0 does not look at what ``eglMakeCurrent`` returns. The call may fail where a context of GLX (a window
    of X11) is current in this thread.

    Raises:
        RendererError: none is current.
    """
    egl = _egl()
    if egl is not None and not egl.eglGetCurrentContext():
        raise RendererError(
            "The renderer's OpenGL context could not be made current: another one, probably of a window (GLX), is in "
            "this thread. Draw in a thread or process of its own, or choose renderer='tiny'."
        )


@contextmanager
def _kept_default() -> Iterator[None]:
    """Leave what ``moderngl.get_context()`` gives to the caller as it is."""
    store: Any = getattr(moderngl, "_store", None)
    default = getattr(store, "default_context", None)
    try:
        yield
    finally:
        if store is not None:
            store.default_context = default


@lru_cache(maxsize=1)
def _egl() -> ctypes.CDLL | None:
    """The EGL library, with the types of what is called here; ``None`` where there is none."""
    for name in ("libEGL.so.1", "libEGL.so"):
        try:
            egl = ctypes.CDLL(name)
        except OSError:
            continue
        pointer = ctypes.c_void_p
        for function in (egl.eglGetCurrentContext, egl.eglGetCurrentDisplay, egl.eglGetCurrentSurface):
            function.restype = pointer
        egl.eglGetCurrentSurface.argtypes = [ctypes.c_int]
        egl.eglMakeCurrent.argtypes = [pointer] * 4
        egl.eglQueryAPI.restype = ctypes.c_uint
        egl.eglBindAPI.argtypes = [ctypes.c_uint]
        return egl
    return None


# ---------------------------------------------------------------------------- forks


def refuse_after_fork() -> None:
    """Raise where drawing in this process could hang.

    Raises:
        ForkedRendererError: this process, or one it comes from, was forked while the rasteriser had threads.
    """
    if _Fork.lost:
        raise ForkedRendererError(
            "This process was forked from one in which the software rasteriser of OpenGL had threads "
            f"({', '.join(_Fork.lost)}); they do not survive a fork, so drawing here would hang. Start processes by "
            "'spawn' (multiprocessing.get_context('spawn')), or set the environment variable LP_NUM_THREADS=0 before "
            "anything is drawn in the parent."
        )


class _Fork:
    """What the forks that led to this process have lost.

    Attributes:
        present: names of the rasteriser's threads just before a fork.
        lost: those that a fork has cut off.
    """

    present: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


def rasteriser_threads() -> tuple[str, ...]:
    """Names of llvmpipe's threads in this process, where the system lists them (Linux)."""
    names = []
    for file in Path("/proc/self/task").glob("*/comm"):
        try:
            names.append(file.read_text(encoding="utf-8", errors="replace").strip())
        except OSError:  # A thread that has just ended.
            continue
    return tuple(sorted(name for name in names if name.startswith("llvmpipe")))


def _before_fork() -> None:
    _Fork.present = rasteriser_threads()


def _after_fork() -> None:
    _Fork.lost = _Fork.lost or _Fork.present


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)


def _load_triton() -> None:
    """Load the library of Triton, the compiler that torch's wheels for GPUs bring along, where it is installed.

    Triton 3.7 and Mesa's software rasteriser each bring a copy of LLVM. Loaded after Mesa, Triton ends the process, and
    torch loads it with its first optimiser. Loaded before, both work.
    """
    if "triton" in sys.modules:
        return
    package = importlib.util.find_spec("triton")
    for folder in (package.submodule_search_locations or ()) if package is not None else ():
        for library in sorted(Path(folder, "_C").glob("libtriton*.so")):
            try:
                ctypes.CDLL(str(library))
            except OSError:  # Then torch cannot load it either.
                continue
