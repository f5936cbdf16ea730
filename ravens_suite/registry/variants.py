"""Variants of tasks, read without importing the tasks."""

from __future__ import annotations

import ast
import json
import logging
import os
from typing import Any

from ravens_suite.core.modules import source_file
from ravens_suite.core.source_digest import source_text

_LOG = logging.getLogger(__name__)
_VARIANTS = "variants"

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
    """The variants that the source of a class says; none where there is no source."""
    path = source_file(module)
    if path is None:
        return {}
    source = source_text(path)
    return _literal_variants(source, class_name) if _VARIANTS in source else {}


def _literal_variants(source: str, class_name: str) -> dict[str, dict[str, Any]]:
    """The value of ``variants`` in the body of a class.

    Raises:
        SyntaxError: the source is not Python.
        ValueError: the value is not a literal of names to keyword arguments.
    """
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ClassDef) or node.name != class_name:
            continue
        for statement in node.body:
            match statement:
                case (
                    ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
                    | ast.Assign(targets=[ast.Name(id=name)], value=value)
                ) if name == _VARIANTS:
                    return _checked_variants(value)
    return {}


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
