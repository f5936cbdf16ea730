"""The page "Write your own task" is true: its files are the demo's, and the demo works from outside the package."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "demos" / "own_task"


def test_the_page_shows_the_files_of_the_demo() -> None:
    page = (ROOT / "docs" / "write_your_own_task.md").read_text()
    shown = re.findall(r"`(\S+)`:\n\n```\w+\n(.*?)```\n", page, flags=re.DOTALL)
    assert {name for name, _ in shown} == {"cube_line.py", "pyproject.toml", "test_cube_line.py"}
    for name, text in shown:
        assert text == (DEMO / name).read_text(), name


def test_a_task_of_another_package_works_once_it_is_installed(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for file in DEMO.iterdir():
        if file.is_file():
            (source / file.name).write_bytes(file.read_bytes())
    site = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--target", str(site), str(source)], check=True)
    environment = {**os.environ, "PYTHONPATH": str(site)}
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(source / "test_cube_line.py")]
    done = subprocess.run(tests, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
    listed = subprocess.run(
        [sys.executable, "-m", "ravens_suite.cli.main", "tasks"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "ravens_suite/CubeLine-v0" in listed.stdout
