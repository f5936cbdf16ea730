"""How much of each change a policy stands: its score at five grades of every axis of ``insight/axes.py``.

Files, below the run's folder (of a policy without one, ``runs/<policy>/<task>``):

```text
robustness/<task>/<split>/nominal.json         the environment as it is
robustness/<task>/<split>/<axis>-<grade>.json  outcomes of every seed, as evaluate writes them
robustness/<task>/<split>/summary.json         the curves
```
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ravens_suite.core.numbers import MOST_EPISODES, MOST_SEED, check_number
from ravens_suite.core.seeding import Split
from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.data.fields import object_in
from ravens_suite.data.locks import locked_file
from ravens_suite.data.outcomes import Summary
from ravens_suite.errors import ConfigError, DamagedDataError, MissingDataError
from ravens_suite.execution.pool import JobPool, make_pool
from ravens_suite.execution.progress import Progress, silent
from ravens_suite.insight.axes import AXES, checked_axes, checked_grades
from ravens_suite.rollout.definitions import OF_THE_TASK, changed
from ravens_suite.rollout.environments import differing_arguments, make_environment
from ravens_suite.rollout.evaluate import EvaluationWorker
from ravens_suite.rollout.evaluate_parts import Part, evaluate_parts
from ravens_suite.rollout.evaluation_plan import (
    EvaluationPlan,
    plan_evaluation,
    warn_of_training,
    where_weights_lie,
)
from ravens_suite.rollout.evaluation_record import Evaluation
from ravens_suite.rollout.policies import PolicySpec
from ravens_suite.rollout.provenance import joined, noted_in, resting_on

_LOG = logging.getLogger(__name__)
ROBUSTNESS, SUMMARY = "robustness", "summary.json"
NOMINAL = "nominal"


@dataclass(frozen=True)
class Point:
    """The figures of one grade of an axis.

    Attributes:
        grade: 1 to 5; 0 for the environment as it is.
        amount: of the change, in the axis's unit.
        figures: over the scenes that could be placed.
        not_placed: scenes that could not, because there was no room left.
    """

    grade: int
    amount: str
    figures: Summary
    not_placed: int = 0

    def to_json(self) -> dict[str, Any]:
        """JSON values from which ``from_json`` rebuilds it."""
        return {
            "grade": self.grade,
            "amount": self.amount,
            **self.figures.to_json(),
            "not_placed": self.not_placed,
        }

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Point:
        """The inverse of ``to_json``.

        Raises:
            KeyError: a figure is missing.
        """
        return Point(int(value["grade"]), str(value["amount"]), Summary.from_json(value), int(value["not_placed"]))


@dataclass(frozen=True)
class Robustness:
    """The curves of one policy on one task.

    Attributes:
        task: registered name.
        split: of the scenes.
        policy: ``PolicySpec.to_json``.
        seeds: (first, how many).
        nominal: grade 0 of every axis.
        axes: by name, ascending grades from 1.
        path: of the JSON file.
        arguments: of the environment of grade 0; ``None`` where none were noted, as in files of earlier versions.
        definition: of the task (``envs/definition.py``); empty where none was noted.
    """

    task: str
    split: str
    policy: Mapping[str, Any]
    seeds: tuple[int, int]
    nominal: Point
    axes: Mapping[str, tuple[Point, ...]]
    path: Path
    arguments: Mapping[str, Any] | None = None
    definition: Mapping[str, Any] = field(default_factory=dict)

    def curve(self, axis: str) -> tuple[Point, ...]:
        """The points of an axis with that of grade 0."""
        return (self.nominal, *self.axes[axis])

    def to_json(self) -> dict[str, Any]:
        """JSON values from which ``read_robustness`` rebuilds it."""
        return {
            "task": self.task,
            "split": self.split,
            "policy": dict(self.policy),
            "first_seed": self.seeds[0],
            "episodes": self.seeds[1],
            "nominal": self.nominal.to_json(),
            "axes": {
                name: {
                    "title": AXES[name].title,
                    "unit": AXES[name].unit,
                    "grades": [point.to_json() for point in points],
                }
                for name, points in self.axes.items()
            },
        }


def measure_robustness(
    policy: str | Path | PolicySpec,
    task: str | None = None,
    *,
    axes: Sequence[str] = (),
    grades: Sequence[int] = (),
    split: Split = "test",
    episodes: int = 20,
    first_seed: int = 0,
    arguments: Mapping[str, Any] | None = None,
    out: Path | str | None = None,
    force: bool = False,
    pool: JobPool | None = None,
    on_progress: Progress = silent,
) -> Robustness:
    """Evaluate a policy at grades of some axes, or the episodes that are still missing.

    All grades have the same seeds. What lies on disk of other axes and grades of the same policy, seeds, task and
    environment stays in the summary; a warning says what had to be left out of it.

    Args:
        policy: as ``evaluate`` takes it.
        task: registered name; by default the one the run was trained on.
        axes: names; all that apply by default.
        grades: from 1 to 5; all by default.
        split: ``train``, ``val`` or ``test``.
        episodes: number of seeds a grade.
        first_seed: the first of them.
        arguments: of the environment, JSON values. A run knows its own, which these may not contradict.
        out: folder in which ``robustness`` is made; the run's, or ``runs/<policy>/<task>``.
        force: let outcomes count although the code of the policy or the task has changed since.
        pool: where to run; this process by default.
        on_progress: called after every episode.

    Raises:
        ConfigError: there is no such axis or grade, or it makes no difference here.
        RavensError: as ``evaluate`` does.
    """
    out = None if out is None else Path(out)
    episodes = check_number("--episodes", episodes, 1, MOST_EPISODES)
    first_seed = check_number("--first-seed", first_seed, 0, MOST_SEED - episodes)
    plan, asked = _plan(policy, task, axes, grades, split, arguments)
    wanted = _measurable(plan, asked)
    warn_of_training(plan)
    _say_what_needs_paraphrases(plan, asked, wanted)
    folder = robustness_folder(plan, out)
    seeds = tuple(range(first_seed, first_seed + episodes))
    parts = [Part(plan, folder / f"{NOMINAL}.json", seeds)]
    for name, grade in wanted:
        changed = replace(plan, arguments=_arguments(plan, name, grade))
        parts.append(Part(changed, folder / f"{name}-{grade}.json", seeds))
    done = evaluate_parts(parts, pool=pool or make_pool(), force=force, on_progress=on_progress)
    points = {key: _point(*key, evaluation) for key, evaluation in zip(wanted, done[1:], strict=True)}
    known = force or not plan.policy.unknown
    rests = resting_on(each.path for each in done)
    nominal = _point("", 0, done[0])
    return _write_summary(folder / SUMMARY, plan, (first_seed, episodes), nominal, points, rests, known=known)


def check_robustness(
    policy: str | Path | PolicySpec,
    task: str | None = None,
    *,
    axes: Sequence[str] = (),
    grades: Sequence[int] = (),
    split: Split = "test",
    arguments: Mapping[str, Any] | None = None,
) -> None:
    """Refuse what ``measure_robustness`` would refuse of a task, before another one is measured.

    Args:
        policy: this and all others as of ``measure_robustness``.
        task: see ``measure_robustness``.
        axes: see ``measure_robustness``.
        grades: see ``measure_robustness``.
        split: see ``measure_robustness``.
        arguments: see ``measure_robustness``.

    Raises:
        RavensError: as ``measure_robustness`` does.
    """
    plan, asked = _plan(policy, task, axes, grades, split, arguments)
    _measurable(plan, asked)
    EvaluationWorker(plan).close()


def _plan(
    policy: str | Path | PolicySpec,
    task: str | None,
    axes: Sequence[str],
    grades: Sequence[int],
    split: Split,
    arguments: Mapping[str, Any] | None,
) -> tuple[EvaluationPlan, list[tuple[str, int]]]:
    """The evaluation of grade 0, and the axes with their grades."""
    plan = plan_evaluation(policy, task, split, arguments or {})
    names = checked_axes(tuple(axes), plan.arguments, learnt=plan.policy.is_trained)
    return plan, [(name, grade) for name in names for grade in checked_grades(tuple(grades))]


def robustness_folder(plan: EvaluationPlan, out: Path | None = None) -> Path:
    """Where the files of a policy on a task lie."""
    return plan.home(out) / ROBUSTNESS / plan.task / plan.split


def read_robustness(path: Path | str) -> Robustness:
    """The curves that ``measure_robustness`` wrote.

    Raises:
        MissingDataError: there is no such file.
        DamagedDataError: it is none of them.
    """
    path = Path(path)
    value = read_json(path)
    try:
        return Robustness(
            task=str(value["task"]),
            split=str(value["split"]),
            policy=dict(value["policy"]),
            seeds=(int(value["first_seed"]), int(value["episodes"])),
            nominal=Point.from_json(value["nominal"]),
            axes={
                name: tuple(Point.from_json(point) for point in value["axes"][name]["grades"])
                for name in AXES
                if name in value["axes"]
            },
            path=path,
            arguments=object_in(value, "arguments", None),
            definition=object_in(value, "definition", {}),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DamagedDataError(
            f"{path} is damaged ({error!r}): run ravens-suite robustness again, which writes it anew."
        ) from error


def _arguments(plan: EvaluationPlan, axis: str, grade: int) -> dict[str, Any]:
    arguments = AXES[axis].arguments(grade, plan.arguments)
    if arguments.get("wording") == "held-out" and not has_other_paraphrases(plan):
        arguments["wording"] = "training"
    return arguments


def _measurable(plan: EvaluationPlan, wanted: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """The points without that of other paraphrases, where the task has none.

    Raises:
        ConfigError: nothing is left.
    """
    missing = [(name, grade) for name, grade in wanted if AXES[name].changes[grade - 1] == {"wording": "held-out"}]
    if not missing or has_other_paraphrases(plan):
        return wanted
    if missing == wanted:
        raise ConfigError(
            f"{plan.task} has no paraphrases that are held out of training (sentences of the task): take other grades "
            "of instruction."
        )
    return [point for point in wanted if point not in missing]


def _say_what_needs_paraphrases(
    plan: EvaluationPlan, asked: list[tuple[str, int]], wanted: list[tuple[str, int]]
) -> None:
    """What becomes of grades that need other paraphrases where the task has none."""
    if asked == wanted and (not _needing_paraphrases(wanted) or has_other_paraphrases(plan)):
        return
    said = [f"grade {grade} of instruction is left out" for _, grade in asked if ("instruction", grade) not in wanted]
    if mistyped := [str(grade) for _, grade in _needing_paraphrases(wanted)]:
        said.append(f"grade {' and '.join(mistyped)} of instruction mistypes words of its other sentences")
    _LOG.warning(
        "%s has no paraphrases that are held out of training (sentences of the task): %s.", plan.task, "; ".join(said)
    )


def _needing_paraphrases(points: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Those whose sentences are other paraphrases."""
    return [(name, grade) for name, grade in points if AXES[name].changes[grade - 1].get("wording") == "held-out"]


