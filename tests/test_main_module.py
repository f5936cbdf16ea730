"""``python -m ravens_suite`` is the command line."""

from __future__ import annotations

import runpy
import sys

import pytest


def test_the_package_is_run_as_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["ravens_suite", "--version"])
    with pytest.raises(SystemExit) as end:
        runpy.run_module("ravens_suite", run_name="__main__")
    assert end.value.code == 0 and capsys.readouterr().out.startswith("ravens-suite")
