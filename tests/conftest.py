"""The fake task is known while tests use it, and only then; without torch, tests of learning are left out."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from importlib.util import find_spec

import fake_environment
import gymnasium
import pytest
from hypothesis import settings

from ravens_suite import registry
from ravens_suite.registry.variants import HANDED_ON

_HAS_TORCH = find_spec("torch") is not None

# A shell starts what runs in its background with Ctrl-C ignored, and so would be what the tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes depends on the load of the machine, and says nothing of the code.
settings.register_profile("any load", deadline=None)
settings.load_profile("any load")

collect_ignore = [] if _HAS_TORCH else ["agents", "training", "benchmark/test_benchmark.py", "cli/test_quickstart.py"]


def pytest_report_header() -> str:
    return "" if _HAS_TORCH else "torch is not installed: tests of agents and training are left out"


@pytest.fixture(autouse=True, scope="module")
def _fake_task(request: pytest.FixtureRequest) -> Iterator[None]:
    if getattr(request.module, "TASK", None) != fake_environment.TASK:
        yield
        return
    fake_environment.register()
    yield
    fake_environment.unregister()


@pytest.fixture
def registrations(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test registers, itself or by environment variables, is forgotten after it."""
    registered = set(gymnasium.registry)
    for kind in registry.VARIABLES:
        monkeypatch.setitem(registry.entries.registered, kind, {})
        monkeypatch.setenv(registry.VARIABLES[kind], "")
    monkeypatch.setenv(HANDED_ON, "")
    yield
    monkeypatch.undo()
    registry.entries.tasks.cache_clear()
    registry.entries.agents.cache_clear()
    for identifier in set(gymnasium.registry) - registered:
        del gymnasium.registry[identifier]
