"""Environments as the other rooms use them: made from a task's name and JSON arguments, compared, described."""

from __future__ import annotations

import inspect
import platform
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import load_env_creator

from ravens_suite.core.observations import Interface
from ravens_suite.envs.observations import interface_of
from ravens_suite.errors import PlacementError
from ravens_suite.registry import control_of, environment_id

_VERSIONED = ("ravens-suite", "gymnasium", "numpy", "scipy", "opencv-python-headless", "moderngl")
_SIMULATORS = ("pybullet", "pybullet-arm64")
"""Distributions of the simulator: the first has wheels up to Python 3.11, the second from 3.12 on."""
_SEEDS_TRIED = 50


def make_environment(task: str, split: str, arguments: Mapping[str, Any]) -> gymnasium.Env[Any, Any]:
    """An environment by the name of its task.

    Args:
        task: registered name; ``<task>-continuous`` for way-point control.
        split: ``train``, ``val`` or ``test``.
        arguments: further keyword arguments of the environment, JSON values.
    """
    return gymnasium.make(environment_id(task), split=split, **arguments)


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
    differing = {}
    for name, value in given.items():
        was = to_json(recorded.get(name, default_arguments(task).get(name)))
        if was != to_json(value):
            differing[name] = (was, to_json(value))
    return differing


def default_arguments(task: str) -> dict[str, Any]:
    """Default values of the keyword arguments of a task's environment, as JSON."""
    specification = gymnasium.spec(environment_id(task))
    creator: Any = specification.entry_point
    parameters = inspect.signature(load_env_creator(creator) if isinstance(creator, str) else creator).parameters
    defaults = {name: item.default for name, item in parameters.items() if item.default is not inspect.Parameter.empty}
    return {name: to_json(value) for name, value in {**defaults, **specification.kwargs}.items()}


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
    """The same value in JSON types: NumPy scalars and arrays become numbers and lists, tuples lists."""
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, np.generic | np.ndarray):
        return to_json(value.tolist())
    return value
