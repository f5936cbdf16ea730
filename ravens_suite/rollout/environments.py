"""Environments as the other rooms use them: made from a task's name and JSON arguments, compared, described."""

from __future__ import annotations

import inspect
import platform
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import load_env_creator

from ravens_suite.core.cameras import Camera
from ravens_suite.core.observations import Interface
from ravens_suite.envs.observations import interface_of
from ravens_suite.errors import ConflictError, PlacementError, UnknownOptionError
from ravens_suite.registry import (
    control_of,
    environment_id,
    load_task,
    task_parameters,
    variant_arguments,
    variant_named_by,
)

if TYPE_CHECKING:
    from ravens_suite.tasks.base import Task  # Imports the simulator.

_VERSIONED = ("ravens-suite", "gymnasium", "numpy", "scipy", "opencv-python-headless", "moderngl")
_SIMULATORS = ("pybullet", "pybullet-arm64")
"""Distributions of the simulator: the first has wheels up to Python 3.11, the second from 3.12 on."""
_SEEDS_TRIED = 50
_USUAL_POSES = ("pick", "place")
_ADDED_BY_GYMNASIUM = " was raised from the environment creator"
_OF_GYMNASIUM = frozenset(("self", "disable_env_checker"))
"""Names that reach no environment: arguments of ``gymnasium.make`` and of the constructor themselves."""
_SETS = frozenset(("observe", "randomize"))
"""Arguments that are lists of names in any order."""
_OF_THE_EPISODE = ("distractors", "ends_when_done", "perturb", "randomize")
"""Arguments that change a scene, or when an episode ends. The others say how it is seen, and what is said of it."""


def make_environment(task: str, split: str, arguments: Mapping[str, Any]) -> gymnasium.Env[Any, Any]:
    """An environment by the name of its task.

    Args:
        task: registered name; ``<task>-continuous`` for way-point control.
        split: ``train``, ``val`` or ``test``.
        arguments: further keyword arguments of the environment, JSON values. They may not contradict ``task`` and
            ``split``.

    Raises:
        ConflictError: one does; both values are named.
        UnknownOptionError: an argument is none of an environment.
    """
    checked = checked_arguments(task, split, arguments, shown=True)
    try:
        return gymnasium.make(environment_id(task), split=split, **checked)
    except UnknownOptionError as error:
        # Gymnasium 1.4.0 (envs/registration.py, make) adds to every TypeError how it made the environment.
        raise UnknownOptionError(str(error).partition(_ADDED_BY_GYMNASIUM)[0]) from None


def checked_arguments(task: str, split: str, arguments: Mapping[str, Any], *, shown: bool = False) -> dict[str, Any]:
    """Arguments of an environment without those that the names of the task and of the split settle already.

    Args:
        task: registered name.
        split: ``train``, ``val`` or ``test``.
        arguments: as given.
        shown: whether the environment is made to be looked at, so that a ``render_mode`` makes sense.

    Raises:
        UnknownNameError: there is no such task.
        ConflictError: an argument would make the environment of another task, split, control or step limit than the
            names say, or a result would note what it is not; both values are named.
        UnknownOptionError: an argument is none of an environment.
    """
    kept = dict(arguments)
    for name in _OF_GYMNASIUM & kept.keys():
        raise UnknownOptionError(f"{task} has no option {name!r}: leave it out of the arguments (--environment).")
    for name in arguments:
        settled = _settled(task, split, name, arguments, shown=shown)
        if settled is None:
            continue
        value, why, way_out = settled
        if to_json(kept.pop(name)) != to_json(value):
            raise ConflictError(
                f"The environment argument {name} is {arguments[name]!r}, but {why} {value!r}: leave it out of the "
                f"arguments (--environment){way_out}."
            )
    if variant := variant_named_by(task, kept):
        raise ConflictError(
            f"With the environment arguments {to_json(kept)} the task is not {task!r} but {variant!r}: name that task, "
            f"and leave {', '.join(sorted(variant_arguments(variant)))} out of the arguments."
        )
    return kept


