"""Threads of torch that wait for others leave their core alone."""

from __future__ import annotations

import importlib
import os

import pytest

import ravens_suite.agents


@pytest.mark.parametrize(("given", "then"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_agents_ask_for_threads_that_do_not_spin(monkeypatch: pytest.MonkeyPatch, given: str | None, then: str) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if given is not None:
        monkeypatch.setenv("OMP_WAIT_POLICY", given)
    importlib.reload(ravens_suite.agents)
    assert os.environ["OMP_WAIT_POLICY"] == then
