"""Imports point down the layers (ARCHITECTURE.md); read from the source, so that a lazy import counts too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
_HEAVY = {"pybullet", "pybullet_data", "moderngl", "OpenGL", "glcontext", "EGL", "pyrender"}
_BELOW = {"errors"}
"""What every layer may import."""
_MAY_IMPORT = {
    "errors": set(),
    "registry": {"tasks", "agents"},
    "values": {"values"},
    "sim": {"values", "sim", "assets"},
    "tasks": {"values", "sim", "tasks"},
    "envs": {"values", "sim", "tasks", "envs", "registry"},
    "data": {"values", "data"},
    "agents": {"values", "data", "agents"},
    "assets": {"assets"},
    "jobs": {"values", "sim", "envs", "data", "registry", "jobs", "assets"},
    "": {"registry"},
}
"""Layer to the layers it may import. The registry names tasks and agents for the type checker only."""
_INTERFACES = ("ravens_suite.agents.base.", "ravens_suite.tasks.base.")
"""What agents and tasks are, which the jobs may know; which there are, only the registry knows."""
_THIRD_PARTY_OF_VALUES = {"numpy", "scipy", "cv2"}


def _sources() -> dict[Path, str]:
    """Every module of the package with its layer."""
    found = {}
    package = _ROOT / "ravens_suite"
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        found[path] = "" if parts == ("__init__",) else parts[0]
    for layer in ("agents", "assets"):
        found.update(dict.fromkeys(sorted((_ROOT / layer).rglob("*.py")), layer))
    return found


def _imports(path: Path) -> Iterator[tuple[str, int]]:
    """Full names of everything a file imports at run time or for types, with the line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def _is_relative(path: Path) -> bool:
    return any(isinstance(n, ast.ImportFrom) and n.level for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize(("path", "layer"), _sources().items(), ids=lambda value: str(getattr(value, "stem", value)))
def test_imports_point_down(path: Path, layer: str) -> None:
    allowed = _MAY_IMPORT[layer] | _BELOW
    for name, line in _imports(path):
        first, *rest = name.split(".")
        where = f"{path.relative_to(_ROOT)}:{line} imports {name}"
        if first in ("agents", "assets"):
            pytest.fail(f"{where}: the name belongs to others; import ravens_suite.{first}")
        interface = layer == "jobs" and name.startswith(_INTERFACES)
        if first == "ravens_suite" and rest and not interface:
            known = rest[0] in _MAY_IMPORT
            assert not known or rest[0] in allowed, f"{where}: {layer or 'the package'} may import {sorted(allowed)}"
        if first in _HEAVY:
            assert layer == "sim", f"{where}: only sim owns a simulator or a renderer"
        if first == "torch" or first == "safetensors":
            assert layer in ("agents", "jobs"), where
        if first == "gymnasium":
            assert layer in ("envs", "jobs", "registry"), where


def test_values_need_three_libraries_only() -> None:
    import sys

    for path, layer in _sources().items():
        if layer == "values":
            roots = {name.split(".")[0] for name, _ in _imports(path)}
            assert roots <= _THIRD_PARTY_OF_VALUES | set(sys.stdlib_module_names) | {"ravens_suite"}, path


def test_only_agents_and_assets_import_relatively() -> None:
    assert not [path for path, layer in _sources().items() if layer not in ("agents", "assets") and _is_relative(path)]


def test_sibling_tasks_never_import_each_other() -> None:
    from ravens_suite import registry

    files = {name.replace("-", "_") for name in registry.task_names()}
    for path, layer in _sources().items():
        if layer == "tasks":
            for name, line in _imports(path):
                parts = name.split(".")
                assert parts[:2] != ["ravens_suite", "tasks"] or parts[2] not in files, f"{path}:{line}"


def test_nothing_pickles() -> None:
    """Episodes and checkpoints are free of pickle; the pipe between processes is the one exception."""
    for path in _sources():
        if path.name != "workers.py":
            assert not {"pickle", "dill", "cloudpickle", "joblib", "shelve"} & {
                n.split(".")[0] for n, _ in _imports(path)
            }


def test_the_global_random_generators_are_never_used() -> None:
    for path in _sources():
        text = path.read_text(encoding="utf-8")
        for call in ("np.random.seed", "np.random.rand", "np.random.normal", "np.random.uniform", "random.seed("):
            assert call not in text.replace("torch.random", ""), f"{path} uses {call}"
        assert "random.random" not in {name for name, _ in _imports(path)}, path
