"""What a result notes of the command that made it."""

from __future__ import annotations

import sys

import pytest

from ravens_suite.rollout.provenance import command


@pytest.mark.parametrize(
    ("program", "noted"),
    [
        ("/usr/local/bin/ravens-suite", "ravens-suite"),
        # As Python names the program of ``python -m ravens_suite``.
        ("/usr/lib/python3/site-packages/ravens_suite/__main__.py", "ravens-suite"),
        ("/usr/lib/python3/site-packages/ravens_suite/cli/main.py", "ravens-suite"),
        ("study.py", "study.py"),
    ],
)
def test_a_command_is_noted_as_it_can_be_given_again(program: str, noted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [program, "evaluate", "oracle", "--out", "my results"])
    assert command() == f"{noted} evaluate oracle --out 'my results'"
