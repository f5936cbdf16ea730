"""Tasks of other packages, installed as users would: the demos work from outside the package, and the guide is true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DEMOS = ROOT / "demos"


@dataclass(frozen=True)
class Demo:
    """A task packaged outside of the suite, and the environments that it adds."""

    folder: str
    module: str
    environments: tuple[str, ...]


OWN_TASK = Demo("own_task", "cube_line", ("CubeLine", "CubeLineAnyOrder"))
OWN_PRIMITIVE = Demo("own_primitive", "poke_puck", ("PokePuck",))


@dataclass(frozen=True)
class Installed:
    """A demo after ``pip install --target``: run Python with its packages, away from the sources."""

    demo: Demo
    source: Path
    site: Path

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(self.site)}
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, env=environment, cwd=self.site, capture_output=True, text=True, timeout=300, check=False
        )


@pytest.fixture(scope="module", params=[OWN_TASK, OWN_PRIMITIVE], ids=lambda demo: demo.folder)
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    demo, folder = request.param, tmp_path_factory.mktemp(request.param.folder)
    source, site = folder / "source", folder / "site"
    source.mkdir()
    for file in (DEMOS / demo.folder).iterdir():
        if file.is_file():
            (source / file.name).write_bytes(file.read_bytes())
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--target", str(site), str(source)], check=True)
    return Installed(demo, source, site)


def test_the_demos_own_tests_pass_once_it_is_installed(installed: Installed) -> None:
    tests = str(installed.source / f"test_{installed.demo.module}.py")
    done = installed.python("-m", "pytest", "-q", "-p", "no:cacheprovider", tests)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_command_line_lists_it_with_its_variants(installed: Installed) -> None:
    listed = installed.python("-m", "ravens_suite.cli.main", "tasks")
    assert listed.returncode == 0, listed.stderr
    for name in installed.demo.environments:
        assert f"ravens_suite/{name}-v0" in listed.stdout


def test_demonstrations_are_collected_stored_and_drawn(installed: Installed, tmp_path: Path) -> None:
    name = installed.demo.module.replace("_", "-")
    command = ("collect", name, "--episodes", "1", "--data", str(tmp_path), "--image-size", "48", "64")
    done = installed.python("-m", "ravens_suite.cli.main", *command)
    assert done.returncode == 0, done.stderr
    (episode,) = tmp_path.rglob("*.safetensors")
    shown = installed.python("-m", "ravens_suite.cli.main", "view", str(episode), "--out", str(tmp_path / "page.html"))
    assert shown.returncode == 0, shown.stderr
    assert (tmp_path / "page.html").stat().st_size > 10_000


def test_the_guides_show_the_files_of_the_demos() -> None:
    files = [path for demo in (OWN_TASK, OWN_PRIMITIVE) for path in (DEMOS / demo.folder).iterdir() if path.is_file()]
    shown = [
        (name, text)
        for page in sorted((ROOT / "docs").glob("*.md"))
        for name, text in re.findall(
            r"`(\S+)`:\n\n```\w+\n(.*?)```\n", page.read_text(encoding="utf-8"), flags=re.DOTALL
        )
        if name in {path.name for path in files}
    ]
    assert {"cube_line.py", "pyproject.toml", "test_cube_line.py"} <= {name for name, _ in shown}
    for name, text in shown:
        assert text in [path.read_text(encoding="utf-8") for path in files if path.name == name], name
