"""Imports point down the rooms (ARCHITECTURE.md) and in no circle; read from the source, so lazy imports count too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
_SIMULATOR = {"pybullet", "pybullet_data", "moderngl", "OpenGL", "glcontext", "EGL", "pyrender"}
_BELOW = {"errors"}
"""What every room may import."""
_WORLD = {"core", "sim", "tasks", "envs"}
_MAY_IMPORT = {
    "errors": set(),
    "core": {"core"},
    "sim": {"core", "sim", "assets"},
    "tasks": {"core", "sim", "tasks"},
    "envs": {*_WORLD, "registry"},
    "data": {"core", "data"},
    "execution": {"execution"},
    "agents": {"core", "data", "agents"},
    "assets": {"assets"},
    "registry": {"core", "tasks", "agents", "registry"},
    "rollout": {"core", "envs", "data", "execution", "registry", "rollout"},
    "training": {"core", "data", "execution", "registry", "rollout", "training"},
    "benchmark": {"core", "data", "execution", "registry", "rollout", "training", "benchmark"},
    "insight": {"core", "data", "execution", "registry", "rollout", "training", "insight"},
    "report": {"core", "data", "execution", "registry", "rollout", "benchmark", "insight", "report"},
    "interop": {"core", "envs", "data", "execution", "registry", "rollout", "interop"},
    "cli": {
        "core", "sim", "data", "execution", "registry", "rollout", "training", "benchmark", "insight", "report",
        "interop", "cli",
    },
    "registration": {"registry", "tasks", "agents"},
    "__main__": {"cli"},
    "": {"registry", "registration"},
}  # fmt: skip
"""Room to the rooms it may import. The registry names tasks and agents for the type checker only; what registers a
class of a user imports its base class, which is imported already."""
_INTERFACES = ("ravens_suite.agents.base.", "ravens_suite.agents.forecasters.base.", "ravens_suite.tasks.base.")
"""What agents, forecasters and tasks are, which the rooms above may know; which there are, only the registry knows."""
_KNOW_INTERFACES = {"rollout", "training", "benchmark", "insight", "cli"}
_KNOW_TORCH = {"agents", "rollout", "training", "insight"}
_KNOW_GYMNASIUM = {"envs", "registry", "rollout", "training", "insight", "report", "interop"}
_THIRD_PARTY_OF_CORE = {"numpy", "scipy", "cv2"}


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _sources() -> dict[Path, str]:
    """Every module of the package with its room."""
    found = {}
    package = _ROOT / "ravens_suite"
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        found[path] = "" if parts == ("__init__",) else parts[0]
    for room in ("agents", "assets"):
        found.update(dict.fromkeys(sorted((_ROOT / room).rglob("*.py")), room))
    return found


def _imports(path: Path) -> Iterator[tuple[str, int]]:
    """Full names of everything a file imports at run time or for types, with the line."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def _is_relative(path: Path) -> bool:
    return any(isinstance(n, ast.ImportFrom) and n.level for n in ast.walk(_tree(path)))


@pytest.mark.parametrize(("path", "room"), _sources().items(), ids=lambda value: str(getattr(value, "stem", value)))
def test_imports_point_down(path: Path, room: str) -> None:
    allowed = _MAY_IMPORT[room] | _BELOW
    for name, line in _imports(path):
        first, *rest = name.split(".")
        where = f"{path.relative_to(_ROOT)}:{line} imports {name}"
        if first in ("agents", "assets"):
            pytest.fail(f"{where}: the name belongs to others; import ravens_suite.{first}")
        interface = room in _KNOW_INTERFACES and name.startswith(_INTERFACES)
        if first == "ravens_suite" and rest and not interface:
            known = rest[0] in _MAY_IMPORT
            assert not known or rest[0] in allowed, f"{where}: {room or 'the package'} may import {sorted(allowed)}"
        if first in _SIMULATOR:
            assert room == "sim", f"{where}: only sim owns a simulator or a renderer"
        if first in ("torch", "safetensors"):
            assert room in _KNOW_TORCH, where
        if first == "gymnasium":
            assert room in _KNOW_GYMNASIUM, where


def _modules() -> dict[str, Path]:
    """Every module of the project by its full name."""
    found = {}
    for path, room in _sources().items():
        base = _ROOT if room in ("agents", "assets") else _ROOT / "ravens_suite"
        parts = [part for part in path.relative_to(base).with_suffix("").parts if part != "__init__"]
        found[".".join(["ravens_suite", *parts])] = path
    return found


def _imported_modules(name: str, path: Path, modules: dict[str, Path]) -> set[str]:
    """Modules of the project that a module names in an import: at the top, in a function, or for the type checker.

    The packages above an imported module are run, too, but only those that it does not lie in itself.
    """
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    named = [full for full, _ in _imports(path)]
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.ImportFrom) and node.level:
            start = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
            named += [".".join(filter(None, (start, node.module, alias.name))) for alias in node.names]
    found = set()
    for full in named:
        while full and full not in modules:
            full = full.rpartition(".")[0]
        if full and full != "ravens_suite":
            found.add(full)
    return found - {name}


def _circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Strongly connected components of more than one node (Tarjan, 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    circles: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            component = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(component) > 1:
                circles.append(sorted(component))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return circles


def test_circles_are_found() -> None:
    assert _circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}) == [["a", "b", "c"]]
    assert _circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    modules = _modules()
    assert _circles({name: _imported_modules(name, path, modules) for name, path in modules.items()}) == []


def test_core_needs_three_libraries_only() -> None:
    import sys

    for path, room in _sources().items():
        if room == "core":
            roots = {name.split(".")[0] for name, _ in _imports(path)}
            assert roots <= _THIRD_PARTY_OF_CORE | set(sys.stdlib_module_names) | {"ravens_suite"}, path


def test_only_agents_and_assets_import_relatively() -> None:
    assert not [path for path, room in _sources().items() if room not in ("agents", "assets") and _is_relative(path)]


def test_sibling_tasks_never_import_each_other() -> None:
    from ravens_suite import registry

    files = {name.replace("-", "_") for name in registry.task_names()}
    for path, room in _sources().items():
        if room == "tasks":
            for name, line in _imports(path):
                parts = name.split(".")
                assert parts[:2] != ["ravens_suite", "tasks"] or parts[2] not in files, f"{path}:{line}"


def test_nothing_pickles() -> None:
    """Episodes and checkpoints are free of pickle."""
    for path in _sources():
        assert not {"pickle", "dill", "cloudpickle", "joblib", "shelve"} & {n.split(".")[0] for n, _ in _imports(path)}


def test_the_global_random_generators_are_never_used() -> None:
    for path in _sources():
        text = path.read_text(encoding="utf-8")
        for call in ("np.random.seed", "np.random.rand", "np.random.normal", "np.random.uniform", "random.seed("):
            assert call not in text.replace("torch.random", ""), f"{path} uses {call}"
        assert "random.random" not in {name for name, _ in _imports(path)}, path


def test_nothing_in_the_world_is_summed_by_the_built_in_function() -> None:
    """It adds floats more exactly from Python 3.12 on, so that scenes and rewards would depend on the version."""
    for path, room in _sources().items():
        if room in _WORLD:
            for node in ast.walk(_tree(path)):
                called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id
                assert called != "sum", f"{path}:{node.lineno}: use core.geometry.dot, math.fsum or NumPy"