def has_other_paraphrases(plan: EvaluationPlan) -> bool:
    """Whether the task has sentences that ``wording="training"`` never says."""
    try:
        told = {**plan.arguments, "observe": ["instruction"], "wording": "held-out"}
        make_environment(plan.task, plan.split, told).close()
    except ConfigError:
        return False
    return True


def _point(axis: str, grade: int, evaluation: Evaluation) -> Point:
    figures = Summary.of(evaluation.outcomes)
    amount = AXES[axis].amounts[grade - 1] if grade else "none"
    return Point(grade, amount, figures, figures.not_placed)


def _write_summary(
    path: Path,
    plan: EvaluationPlan,
    seeds: tuple[int, int],
    nominal: Point,
    points: Mapping[tuple[str, int], Point],
    rests: Mapping[str, Any],
    *,
    known: bool,
) -> Robustness:
    with locked_file(path, "writing", wait=True):
        earlier = _earlier(path, plan, seeds, known=known)
        merged = {**earlier, **points}
        # What stays of earlier commands is theirs.
        made_by = joined(noted_in(path), rests) if earlier.keys() - points.keys() else rests
        axes = {
            name: tuple(merged[key] for key in sorted(merged) if key[0] == name)
            for name in AXES
            if any(key[0] == name for key in merged)
        }
        done = Robustness(plan.task, plan.split, plan.policy.to_json(), seeds, nominal, axes, path)
        made = {name: plan.settings[name] for name in ("arguments", "definition")}
        lie = where_weights_lie(plan.policy, path)
        write_json(path, {**done.to_json(), **made, **lie, "provenance": made_by})
    return replace(done, **made)


