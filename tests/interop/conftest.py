"""Servers that are closed after a test, and the recordings of a lab."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ravens_suite.interop.policy_server import PolicyServer


@pytest.fixture
def serve() -> Iterator[Callable[..., PolicyServer]]:
    servers = []

    def start(policy: str | Path, **options: Any) -> PolicyServer:
        server = PolicyServer(str(policy), **{"port": 0, **options})
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four episodes of a lab's robot."""
    from tests.interop.lab_recordings import LAB

    folder = tmp_path_factory.mktemp("lab") / "recorded"
    LAB.record(folder, 4)
    return folder
