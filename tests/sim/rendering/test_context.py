"""The renderer beside other users of OpenGL, after forks, and at the limits of image sizes."""

from __future__ import annotations

import ctypes
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import moderngl
import numpy as np
import pytest
from numpy.typing import NDArray

from ravens_suite.core.camera_values import MOST_PIXELS
from ravens_suite.core.cameras import Camera, look_at
from ravens_suite.errors import ConfigError, ForkedRendererError, InvalidCameraError, RendererError
from ravens_suite.sim.rendering import opengl_context
from ravens_suite.sim.rendering.factory import make_renderer
from ravens_suite.sim.scene import Scene

TOP = Camera("top", look_at((0.5, 0.0, 1.0), (0.5, 0.0, 0.0)), (24, 32), 22.0)


def _egl_works() -> bool:
    try:
        make_renderer("moderngl").close()
    except RendererError:
        return False
    return True


needs_egl = pytest.mark.skipif(not _egl_works(), reason="moderngl cannot run")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
no_warning = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.close()


@pytest.fixture
def beside() -> Iterator[Callable[[float], NDArray[np.uint8]]]:
    """A program that draws with a context of its own, which it has made current once."""
    with opengl_context.kept_current():
        context = moderngl.create_context(
            require=330, standalone=True, backend="egl", libgl="libGL.so.1", libegl="libEGL.so.1"
        )
        frame = context.simple_framebuffer((4, 4))

        def draw(red: float) -> NDArray[np.uint8]:
            frame.clear(red, 0.0, 0.0, 1.0)
            return np.frombuffer(frame.read(), np.uint8)[::3]

        yield draw
        context.release()


@needs_egl
def test_a_context_of_the_callers_stays_current(beside: Callable[[float], NDArray[np.uint8]], scene: Scene) -> None:
    default = moderngl.get_context()
    assert (beside(1.0) == 255).all()
    renderer = make_renderer("moderngl")
    assert (beside(0.0) == 0).all()
    images = renderer.render(scene, [TOP])
    assert (beside(1.0) == 255).all()
    with pytest.raises(ConfigError):
        renderer.render(scene, [])
    renderer.close()
    assert (beside(0.0) == 0).all()
    assert moderngl.get_context() is default
    assert len(np.unique(images.color)) > 3


@needs_egl
def test_where_no_context_was_current_none_is_afterwards(scene: Scene) -> None:
    found: list[Any] = []

    def draw() -> None:
        egl = opengl_context._egl()
        assert egl is not None
        found.append(egl.eglGetCurrentContext())
        renderer = make_renderer("moderngl")
        found.append(egl.eglGetCurrentContext())
        renderer.render(scene, [TOP])
        renderer.close()
        found.append(egl.eglGetCurrentContext())

    thread = threading.Thread(target=draw)
    thread.start()
    thread.join()
    assert found == [None, None, None]


@needs_egl
def test_nothing_is_drawn_into_another_context(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    renderer = make_renderer("moderngl")
    egl = opengl_context._egl()
    assert egl is not None

    def refuse(*_: object) -> None:  # As where a window's context is current: the call fails, and nobody looks.
        egl.eglMakeCurrent(egl.eglGetCurrentDisplay(), None, None, None)

    monkeypatch.setattr(type(renderer._device.context), "__enter__", refuse)  # type: ignore[attr-defined]
    with pytest.raises(RendererError, match="could not be made current"):
        renderer.render(scene, [TOP])
    monkeypatch.undo()
    assert renderer.render(scene, [TOP]).color.any()
    renderer.close()


# ---------------------------------------------------------------------------- forks


def in_child(work: Callable[[], Any]) -> Any:
    """What ``work`` returns or raises in a forked child."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said: Any = work()
        except Exception as error:
            said = error
        os.write(write, pickle.dumps(said))
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pickle.loads(pipe.read())
    os.waitpid(child, 0)
    return said


@needs_fork
@no_warning
@pytest.mark.parametrize("name", ["moderngl", "auto"])
def test_a_fork_that_lost_threads_of_the_rasteriser_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opengl_context, "rasteriser_threads", lambda: ("llvmpipe-0", "llvmpipe-1"))
    error = in_child(lambda: make_renderer(name))
    assert isinstance(error, ForkedRendererError) and isinstance(error, RendererError)
    for word in ("llvmpipe-1", "'spawn'", "LP_NUM_THREADS=0"):
        assert word in str(error)
    assert not opengl_context._Fork.lost


@needs_fork
@no_warning
def test_a_grandchild_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = [("llvmpipe-0",), ()]
    monkeypatch.setattr(opengl_context, "rasteriser_threads", lambda: threads.pop(0))
    assert isinstance(in_child(lambda: in_child(lambda: make_renderer("moderngl"))), ForkedRendererError)


@needs_egl
@needs_fork
@no_warning
def test_a_renderer_from_before_such_a_fork_is_refused(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    renderer = make_renderer("moderngl")
    monkeypatch.setattr(opengl_context, "rasteriser_threads", lambda: ("llvmpipe-0",))
    assert isinstance(in_child(lambda: renderer.render(scene, [TOP])), ForkedRendererError)
    assert in_child(lambda: make_renderer("tiny").name) == "tiny"
    renderer.close()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
def test_threads_of_the_rasteriser_are_known_by_their_names() -> None:
    named, over = threading.Event(), threading.Event()

    def pretend() -> None:
        ctypes.CDLL(None).prctl(15, b"llvmpipe-7", 0, 0, 0)  # PR_SET_NAME
        named.set()
        over.wait()

    thread = threading.Thread(target=pretend)
    before = opengl_context.rasteriser_threads()
    thread.start()
    named.wait()
    assert opengl_context.rasteriser_threads() == tuple(sorted((*before, "llvmpipe-7")))
    over.set()
    thread.join()


# ---------------------------------------------------------------------- image sizes


@needs_egl
def test_more_than_opengl_draws_is_refused_with_the_limit(scene: Scene) -> None:
    renderer = make_renderer("moderngl")
    limit = renderer._device._longest_side  # type: ignore[attr-defined]
    for size in ((1, limit + 1), (limit + 1, 1)):
        with pytest.raises(ConfigError, match=f"at most {limit} rows"):
            renderer.check_image_size(size)
        with pytest.raises(ConfigError, match=f"at most {limit} rows"):
            renderer.render(scene, [Camera("long", TOP.pose, size, 100.0)])
    renderer.check_image_size((1, limit))
    renderer.close()


def test_more_pixels_than_fit_are_refused_before_memory_is_taken() -> None:
    for size in ((10**12, 10**12), (1, MOST_PIXELS + 1), (np.int64(10**12), np.int64(10**12))):
        with pytest.raises(InvalidCameraError, match="more than 16777216 pixels"):
            Camera("large", look_at((0, 0, 1), (0, 0, 0)), size)  # type: ignore[arg-type]