def _earlier(path: Path, plan: EvaluationPlan, seeds: tuple[int, int], *, known: bool) -> dict[tuple[str, int], Point]:
    """Points of an earlier summary that are of the same as those of now; a warning says why there are none of it.

    Args:
        path: of the summary.
        plan: of now.
        seeds: of now.
        known: whether a policy of the same name and code does what it did then.
    """
    try:
        before = read_robustness(path)
    except (DamagedDataError, MissingDataError):
        return {}
    if why := _differs(before, plan, seeds) or ("" if known else plan.policy.unknown):
        _LOG.warning("%s was of %s: it holds only what is measured now; ask for the other axes, too.", before.path, why)
        return {}
    return {(name, point.grade): point for name, points in before.axes.items() for point in points}


def _differs(before: Robustness, plan: EvaluationPlan, seeds: tuple[int, int]) -> str:
    """What an earlier summary was of, in words; empty where it is of the same as now."""
    if not plan.policy.is_that_of(before.policy):
        return "another policy, or of it before a change"
    if before.seeds != seeds:
        first, count = before.seeds
        return f"seeds {first} to {first + count - 1}"
    settings = plan.settings
    if before.arguments is None or differing_arguments(plan.task, before.arguments, settings["arguments"]):
        return "another environment"
    if words := changed(before.definition, settings["definition"], OF_THE_TASK):
        return f"{plan.task} before a change of {' and '.join(words)}"
    return ""
