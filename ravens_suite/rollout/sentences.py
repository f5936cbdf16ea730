"""Whether a policy can know from its sentences what is meant, and whether they may be learned from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ravens_suite.core.observations import OBSERVED
from ravens_suite.envs.first_scenes import sentence_differs
from ravens_suite.registry import load_task
from ravens_suite.rollout.environments import task_options, task_with
from ravens_suite.tasks.base import Task

TOLD_BY = ("instruction", "goal")
"""Groups of observations that say which of the possible goals of a scene is meant."""
HELD_OUT = "held-out"

_known: dict[tuple[type[Task], str], bool] = {}


def needs_sentence(task: str, arguments: Mapping[str, Any] | None = None) -> bool:
    """Whether only the sentence says which of the possible goals of a scene is meant.

    Args:
        task: registered name.
        arguments: of its environment, JSON values; an option of the task may decide what is said.

    Raises:
        UnknownNameError: there is no such task.
    """
    task_class, own = load_task(task)
    free = task_options(task)
    options = {**own, **{name: value for name, value in (arguments or {}).items() if name in free}}
    key = task_class, repr(sorted(options.items()))
    if key not in _known:
        _known[key] = _differs(task, task_class, arguments)
    return _known[key]


def _differs(task: str, task_class: type[Task], arguments: Mapping[str, Any] | None) -> bool:
    """Whether the first sentence of a task is another one from scene to scene, which nobody can see."""
    try:
        return sentence_differs(task_with(task, arguments))
    except Exception:  # One of a user's that needs an option; what else is wrong with it is said where it is used.
        return "{" in task_class.instruction


def sentence_of(task: str, arguments: Mapping[str, Any] | None = None) -> str:
    """The sentence of the first goal step, that of the variant where a task is one; with slots where it has some.

    Args:
        task: registered name.
        arguments: as of ``needs_sentence``.

    Raises:
        UnknownNameError: there is no such task.
    """
    task_class, _ = load_task(task)
    try:
        return task_with(task, arguments).forms()[0]
    except Exception:  # One of a user's that needs an option; what else is wrong with it is said where it is used.
        return task_class.instruction


def of_a_goal_picture(environments: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The tasks whose sentence sends one to the goal picture for what is to be done.

    Args:
        environments: arguments of the environment, by task.
    """
    return [task for task, arguments in environments.items() if "goal image" in sentence_of(task, arguments)]


def without_sentence(environments: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The tasks whose scenes, observed so, do not say what is meant.

    Args:
        environments: arguments of the environment, by task; what is wrong with them is said where they are used.
    """
    observed = {task: arguments.get("observe", OBSERVED) for task, arguments in environments.items()}
    untold = [task for task, each in observed.items() if isinstance(each, list | tuple)]
    return [
        task
        for task in untold
        if not set(map(str, observed[task])) & set(TOLD_BY) and needs_sentence(task, environments[task])
    ]


def held_out(environments: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The tasks whose sentences are those that are kept for tests.

    Args:
        environments: arguments of the environment, by task.
    """
    return [task for task, arguments in environments.items() if arguments.get("wording") == HELD_OUT]
