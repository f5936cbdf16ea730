"""The page of the command line, from the commands' dataclasses."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import tyro

from ravens_suite.cli.arguments import METAVARS
from ravens_suite.cli.commands import COMMANDS
from ravens_suite.cli.main import PROGRAM
from site_pages.markdown import page, table, write

_NAMED = re.compile(r"(?<![`\w-])(--[a-z][a-z-]*)")
"""An option within a text. Shown as code, since two hyphens of prose become a dash."""


@dataclass(frozen=True)
class Option:
    """One option or argument of a command.

    Attributes:
        name: as typed: ``--image-size``, or ``TASK``.
        value: what is to be typed behind it, in capitals.
        choices: what it may be, if there is a choice.
        default: as typed; empty where there is none.
        text: what it means.
    """

    name: str
    value: str
    choices: tuple[str, ...]
    default: str
    text: str


def write_page(path: Path) -> None:
    """Write the page."""
    write(path, command_page())


def command_page() -> str:
    """All commands."""
    return page(
        "# Command line",
        "`--help` behind a command says the same as this page. Every command prints plain lines for people; with "
        "`--json` it prints one JSON object last. A second run of the same command continues the first one. The exit "
        "status is 0 only if the job was done: 1 says that it failed, 2 that the command makes no sense, 130 that it "
        "was stopped by Ctrl-C.",
        *(section(name, command) for name, command in COMMANDS.items()),
    )


def options(command: type[Any]) -> list[Option]:
    """All options of a command, arguments without a name first."""
    found = list(_options(command))
    return sorted(found, key=lambda option: option.name.startswith("--"))


def section(name: str, command: type[Any]) -> str:
    """One command, with all of its options."""
    found = options(command)
    free = " ".join(option.name for option in found if not option.name.startswith("--"))
    rows = [[f"`{' '.join(filter(None, (o.name, o.value)))}`", _code(o.default), _meaning(o)] for o in found]
    return page(
        f"## {name}",
        _NAMED.sub(r"`\1`", inspect.getdoc(command) or ""),
        f"```text\n{' '.join(filter(None, (PROGRAM, name, free, '[OPTIONS]')))}\n```",
        table(["option", "default", "meaning"], rows),
    )


def _options(command: type[Any]) -> Iterator[Option]:
    hints = get_type_hints(command, include_extras=True)
    texts = field_texts(command)
    for item in fields(command):
        hint = hints[item.name]
        plain, *notes = get_args(hint) if hasattr(hint, "__metadata__") else (hint,)
        if is_dataclass(plain):
            yield from _options(plain)  # type: ignore[arg-type]  # A class, by its annotation.
        else:
            yield _option(item, plain, notes, texts.get(item.name, ""))


def _option(item: Field[Any], hint: Any, notes: list[Any], text: str) -> Option:
    default = _typed(item)
    if tyro.conf.Positional in notes:
        metavar = next((note.metavar for note in notes if getattr(note, "metavar", None)), item.name.upper())
        return Option(metavar, "", (), default, text)
    value = next((note.metavar for note in notes if getattr(note, "metavar", None)), _value(hint))
    typed = next((note.name for note in notes if getattr(note, "name", None)), item.name.replace("_", "-"))
    return Option(f"--{typed}", value, _choices(hint), default, text)


def _typed(item: Field[Any]) -> str:
    """A default as somebody would type it."""
    value = item.default_factory() if item.default_factory is not MISSING else item.default
    if value is MISSING or value is None or value is False or value == ():
        return ""
    if item.name == "workers" and value != 1:
        return "all cores"
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _value(hint: Any) -> str:
    """What is typed behind an option, from its type."""
    if hint is bool:
        return ""
    if get_origin(hint) is Literal:
        return "NAME"
    if get_origin(hint) is tuple:
        inner = [_value(part) for part in get_args(hint) if part is not Ellipsis]
        return f"{inner[0]} ..." if Ellipsis in get_args(hint) else " ".join(inner)
    parts = [part for part in get_args(hint) if part is not type(None)]
    if parts:
        return _value(parts[0])
    return METAVARS[hint]


def _choices(hint: Any) -> tuple[str, ...]:
    if get_origin(hint) is Literal:
        return tuple(map(str, get_args(hint)))
    return next((found for part in get_args(hint) if (found := _choices(part))), ())


def _meaning(option: Option) -> str:
    choices = f" One of {', '.join(map(_code, option.choices))}." if option.choices else ""
    return _NAMED.sub(r"`\1`", option.text) + choices


def field_texts(command: type[Any]) -> dict[str, str]:
    """The texts below the fields of a dataclass and of those it inherits from."""
    texts: dict[str, str] = {}
    for base in reversed(command.__mro__):
        if is_dataclass(base):
            texts.update(_own_texts(base))
    return texts


def _own_texts(command: type[Any]) -> Iterator[tuple[str, str]]:
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(command))).body
    body = definition.body if isinstance(definition, ast.ClassDef) else []
    for statement, below in itertools.pairwise(body):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            yield ast.unparse(statement.target), " ".join(str(below.value.value).split())


def _code(text: str) -> str:
    return f"`{text}`" if text else ""
