"""Digests of code: what counts, and that every Python gives the same."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ravens_suite
from ravens_suite.core import source_digest as module
from ravens_suite.core.source_digest import (
    code_lines,
    digest_of_files,
    digest_of_text,
    imported_files,
    imported_names,
    own_files,
    suite_lines,
)

_PACKAGE = Path(ravens_suite.__file__).parent


@pytest.mark.parametrize("room", ["core", "sim", "tasks", "envs", "rollout"])
def test_the_fast_way_agrees_with_the_exact_one_on_the_suite(room: str) -> None:
    for path in sorted((_PACKAGE / room).rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        assert suite_lines(source) == code_lines(source), path


def test_strings_that_are_used_count_and_those_that_are_not_do_not() -> None:
    source = 'x = """\n# data\n\nmore"""\n\n\ndef f():\n    "said"\n    return """kept"""\n'
    assert code_lines(source).splitlines() == ['x = """', 'more"""', "def f():", '    return """kept"""']


@given(st.text())
def test_any_text_has_a_digest(text: str) -> None:
    assert len(digest_of_text(text)) == module.LENGTH
    code_lines(text)
    imported_names(text)


def test_files_are_followed_within_a_package_and_within_a_folder(tmp_path: Path) -> None:
    package = tmp_path / "mine"
    (package / "deep").mkdir(parents=True)
    for name, text in {
        "__init__.py": "",
        "unused.py": "x = 1\n",
        "shared.py": "import numpy\n",
        "deep/__init__.py": "",
        "deep/task.py": "from ..shared import y\nimport mine.deep.other\nimport json\n",
        "deep/other.py": "from mine import shared\n",
    }.items():
        (package / name).write_text(text)
    (tmp_path / "beside.py").write_text("import lone\n")
    (tmp_path / "lone.py").write_text("import beside, numpy\n")
    names = {"__init__.py", "shared.py", "deep/__init__.py", "deep/task.py", "deep/other.py"}
    found = own_files(package / "deep" / "task.py", "mine.deep.task")
    assert {path.relative_to(package).as_posix() for path in found} == names - {"__init__.py", "deep/__init__.py"} | {
        path.relative_to(package).as_posix() for path in found if path.name == "__init__.py"
    }
    assert {path.name for path in own_files(tmp_path / "lone.py", "lone")} == {"lone.py", "beside.py"}
    assert imported_files(tmp_path / "gone.py", tmp_path, tmp_path) == set()


def test_installed_packages_beside_a_lone_file_are_not_its_own() -> None:
    import gymnasium

    site = Path(gymnasium.__file__).parents[1]
    assert own_files(site / "lone.py", "lone") == {site / "lone.py"}


def test_a_file_that_is_written_anew_has_a_new_digest(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("x = 1\n")
    before = digest_of_files([path])
    path.write_text("x = 12\n")
    assert digest_of_files([path]) != before


@pytest.mark.parametrize("python", ["python3.11", "python3.12", "python3.13"])
def test_every_python_gives_the_same(python: str) -> None:
    files = [_PACKAGE / "tasks" / "palletizing_boxes.py", _PACKAGE / "envs" / "environment.py"]
    code = (
        "import sys, importlib.util as u; from pathlib import Path; s = u.spec_from_file_location('d', sys.argv[1]);"
        "m = u.module_from_spec(s); s.loader.exec_module(m); print(m.digest_of_files(map(Path, sys.argv[2:])))"
    )
    try:
        run = subprocess.run([python, "-c", code, module.__file__, *files], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip(f"there is no {python}")
    if run.returncode:
        pytest.skip(f"{python} does not run: {run.stderr[-80:]}")
    assert run.stdout.strip() == digest_of_files(files)