def _settled(
    task: str, split: str, name: str, arguments: Mapping[str, Any], *, shown: bool
) -> tuple[Any, str, str] | None:
    """What the names of task and split settle of an argument: its value, why, and what else to do.

    ``None`` for one that is free. The step limit depends on the other arguments, too: on options of the task.
    """
    identifier = environment_id(task)
    match name:
        case "id":
            return identifier, f"the environment of {task} is", ", and name the other task itself"
        case "task":
            own = gymnasium.spec(identifier).kwargs.get("task", task)
            return own, "the task asked for is", ", and name the other task itself"
        case "split":
            return split, "the split asked for is", ", and choose the split by its own option (--split)"
        case "control":
            way_out = ", and name the other form of the task (TASK or TASK-continuous)"
            return control_of(task), f"{task} takes actions of control", way_out
        case "max_episode_steps":
            way_out = ", and write max_steps in a task of your own for another limit"
            return limit_of(task, arguments), f"the step limit of {task} is", way_out
        case "render_mode" if not shown:
            return None, "nothing is shown here, so that it is", "; view and report show episodes"
    variant = variant_arguments(task)
    if name in variant:
        return variant[name], f"{task} is the variant whose {name} is", ", and name the task itself, not its variant"
    return None


def limit_of(task: str, arguments: Mapping[str, Any] | None = None) -> int:
    """Actions of an episode of a task at most: more in its continuous form.

    Args:
        task: registered name.
        arguments: of its environment, of which those count that are options of the task itself.

    Raises:
        UnknownNameError: there is no such task.
        RavensError: the task refuses an option.
    """
    from ravens_suite.envs.controls import step_limit  # Imports the simulator.

    return step_limit(control_of(task), task_with(task, arguments).max_steps)


