"""Checks of an environment's arguments and of ``reset``: choices, and options that neither it nor its task has."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, get_args

import numpy as np

from ravens_suite.core.cameras import Camera
from ravens_suite.core.observations import ControlName
from ravens_suite.core.seeding import SPLITS, Split
from ravens_suite.envs.task_checks import check_attributes, task_code
from ravens_suite.envs.views import RenderMode
from ravens_suite.errors import ConfigError, TaskDefinitionError, UnknownOptionError, did_you_mean
from ravens_suite.registry import load_task, task_parameters
from ravens_suite.sim.rendering.factory import check_renderer
from ravens_suite.sim.robot import Motion
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.sentences import Wording

_FORMER = {
    "segmentation": "observe=['images', 'segmentation'] gives body labels",
    "goal_image": "observe=['images', 'goal'] gives goal_color and goal_depth",
}

_OF_MAKE = frozenset(("id", "task", "max_episode_steps", "disable_env_checker"))
"""Names that ``gymnasium.make`` or the environment's own first argument take."""

_WHERE = "What they mean: python -m pydoc ravens_suite.envs.environment.RavensEnv"


def check_choices(
    task: Any, split: Any, control: Any, motion: Any, render_mode: Any, renderer: Any, wording: Any
) -> None:
    """Check the arguments of an environment that are names.

    Raises:
        ConfigError: one is no text, or none of its choices.
        UnknownNameError: there is no such renderer.
    """
    if not isinstance(task, str):
        raise ConfigError(f"task must be the name of one, such as block-insertion; got {task!r}.")
    _check_choice("split", split, SPLITS)
    _check_choice("control", control, get_args(ControlName))
    _check_choice("motion", motion, get_args(Motion))
    _check_choice("render_mode", render_mode, (None, *get_args(RenderMode)))
    _check_choice("wording", wording, get_args(Wording))
    if not isinstance(renderer, str):
        raise ConfigError(f"renderer must be auto or the name of one; got {renderer!r}.")
    check_renderer(renderer)  # Where nothing is drawn now, it is noted, and draws films of these episodes later.


def checked_switch(name: str, value: Any) -> bool:
    """A switch of an environment.

    Raises:
        ConfigError: it is neither true nor false.
    """
    _check_choice(name, value, (True, False))
    return bool(value)


def make_task(name: str, split: Split, options: Mapping[str, Any], environment: Callable[..., Any]) -> Task:
    """The task of a name.

    Args:
        name: of a registered task.
        split: of its scenes.
        options: keyword arguments of the task.
        environment: class whose own keyword arguments are named where an option is unknown.

    Raises:
        UnknownNameError: there is no such task.
        UnknownOptionError: it does not have an option.
        TaskDefinitionError: the class lacks what every task has, or an option of it would never reach it.
    """
    task_class, arguments = load_task(name)
    own = {*task_parameters(task_class)} - {"split"}
    general = set(inspect.signature(environment).parameters) - {"task", "task_options"}
    if taken := sorted(own & (general | _OF_MAKE)):
        raise TaskDefinitionError(
            f"The task {name} is defined wrongly: its option {taken[0]!r} has the name of an argument that every "
            "environment takes itself, so that the task would never get it: rename it."
        )
    refuse_unknown(name, options, own, general)
    with task_code(name, task_class, "__init__"):
        task = task_class(split=split, **{**arguments, **options})
        check_attributes(task)
    return task


def default_options(name: str) -> dict[str, Any]:
    """Default values of the options of a task, by name; those without one are left out.

    Raises:
        UnknownNameError: there is no such task.
    """
    task_class, own = load_task(name)
    parameters = task_parameters(task_class).values()
    found = {each.name: each.default for each in parameters if each.default is not inspect.Parameter.empty}
    return {option: value for option, value in found.items() if option != "split" and option not in own}


def refuse_unknown(task: str, given: Iterable[str], of_task: Iterable[str], of_environment: Iterable[str]) -> None:
    """Raise for the first option that nobody has.

    Args:
        task: name of the task.
        given: names of keyword arguments that the environment does not have itself.
        of_task: names that the task has.
        of_environment: names that the environment has.

    Raises:
        ConfigError: an option of former releases; the message names what took its place.
        UnknownOptionError: any other; the message names the nearest one that there is, and all of them.
    """
    own, general = sorted(of_task), sorted(of_environment)
    for option in given:
        if option in _FORMER:
            raise ConfigError(f"There is no option {option!r} any more: {_FORMER[option]}.")
        if option not in own:
            # TorchRL 0.14.1 (envs/libs/gym.py) passes frameskip, and goes on without it if a TypeError has the words
            # of the brackets.
            raise UnknownOptionError(
                f"{task} has no option {option!r}.{_nearest(option, [*own, *general])} Options of this task: "
                f"{', '.join(own) or 'none'}; of every environment: {', '.join(general)}. {_WHERE} "
                f"(unexpected keyword argument {option!r})"
            )


def state_in(options: Any) -> Any:
    """The state among the options of ``reset``; ConfigError for an option that there is not."""
    if options is None:
        return None
    if not isinstance(options, Mapping) or set(options) - {"state"}:
        raise ConfigError(f"options of reset must be {{'state': state}} with a state of save_state(); got {options!r}.")
    return options.get("state")


def plain_values(value: Any) -> Any:
    """An argument of an environment with plain values where it holds arrays or cameras: specifications are JSON."""
    if isinstance(value, Camera):
        return value.to_json()
    if isinstance(value, Mapping):
        return {key: plain_values(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(plain_values, value))
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value


def _check_choice(name: str, value: Any, choices: Sequence[Any]) -> None:
    """Raise ConfigError for a value that is none of the choices, type included (1 is not true)."""
    if not any(type(value) is type(choice) and value == choice for choice in choices):
        raise ConfigError(f"{name} must be one of {', '.join(map(str, choices))}; got {value!r}.")


def _nearest(option: str, known: list[str]) -> str:
    hint = did_you_mean(option, [*known, *_FORMER])
    return next((f" Since release 0.2 {words}." for former, words in _FORMER.items() if repr(former) in hint), hint)
