"""Variants of tasks, read without importing the tasks."""

from __future__ import annotations

import ast
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ravens_suite.core.modules import find_spec, source_file
from ravens_suite.core.source_digest import source_text

_LOG = logging.getLogger(__name__)
_VARIANTS = "variants"
_SUITE = "ravens_suite.tasks."
"""Before the modules of the suite's own tasks."""

HANDED_ON = "RAVENS_SUITE_TASK_VARIANTS"
"""Environment variable: the variants of registered classes whose source does not say them, such as inherited ones, as
JSON by ``module:class``. Processes that are started later know these classes by their place alone."""


def declared_variants(module: str, class_name: str, given: type | None) -> dict[str, dict[str, Any]]:
    """The ``variants`` of a task's class, read from its source: importing a task would import the simulator.

    Args:
        module: that defines the class, or its file.
        class_name: of the task.
        given: the class itself where this process has it already.

    Returns:
        Keyword arguments of the class by name of the variant; none where they cannot be read, which is logged.
    """
    try:
        if given is not None:
            return _plain_variants(getattr(given, _VARIANTS, {}))
        handed = _handed_on().get(f"{module}:{class_name}")
        return _in_source(module, class_name) if handed is None else _plain_variants(handed)
    except Exception as error:
        # Whatever is wrong with one task must not keep the suite from being imported.
        _LOG.warning("Cannot read the variants of %s: %s", f"{module}:{class_name}", error)
        return {}


def hand_on(module: str, class_name: str, given: type) -> None:
    """Let processes that this one starts know the variants of a class that it has registered.

    Args:
        module: that defines the class, or its file.
        class_name: of the task.
        given: the class.
    """
    others = {place: variants for place, variants in _handed_on().items() if place != f"{module}:{class_name}"}
    try:
        variants = _plain_variants(getattr(given, _VARIANTS, {}))
        if variants != _readable(module, class_name):
            others[f"{module}:{class_name}"] = variants
        text = json.dumps(others)
    except (TypeError, ValueError):  # What is no variant, or no JSON, cannot be handed on.
        return
    if others or HANDED_ON in os.environ:
        os.environ[HANDED_ON] = text


def _readable(module: str, class_name: str) -> dict[str, dict[str, Any]]:
    """What another process would read; none where it can read nothing."""
    try:
        return _in_source(module, class_name)
    except Exception:
        return {}


def _handed_on() -> dict[str, Any]:
    try:
        value = json.loads(os.environ.get(HANDED_ON) or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _in_source(module: str, class_name: str) -> dict[str, dict[str, Any]]:
    """The variants that the source of a class says, or that of a class that it is derived from; else none."""
    return _said(module, class_name, frozenset()) or {}


def _said(module: str, name: str, below: frozenset[tuple[str, str]]) -> dict[str, dict[str, Any]] | None:
    """The variants of what a module calls by a name; ``None`` where no source says any.

    Args:
        module: or its file.
        name: of a class, that the module defines or imports.
        below: modules and names that lead here, so that a circle ends.

    Raises:
        SyntaxError: a source is not Python.
        ValueError: the value is not a literal of names to keyword arguments.
    """
    path = source_file(module)
    if path is None or not path.is_file() or (module, name) in below:
        return None
    source = source_text(path)
    if module.startswith(_SUITE) and _VARIANTS not in source:
        return None  # To parse every file of the suite would take time at its import.
    tree = ast.parse(source)
    found = next((each for each in ast.walk(tree) if isinstance(each, ast.ClassDef) and each.name == name), None)
    for statement in found.body if found else ():
        match statement:
            case (
                ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value)
                | ast.Assign(targets=[ast.Name(id=target)], value=value)
            ) if target == _VARIANTS:
                return _checked_variants(value)
    wanted: list[ast.expr] = list(found.bases) if found else [ast.Name(name)]
    for expression in wanted:
        for place in _places(expression, tree, module, path):
            if (said := _said(*place, below | {(module, name)})) is not None:
                return said
    return None


def _places(expression: ast.expr, tree: ast.Module, module: str, path: Path) -> Iterator[tuple[str, str]]:
    """Modules, or their files, and the names there, of what an expression in a source may name.

    Args:
        expression: such as a base of a class.
        tree: of the source.
        module: of the source, or its file.
        path: of the source.
    """
    if isinstance(expression, ast.Subscript):  # A class of some type: Base[int].
        expression = expression.value
    before, _, name = ast.unparse(expression).rpartition(".")
    if not before:
        yield module, name
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (
                (_beside(alias.name, path), name) for alias in node.names if before == (alias.asname or alias.name)
            )
        elif isinstance(node, ast.ImportFrom):
            origin = _absolute(node, module, path)
            for alias in node.names:
                called = alias.asname or alias.name
                if not before and called == name:
                    yield _beside(origin, path), alias.name
                elif before == called:
                    yield _beside(f"{origin}.{alias.name}", path), name


def _absolute(node: ast.ImportFrom, module: str, path: Path) -> str:
    """Full name of the module that a ``from`` imports from."""
    if not node.level:
        return node.module or ""
    package = module.split(".")
    up = node.level - (path.name == "__init__.py")
    return ".".join([*package[: len(package) - up], *([node.module] if node.module else [])])


def _beside(module: str, path: Path) -> str:
    """A module; the file of that name beside a user's own file where there is no module, as for its imports."""
    neighbour = path.parent / f"{module}.py"
    return str(neighbour) if module.isidentifier() and neighbour.is_file() and find_spec(module) is None else module


def _checked_variants(expression: ast.expr) -> dict[str, dict[str, Any]]:
    try:
        return _plain_variants(ast.literal_eval(expression))
    except (TypeError, ValueError):
        raise ValueError(
            f"line {expression.lineno}: variants must be a literal of names to keyword arguments, "
            'such as {"easy": {"yaw": 0.0}}'
        ) from None


def _plain_variants(value: Any) -> dict[str, dict[str, Any]]:
    return {str(name): {str(key): item for key, item in dict(given).items()} for name, given in dict(value).items()}
