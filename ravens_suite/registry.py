"""Names of tasks and agents, found by file name without importing a single one.

``ravens_suite/tasks/stack_block_pyramid.py`` is the task ``stack-block-pyramid``, its class is ``StackBlockPyramid``
and its environment ``ravens_suite/StackBlockPyramid-v0``; ``agents/state_mlp.py`` is the agent ``state-mlp``, its class
``StateMlp``. An agent may also be a package, whose ``__init__`` has the class. Tasks may lie in folders below
``tasks``, one for each family, which are no part of their names. Files whose name starts with an underscore, and those
named below, hold what several share.

A task's file may declare variants, as a literal in its class::

    variants: ClassVar[Variants] = {"easy": {"yaw": 0.0}}

which makes ``<task>-easy`` a task, too, with these arguments of the class.

Other packages add theirs through the entry-point groups ``ravens_suite.tasks`` and ``ravens_suite.agents``::

    [project.entry-points."ravens_suite.tasks"]
    sort-cubes = "my_package.sort_cubes:SortCubes"
"""

from __future__ import annotations

import ast
import logging
import pkgutil
import sys
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import gymnasium

from ravens_suite.core.observations import ControlName
from ravens_suite.errors import ConfigError, UnknownNameError

if TYPE_CHECKING:
    from ravens_suite.agents.base import Agent
    from ravens_suite.tasks.base import Task

_LOG = logging.getLogger(__name__)

_ENVIRONMENT = "ravens_suite.envs.environment:RavensEnv"
_SHARED_BY_TASKS = frozenset({"base", "placement", "primitives"})
_SHARED_BY_AGENTS = frozenset({"base", "common", "pick_place"})
_CONTINUOUS = "-continuous"
_VARIANTS = "variants"


@dataclass(frozen=True)
class Entry:
    """Where a task or an agent is to be found.

    Attributes:
        name: on the command line.
        module: to import.
        attribute: name of the class in it.
        arguments: of the class, for a variant of a task.
    """

    name: str
    module: str
    attribute: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


def task_names() -> list[str]:
    """All tasks, variants included. Each also has a continuous form, ``<name>-continuous``."""
    return sorted(_tasks())


def agent_names() -> list[str]:
    """All learning agents."""
    return sorted(_agents())


def load_task(name: str) -> tuple[type[Task], dict[str, Any]]:
    """Import a task.

    Args:
        name: of a task, a variant or a continuous form.

    Returns:
        The class and the keyword arguments to make it with.

    Raises:
        UnknownNameError: there is no such task.
        ConfigError: its file does not define the class it is named after.
    """
    entry = _find("task", name.removesuffix(_CONTINUOUS), _tasks())
    return _load(entry), dict(entry.arguments)


def load_agent(name: str) -> type[Agent[Any]]:
    """Import an agent; raises as ``load_task`` does."""
    if ":" in name:
        own: type[Agent[Any]] = load_object(name)
        return own
    agent: type[Agent[Any]] = _load(_find("agent", name, _agents()))
    return agent


def load_object(path: str) -> Any:
    """Import what a user names as ``package.module:name`` or ``file.py:name``.

    Raises:
        ConfigError: there is no such module, file or name in it.
    """
    where, _, name = path.rpartition(":")
    try:
        module = _load_file(Path(where)) if where.endswith(".py") else import_module(where)
        return getattr(module, name)
    except (ImportError, FileNotFoundError, AttributeError) as error:
        raise ConfigError(
            f"Cannot import {path!r}: {error}. Write it as package.module:name or file.py:name."
        ) from error


def _load_file(path: Path) -> ModuleType:
    """The module of a file, imported once; worker processes import it again by the same path."""
    name = f"_ravens_suite_user_{path.stem}_{zlib.crc32(str(path.resolve()).encode()):08x}"
    if name not in sys.modules:
        spec = spec_from_file_location(name, path)
        if spec is None or spec.loader is None or not path.exists():
            raise FileNotFoundError(f"there is no file {path}")
        module = module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


def environment_id(task_name: str) -> str:
    """``"ravens_suite/BlockInsertion-v0"`` for ``"block-insertion"``; continuous forms have one too.

    Raises:
        UnknownNameError: there is no such task.
    """
    _find("task", task_name.removesuffix(_CONTINUOUS), _tasks())
    return f"ravens_suite/{_camel_case(task_name)}-v0"


