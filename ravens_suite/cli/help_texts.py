"""What help says of options: the docstrings below the fields of commands, as running text."""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import fields, is_dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any


def give_help(command: type[Any]) -> None:
    """Let help show the docstrings of a command's fields without the line breaks of their source.

    Tyro 1.0.17 keeps them (``_docstrings.get_field_docstring`` looks for indented lines before it takes the indentation
    away), so that lines end in the middle of a sentence. What the metadata of a field has under ``help`` comes first.

    Args:
        command: a dataclass; those that its fields hold by default are given help, too.
    """
    texts = field_texts(command)
    for item in fields(command):
        if item.name in texts:
            item.metadata = MappingProxyType({**item.metadata, "help": texts[item.name]})
        if is_dataclass(item.default_factory) and isinstance(item.default_factory, type):
            give_help(item.default_factory)


def field_texts(command: type[Any]) -> dict[str, str]:
    """The docstrings below the fields of a class and of those that it derives from, each paragraph in one line."""
    found: dict[str, str] = {}
    for base in reversed(command.__mro__[:-1]):
        try:
            (tree,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        except (OSError, SyntaxError, TypeError, ValueError):
            continue  # Without its source, as in an interpreter.
        body = getattr(tree, "body", [])
        for field, below in pairwise(body):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[name] = "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))
    return found
