"""The fake task is known while tests use it, and only then; without torch, tests of learning are left out."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import fake_environment
import pytest

_HAS_TORCH = find_spec("torch") is not None

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
