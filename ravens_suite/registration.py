"""Tasks and agents that no installed package declares: registered from a notebook or a script."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from ravens_suite.errors import ConfigError
from ravens_suite.registry import add
from ravens_suite.registry.entries import Entry, Kind

if TYPE_CHECKING:
    from ravens_suite.agents.base import Agent
    from ravens_suite.tasks.base import Task

TaskClass = TypeVar("TaskClass", bound="type[Task]")
AgentClass = TypeVar("AgentClass", bound="type[Agent[Any]]")

_MAIN = ("__main__", "__mp_main__")
"""Names of the script that runs: the second in a process that ``multiprocessing`` has spawned."""


@overload
def register_task(name: str, task: str) -> str: ...
@overload
def register_task(name: str, task: TaskClass) -> TaskClass: ...
@overload
def register_task(name: str) -> Callable[[TaskClass], TaskClass]: ...
def register_task(name: str, task: Any = None) -> Any:
    """Give a task a name, its environments an id, and its variants theirs; without a package.

    ::

        @ravens_suite.register_task("sort-cubes")
        class SortCubes(Task): ...

        gymnasium.make("ravens_suite/SortCubes-v0")

    Worker processes import the class from its module or script. They cannot if it was defined in a notebook, an
    interactive session or a function: then work in one process, or move it to a file.

    Args:
        name: lower-case words joined by hyphens. A task that was registered before under this name is replaced.
        task: the class; or where it is, ``package.module:Class`` or ``path/to/file.py:Class``, and then it is imported
            when it is used. Left out, this is a decorator.

    Returns:
        The same task, or a decorator.

    Raises:
        ConfigError: the name is taken by the suite or by an installed package, or is none; or the class is not a task.
    """
    if task is None:
        return lambda given: register_task(name, given)
    if not isinstance(task, str):
        from ravens_suite.tasks.base import Task

        _check(task, Task, "a task", "ravens_suite.tasks.base.Task")
    _add("task", name, task)
    return task


@overload
def register_agent(name: str, agent: str) -> str: ...
@overload
def register_agent(name: str, agent: AgentClass) -> AgentClass: ...
@overload
def register_agent(name: str) -> Callable[[AgentClass], AgentClass]: ...
def register_agent(name: str, agent: Any = None) -> Any:
    """Give an agent a name without a package; for ``train`` and whatever else takes the name of an agent.

    Args:
        name: lower-case words joined by hyphens; the class's own ``name`` must be the same.
        agent: the class, or where it is; see ``register_task``.

    Returns:
        The same agent, or a decorator.

    Raises:
        ConfigError: the name is taken by the suite or by an installed package, or is none; or the class is not an agent
            of this name.
    """
    if agent is None:
        return lambda given: register_agent(name, given)
    if not isinstance(agent, str):
        from ravens_suite.agents.base import Agent

        _check(agent, Agent, "an agent", "ravens_suite.agents.base.Agent")
        if getattr(agent, "name", None) != name:
            raise ConfigError(f"{agent.__qualname__}.name must be {name!r}; it is {getattr(agent, 'name', None)!r}.")
    _add("agent", name, agent)
    return agent


def _check(given: Any, base: type, what: str, where: str) -> None:
    if not (isinstance(given, type) and issubclass(given, base)):
        raise ConfigError(f"{given!r} is not {what}: derive a class from {where}, and register the class itself.")


def _add(kind: Kind, name: str, given: type | str) -> None:
    if isinstance(given, str):
        module, colon, attribute = given.rpartition(":")
        if not (colon and module and attribute):
            raise ConfigError(
                f"{given!r} is no place of a {kind}: write package.module:Class or path/to/file.py:Class."
            )
        if module.endswith(".py"):
            module = str(Path(module).absolute())
        add(kind, Entry(name, module, attribute, foreign=True))
    else:
        add(kind, Entry(name, _importable(given.__module__), given.__qualname__, foreign=True, given=given))


def _importable(module: str) -> str:
    """Where other processes find the classes of a module: the running script by its file, as far as it has one."""
    if module not in _MAIN:
        return module
    file = getattr(sys.modules[module], "__file__", None)
    return str(Path(file).absolute()) if file and file.endswith(".py") else _MAIN[0]
