"""Modules of tasks and agents: where their files are, and how they are imported."""

from __future__ import annotations

import sys
import traceback
import zlib
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType


class NoModuleError(LookupError):
    """There is no module or file of a name; a ``LookupError`` of the module's own code is not this."""


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
        raise NoModuleError(f"there is no module {error.name}") from error
    except (TypeError, ValueError) as error:
        if name and not name.startswith("."):
            raise
        raise NoModuleError(f"{name!r} is not the name of a module") from error


def import_file(path: Path) -> ModuleType:
    """The module of a file, imported once and always by the same name; ``NoModuleError`` if there is none."""
    name = f"_ravens_suite_user_{path.stem}_{zlib.crc32(str(path.resolve()).encode()):08x}"
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise NoModuleError(f"there is no file {path}")
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
