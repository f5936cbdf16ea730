"""What an installation holds: every folder of code, and the files beside it."""

from __future__ import annotations

import tomllib
from pathlib import Path

_ROOT = Path(__file__).parents[1]


def test_every_folder_of_code_is_a_package_of_the_distribution() -> None:
    """With agents and assets mapped into the package, setuptools cannot find them by itself."""
    setup = tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = set()
    bases = {"ravens_suite": "ravens_suite", "ravens_suite.agents": "agents", "ravens_suite.assets": "assets"}
    for name, base in bases.items():
        for path in (_ROOT / base).rglob("*.py"):
            parts = path.parent.relative_to(_ROOT / base).parts
            folders.add(".".join([name, *parts]))
    assert set(setup["packages"]) == folders
    for package, patterns in setup["package-data"].items():
        folder = _ROOT / setup["package-dir"].get(package, package.replace(".", "/"))
        assert all(list(folder.glob(pattern)) for pattern in patterns), package


def test_types_of_agents_are_seen_from_the_other_rooms() -> None:
    """No module of the project is ignored by mypy: its types would silently be Any."""
    overrides = tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["overrides"]
    assert not [name for override in overrides for name in override["module"] if name.startswith("ravens_suite")]
