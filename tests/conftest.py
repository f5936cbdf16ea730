"""The fake task is known while the tests that use it run, and only then."""

from __future__ import annotations

from collections.abc import Iterator

import fake_environment
import pytest


@pytest.fixture(autouse=True, scope="module")
def _fake_task(request: pytest.FixtureRequest) -> Iterator[None]:
    if getattr(request.module, "TASK", None) != fake_environment.TASK:
        yield
        return
    fake_environment.register()
    yield
    fake_environment.unregister()
