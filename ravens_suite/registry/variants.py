"""Variants of tasks, read without importing the tasks."""

from __future__ import annotations

import ast
import logging
from typing import Any

from ravens_suite.core.modules import source_file
from ravens_suite.core.source_digest import source_text

_LOG = logging.getLogger(__name__)
_VARIANTS = "variants"


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
        path = source_file(module)
        if path is None:
            return {}
        source = source_text(path)
        return _literal_variants(source, class_name) if _VARIANTS in source else {}
    except Exception as error:
        # Whatever is wrong with one task must not keep the suite from being imported.
        _LOG.warning("Cannot read the variants of %s: %s", f"{module}:{class_name}", error)
        return {}


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
