"""What an installation holds: every folder of code, and the files beside it."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
_FOLDERS = {"ravens_suite": "ravens_suite", "agents": "ravens_suite/agents", "assets": "ravens_suite/assets"}
"""Folders of the checkout, and where they are installed."""
_BESIDE = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "CHANGELOG.md", "LICENSE")
_PASSING = ("__pycache__", "*.pyc", "*.tmp", ".*_cache")
_BUILD = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"


def test_every_folder_of_code_is_a_package_of_the_distribution() -> None:
    """With agents and assets mapped into the package, setuptools cannot find them by itself."""
    setup = tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = set()
    bases = {"ravens_suite": "ravens_suite", "ravens_suite.agents": "agents", "ravens_suite.assets": "assets"}
    for name, base in bases.items():
        for path in (_ROOT / base).rglob("*.py"):
            parts = path.parent.relative_to(_ROOT / base).parts
            folders.add(".".join([name, *parts]))
    # A folder of data alone has to be named, too, or setuptools warns that it will leave it out one day.
    assert set(setup["packages"]) == folders | {"ravens_suite.report.templates"}
    for package, patterns in setup["package-data"].items():
        base = next(
            (name for name in bases if package.startswith(f"{name}.") and name != "ravens_suite"), "ravens_suite"
        )
        within = package.removeprefix(base).strip(".").replace(".", "/")
        folder = _ROOT / bases.get(package, f"{bases[base]}/{within}")
        assert all(list(folder.glob(pattern)) for pattern in patterns), package


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution in ``sdist/``, and the wheel that is made of it alone in ``wheel/``.

    ``tree/`` is what it was made of, ``names.txt`` and ``said.txt`` have what it holds and what setuptools said.
    """
    folder = tmp_path_factory.mktemp("built")
    tree = folder / "tree"
    for name in _FOLDERS:
        shutil.copytree(_ROOT / name, tree / name, ignore=shutil.ignore_patterns(*_PASSING))
    for name in _BESIDE:
        shutil.copy(_ROOT / name, tree / name)
    said = _build(tree, "build_sdist", folder / "sdist")
    with tarfile.open(next((folder / "sdist").iterdir())) as archive:
        (folder / "names.txt").write_text("\n".join(name.partition("/")[2] for name in archive.getnames()))
        archive.extractall(folder / "unpacked", filter="data")
    said += _build(next((folder / "unpacked").iterdir()), "build_wheel", folder / "wheel")
    (folder / "said.txt").write_text(said)
    return folder


def _build(tree: Path, what: str, out: Path) -> str:
    out.mkdir()
    command = [sys.executable, "-c", _BUILD, what, str(out)]
    run = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout + run.stderr


def _wheel(built: Path) -> zipfile.ZipFile:
    (path,) = (built / "wheel").glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_every_file_of_the_package_and_no_other(built: Path) -> None:
    """Meshes, tables, templates and the marker of types, too: a file that no pattern names is missed here."""
    expected = {
        f"{installed}/{path.relative_to(built / 'tree' / name).as_posix()}": path.read_bytes()
        for name, installed in _FOLDERS.items()
        for path in (built / "tree" / name).rglob("*")
        if path.is_file()
    }
    with _wheel(built) as archive:
        found = {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}
    assert sorted(found) == sorted(expected)
    assert found == expected
    assert {Path(name).suffix for name in found} >= {".py", ".obj", ".csv", ".j2", ".css", ".typed"}


def test_the_source_distribution_holds_nothing_that_is_of_no_use_there(built: Path) -> None:
    tops = {name.partition("/")[0] for name in (built / "names.txt").read_text().split("\n")} - {""}
    assert tops - {"PKG-INFO", "setup.cfg", "ravens_suite.egg-info"} == {*_FOLDERS, *_BESIDE}


def test_setuptools_has_nothing_to_warn_of(built: Path) -> None:
    """Of the package and its description, that is; that byte code is written at installation is no fault."""
    said = (built / "said.txt").read_text().splitlines()
    assert not [line for line in said if "warn" in line.lower() and "byte-compiling" not in line]


def test_the_description_is_one_that_an_index_can_show(built: Path) -> None:
    with _wheel(built) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = message_from_bytes(archive.read(name))
        points = archive.read(name.replace("METADATA", "entry_points.txt")).decode()
    assert metadata["Description-Content-Type"] == "text/markdown"
    text = metadata.get_payload()
    assert isinstance(text, str)
    assert "](docs/" in (_ROOT / "README.md").read_text()
    assert not re.findall(r"\]\((?!https?:|#)", text)
    assert "ravens-suite collect block-insertion" in text
    assert "- [First steps]" not in text
    assert "- First steps" in text
    assert (metadata["License-Expression"], metadata["License-File"]) == ("Apache-2.0", "LICENSE")
    assert metadata["Requires-Python"] == "<3.14,>=3.11"
    assert "ravens-suite = ravens_suite.cli.main:main" in points


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (None, "See first steps and [a paper](https://example.org/x) or [below](#here).\n\nEnd: `demos`."),
        (
            "https://example.org/o/n/blob/v1/",
            "See [first steps](https://example.org/o/n/blob/v1/docs/first.md) and [a paper](https://example.org/x) or "
            "[below](#here).\n\n![All](https://example.org/o/n/raw/v1/docs/all.jpg)\n\n"
            "End: [`demos`](https://example.org/o/n/blob/v1/demos).",
        ),
    ],
)
def test_relative_links_become_absolute_or_words(source: str | None, expected: str) -> None:
    readme = (
        "See [first steps](docs/first.md) and [a paper](https://example.org/x) or [below](#here).\n\n"
        "![All](docs/all.jpg)\n\nEnd: [`demos`](demos)."
    )
    assert runpy.run_path(str(_ROOT / "setup.py"))["description"](readme, source) == expected


def test_types_of_agents_are_seen_from_the_other_rooms() -> None:
    """No module of the project is ignored by mypy: its types would silently be Any."""
    overrides = tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["overrides"]
    assert not [name for override in overrides for name in override["module"] if name.startswith("ravens_suite")]
