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

import inspect
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import gymnasium

from ravens_suite.core.modules import (
    NoModuleError,
    import_file,
    import_named,
    in_words,
    load_object,
    source_of_module,
    source_of_reference,
)
from ravens_suite.core.observations import ControlName
from ravens_suite.errors import ConfigError, RavensError, UnknownNameError, missing_library
from ravens_suite.registry import entries
from ravens_suite.registry.entries import CONTINUOUS, VARIABLES, Entry, Kind
from ravens_suite.registry.variants import hand_on

if TYPE_CHECKING:
    from ravens_suite.agents.base import Agent, Trainee
    from ravens_suite.agents.forecasters.base import Forecaster
    from ravens_suite.tasks.base import Task

_UNNAMED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
"""Kinds of parameters that stand for others."""
_ENVIRONMENT = "ravens_suite.envs.environment:RavensEnv"
_MAIN = "__main__"
_NEEDED_BY_AGENTS = ("torch", "safetensors")


def task_names() -> list[str]:
    """All tasks, variants included. Each also has a continuous form, ``<name>-continuous``."""
    return sorted(entries.tasks())


def agent_names() -> list[str]:
    """All registered learning agents."""
    return sorted(entries.agents())


def forecaster_names() -> list[str]:
    """All registered forecasters: what learns from episodes and watches instead of acting."""
    return sorted(entries.forecasters())


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
    entry = _find("task", name.removesuffix(CONTINUOUS), entries.tasks())
    task: type[Task] = _load("task", entry)
    return _checked_task(task, entry.reference) if entry.foreign else task, dict(entry.arguments)


def task_parameters(task_class: type[Task]) -> dict[str, inspect.Parameter]:
    """The keyword arguments that a task's class takes, by name.

    Those that it hands on (``**options``) are those of the class that it is derived from.
    """
    found: dict[str, inspect.Parameter] = {}
    for each in task_class.__mro__:
        if "__init__" in vars(each):
            _, *own = inspect.signature(vars(each)["__init__"]).parameters.values()
            found = {**{one.name: one for one in own if one.kind not in _UNNAMED}, **found}
            if not any(one.kind is inspect.Parameter.VAR_KEYWORD for one in own):
                break
    return found


def variant_arguments(name: str) -> dict[str, Any]:
    """The keyword arguments that make a variant of its task's class; empty for what is no variant. Imports nothing.

    Raises:
        UnknownNameError: there is no such task.
    """
    return dict(_find("task", name.removesuffix(CONTINUOUS), entries.tasks()).arguments)


def variant_named_by(name: str, arguments: Mapping[str, Any]) -> str | None:
    """The variant of a task that some arguments would make of it; ``None`` if there is none. Imports nothing.

    Args:
        name: of a task or its continuous form, itself no variant.
        arguments: of its environment.

    Raises:
        UnknownNameError: there is no such task.
    """
    base = name.removesuffix(CONTINUOUS)
    entry = _find("task", base, entries.tasks())
    if entry.arguments:
        return None
    for other in entries.tasks().values():
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
    with _needing_torch():
        if ":" in name:
            return _checked_agent(load_object(name), name)
        if _forecasts(name):
            raise _watches(name)
        entry = _find("agent", name, entries.agents())
        agent: type[Agent[Any]] = _load("agent", entry)
        return _checked_agent(agent, entry.reference, entry.name) if entry.foreign else agent


def load_forecaster(name: str) -> type[Forecaster[Any]]:
    """Import a forecaster.

    Args:
        name: of a registered forecaster, or where the class is, see ``load_agent``.

    Raises:
        UnknownNameError: there is no such forecaster.
        ConfigError: several packages declare it, or where it is declared there is no module, no class or no forecaster.
        MissingLibraryError: PyTorch is not installed.
    """
    with _needing_torch():
        if ":" in name:
            return _checked_forecaster(load_object(name), name)
        entry = _find("forecaster", name, entries.forecasters())
        forecaster: type[Forecaster[Any]] = _load("forecaster", entry)
        return _checked_forecaster(forecaster, entry.reference, entry.name) if entry.foreign else forecaster


def load_trainee(name: str) -> type[Trainee[Any]]:
    """Import what ``ravens-suite train`` trains: an agent, or a forecaster.

    Args:
        name: see ``load_agent``.

    Raises:
        UnknownNameError: there is neither of this name.
        ConfigError: see ``load_agent``.
        MissingLibraryError: PyTorch is not installed.
    """
    with _needing_torch():
        forecasts = _forecasts(name)
    if ":" not in name:
        _find("agent", name, {**entries.forecasters(), **entries.agents()})  # The nearest name may be of either.
    return load_forecaster(name) if forecasts else load_agent(name)


def is_forecaster(name: str) -> bool:
    """Whether what a run trained watches instead of acting; not where nobody can know, as its file is gone.

    Args:
        name: see ``load_agent``.
    """
    try:
        return _forecasts(name)
    except (ModuleNotFoundError, RavensError):
        return False


def _forecasts(name: str) -> bool:
    if ":" not in name:
        return name not in entries.agents() and name in entries.forecasters()
    return _is_a_forecaster(load_object(name))


def _is_a_forecaster(value: Any) -> bool:
    """Whether it is a class of forecasters."""
    from ravens_suite.agents.forecasters.base import Forecaster

    return isinstance(value, type) and issubclass(value, Forecaster)


@contextmanager
def _needing_torch() -> Iterator[None]:
    """Say which library is missing where an agent cannot be imported without."""
    try:
        yield
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
        return source_of_reference(name)
    trainees = {**entries.forecasters(), **entries.agents()}
    return source_of_module(trainees[name].module) if name in trainees else None


