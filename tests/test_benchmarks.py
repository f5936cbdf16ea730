"""The scripts that measure write to the committed results only when they are told to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_SCRIPTS = sorted((Path(__file__).parents[1] / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("script", _SCRIPTS, ids=lambda path: path.stem)
def test_nothing_is_written_to_results_unless_out_says_so(script: Path) -> None:
    source = script.read_text(encoding="utf-8")
    for option in re.findall(r"""add_argument\(\s*"--out".*""", source):
        assert "default" not in option, option
    code = re.sub(r'"""[\s\S]*?"""', "", source)
    written = [line for line in code.splitlines() if re.search(r"[\"']results\b", line)]
    assert all("--scores" in line for line in written), written
