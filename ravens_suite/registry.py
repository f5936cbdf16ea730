"""Names of tasks and agents, found by file name without importing a single one.

``ravens_suite/tasks/stack_block_pyramid.py`` is the task ``stack-block-pyramid``, its class is ``StackBlockPyramid``
and its environment ``ravens_suite/StackBlockPyramid-v0``; ``agents/state_mlp.py`` is the agent ``state-mlp``, its class
``StateMlp``. An agent may also be a package whose ``__init__`` defines or imports the class. Tasks may lie in folders
below ``tasks``, one for each family; the folder is no part of a task's name. Files whose name starts with an
underscore, and those named below, hold what several share.

The class of a task may declare variants, as a literal::

    variants: ClassVar[Variants] = {"easy": {"yaw": 0.0}}

which makes ``<task>-easy`` a task, too, with these keyword arguments of the class.

Other packages add theirs through the entry-point groups ``ravens_suite.tasks`` and ``ravens_suite.agents``::

    [project.entry-points."ravens_suite.tasks"]
    sort-cubes = "my_package.sort_cubes:SortCubes"

Without a package there are ``ravens_suite.register_task`` and ``register_agent``, and the environment variables
``RAVENS_SUITE_TASKS`` and ``RAVENS_SUITE_AGENTS``, through which child processes learn of what those registered::

    RAVENS_SUITE_TASKS="sort-cubes=sort_cubes.py:SortCubes;other=package.module:Class"

The suite's own names cannot be taken. Whatever is wrong with a task or an agent of another package is said when it is
used; it never keeps the suite from being imported, nor others from being used.
"""

from __future__ import annotations

import ast
import logging
import os
import pkgutil
import re
import sys
import traceback
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import gymnasium

from ravens_suite.core.observations import ControlName
from ravens_suite.errors import ConfigError, UnknownNameError, missing_library

if TYPE_CHECKING:
    from ravens_suite.agents.base import Agent
    from ravens_suite.tasks.base import Task

_LOG = logging.getLogger(__name__)

_ENVIRONMENT = "ravens_suite.envs.environment:RavensEnv"
_SHARED_BY_TASKS = frozenset({"base", "placement", "primitives"})
_SHARED_BY_AGENTS = frozenset({"base", "common", "pick_place"})
_CONTINUOUS = "-continuous"
_VARIANTS = "variants"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_MAIN = "__main__"
_NEEDED_BY_AGENTS = ("torch", "safetensors")

Kind = Literal["task", "agent"]
VARIABLES: Mapping[Kind, str] = {"task": "RAVENS_SUITE_TASKS", "agent": "RAVENS_SUITE_AGENTS"}
"""Environment variables that declare: ``name=module:Class`` or ``name=file.py:Class``, with ``;`` between."""


@dataclass(frozen=True)
class Entry:
    """Where a task or an agent is to be found.

    Attributes:
        name: on the command line.
        module: to import.
        attribute: name of the class in it.
        arguments: keyword arguments of the class, for a variant of a task.
        foreign: whether it is none of the suite's own.
        rivals: other places that claim the same name, as ``module:class``.
        given: the class itself, if this process has registered it.
    """

    name: str
    module: str
    attribute: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    foreign: bool = False
    rivals: tuple[str, ...] = ()
    given: type | None = None

    @property
    def reference(self) -> str:
        """``module:class``."""
        return f"{self.module}:{self.attribute}"


_registered: dict[Kind, dict[str, Entry]] = {"task": {}, "agent": {}}
"""By this process, for itself; they come before what the environment variables say."""


def task_names() -> list[str]:
    """All tasks, variants included. Each also has a continuous form, ``<name>-continuous``."""
    return sorted(_tasks())


def agent_names() -> list[str]:
    """All registered learning agents."""
    return sorted(_agents())


def load_task(name: str) -> tuple[type[Task], dict[str, Any]]:
    """Import a task.

    Args:
        name: of a task, a variant or a continuous form.

    Returns:
        The class and the keyword arguments to make it with.

    Raises:
        UnknownNameError: there is no such task.
        ConfigError: several packages declare it, or where it is declared there is no module, no class or no task.
    """
    entry = _find("task", name.removesuffix(_CONTINUOUS), _tasks())
    task: type[Task] = _load("task", entry)
    return _checked_task(task, entry.reference) if entry.foreign else task, dict(entry.arguments)


def variant_arguments(name: str) -> dict[str, Any]:
    """The keyword arguments that make a variant of its task's class; empty for what is no variant. Imports nothing.

    Raises:
        UnknownNameError: there is no such task.
    """
    return dict(_find("task", name.removesuffix(_CONTINUOUS), _tasks()).arguments)