def pose_order(task: str, arguments: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """Names of the poses of an action, in the order in which the tool visits them; recorded ones are sorted by name.

    Args:
        task: name of a task, or of own data.
        arguments: of its environment, of which those count that are options of the task itself.

    Returns:
        As the primitive of the task says, which may depend on an option; pick and place where nobody can know.
    """
    try:
        return tuple(task_with(task, arguments).primitive.poses)
    except (
        Exception
    ):  # Own data, or a task that is gone or has other options by now: its actions are shown all the same.
        return _USUAL_POSES


def in_order(action: Any, order: Sequence[str]) -> Any:
    """An action whose poses of these names come first, in this order; what is no mapping, as it is."""
    if not isinstance(action, Mapping):
        return action
    return {**{name: action[name] for name in order if name in action}, **action}


def task_with(task: str, arguments: Mapping[str, Any] | None) -> Task:
    """A task with those of the arguments of its environment that are its own options.

    Args:
        task: registered name.
        arguments: of its environment, JSON values.

    Raises:
        UnknownNameError: there is no such task.
        RavensError: the task refuses an option.
    """
    from ravens_suite.envs.task_checks import task_code

    task_class, own = load_task(task)
    free = task_options(task)
    options = {name: value for name, value in (arguments or {}).items() if name in free}
    with task_code(task, task_class, "__init__"):
        return task_class(**{**own, **options})


def describe_interface(environment: gymnasium.Env[Any, Any], task: str) -> Interface:
    """What an environment made for a task gives and takes."""
    return interface_of(environment, control_of(task))


def first_info(environment: gymnasium.Env[Any, Any]) -> dict[str, Any]:
    """What the environment says of the first seed that can be placed.

    Raises:
        PlacementError: none of the first 50 can.
    """
    for seed in range(_SEEDS_TRIED):
        try:
            return environment.reset(seed=seed)[1]
        except PlacementError:
            continue
    raise PlacementError(f"None of {_SEEDS_TRIED} seeds could be placed: the task or its options ask for too much.")


def contradictions(task: str, recorded: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Arguments that were given and are not as recorded: name to (recorded, given).

    An argument that is not on record has its default value.

    Args:
        task: registered name.
        recorded: arguments of the environment that stand in a record.
        given: those asked for now.
    """
    if not given:
        return {}
    defaults = {**task_defaults(task), **default_arguments(task)}
    differing = {}
    for name, value in given.items():
        was, now = to_json(recorded.get(name, defaults.get(name))), to_json(value)
        if _meaning(name, was) != _meaning(name, now):
            differing[name] = (was, now)
    return differing


def _meaning(name: str, value: Any) -> Any:
    """A JSON value of an argument without what the environment does not see of it: the order of sets of names."""
    if name in _SETS and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return sorted(set(value))
    return value


def differing_arguments(task: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Arguments in which two environments of a task differ: name to (before, now), by name.

    An argument that is not given has its default value, so that to give that one makes no other environment.

    Args:
        task: registered name.
        before: arguments of the one, JSON values.
        now: arguments of the other.
    """
    there, back = contradictions(task, before, now), contradictions(task, now, before)
    return dict(sorted({**there, **{name: (was, is_now) for name, (is_now, was) in back.items()}}.items()))


def differing_options(task: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the task itself in which an environment differs from another one, as they are now.

    Args:
        task: registered name.
        before: arguments of the one, JSON values.
        now: arguments of the other.
    """
    free = task_options(task)
    there, here = ({name: value for name, value in given.items() if name in free} for given in (before, now))
    return {name: value for name, (_, value) in differing_arguments(task, there, here).items()}


def unlike_the_task(task: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What makes scores those of something else than a task as it is: its own options, and changes of its episodes.

    How a scene is seen, by which cameras and in which size, and in which words it is told, is up to a policy.

    Args:
        task: registered name.
        arguments: of the environment, JSON values.

    Raises:
        UnknownNameError: there is no such task.
    """
    changes = {name: value for name, value in arguments.items() if name in _OF_THE_EPISODE}
    differing = differing_arguments(task, {}, changes).items()
    told = {name: now for name, (was, now) in differing if _changes(was) or _changes(now)}
    return {**differing_options(task, {}, arguments), **told}


def _changes(value: Any) -> bool:
    """Whether an argument changes anything: no change by name is none, and one by an amount of 0 neither."""
    return any(map(bool, value.values())) if isinstance(value, Mapping) else bool(value)


def default_arguments(task: str) -> dict[str, Any]:
    """Default values of the keyword arguments of a task's environment, as JSON."""
    specification = gymnasium.spec(environment_id(task))
    creator: Any = specification.entry_point
    parameters = inspect.signature(load_env_creator(creator) if isinstance(creator, str) else creator).parameters
    defaults = {name: item.default for name, item in parameters.items() if item.default is not inspect.Parameter.empty}
    return {name: to_json(value) for name, value in {**defaults, **specification.kwargs}.items()}


def task_defaults(task: str) -> dict[str, Any]:
    """Default values of the options of a task itself, as JSON; those without one are left out."""
    parameters = task_parameters(load_task(task)[0])
    free = task_options(task)
    return {
        name: to_json(item.default)
        for name, item in parameters.items()
        if name in free and item.default is not inspect.Parameter.empty
    }


def task_options(task: str) -> set[str]:
    """Names of the options that a task itself has, without those that its name settles."""
    return {*task_parameters(load_task(task)[0])} - {"split", *variant_arguments(task)}


def versions() -> dict[str, str]:
    """Versions of the software that shapes an episode, by the name of the distribution."""
    return dict(_versions())


@lru_cache(maxsize=1)
def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _VERSIONED:
        found[name] = _version(name) or "not installed as a package"
    simulators = {name: number for name in _SIMULATORS if (number := _version(name))}
    return found | (simulators or {"pybullet": "not installed as a package"})


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def to_json(value: Any) -> Any:
    """The same value in JSON types: NumPy scalars and arrays become numbers and lists, tuples lists.

    A ``Camera``, which environments take as they take its JSON, becomes that.
    """
    if isinstance(value, Camera):
        return to_json(value.to_json())
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, np.generic | np.ndarray):
        return to_json(value.tolist())
    return value