def is_continuous(task_name: str) -> bool:
    """Whether a task is in its continuous form, which takes waypoints instead of pick and place poses."""
    return task_name.endswith(_CONTINUOUS)


def control_of(task_name: str) -> ControlName:
    """The kind of actions that a task's environment takes."""
    return "waypoint" if is_continuous(task_name) else "primitive"


def register_environments() -> None:
    """Make every task known to ``gymnasium.make``; doing it twice changes nothing.

    The environment ends its own episodes, so there is no ``TimeLimit`` wrapper.
    """
    for name in task_names():
        _register(environment_id(name), {"task": name})
        _register(environment_id(name + _CONTINUOUS), {"task": name, "control": "waypoint"})


def _register(identifier: str, arguments: dict[str, Any]) -> None:
    if identifier not in gymnasium.registry:
        gymnasium.register(identifier, entry_point=_ENVIRONMENT, kwargs=arguments)


@lru_cache(maxsize=1)
def _tasks() -> dict[str, Entry]:
    entries = _discover("tasks", _SHARED_BY_TASKS)
    for entry in list(entries.values()):
        for variant, arguments in _declared_variants(entry).items():
            entries.setdefault(f"{entry.name}-{variant}", replace(entry, arguments=arguments))
    return {name: replace(entry, name=name) for name, entry in entries.items()}


@lru_cache(maxsize=1)
def _agents() -> dict[str, Entry]:
    return _discover("agents", _SHARED_BY_AGENTS)


def _discover(package: str, shared: frozenset[str]) -> dict[str, Entry]:
    """Entries of this package's own files, then of other packages' entry points."""
    module = f"{__package__}.{package}"
    spec = find_spec(module)
    folders = spec.submodule_search_locations if spec else None
    entries: dict[str, Entry] = {}
    for name in _modules(list(folders or ()), shared, packages_are_families=package == "tasks"):
        label = name.rpartition(".")[2].replace("_", "-")
        entries[label] = Entry(label, f"{module}.{name}", _camel_case(label))
    for point in entry_points(group=module):
        if point.name in entries:
            _LOG.warning("Ignored %s of group %s: the name %r is taken.", point.value, module, point.name)
        else:
            entries[point.name] = Entry(point.name, point.module, point.attr)
    return entries


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


def _declared_variants(entry: Entry) -> dict[str, dict[str, Any]]:
    """The literal ``variants`` of a task's class, read from its source: importing a task imports the simulator."""
    try:
        spec = find_spec(entry.module)
    except (ImportError, ValueError):
        return {}
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return {}
    source = Path(spec.origin).read_text(encoding="utf-8")
    if _VARIANTS not in source:
        return {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and node.name == entry.attribute:
            for statement in node.body:
                if isinstance(statement, ast.AnnAssign | ast.Assign) and _VARIANTS in _targets(statement):
                    return _literal(statement, spec.origin)
    return {}


def _targets(statement: ast.AnnAssign | ast.Assign) -> list[str]:
    targets = [statement.target] if isinstance(statement, ast.AnnAssign) else statement.targets
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _literal(statement: ast.AnnAssign | ast.Assign, path: str) -> dict[str, dict[str, Any]]:
    try:
        value = ast.literal_eval(statement.value) if statement.value is not None else {}
        return {str(name): dict(arguments) for name, arguments in dict(value).items()}
    except (ValueError, TypeError):
        _LOG.warning("%s:%d: variants must be a literal of names to arguments; ignored.", path, statement.lineno)
        return {}


def _find(kind: str, name: str, entries: Mapping[str, Entry]) -> Entry:
    if name not in entries:
        raise UnknownNameError(kind, name, entries)
    return entries[name]


def _load(entry: Entry) -> Any:
    try:
        module = import_module(entry.module)
    except ModuleNotFoundError as error:
        if error.name and not entry.module.startswith(error.name):
            raise
        raise ConfigError(f"{entry.name!r} is declared to be in {entry.module}, which is not installed.") from error
    if not hasattr(module, entry.attribute):
        raise ConfigError(f"{module.__file__} must define a class {entry.attribute} to be {entry.name!r}.")
    return getattr(module, entry.attribute)


def _camel_case(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-"))
