"""What a task is and says, for a person: taken from the training scene of seed 0, which is built once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ravens_suite.core.goals import Goal
from ravens_suite.envs.environment import RavensEnv
from ravens_suite.envs.first_scenes import scene_of_seed
from ravens_suite.envs.observations import why_not_observed
from ravens_suite.envs.options import make_task
from ravens_suite.envs.task_checks import (
    check_candidates,
    check_sentences,
    check_slots,
    check_text,
    task_code,
)
from ravens_suite.errors import blame
from ravens_suite.registry import environment_id
from ravens_suite.rollout.environments import limit_of, make_environment, task_options
from ravens_suite.tasks.base import Task


def describe_task(name: str, *, words: bool = False, arguments: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A task in JSON values.

    Args:
        name: registered name.
        words: with ``forms``, all forms of the instruction, slots in braces; ``said``, what every goal step says in
            that scene; ``could_mean``, what else each could; and ``cannot_be_observed``, why environments that observe
            the instruction refuse some of that, by sentence.
        arguments: of its environment, JSON values; options of the task change what it says and how long it takes.

    Raises:
        UnknownNameError: there is no such task.
        RavensError: the task is defined wrongly, its own code raises, or its environment refuses an argument.
    """
    if arguments:
        make_environment(name, "train", arguments).close()  # Which refuses what no environment of it takes.
    free = task_options(name)
    options = {key: value for key, value in (arguments or {}).items() if key in free}
    task = make_task(name, "train", options, RavensEnv)
    task_class = type(task)
    with task_code(name, task_class, "the instruction"):
        plain, others = task.forms()
    with task_code(name, task_class, "build"), scene_of_seed(task) as (scene, goals):
        described = {
            "task": name,
            "environment": environment_id(name),
            "max_steps": limit_of(name, arguments),
            "primitive": task.primitive.name,
            "goals": _kinds(goals),
        }
        if words:
            # While the scene is there: a task may look at it for what it says.
            with blame(f"the instruction of the task {name}"):
                said = [_said(task, step) for step in range(len(goals))]
                other_forms = [_other_forms(task, step) for step in range(len(goals))]
                choices = [check_candidates(task.candidates(step), task, scene) for step in range(len(goals))]
                could_mean = [_others(each.picks[1:], each.places[1:]) for each in choices]
                described |= {"said": said, "could_mean": could_mean}
                # Some tasks say nothing before there is a scene.
                plain = check_text("current_instruction", plain) or said[0]
                others = check_sentences("current_sentences", others)
                if not (others.training or others.held_out):
                    others = check_sentences("current_sentences", task.current_sentences(0))
            forms = {"plain": [plain], "training": [plain, *others.training], "held-out": list(others.held_out)}
            described["forms"] = forms
            told = [*(text for texts in (said, *other_forms, *could_mean) for text in texts)]
            faults = {form: why_not_observed(form, form=True) for several in forms.values() for form in several}
            faults |= {text: why_not_observed(text) for text in told}
            described["cannot_be_observed"] = {text: why for text, why in faults.items() if why}
    return described


def _kinds(goals: Sequence[Goal]) -> str:
    """How many goals of each kind there are, by the names of their classes: ``1 on-top goal``."""
    names = (type(goal).__name__.removesuffix("Goal") for goal in goals)
    kinds = Counter(re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower() for name in names)
    return ", ".join(f"{number} {kind} goal{'' if number == 1 else 's'}" for kind, number in kinds.items())


def _said(task: Task, step: int) -> str:
    return check_slots(task, check_text("current_instruction", task.current_instruction(step)), step)


def _other_forms(task: Task, step: int) -> list[str]:
    """Other forms of a sentence; those that environments would refuse where they are said are refused."""
    forms = check_sentences("current_sentences", task.current_sentences(step))
    return [check_slots(task, said, step) for said in (*forms.training, *forms.held_out)]


def _others(picks: Sequence[Any], places: Sequence[Any]) -> list[str]:
    """What a sentence could name in place of what it names, in the words for that."""
    return [" and ".join(candidate.words.values()) for candidate in (*picks, *places)]
