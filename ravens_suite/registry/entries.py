"""Which tasks and agents there are, and where; none of them is imported."""

from __future__ import annotations

import logging
import os
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Literal

from ravens_suite.core.modules import find_spec
from ravens_suite.registry.variants import declared_variants

CONTINUOUS = "-continuous"
"""End of the names of continuous forms."""

_LOG = logging.getLogger(__name__)
_PACKAGE = "ravens_suite"
_SHARED_BY_TASKS = frozenset({"base", "candidates", "placement", "primitives", "sentences"})
_SHARED_BY_AGENTS = frozenset({"base", "common", "pick_place", "forecasters"})
_SHARED_BY_FORECASTERS = frozenset({"base"})
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

Kind = Literal["task", "agent", "forecaster"]
_PARENTS: Mapping[Kind, str] = {
    "task": f"{_PACKAGE}.tasks",
    "agent": f"{_PACKAGE}.agents",
    "forecaster": f"{_PACKAGE}.agents.forecasters",
}
"""Where the suite's own are; also the entry-point groups of other packages."""
VARIABLES: Mapping[Kind, str] = {
    "task": "RAVENS_SUITE_TASKS",
    "agent": "RAVENS_SUITE_AGENTS",
    "forecaster": "RAVENS_SUITE_FORECASTERS",
}
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


registered: dict[Kind, dict[str, Entry]] = {"task": {}, "agent": {}, "forecaster": {}}
"""By this process, for itself; they come before what the environment variables say."""


@lru_cache(maxsize=1)
def tasks() -> dict[str, Entry]:
    """All tasks by name, variants included."""
    entries = _discover("task", _SHARED_BY_TASKS)
    variants = [
        replace(entry, name=f"{entry.name}-{variant}", arguments=arguments)
        for entry in entries.values()
        for variant, arguments in declared_variants(entry.module, entry.attribute, entry.given).items()
    ]
    return _with_ids_of_their_own(named_entries([*entries.values(), *variants]))


@lru_cache(maxsize=1)
def agents() -> dict[str, Entry]:
    """All agents by name."""
    return _discover("agent", _SHARED_BY_AGENTS)


@lru_cache(maxsize=1)
def forecasters() -> dict[str, Entry]:
    """All forecasters by name."""
    return _discover("forecaster", _SHARED_BY_FORECASTERS)


def _discover(kind: Kind, shared: frozenset[str]) -> dict[str, Entry]:
    """Entries of this package's own files, then of other packages' entry points, then of no package."""
    parent = _PARENTS[kind]
    spec = find_spec(parent)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    entries = []
    for module in _modules(folders, shared, packages_are_families=kind == "task"):
        name = module.rpartition(".")[2].replace("_", "-")
        entries.append(Entry(name, f"{parent}.{module}", camel_case(name)))
    for point in _entry_points(parent):
        module, _, attribute = (part.strip() for part in point.value.partition(":"))
        entries.append(Entry(point.name, module, attribute, foreign=True))
    installed = named_entries(entries)
    declared = [entry for entry in in_variable(kind) if entry.name not in registered[kind]]
    return named_entries([*installed.values(), *declared]) | registered[kind]


def _entry_points(group: str) -> Iterable[EntryPoint]:
    try:
        return entry_points(group=group)
    except Exception as error:  # The metadata of some installed package is damaged.
        _LOG.warning("Cannot read which packages declare %s: %s", group, error)
        return []


def in_variable(kind: Kind) -> Iterator[Entry]:
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


def is_name(name: str) -> bool:
    """Whether this may be the name of a task or an agent: lower-case words joined by hyphens."""
    return bool(_NAME.fullmatch(name)) and not name.endswith(CONTINUOUS)


def named_entries(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Entries by name. Nothing takes the place of one of the suite's own; other rivals are noted, to be refused."""
    found: dict[str, Entry] = {}
    for entry in entries:
        first = found.get(entry.name)
        if not is_name(entry.name):
            _LOG.warning(
                "Ignored %s: the name %r must be lower-case words joined by hyphens, and not end in %s.",
                entry.reference,
                entry.name,
                CONTINUOUS,
            )
        elif first is None:
            found[entry.name] = entry
        elif entry.foreign and not first.foreign:
            _LOG.warning("Ignored %s: the suite itself has a %r.", entry.reference, entry.name)
        elif entry.reference != first.reference:
            found[entry.name] = replace(first, rivals=(*first.rivals, entry.reference))
    return found


def _with_ids_of_their_own(tasks: Mapping[str, Entry]) -> dict[str, Entry]:
    """Tasks without those whose environment another one would stand in for, as that of ``sort2`` for ``sort-2``."""
    first: dict[str, str] = {}
    found: dict[str, Entry] = {}
    # What the suite has itself and what this process has registered comes before what others declare.
    ranked = sorted(tasks.items(), key=lambda item: item[1].foreign and item[0] not in registered["task"])
    for name, entry in ranked:
        if (other := first.setdefault(camel_case(name), name)) == name:
            found[name] = entry
        else:
            _LOG.warning("Ignored %s: the environment of %r would have the id of %r.", entry.reference, name, other)
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


def camel_case(name: str) -> str:
    """``"BlockInsertion"`` for ``"block-insertion"``."""
    return "".join(word.capitalize() for word in name.split("-"))
