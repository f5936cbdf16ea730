"""Demonstrations are the same bytes under other Pythons, where this machine has some with the package installed.

They are looked for on the PATH and in the environment variable RAVENS_PYTHONS, paths with ``:`` between them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.pythons import differing

_SCRIPT = Path(__file__).parents[1] / "benchmarks" / "pythons.py"
_WHO = "import sys, ravens_suite.rollout.collect; print(sys.version_info[:2])"


def _others(folder: Path) -> list[str]:
    """One interpreter that has the package for each version of Python but this one's."""
    names = [*os.environ.get("RAVENS_PYTHONS", "").split(":"), "python3.11", "python3.12", "python3.13"]
    found = {str(sys.version_info[:2]): sys.executable}
    for name in filter(None, names):
        try:
            run = subprocess.run([name, "-c", _WHO], capture_output=True, text=True, check=False, cwd=folder)
        except FileNotFoundError:
            continue
        if run.returncode == 0:
            found.setdefault(run.stdout.strip(), name)
    return list(found.values())[1:]


def test_other_pythons_collect_the_same_bytes(tmp_path: Path) -> None:
    others = _others(tmp_path)
    if not others:
        pytest.skip("no other Python with the package: install it in some and name them in RAVENS_PYTHONS")
    command = [sys.executable, str(_SCRIPT), sys.executable, *others, "--episodes", "1", "--tasks", "block-insertion"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count(": same") == 1 + len(others)


def test_what_differs_is_named() -> None:
    assert differing({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "3", "d": "4"}) == ["b", "c", "d"]
