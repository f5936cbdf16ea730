"""Docstrings on the site: Markdown tables in them become tables, and parts of them become text of pages."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

FOREIGN_NAMES = [
    (
        "py:.*",
        r"(_frozen_importlib|abc|argparse|collections|concurrent|contextlib|dataclasses|gymnasium|h5py|importlib|moderngl|multiprocessing|nn|np|numpy|os|pathlib|torch|types|typing)\..*",
    ),
    ("py:class", r"[^.]*|.*\[.*"),
    ("py:.*", r"ravens_suite\..*\.(_\w+|Job|Result|Net|Inputs)"),
]
"""(role, name) patterns that need no target: what other projects document, since nothing is fetched; words of sentences
and of shapes that stand where a type could; private names and type variables."""

_ONE_SENTENCE = ("attribute", "data", "property")
_SECTIONS = ("Args", "Attributes", "Returns", "Raises", "Yields", "Version history")


def tidy(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Change the lines of a docstring in place; Sphinx's event ``autodoc-process-docstring``."""
    lines[:] = list(_with_tables(lines))
    if what in _ONE_SENTENCE:
        # Else Napoleon takes what stands before a colon, as in "Metres: the depth", for a type.
        lines[:0] = ["..", ""]


def summary(obj: Any) -> str:
    """The docstring of a class or a function without its sections of arguments, errors and versions, as Markdown."""
    paragraphs = (inspect.getdoc(obj) or "").split("\n\n")
    return "\n\n".join(part for part in paragraphs if not part.startswith(tuple(f"{name}:" for name in _SECTIONS)))


def arguments(obj: Any) -> dict[str, str]:
    """Names and descriptions in the section ``Args`` of a docstring."""
    found = re.search(r"^Args:\n((?:[ ]+.*\n?|\n)*)", inspect.getdoc(obj) or "", flags=re.MULTILINE)
    if not found:
        return {}
    items = re.findall(r"^ {4}(\w+): ((?:.*\n?)(?: {8}.*\n?)*)", found.group(1), flags=re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in items}


def markdown_table(docstring: str) -> list[list[str]]:
    """The rows of the first Markdown table in a docstring, the header first, without the rule below it."""
    lines = [line for line in docstring.splitlines() if line.startswith("|")]
    return [_cells(line) for line in lines if not _is_rule(line)]


def _with_tables(lines: list[str]) -> Iterator[str]:
    rows: list[list[str]] = []
    for line in [*lines, ""]:
        if line.startswith("|") and line.rstrip().endswith("|"):
            if not _is_rule(line):
                rows.append(_cells(line))
            continue
        if rows:
            yield from _list_table(rows)
            rows = []
        yield line


def _list_table(rows: list[list[str]]) -> Iterator[str]:
    yield from ("", ".. list-table::", "   :header-rows: 1", "")
    for row in rows:
        for column, cell in enumerate(row):
            yield f"   {'*' if column == 0 else ' '} - {cell}".rstrip()
    yield ""


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _is_rule(line: str) -> bool:
    return set(line) <= set("|-: ")
