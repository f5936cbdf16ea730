"""The scripts that measure write to the committed results only when they are told to."""

from __future__ import annotations

import re
import runpy
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
    read = [line for line in written if "--scores" in line or "PUBLISHED" in line]
    assert written == read, set(written) - set(read)


def test_world_models_without_anything_to_predict_have_no_errors_and_runs_have_names_of_their_own() -> None:
    script = runpy.run_path(str(next(path for path in _SCRIPTS if path.stem == "world_models")))
    nothing = {"pixels": 0, "windows": 0, "changed": 0.0, "persistence_changed": 0.0, "persistence_everywhere": 0.0}
    assert script["row"](nothing) == {"error": None, "share": None, "everywhere": None, "windows": 0}
    folders = [Path("runs/one/policy"), Path("runs/two/policy"), Path("policies/three"), Path("policies/four")]
    assert [script["name_of"](folder) for folder in folders] == ["one", "two", "three", "four"]
