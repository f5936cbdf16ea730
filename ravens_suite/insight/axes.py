"""The axes and grades of ``ravens-suite robustness``: the one place where they are defined.

A grade is a set of arguments of the environment; what they mean, in what unit: ``envs/perturbations.py``, and
``camera_noise``, ``distractors`` and ``wording`` of the environment. Grade 0 of every axis is the environment as the
policy knows it. The five grades of an axis are spread so that a person would call the first barely visible and the
last severe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from ravens_suite.core.observations import OBSERVED
from ravens_suite.data.scenes import changed_arguments
from ravens_suite.errors import ConfigError

GRADES = 5


@dataclass(frozen=True)
class Axis:
    """One way in which a scene is made harder.

    Attributes:
        name: on the command line.
        title: for a person.
        unit: of the amounts.
        amounts: of the five grades.
        changes: arguments of the environment, one set a grade.
    """

    name: str
    title: str
    unit: str
    amounts: tuple[str, ...]
    changes: tuple[Mapping[str, Any], ...]

    def arguments(self, grade: int, own: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments of an environment at a grade.

        Args:
            grade: 0 for none, to 5.
            own: arguments of the environment that the policy knows.
        """
        if grade == 0:
            return dict(own)
        return changed_arguments(own, self.changes[grade - 1])


def _perturbed(name: str, title: str, unit: str, key: str, amounts: tuple[float, ...], shown: float = 1.0) -> Axis:
    texts = tuple(f"{amount * shown:g}" for amount in amounts)
    return Axis(name, title, unit, texts, tuple({"perturb": {key: amount}} for amount in amounts))


def _argument(name: str, title: str, unit: str, key: str, amounts: tuple[float, ...]) -> Axis:
    return Axis(name, title, unit, tuple(f"{a:g}" for a in amounts), tuple({key: a} for a in amounts))


AXES: dict[str, Axis] = {
    axis.name: axis
    for axis in (
        Axis(
            "layout",
            "Crowded layout",
            "% of the free places that objects may take: the nearest to what stands there",
            ("50", "25", "10", "5", "2"),
            tuple({"perturb": {"crowding": crowding}} for crowding in (0.5, 0.75, 0.9, 0.95, 0.98)),
        ),
        _perturbed(
            "camera",
            "Cameras moved, and it is known",
            "cm, and degrees of turn",
            "camera",
            (0.01, 0.02, 0.05, 0.10, 0.20),
            100.0,
        ),
        _perturbed(
            "calibration",
            "Cameras moved, and it is not known",
            "mm, and tenths of a degree of turn",
            "calibration",
            (0.002, 0.005, 0.01, 0.02, 0.04),
            1000.0,
        ),
        _perturbed("light", "Light", "stops brighter or darker, 25 degrees of tilt each", "light", (0.5, 1, 1.5, 2, 3)),
        _perturbed(
            "background", "Background", "% of the way to other colours", "background", (0.2, 0.4, 0.6, 0.8, 1), 100
        ),
        _perturbed("color", "Colours of objects", "% of the largest change", "color", (0.2, 0.4, 0.6, 0.8, 1), 100),
        _argument("distractors", "Distractors", "other bodies", "distractors", (1, 2, 3, 5, 8)),
        _perturbed("occluders", "Occluders", "posts of 2 x 2 x 20 cm", "occluders", (1, 2, 3, 5, 8)),
        _argument("noise", "Sensor noise", "times 3 grey levels and 3 mm", "camera_noise", (0.5, 1, 2, 4, 8)),
        Axis(
            "instruction",
            "Instruction",
            "kind of sentence",
            ("paraphrase of training", "other paraphrase", "1 word mistyped", "2 words mistyped", "4 words mistyped"),
            (
                {"wording": "training"},
                {"wording": "held-out"},
                {"wording": "held-out", "perturb": {"mistyped": 1}},
                {"wording": "held-out", "perturb": {"mistyped": 2}},
                {"wording": "held-out", "perturb": {"mistyped": 4}},
            ),
        ),
    )
}
"""By name."""


_SEEN = ("camera", "calibration", "light", "background", "color", "noise")
"""Axes that change images alone."""
_MORE_BODIES = ("distractors", "occluders")
"""Axes that add bodies, and so numbers to the observed state."""


def applicable(arguments: Mapping[str, Any], *, learnt: bool = False) -> tuple[str, ...]:
    """Names of the axes that mean something in an environment; see ``why_not``.

    Args:
        arguments: of the environment, JSON values.
        learnt: whether the policy is a trained agent.
    """
    return tuple(name for name in AXES if not why_not(name, arguments, learnt=learnt))


def why_not(name: str, arguments: Mapping[str, Any], *, learnt: bool = False) -> str:
    """Why an axis means nothing in an environment, in words; empty where it does.

    Args:
        name: of the axis.
        arguments: of the environment, JSON values.
        learnt: whether the policy is a trained agent, whose network takes a state of one length.
    """
    observed = arguments.get("observe") or OBSERVED
    if name == "instruction" and "instruction" not in observed:
        return "the policy is told no instruction"
    # The oracle observes neither images nor a state: it stays, to compare with.
    if name in _SEEN and "state" in observed and not {"images", "segmentation"} & set(observed):
        return "no image is observed, and it changes nothing else"
    if name in _MORE_BODIES and learnt and "state" in observed:
        return "more bodies make the observed state longer than the one the agent was trained on"
    return ""


def checked_axes(names: tuple[str, ...], arguments: Mapping[str, Any], *, learnt: bool = False) -> tuple[str, ...]:
    """The axes that are asked for; all applicable ones for none.

    Args:
        names: of axes.
        arguments: of the environment, JSON values.
        learnt: whether the policy is a trained agent.

    Raises:
        ConfigError: there is no such axis, or nothing to change on it; the message names those that there are.
    """
    known = applicable(arguments, learnt=learnt)
    for name in names:
        if name not in known:
            why = why_not(name, arguments, learnt=learnt) if name in AXES else f"the axes are: {', '.join(known)}"
            raise ConfigError(f"There is no axis {name!r} here: {why}.")
    return tuple(name for name in known if name in names) if names else known


def checked_grades(grades: tuple[int, ...]) -> tuple[int, ...]:
    """The grades that are asked for, ascending, as Python's numbers; all five for none.

    Raises:
        ConfigError: one is not a whole number from 1 to 5.
    """
    for grade in grades:
        if not isinstance(grade, Integral) or isinstance(grade, bool) or not 1 <= grade <= GRADES:
            raise ConfigError(f"--grades are whole numbers from 1 to {GRADES}; got {grade}.")
    return tuple(sorted(set(map(int, grades)))) or tuple(range(1, GRADES + 1))
