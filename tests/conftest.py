"""The fake task is known while the tests of jobs run, and only then."""

from __future__ import annotations

from collections.abc import Iterator

import fake_environment
import pytest


@pytest.fixture(autouse=True, scope="module")
def _fake_task() -> Iterator[None]:
    fake_environment.register()
    yield
    fake_environment.unregister()
