"""What the author of a task gets wrong, said with the task, the field, the value and the way to mend it.

Single values are checked where they enter (``core/goals.py``, ``sim/bodies.py``, ``Scene.add``); here is what only the
task as a whole shows.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral
from pathlib import Path
from typing import Any

from ravens_suite.core.goals import Goal
from ravens_suite.core.workspace import TASK_WORKSPACE
from ravens_suite.errors import TaskDefinitionError, blame
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.candidates import Candidates
from ravens_suite.tasks.primitives import MotionReport, Primitive
from ravens_suite.tasks.sentences import Sentences, unfilled

_MARGIN = 1e-3
"""Metres that a target may lie outside the workspace, and that its z may lie below the table."""
_DEEPEST = -0.02
_SHARES = 1e-6
_SUITE = "ravens_suite."


@contextmanager
def task_code(name: str, task: type[Task], doing: str) -> Iterator[None]:
    """Name the task in what is wrong with its definition, and where it is a user's, in what its own code raises.

    Args:
        name: of the task.
        task: its class.
        doing: what is called within, and when: ``"build"``.

    Raises:
        TaskDefinitionError: what was raised within, with the name of the task.
        UserCodeError: code within raised, and the task is not one of the suite's.
    """
    try:
        if task.__module__.startswith(_SUITE):
            yield
        else:
            with blame(f"{doing} of the task {name}"):
                yield
    except TaskDefinitionError as error:
        named = f"The task {name} is defined wrongly: "
        if str(error).startswith(named):
            raise  # By one of these within this one.
        wrong = TaskDefinitionError(f"{named}{error}")
        for note in getattr(error, "__notes__", ()):
            wrong.add_note(note)
        raise wrong from error


def check_attributes(task: Task) -> None:
    """Refuse attributes of a task's class that cannot work.

    Raises:
        TaskDefinitionError: the message names attribute and value.
    """
    for name in ("max_steps", "max_bodies"):
        value: Any = getattr(task, name, None)
        if type(value) is not int or value < 1:
            raise TaskDefinitionError(f"{name} is {value!r}: set it to a whole number of at least 1.")
    primitive: Any = task.primitive
    if isinstance(primitive, type):
        raise TaskDefinitionError(f"primitive is a class: give an object, primitive = {primitive.__name__}().")
    if not isinstance(primitive, Primitive):
        raise TaskDefinitionError(f"primitive is {primitive!r}: give a motion primitive, such as PickPlace().")
    if not isinstance(task.instruction, str):
        raise TaskDefinitionError(f"instruction is {task.instruction!r}: write one sentence, or an empty text.")
    check_sentences("sentences", task.sentences)
    if not isinstance(task.files, list | tuple) or not all(isinstance(path, str | Path) for path in task.files):
        raise TaskDefinitionError(f"files is {task.files!r:.80}: set it to a list of paths.")


def check_report(report: Any) -> None:
    """Refuse what a primitive returned, if it is no report.

    Raises:
        TaskDefinitionError: says what it is.
    """
    if not isinstance(report, MotionReport):
        raise TaskDefinitionError(f"its primitive returned {report!r:.80}: return a MotionReport.")


def check_text(method: str, text: Any) -> str:
    """What a method of a task returned that gives a text.

    Raises:
        TaskDefinitionError: it is no text.
    """
    if not isinstance(text, str):
        raise TaskDefinitionError(f"{method} returned {text!r:.80}: return a text.")
    return text


def check_sentences(where: str, sentences: Any) -> Sentences:
    """What a task has, or a method of it returned, as other forms of its sentence.

    Raises:
        TaskDefinitionError: it is something else.
    """
    if not isinstance(sentences, Sentences):
        raise TaskDefinitionError(
            f"{where} gives {sentences!r:.80}: give Sentences(training=(...), held_out=(...)), with texts in both."
        )
    return sentences


def check_candidates(candidates: Any, task: Task, scene: Scene) -> Candidates:
    """What ``candidates`` of a task returned.

    Args:
        candidates: what it returned.
        task: whose method it is.
        scene: as it is now.

    Raises:
        TaskDefinitionError: it is something else than Candidates, or names a body that is not in the scene.
    """
    if not isinstance(candidates, Candidates):
        raise TaskDefinitionError(
            f"candidates returned {candidates!r:.80}: return Candidates(...), without any where nothing is chosen."
        )
    if type(task).after_action is Task.after_action:  # Else bodies may be gone, or come later.
        for name in (name for choice in candidates.picks for name in choice.bodies):
            if name not in scene:
                bodies = scene.objects()
                raise TaskDefinitionError(
                    f"candidates names {name!r}, but the scene has {', '.join(bodies) or 'no body'}"
                    f"{_nearest(name, bodies)}: name bodies as in scene.add."
                )
    return candidates


def check_slots(task: Task, said: str, step: int) -> str:
    """A sentence of a task, whose slots must be filled where there are no words for any; other braces are its own.

    Args:
        task: that says it.
        said: the sentence.
        step: number of goal steps that are complete.

    Raises:
        TaskDefinitionError: names the slot.
    """
    if (slot := unfilled(said)) and not task.slots(step):
        raise TaskDefinitionError(
            f"the sentence {said!r} has a slot {slot!r}, but slots() gives no words at goal step {step}: let "
            f"it return them, {{{slot!r}: ...}}."
        )
    return said


def check_limit(limit: Any) -> int:
    """What ``step_limit`` of a task returned.

    Raises:
        TaskDefinitionError: it is no whole number of at least 1.
    """
    if not isinstance(limit, Integral) or isinstance(limit, bool) or limit < 1:
        raise TaskDefinitionError(f"step_limit returned {limit!r:.80}: return a whole number of at least 1.")
    return int(limit)


def check_goals(task: Task, scene: Scene, goals: Any) -> Sequence[Goal]:
    """The goals that a task's ``build`` returned.

    Args:
        task: that built the scene.
        scene: as it built it.
        goals: what ``build`` returned.

    Raises:
        TaskDefinitionError: something is wrong with them, or with the bodies that they name.
    """
    if isinstance(goals, Goal):
        raise TaskDefinitionError("build returned one goal: return a list of goals, [goal].")
    if goals is not None and not isinstance(goals, Iterable):
        raise TaskDefinitionError(f"build returned {goals!r:.80}: return a list of goals.")
    # A build that yields its goals does its work here.
    checked: Sequence[Goal] = tuple(() if goals is None else goals)
    if not checked:
        raise TaskDefinitionError("build returned no goals: return a list of them.")
    for goal in checked:
        if not isinstance(goal, Goal):
            raise TaskDefinitionError(
                f"build returned {goal!r} among its goals: return PoseGoal, ZoneGoal or the like."
            )
    _check_objects(task, scene, checked)
    _check_targets(checked)
    total = math.fsum(goal.share for goal in checked)
    if abs(total - 1) > _SHARES:
        shares = ", ".join(f"{goal.share:g}" for goal in checked)
        raise TaskDefinitionError(f"the shares of its goals ({shares}) sum to {total:g}: let them sum to 1.")
    return checked


def _check_objects(task: Task, scene: Scene, goals: Sequence[Goal]) -> None:
    """Objects must be in the scene and movable; those that ``after_action`` may bring later need not be there yet."""
    bodies = scene.objects()
    if len(bodies) > task.max_bodies:
        raise TaskDefinitionError(
            f"its scene has {len(bodies)} bodies, and max_bodies is {task.max_bodies}: raise that."
        )
    later = type(task).after_action is not Task.after_action
    for step, goal in enumerate(goals, 1):
        there = [name for name in goal.objects if name in scene]
        for name in goal.objects:
            if name not in scene and not (later and (there or step > 1)):
                raise TaskDefinitionError(
                    f"objects of goal {step} has {name!r}, but the scene has {', '.join(bodies) or 'no body'}"
                    f"{_nearest(name, bodies)}: name bodies in goals as in scene.add."
                )
        for name in there:
            if scene.kind(name) != "movable":
                raise TaskDefinitionError(
                    f"objects of goal {step} has {name!r}, whose kind is {scene.kind(name)!r}: what is to be moved is "
                    "added as 'movable'."
                )


def _check_targets(goals: Sequence[Goal]) -> None:
    (x0, y0, _), (x1, y1, _) = TASK_WORKSPACE.low, TASK_WORKSPACE.high
    for step, goal in enumerate(goals, 1):
        for number, target in enumerate(goal.targets):
            x, y, z = target.position
            on_table = x0 - _MARGIN <= x <= x1 + _MARGIN and y0 - _MARGIN <= y <= y1 + _MARGIN
            if not on_table or z < _DEEPEST:
                raise TaskDefinitionError(
                    f"target {number} of goal {step} is at ({x:.3f}, {y:.3f}, {z:.3f}), off the table: x must lie in "
                    f"{x0} to {x1}, y in {y0} to {y1}, z not below 0 (metres)."
                )


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f" (did you mean {near[0]!r}?)" if near else ""
