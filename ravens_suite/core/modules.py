"""Modules that users name: where their files are, and how they and what they define are imported."""

from __future__ import annotations

import sys
import traceback
import zlib
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from ravens_suite.core.source_digest import imported_names, source_text
from ravens_suite.errors import ConfigError, UserCodeError

_REACHED: set[Path] = set()
"""Folders of users' files that import others of their folder."""


class NoModuleError(LookupError):
    """There is no module or file of a name; a ``LookupError`` of the module's own code is not this."""


class TakenNameError(ConfigError):
    """Files of two folders import other files of their folders that have one name."""


def in_words(error: BaseException) -> str:
    """An error, and the last line that it came from, which a ``SyntaxError`` says itself."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error}"
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({last.filename}, line {last.lineno})"


def find_spec(module: str) -> ModuleSpec | None:
    """Where a module is; neither it nor the packages around it are imported."""
    spec, path, name = None, None, ""
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        found = (finder.find_spec(name, path) for finder in sys.meta_path if hasattr(finder, "find_spec"))
        spec = next((candidate for candidate in found if candidate is not None), None)
        if spec is None:
            return None
        path = spec.submodule_search_locations
    return spec


def source_file(module: str) -> Path | None:
    """The Python file of a module, which may itself be given as a file."""
    if module.endswith(".py"):
        return Path(module)
    spec = find_spec(module)
    return Path(str(spec.origin)) if spec is not None and str(spec.origin).endswith(".py") else None


def import_named(name: str) -> ModuleType:
    """A module by its name; ``NoModuleError`` if there is none."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name and not name.startswith(f"{error.name}."):
            raise  # The module is there, but one that it imports is not.
        first = name.partition(".")[0]
        here = any(path.exists() for path in (Path(first), Path(f"{first}.py")))
        # A command that is installed does not search it, other than python -m.
        hint = ": the working directory is searched where PYTHONPATH names it (PYTHONPATH=.)" if here else ""
        raise NoModuleError(f"there is no module {error.name}{hint}") from error
    except (TypeError, ValueError) as error:
        if name and not name.startswith("."):
            raise
        raise NoModuleError(f"{name!r} is not the name of a module") from error


def import_file(path: Path) -> ModuleType:
    """The module of a file, imported once and always by the same name; ``NoModuleError`` if there is none.

    It may import other files of its folder, as a script may.

    Raises:
        TakenNameError: it imports one whose name a file of another folder has taken.
    """
    name = f"_ravens_suite_user_{path.stem}_{zlib.crc32(str(path.resolve()).encode()):08x}"
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        where = "" if path.is_absolute() else " in the working directory, where a relative path starts"
        raise NoModuleError(f"there is no file {path}{where}")
    _reach_neighbours(path.resolve())
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _reach_neighbours(path: Path) -> None:
    """Let a file import what it names from its folder; last, so that no library is hidden by a file of its name."""
    folder = path.parent
    neighbours = _neighbours(path)
    for name in sorted(neighbours):
        taken = _file_of(name)
        if name in sys.modules and taken not in (folder / f"{name}.py", folder / name / "__init__.py"):
            raise TakenNameError(
                f"{path} imports {name} of its folder, but {taken} has that name already: rename one of them."
            )
    if neighbours and folder not in _REACHED:
        _REACHED.add(folder)
        sys.path.append(str(folder))


def _neighbours(path: Path) -> set[str]:
    """Names of the modules of its folder that a file imports, directly or through others; libraries come first."""
    folder, found, waiting = path.parent, set[str](), [path]
    while waiting:
        source = source_text(waiting.pop())
        for name in {each.partition(".")[0] for each in imported_names(source)} - found - sys.stdlib_module_names:
            places = [place for place in (folder / f"{name}.py", folder / name / "__init__.py") if place.is_file()]
            if places and not _is_library(name):
                found.add(name)
                waiting.append(places[0])
    return found


def _is_library(name: str) -> bool:
    """Whether a module is found, or has been, elsewhere than beside a user's file."""
    if name in sys.modules:
        return not any(_file_of(name).is_relative_to(folder) for folder in _REACHED)
    elsewhere = [folder for folder in sys.path if Path(folder or ".").resolve() not in _REACHED]
    return PathFinder.find_spec(name, elsewhere) is not None


def _file_of(name: str) -> Path:
    """The file of a module that is imported; an empty path where there is none."""
    return Path(str(getattr(sys.modules.get(name), "__file__", None) or ""))


def load_object(reference: str, what: str = "") -> Any:
    """Import what a user names as ``package.module:name`` or ``path/to/file.py:name``.

    Args:
        reference: where it is. A relative path starts at the working directory.
        what: it is to be, for the message of an error.

    Raises:
        ConfigError: there is no such module or file, or nothing of that name in it.
        ModuleNotFoundError: the module is there, but a library that it imports is not.
        UserCodeError: the module itself raises.
    """
    where, _, name = reference.rpartition(":")
    named = f"{what} {reference!r}".lstrip()
    try:
        if not where:
            raise NoModuleError("there is no colon, with a module before it")
        module = import_file(Path(where)) if where.endswith(".py") else import_named(where)
    except NoModuleError as error:
        raise ConfigError(
            f"Cannot import {named}: {error.args[0]}. Write package.module:name or path/to/file.py:name."
        ) from error
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError | TakenNameError):
            raise
        raise UserCodeError(f"Importing {where} ends in {in_words(error)}. Mend it there.") from error
    if not hasattr(module, name):
        raise ConfigError(f"Cannot import {named}: {where} defines no {name!r}.")
    return getattr(module, name)


def source_of_reference(reference: str) -> tuple[Path, str] | None:
    """The file of what a user names as ``module:name`` or ``file.py:name``; nothing is imported.

    Returns:
        The file and the full name of its module; ``None`` where there is no Python file.
    """
    where = reference.rpartition(":")[0]
    if where.endswith(".py"):
        path = Path(where).resolve()
        return (path, path.stem) if path.is_file() else None
    return source_of_module(where)


def source_of_module(module: str) -> tuple[Path, str] | None:
    """The file of a module and its name; ``None`` where there is no Python file."""
    spec = find_spec(module)
    path = Path(str(spec.origin if spec else ""))
    return (path.resolve(), module) if path.suffix == ".py" and path.is_file() else None
