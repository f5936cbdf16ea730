"""How to search for weak spots: how many scenes, of which changes, and what counts as sure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ravens_suite.core.numbers import MOST_EPISODES, MOST_SEED, check_number, plain
from ravens_suite.core.seeding import Split
from ravens_suite.errors import ConfigError
from ravens_suite.insight.axes import AXES, checked_axes, checked_grades
from ravens_suite.insight.robustness import has_other_paraphrases
from ravens_suite.rollout.evaluation_plan import EvaluationPlan

FIRST_SEED = 100_000
"""Of the scenes that are searched: none of them is one that evaluations take by default."""

_LEFT_OUT = ("calibration",)
"""Axes that are not searched unless asked for: nobody can know of a camera that is not where it is said to be."""
_GRADES = (1, 2, 3)
_MOST_LOOKS = 1000


@dataclass(frozen=True)
class SearchPlan:
    """How to search.

    Attributes:
        budget: episodes to run.
        axes: names; all that apply but ``calibration`` by default.
        grades: of the axes; 1 to 3 by default.
        plain: whether scenes without a change are searched, too.
        threshold: calibrated confidence from which the agent counts as sure.
        looks: scenes to look at, at most, for each episode that is run.
        split: of the seeds.
        first_seed: the first of them; they follow one another.
        guided: whether what was found decides what to look at next; else every proposal is drawn blindly.
    """

    budget: int = 100
    axes: tuple[str, ...] = ()
    grades: tuple[int, ...] = _GRADES
    plain: bool = True
    threshold: float = 0.8
    looks: int = 12
    split: Split = "test"
    first_seed: int = FIRST_SEED
    guided: bool = True

    def __post_init__(self) -> None:
        for name in ("budget", "looks", "first_seed", "threshold"):
            object.__setattr__(self, name, plain(getattr(self, name)))
        for name in ("axes", "grades"):
            object.__setattr__(self, name, tuple(map(plain, getattr(self, name))))

    def check(self) -> None:
        """Refuse what cannot work; raises ConfigError."""
        check_number("--budget", self.budget, 1, MOST_EPISODES)
        check_number("--looks", self.looks, 1, _MOST_LOOKS)
        check_number("--first-seed", self.first_seed, 0, MOST_SEED - self.budget * self.looks)
        if not 0 < self.threshold < 1:
            raise ConfigError(f"--confidence must be between 0 and 1; got {self.threshold}.")
        if "none" in self.axes and self.axes != ("none",):
            raise ConfigError(
                "none in --axes searches scenes as they are, and stands alone: leave it out to search them and the "
                "changes, or name no other axis."
            )
        if self.axes == ("none",) and self.grades != _GRADES:
            grades = " ".join(map(str, self.grades))
            raise ConfigError(f"--axes none changes no scene, so that --grades {grades} means nothing: leave it out.")

    def arms(self, arguments: Mapping[str, Any], *, learnt: bool = False) -> list[tuple[str, int]]:
        """(axis, grade) of the changes to search; ("", 0) for none.

        Args:
            arguments: of the environment that the policy knows.
            learnt: whether the policy is a trained agent.

        Raises:
            ConfigError: there is no such axis or grade here.
        """
        names = () if self.axes == ("none",) else checked_axes(self.axes, arguments, learnt=learnt)
        kept = names if self.axes else tuple(name for name in names if name not in _LEFT_OUT)
        grades = checked_grades(self.grades)
        plain = [("", 0)] if self.plain or not kept else []
        return plain + [(name, grade) for name in kept for grade in grades]


def changes_to_search(plan: SearchPlan, evaluation: EvaluationPlan) -> list[tuple[str, int]]:
    """(axis, grade) of the changes to search, ("", 0) for none; without other paraphrases where the task has none.

    Args:
        plan: how to search.
        evaluation: of the policy, in the environment that it knows.

    Raises:
        ConfigError: there is no such axis or grade here, or none is left of an axis that was asked for.
    """
    arms = plan.arms(evaluation.arguments, learnt=evaluation.policy.is_trained)
    held_out = _lacking(arms, evaluation)
    kept = [arm for arm in arms if arm not in held_out]
    # Asked for by name, it must not become a search of other scenes alone.
    if held_out and "instruction" in plan.axes and not any(axis == "instruction" for axis, _ in kept):
        grades = " ".join(str(grade) for _, grade in held_out)
        raise ConfigError(
            f"{evaluation.task} has no paraphrases that are held out of training (sentences of the task), as grades "
            f"{grades} of instruction need: take grade 1, or leave that axis out."
        )
    return kept


def changes_left_out(plan: SearchPlan, evaluation: EvaluationPlan) -> str:
    """What is not searched because the task has no paraphrases for it, in one line; empty where nothing is left out.

    Args:
        plan: as of ``changes_to_search``, which does not refuse it.
        evaluation: as of ``changes_to_search``.
    """
    lacking = _lacking(plan.arms(evaluation.arguments, learnt=evaluation.policy.is_trained), evaluation)
    if not lacking:
        return ""
    grades = " and ".join(str(grade) for _, grade in lacking)
    return (
        f"{evaluation.task} has no paraphrases that are held out of training (sentences of the task): grade {grades} "
        "of instruction is not searched."
    )


def _lacking(arms: list[tuple[str, int]], evaluation: EvaluationPlan) -> list[tuple[str, int]]:
    """Those that need held-out paraphrases, where the task has none."""
    held_out = [arm for arm in arms if arm[0] and AXES[arm[0]].changes[arm[1] - 1].get("wording") == "held-out"]
    return [] if not held_out or has_other_paraphrases(evaluation) else held_out