def variant_named_by(name: str, arguments: Mapping[str, Any]) -> str | None:
    """The variant of a task that some arguments would make of it; ``None`` if there is none. Imports nothing.

    Args:
        name: of a task or its continuous form, itself no variant.
        arguments: of its environment.

    Raises:
        UnknownNameError: there is no such task.
    """
    base = name.removesuffix(_CONTINUOUS)
    entry = _find("task", base, _tasks())
    if entry.arguments:
        return None
    for other in _tasks().values():
        same_class = other.reference == entry.reference and other.arguments
        if same_class and all(arguments.get(key, other) == value for key, value in other.arguments.items()):
            return other.name + name[len(base) :]
    return None


def load_agent(name: str) -> type[Agent[Any]]:
    """Import an agent.

    Args:
        name: of a registered agent; or where the class is, ``path/to/file.py:ClassName`` or
            ``package.module:ClassName``, for an agent that no package declares. A relative path starts at the working
            directory; worker processes have the same one.

    Raises:
        UnknownNameError: there is no such agent.
        ConfigError: several packages declare it, or where it is declared there is no module, no class or no agent.
        MissingLibraryError: PyTorch is not installed.
    """
    try:
        if ":" in name:
            return _checked_agent(load_object(name), name)
        entry = _find("agent", name, _agents())
        agent: type[Agent[Any]] = _load("agent", entry)
        return _checked_agent(agent, entry.reference, entry.name) if entry.foreign else agent
    except ModuleNotFoundError as error:
        if error.name not in _NEEDED_BY_AGENTS:
            raise
        raise missing_library(error.name) from error


def source_of(name: str) -> tuple[Path, str] | None:
    """The file of an agent, or of what a user names as ``module:name`` or ``file.py:name``; nothing is imported.

    Args:
        name: of a registered agent, or where something is.

    Returns:
        The file and the full name of its module; ``None`` where there is no such agent or no Python file.
    """
    if ":" in name:
        where = name.rpartition(":")[0]
        if where.endswith(".py"):
            path = Path(where).resolve()
            return (path, path.stem) if path.is_file() else None
    elif name in _agents():
        where = _agents()[name].module
    else:
        return None
    spec = _spec(where)
    path = Path(str(spec.origin if spec else ""))
    return (path.resolve(), where) if path.suffix == ".py" and path.is_file() else None


def load_object(reference: str) -> Any:
    """Import what a user names as ``package.module:name`` or ``path/to/file.py:name``.

    What goes wrong inside the module itself is raised as it is.

    Raises:
        ConfigError: there is no such module or file, or nothing of that name in it.
    """
    where, _, name = reference.rpartition(":")
    try:
        module = _import_file(Path(where)) if where.endswith(".py") else _import(where)
    except LookupError as error:
        raise ConfigError(
            f"Cannot import {reference!r}: {error.args[0]}. Write package.module:name or path/to/file.py:name."
        ) from error
    if not hasattr(module, name):
        raise ConfigError(f"Cannot import {reference!r}: {where} defines no {name!r}.")
    return getattr(module, name)


def environment_id(task_name: str) -> str:
    """``"ravens_suite/BlockInsertion-v0"`` for ``"block-insertion"``; continuous forms have one, too.

    Raises:
        UnknownNameError: there is no such task.
    """
    _find("task", task_name.removesuffix(_CONTINUOUS), _tasks())
    return f"ravens_suite/{_camel_case(task_name)}-v0"


def is_continuous(task_name: str) -> bool:
    """Whether a name is that of a task's continuous form, whose actions are way-points of the tool."""
    return task_name.endswith(_CONTINUOUS)


def control_of(task_name: str) -> ControlName:
    """The kind of actions that a task's environment takes."""
    return "waypoint" if is_continuous(task_name) else "primitive"


def register_environments() -> None:
    """Make every task known to ``gymnasium.make``; doing it twice changes nothing.

    The environment ends its own episodes, so there is no ``TimeLimit`` wrapper. Nor is there Gymnasium's passive
    checker, unless ``make(disable_env_checker=False)`` asks for it: when the first reset raises, for instance because
    the seed cannot be placed, its next ``step`` ends in a TypeError, since it unpacks the result that the first reset
    did not have (Gymnasium 1.4.0, ``wrappers/common.py``; ``findings/gymnasium_checker_after_failed_reset.sh``).
    """
    for name in task_names():
        _register(environment_id(name), {"task": name})
        _register(environment_id(name + _CONTINUOUS), {"task": name, "control": "waypoint"})


def _register(identifier: str, arguments: dict[str, Any]) -> None:
    if identifier not in gymnasium.registry:
        gymnasium.register(
            identifier, entry_point=_ENVIRONMENT, kwargs=arguments, disable_env_checker=True, order_enforce=False
        )


# ---------------------------------------------------------------------- finding


