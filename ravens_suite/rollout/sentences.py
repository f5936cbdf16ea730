"""Whether a policy can know from its sentences what is meant, and whether they may be learned from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ravens_suite.envs.first_scenes import sentence_differs
from ravens_suite.registry import load_task
from ravens_suite.tasks.base import Task

TOLD_BY = ("instruction", "goal")
"""Groups of observations that say which of the possible goals of a scene is meant."""
HELD_OUT = "held-out"

_known: dict[tuple[type[Task], str], bool] = {}


def needs_sentence(task: str) -> bool:
    """Whether only the sentence says which of the possible goals of a scene is meant.

    Args:
        task: registered name.

    Raises:
        UnknownNameError: there is no such task.
    """
    task_class, own = load_task(task)
    key = task_class, repr(own)
    if key not in _known:
        _known[key] = _differs(task_class, own)
    return _known[key]


def _differs(task_class: type[Task], own: Mapping[str, Any]) -> bool:
    """Whether the first sentence of a task is another one from scene to scene, which nobody can see."""
    try:
        return sentence_differs(task_class(**own))
    except Exception:  # One of a user's that needs an option; what else is wrong with it is said where it is used.
        return "{" in task_class.instruction


def sentence_of(task: str) -> str:
    """The sentence of the first goal step, that of the variant where a task is one; with slots where it has some.

    Args:
        task: registered name.

    Raises:
        UnknownNameError: there is no such task.
    """
    task_class, own = load_task(task)
    try:
        return task_class(**own).forms()[0]
    except Exception:  # One of a user's that needs an option; what else is wrong with it is said where it is used.
        return task_class.instruction


def of_a_goal_picture(tasks: Iterable[str]) -> list[str]:
    """The tasks whose sentence sends one to the goal picture for what is to be done.

    Args:
        tasks: registered names.
    """
    return [task for task in tasks if "goal image" in sentence_of(task)]


def without_sentence(tasks: Sequence[str], observe: Sequence[str]) -> list[str]:
    """The tasks whose scenes, observed so, do not say what is meant.

    Args:
        tasks: registered names.
        observe: groups of observations.
    """
    return [] if set(map(str, observe)) & set(TOLD_BY) else [task for task in tasks if needs_sentence(task)]


def held_out(environments: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The tasks whose sentences are those that are kept for tests.

    Args:
        environments: arguments of the environment, by task.
    """
    return [task for task, arguments in environments.items() if arguments.get("wording") == HELD_OUT]
