"""Renderers and scenes that are closed after a test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ravens_suite.sim.rendering.base import Renderer
from ravens_suite.sim.rendering.factory import make_renderer
from ravens_suite.sim.scene import Scene


@pytest.fixture
def draw(request: pytest.FixtureRequest) -> Iterator[Renderer]:
    made = make_renderer(request.param)
    yield made
    made.close()


@pytest.fixture
def fast() -> Iterator[Renderer]:
    made = make_renderer("moderngl")
    yield made
    made.close()


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.close()