@lru_cache(maxsize=1)
def _tasks() -> dict[str, Entry]:
    entries = _discover("task", _SHARED_BY_TASKS)
    variants = [
        replace(entry, name=f"{entry.name}-{variant}", arguments=arguments)
        for entry in entries.values()
        for variant, arguments in _declared_variants(entry).items()
    ]
    return _named([*entries.values(), *variants])


@lru_cache(maxsize=1)
def _agents() -> dict[str, Entry]:
    return _discover("agent", _SHARED_BY_AGENTS)


def _discover(kind: Kind, shared: frozenset[str]) -> dict[str, Entry]:
    """Entries of this package's own files, then of other packages' entry points, then of no package."""
    package = f"{kind}s"
    parent = f"{__package__}.{package}"
    spec = _spec(parent)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    entries = []
    for module in _modules(folders, shared, packages_are_families=package == "tasks"):
        name = module.rpartition(".")[2].replace("_", "-")
        entries.append(Entry(name, f"{parent}.{module}", _camel_case(name)))
    for point in _entry_points(parent):
        module, _, attribute = (part.strip() for part in point.value.partition(":"))
        entries.append(Entry(point.name, module, attribute, foreign=True))
    installed = _named(entries)
    declared = [entry for entry in _in_variable(kind) if entry.name not in _registered[kind]]
    return _named([*installed.values(), *declared]) | _registered[kind]


def _entry_points(group: str) -> Iterable[EntryPoint]:
    try:
        return entry_points(group=group)
    except Exception as error:  # The metadata of some installed package is damaged.
        _LOG.warning("Cannot read which packages declare %s: %s", group, error)
        return []


def _in_variable(kind: Kind) -> Iterator[Entry]:
    """What the environment variable of a kind declares."""
    for part in os.environ.get(VARIABLES[kind], "").split(";"):
        name, equals, reference = (text.strip() for text in part.partition("="))
        module, _, attribute = reference.rpartition(":")
        if equals and module:
            yield Entry(name, module, attribute, foreign=True)
        elif part.strip():
            _LOG.warning(
                "Ignored %r in %s: write name=package.module:Class or name=path/to/file.py:Class, with ; between.",
                part,
                VARIABLES[kind],
            )


def add(kind: Kind, entry: Entry) -> None:
    """Register a task or an agent in this process and, as far as they can import it, in those that it will start.

    Args:
        kind: of what is added.
        entry: it takes the place of one that was added before under the same name.

    Raises:
        ConfigError: the name is not of lower-case words joined by hyphens, or the suite or an installed package has it.
    """
    if not _is_name(entry.name):
        raise ConfigError(
            f"{entry.name!r} cannot be the name of a {kind}: take lower-case words joined by hyphens, such as "
            f"sort-cubes, that do not end in {_CONTINUOUS}."
        )
    known = (_tasks() if kind == "task" else _agents()).get(entry.name)
    replaceable = {*_registered[kind], *(other.name for other in _in_variable(kind))}
    if known is not None and (not known.foreign or entry.name not in replaceable):
        raise ConfigError(f"There is a {kind} {entry.name!r} already, {known.reference}: take another name.")
    _registered[kind][entry.name] = entry
    others = [other for other in _in_variable(kind) if other.name != entry.name]
    os.environ[VARIABLES[kind]] = ";".join(f"{other.name}={other.reference}" for other in [*others, entry])
    _tasks.cache_clear()
    _agents.cache_clear()
    register_environments()


def _is_name(name: str) -> bool:
    return bool(_NAME.fullmatch(name)) and not is_continuous(name)