def environment_id(task_name: str) -> str:
    """``"ravens_suite/BlockInsertion-v0"`` for ``"block-insertion"``; continuous forms have one, too.

    Raises:
        UnknownNameError: there is no such task.
    """
    _find("task", task_name.removesuffix(CONTINUOUS), entries.tasks())
    return f"ravens_suite/{entries.camel_case(task_name)}-v0"


def is_continuous(task_name: str) -> bool:
    """Whether a name is that of a task's continuous form, whose actions are way-points of the tool."""
    return task_name.endswith(CONTINUOUS)


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
        _register(environment_id(name + CONTINUOUS), {"task": name, "control": "waypoint"})


def _register(identifier: str, arguments: dict[str, Any]) -> None:
    if identifier not in gymnasium.registry:
        gymnasium.register(
            identifier, entry_point=_ENVIRONMENT, kwargs=arguments, disable_env_checker=True, order_enforce=False
        )


def add(kind: Kind, entry: Entry) -> None:
    """Register a task or an agent in this process and, as far as they can import it, in those that it will start.

    Args:
        kind: of what is added.
        entry: it takes the place of one that was added before under the same name.

    Raises:
        ConfigError: the name is not of lower-case words joined by hyphens, the suite or an installed package has it, or
            the environment of another task has its id.
    """
    if not entries.is_name(entry.name):
        raise ConfigError(
            f"{entry.name!r} cannot be the name of a {kind}: take lower-case words joined by hyphens, such as "
            f"sort-cubes, that do not end in {CONTINUOUS}."
        )
    all_of = {"task": entries.tasks, "agent": entries.agents, "forecaster": entries.forecasters}
    known = all_of[kind]().get(entry.name)
    replaceable = {*entries.registered[kind], *(other.name for other in entries.in_variable(kind))}
    if known is not None and (not known.foreign or entry.name not in replaceable):
        raise ConfigError(f"There is a {kind} {entry.name!r} already, {known.reference}: take another name.")
    own = entries.camel_case(entry.name)
    if kind == "task" and (
        same := [name for name in entries.tasks() if name != entry.name and own == entries.camel_case(name)]
    ):
        raise ConfigError(
            f"The environment of {entry.name!r} would have the id of that of {same[0]!r}: take another name."
        )
    entries.registered[kind][entry.name] = entry
    others = [other for other in entries.in_variable(kind) if other.name != entry.name]
    os.environ[VARIABLES[kind]] = ";".join(f"{other.name}={other.reference}" for other in [*others, entry])
    if kind == "task" and entry.given is not None:
        hand_on(entry.module, entry.attribute, entry.given)
    for names in all_of.values():
        names.cache_clear()
    register_environments()


def _find(kind: Kind, name: str, known: Mapping[str, Entry]) -> Entry:
    if name in known:
        return known[name]
    if kind == "task" and ":" in name:
        raise ConfigError(
            f"A task of yours needs a name: {name!r} is a place. Give it one with {VARIABLES[kind]}='my-task={name}', "
            "with register_task, or in the entry points of its package; see docs/own_task.md."
        )
    raise UnknownNameError(kind, name, known)


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
        return import_file(Path(entry.module)) if entry.module.endswith(".py") else import_named(entry.module)
    except NoModuleError as error:
        raise ConfigError(
            f"The {kind} {entry.name!r} is declared to be {entry.reference}, but {error.args[0]}: install it, or mend "
            "its declaration."
        ) from error
    except (Exception, SystemExit) as error:
        if not entry.foreign or (isinstance(error, ModuleNotFoundError) and error.name in _NEEDED_BY_AGENTS):
            raise
        raise ConfigError(
            f"The {kind} {entry.name!r} is broken: importing {entry.module} ends in {in_words(error)}. Mend or "
            "uninstall it; nothing else depends on it."
        ) from error


def _checked_task(value: Any, where: str) -> type[Task]:
    from ravens_suite.tasks.base import Task

    if not (isinstance(value, type) and issubclass(value, Task)):
        raise ConfigError(f"{where} is not a task: derive the class from ravens_suite.tasks.base.Task.")
    return value


def _checked_agent(value: Any, where: str, name: str | None = None) -> type[Agent[Any]]:
    """A class that is an agent, and called so if it has to have a certain name."""
    from ravens_suite.agents.base import Agent

    if _is_a_forecaster(value):
        raise _watches(where)
    if not (isinstance(value, type) and issubclass(value, Agent)):
        raise ConfigError(f"{where} is not an agent: derive the class from ravens_suite.agents.base.Agent.")
    own = getattr(value, "name", None)
    if own is None or name not in (None, own):
        raise ConfigError(f"The agent {where} must set its name{f' to {name!r}' if name else ''}; it is {own!r}.")
    agent: type[Agent[Any]] = value
    return agent


def _watches(name: str) -> ConfigError:
    return ConfigError(
        f"{name} is a forecaster: it watches episodes and gives no actions. Let it watch a policy "
        "(ravens-suite evaluate POLICY --watch RUN)."
    )


def _checked_forecaster(value: Any, where: str, name: str | None = None) -> type[Forecaster[Any]]:
    """A class that is a forecaster, and called so if it has to have a certain name."""
    if not _is_a_forecaster(value):
        raise ConfigError(
            f"{where} is not a forecaster: derive the class from ravens_suite.agents.forecasters.base.Forecaster."
        )
    own = getattr(value, "name", None)
    if own is None or name not in (None, own):
        raise ConfigError(f"The forecaster {where} must set its name{f' to {name!r}' if name else ''}; it is {own!r}.")
    forecaster: type[Forecaster[Any]] = value
    return forecaster
