"""Scripts of ``findings/`` that code and guides name are there, and begin and end as all of them do."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
_NAMED = re.compile(r"findings/[\w.-]+\.sh")
_PLACES = ("ravens_suite", "agents", "benchmarks", "demos", "docs", "tests")


def _named() -> list[tuple[str, str]]:
    """Every script that is named, with the file that names it."""
    files = [path for place in _PLACES for path in sorted((_ROOT / place).rglob("*")) if path.suffix in (".py", ".md")]
    texts = {
        path: path.read_text(encoding="utf-8") for path in [*files, *_ROOT.glob("*.md")] if "_build" not in path.parts
    }
    return [(str(path.relative_to(_ROOT)), name) for path, text in texts.items() for name in _NAMED.findall(text)]


def test_named_findings_exist() -> None:
    named = _named()
    assert len(named) >= 5
    assert not [(where, name) for where, name in named if not (_ROOT / name).is_file()]


@pytest.mark.parametrize("script", sorted((_ROOT / "findings").glob("*.sh")), ids=lambda path: path.stem)
def test_a_finding_stops_at_the_first_error_and_runs_without_the_suite(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert text.startswith("#!/usr/bin/env bash\n")
    assert re.search(r"^set -e", text, re.MULTILINE)
    assert "mktemp" in text
    assert "import ravens_suite" not in text
    assert os.access(script, os.R_OK)
