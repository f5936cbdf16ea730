"""Which renderer one gets, and what is said where it cannot be had."""

from __future__ import annotations

import logging

import moderngl
import pytest

from ravens_suite.errors import RendererError, UnknownNameError
from ravens_suite.sim.rendering import factory, opengl
from ravens_suite.sim.rendering.factory import make_renderer
from tests.sim.rendering.views import needs_egl


def test_unknown_renderer() -> None:
    with pytest.raises(UnknownNameError, match="moderngl"):
        make_renderer("modern")


def test_missing_egl_says_how_to_mend(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("libEGL.so.1 not loaded")

    monkeypatch.setattr(opengl, "_devices", {})
    monkeypatch.setattr(moderngl, "create_context", fail)
    factory._warn_once.cache_clear()
    with pytest.raises(RendererError, match=r"libEGL\.so\.1 not loaded.*libegl1 libgl1-mesa-dri.*renderer='tiny'"):
        make_renderer("moderngl")
    with caplog.at_level(logging.WARNING):
        assert make_renderer("auto").name == "tiny"
        assert make_renderer("auto").name == "tiny"
    assert len(caplog.records) == 1


@needs_egl
def test_auto_prefers_moderngl() -> None:
    made = make_renderer()
    assert made.name == "moderngl"
    made.close()
