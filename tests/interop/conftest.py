"""Servers that are closed after a test."""

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
