"""Digests of source code that change with what the code does, and not with its documentation.

Docstrings, comments on lines of their own, blank lines and spaces at the ends of lines do not count. What is left is
hashed as text, so that every version of Python gives the same digest. Renaming a variable changes it, although nothing
else changes: better one question too many than a result of other code that nobody notices.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.util import decode_source
from pathlib import Path

LENGTH = 16
"""Hexadecimal digits of a digest."""

_LONG_STRING = re.compile(r'^[ \t]*r?""".*?"""[ \t]*$|(""".*?""")', re.DOTALL | re.MULTILINE)
"""A long string that stands alone, or as its group one that is part of something."""


def digest_of_text(text: str) -> str:
    """SHA-256 of a text, its first ``LENGTH`` hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:LENGTH]


def digest_of_files(paths: Iterable[Path], *, of_the_suite: bool = False) -> str:
    """Digest of the code of some files, in the order of their names; their folders do not count.

    Args:
        paths: of Python files.
        of_the_suite: whether all are written in the style of this suite, which ``suite_lines`` is fast for.

    Raises:
        OSError: a file cannot be read.
    """
    named = sorted((path.name, _code_of(path, of_the_suite, *_stamp(path))) for path in set(paths))
    return digest_of_text("\n".join(f"{name}\n{code}" for name, code in named))


def source_text(path: Path) -> str:
    """The text of a Python file, in the encoding that it declares; of what Python would refuse, as far as it is UTF-8.

    Editors on Windows put a mark before UTF-8, with which no text can be parsed.

    Raises:
        OSError: the file cannot be read.
    """
    data = path.read_bytes()
    try:
        return decode_source(data)
    except (SyntaxError, ValueError):
        return data.decode("utf-8", errors="backslashreplace")


def code_lines(source: str) -> str:
    """Source without docstrings, comments on lines of their own, blank lines and spaces at the ends of lines.

    What is not Python is returned as it is.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return source
    silent: set[int] = set()
    for first, last in _docstrings(tree):
        silent.update(range(first, last + 1))
    lines = (line.rstrip() for number, line in enumerate(source.splitlines(), 1) if number not in silent)
    return "\n".join(line for line in lines if line and not line.lstrip().startswith("#"))


def suite_lines(source: str) -> str:
    """What ``code_lines`` gives, twenty times as fast, where every string that begins a line is a docstring."""
    lines = (line.rstrip() for line in _LONG_STRING.sub(lambda found: found[1] or "", source).splitlines())
    return "\n".join(line for line in lines if line and not line.lstrip().startswith("#"))


def imported_files(path: Path, limit: Path, top: Path) -> set[Path]:
    """A file, and what it imports from a folder, directly or through what it imports.

    Args:
        path: of a Python file.
        limit: folder whose files count.
        top: folder in which full names of modules are looked up; relative ones go from the file that imports.
    """
    found: set[Path] = set()
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file not in found and file.is_file():
            found.add(file)
            waiting += _imports(file, limit, top, *_stamp(file))
    return found


def own_files(path: Path, module: str) -> set[Path]:
    """The files of the project that a module belongs to, as far as the module needs them.

    Of a package that is all it imports from its top-level package; of a lone file, all it imports from its folder. Of a
    lone file among installed packages, which are not its own, it is that file.

    Args:
        path: of the module's file.
        module: its full name.
    """
    depth = module.count(".") + (path.name == "__init__.py")
    if depth:
        return imported_files(path, path.parents[depth - 1], path.parents[depth])
    installed = path.parent.name in ("site-packages", "dist-packages")
    return {path} if installed else imported_files(path, path.parent, path.parent)


def imported_names(source: str) -> set[str]:
    """Full names of the modules that a source imports, wherever in it; relative ones are left out."""
    names: set[str] = set()
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return names
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


def _stamp(path: Path) -> tuple[int, int]:
    """What changes when a file is written anew."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=512)
def _code_of(path: Path, of_the_suite: bool, modified: int, size: int) -> str:
    source = source_text(path)
    return suite_lines(source) if of_the_suite else code_lines(source)


def _docstrings(tree: ast.Module) -> Iterator[tuple[int, int]]:
    """First and last line of every statement that is nothing but a string, in modules, classes and functions."""
    waiting: list[ast.Module | ast.stmt] = [tree]
    while waiting:
        for statement in getattr(waiting.pop(), "body", []):
            match statement:
                case ast.Expr(value=ast.Constant(value=str())):
                    yield statement.lineno, statement.end_lineno or statement.lineno
                case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                    waiting.append(statement)


@lru_cache(maxsize=512)
def _imports(file: Path, limit: Path, top: Path, modified: int, size: int) -> tuple[Path, ...]:
    """Files below ``limit`` that a file imports itself."""
    try:
        tree = ast.parse(source_text(file))
    except (SyntaxError, ValueError):
        return ()
    found: list[Path] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found += _located(alias.name, top, limit)
        elif isinstance(node, ast.ImportFrom):
            place = file.parents[node.level - 1] if node.level else top
            for alias in node.names:
                found += _located(".".join(part for part in (node.module, alias.name) if part), place, limit)
    return tuple(found)


def _located(name: str, place: Path, limit: Path) -> Iterator[Path]:
    """The files below ``limit`` that a dotted name goes through: packages on the way, and the module itself."""
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        stem = place.joinpath(*parts[:length])
        for file in (stem / "__init__.py", stem.with_name(f"{stem.name}.py")):
            if file.is_relative_to(limit) and file.is_file():
                yield file