def _named(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Entries by name. Nothing takes the place of one of the suite's own; other rivals are noted, to be refused."""
    found: dict[str, Entry] = {}
    for entry in entries:
        first = found.get(entry.name)
        if not _is_name(entry.name):
            _LOG.warning(
                "Ignored %s: the name %r must be lower-case words joined by hyphens, and not end in %s.",
                entry.reference,
                entry.name,
                _CONTINUOUS,
            )
        elif first is None:
            found[entry.name] = entry
        elif entry.foreign and not first.foreign:
            _LOG.warning("Ignored %s: the suite itself has a %r.", entry.reference, entry.name)
        elif entry.reference != first.reference:
            found[entry.name] = replace(first, rivals=(*first.rivals, entry.reference))
    return found


def _modules(folders: list[str], shared: frozenset[str], *, packages_are_families: bool) -> Iterator[str]:
    """Names of modules in folders; with a dot for those in a family's folder."""
    for info in pkgutil.iter_modules(folders):
        if info.name.startswith("_") or info.name in shared:
            continue
        if info.ispkg and packages_are_families:
            below = [str(Path(folder) / info.name) for folder in folders]
            yield from (f"{info.name}.{name}" for name in _modules(below, shared, packages_are_families=True))
        else:
            yield info.name


def _spec(module: str) -> ModuleSpec | None:
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


def _declared_variants(entry: Entry) -> dict[str, dict[str, Any]]:
    """The ``variants`` of a task's class, read from its source: importing a task would import the simulator."""
    try:
        if entry.given is not None:
            return _plain_variants(getattr(entry.given, _VARIANTS, {}))
        path = _source_file(entry.module)
        if path is None:
            return {}
        source = path.read_text(encoding="utf-8")
        return _literal_variants(source, entry.attribute) if _VARIANTS in source else {}
    except Exception as error:
        # Whatever is wrong with one task must not keep the suite from being imported.
        _LOG.warning("Cannot read the variants of %s: %s", entry.reference, error)
        return {}


def _source_file(module: str) -> Path | None:
    """The Python file of a module, which may itself be given as a file."""
    if module.endswith(".py"):
        return Path(module)
    spec = _spec(module)
    return Path(str(spec.origin)) if spec is not None and str(spec.origin).endswith(".py") else None


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


def _find(kind: Kind, name: str, entries: Mapping[str, Entry]) -> Entry:
    if name in entries:
        return entries[name]
    if kind == "task" and ":" in name:
        raise ConfigError(
            f"A task of yours needs a name: {name!r} is a place. Give it one with {VARIABLES[kind]}='my-task={name}', "
            "with register_task, or in the entry points of its package; see docs/own_task.md."
        )
    raise UnknownNameError(kind, name, entries)


# ---------------------------------------------------------------------- importing


def _load(kind: Kind, entry: Entry) -> Any:
    """The class of an entry."""
    if entry.rivals:
        claims = ", ".join((entry.reference, *entry.rivals))
        raise ConfigError(f"Several {kind}s are named {entry.name!r}: {claims}. Rename or uninstall all but one.")
    if entry.given is not None:
        return entry.given
    module = _module(kind, entry)
    if not entry.attribute or not hasattr(module, entry.attribute):
        raise ConfigError(f"{module.__file__} must define a class {entry.attribute} to be the {kind} {entry.name!r}.")
    return getattr(module, entry.attribute)


def _module(kind: Kind, entry: Entry) -> ModuleType:
    """The module of an entry, imported."""
    if entry.module == _MAIN or "<" in entry.attribute:
        raise ConfigError(
            f"The {kind} {entry.name!r} was registered in a notebook, an interactive session or a function, from where "
            "other processes cannot import its class: move the class to a file, or work in one process (workers=1)."
        )
    try:
        return _import_file(Path(entry.module)) if entry.module.endswith(".py") else _import(entry.module)
    except LookupError as error:
        raise ConfigError(
            f"The {kind} {entry.name!r} is declared to be {entry.reference}, but {error.args[0]}: install it, or mend "
            "its declaration."
        ) from error
    except (Exception, SystemExit) as error:
        if not entry.foreign or (isinstance(error, ModuleNotFoundError) and error.name in _NEEDED_BY_AGENTS):
            raise
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise ConfigError(
            f"The {kind} {entry.name!r} is broken: importing {entry.module} ends in {type(error).__name__}: {error} "
            f"({last.filename}, line {last.lineno}). Mend or uninstall it; nothing else depends on it."
        ) from error


def _import(name: str) -> ModuleType:
    """A module by its name; LookupError if there is none."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name and not name.startswith(f"{error.name}."):
            raise  # The module is there, but one that it imports is not.
        raise LookupError(f"there is no module {error.name}") from error
    except (TypeError, ValueError) as error:
        if name and not name.startswith("."):
            raise
        raise LookupError(f"{name!r} is not the name of a module") from error


def _import_file(path: Path) -> ModuleType:
    """The module of a file, imported once; LookupError if there is none. The same path gives the same module name."""
    name = f"_ravens_suite_user_{path.stem}_{zlib.crc32(str(path.resolve()).encode()):08x}"
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise LookupError(f"there is no file {path}")
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _checked_task(value: Any, where: str) -> type[Task]:
    from ravens_suite.tasks.base import Task

    if not (isinstance(value, type) and issubclass(value, Task)):
        raise ConfigError(f"{where} is not a task: derive the class from ravens_suite.tasks.base.Task.")
    return value


def _checked_agent(value: Any, where: str, name: str | None = None) -> type[Agent[Any]]:
    """A class that is an agent, and called so if it has to have a certain name."""
    from ravens_suite.agents.base import Agent

    if not (isinstance(value, type) and issubclass(value, Agent)):
        raise ConfigError(f"{where} is not an agent: derive the class from ravens_suite.agents.base.Agent.")
    own = getattr(value, "name", None)
    if own is None or name not in (None, own):
        raise ConfigError(f"The agent {where} must set its name{f' to {name!r}' if name else ''}; it is {own!r}.")
    agent: type[Agent[Any]] = value
    return agent


def _camel_case(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-"))
