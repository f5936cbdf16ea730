"""Whether an agent's own confidence is true: calibrated on validation scenes, judged on test scenes.

A decision counts as right if its action earned reward. Confidences are put through a logistic function of their
log-odds, with slope and offset fitted on validation decisions (Platt, 1999, with his smoothed targets, so that an agent
that is always right there does not become certain). Files, below the run's folder:

```text
eval/*.json                      outcomes with the confidence and the reward of every decision, as evaluate writes them
calibration/<task>.json          the calibration, reliability and calibration error
```
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.numbers import MOST_EPISODES, check_number
from ravens_suite.core.statistics import wilson
from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.data.fields import object_in, object_of
from ravens_suite.data.outcomes import EpisodeOutcome
from ravens_suite.errors import ConfigError, DamagedDataError
from ravens_suite.execution.pool import JobPool, make_pool
from ravens_suite.execution.progress import Progress, silent
from ravens_suite.rollout.definitions import OF_THE_TASK, changed
from ravens_suite.rollout.environments import differing_arguments
from ravens_suite.rollout.evaluate_parts import Part, evaluate_parts
from ravens_suite.rollout.evaluation_plan import (
    EvaluationPlan,
    plan_evaluation,
    warn_of_training,
    where_weights_lie,
)
from ravens_suite.rollout.policies import PolicySpec
from ravens_suite.rollout.provenance import resting_on

CALIBRATION = "calibration"
BINS = 10
_CERTAIN = 1e-6
"""Confidences are kept this far from 0 and 1, where log-odds are infinite."""
_ITERATIONS = 100
_DRAWS = 200
"""Of outcomes, to tell how large the error of a true confidence would be by chance."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """From an agent's own confidence to the share of right decisions.

    Attributes:
        slope: of the log-odds.
        offset: of the log-odds.
        decisions: from how many it was fitted.
    """

    slope: float = 1.0
    offset: float = 0.0
    decisions: int = 0

    def __call__(self, confidence: float) -> float:
        """The calibrated confidence, in (0, 1)."""
        return _logistic(self.slope * _log_odds(confidence) + self.offset)

    @staticmethod
    def fit(confidences: Sequence[float], right: Sequence[bool]) -> Calibration:
        """Fit on decisions; none leave confidences as they are.

        Args:
            confidences: in [0, 1].
            right: whether each decision was.
        """
        if not confidences:
            return Calibration()
        odds = np.array([_log_odds(value) for value in confidences])
        hits = np.array(right, dtype=bool)
        good, bad = int(hits.sum()), int((~hits).sum())
        targets = np.where(hits, (good + 1) / (good + 2), 1 / (bad + 2))
        slope, offset = _newton(odds, targets)
        return Calibration(slope, offset, len(hits))


@dataclass(frozen=True)
class Bin:
    """Decisions of about one confidence.

    Attributes:
        confidence: their mean.
        right: share of them that were right.
        interval: Wilson's 95 % interval of that.
        decisions: how many.
    """

    confidence: float
    right: float
    interval: tuple[float, float]
    decisions: int


@dataclass(frozen=True)
class Reliability:
    """How true confidences are.

    Attributes:
        bins: of equal numbers of decisions, two at least, from the least confident.
        error: expected calibration error: mean distance of confidence and share of right ones, weighted by decisions.
        by_chance: what it would be for confidences that are true, with as many decisions: the mean over random draws.
        decisions: how many.
    """

    bins: tuple[Bin, ...]
    error: float
    by_chance: float
    decisions: int

    @property
    def beyond_chance(self) -> float:
        """Root mean square distance of confidence and share of right ones, less what chance adds to it.

        ``error`` is larger than 0 for few decisions even if every confidence is true. In the squared distance, what
        chance adds to a bin is the variance of its share of right ones, of which ``right (1 - right) / (n - 1)`` is an
        unbiased estimate (Kumar, Liang and Ma, NeurIPS 2019, arXiv 1909.10155). 0 where there is no more than that.
        """
        squares = [
            row.decisions * ((row.confidence - row.right) ** 2 - row.right * (1 - row.right) / (row.decisions - 1))
            for row in self.bins
            if row.decisions > 1
        ]
        counted = sum(row.decisions for row in self.bins if row.decisions > 1)
        return math.sqrt(max(math.fsum(squares) / counted, 0.0)) if counted else 0.0

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {**asdict(self), "beyond_chance": self.beyond_chance}

    @staticmethod
    def of(confidences: Sequence[float], right: Sequence[bool]) -> Reliability:
        """Of some decisions; zeros for none."""
        if not confidences:
            return Reliability((), 0.0, 0.0, 0)
        order = sorted(range(len(confidences)), key=lambda index: (confidences[index], index))
        # At least two in each: of a single one nobody can tell what is chance.
        parts = np.array_split(np.array(order), min(BINS, max(len(order) // 2, 1)))
        values, hits = np.array(confidences, dtype=np.float64), np.array(right, dtype=np.float64)
        rng = np.random.default_rng(0)
        drawn = (rng.random((_DRAWS, len(values))) < values).astype(np.float64)
        chance = [_error(values, outcome, parts) for outcome in drawn]
        return Reliability(
            tuple(_bin(values[part], hits[part]) for part in parts),
            _error(values, hits, parts),
            math.fsum(chance) / len(chance),
            len(order),
        )


@dataclass(frozen=True)
class Calibrated:
    """What was found of one policy on one task.

    Attributes:
        task: registered name.
        policy: ``PolicySpec.to_json``.
        calibration: fitted on validation scenes.
        own: reliability on test scenes of what the agent says.
        calibrated: the same after calibration.
        path: of the JSON file.
        arguments: of the environment; ``None`` where none were noted, as in files of earlier versions.
        definition: of the task (``envs/definition.py``); empty where none was noted.
    """

    task: str
    policy: Mapping[str, Any]
    calibration: Calibration
    own: Reliability
    calibrated: Reliability
    path: Path
    arguments: Mapping[str, Any] | None = None
    definition: Mapping[str, Any] = field(default_factory=dict)

    def is_of(self, plan: EvaluationPlan) -> bool:
        """Whether it is of the same policy, task and environment."""
        settings = replace(plan, split="test").settings  # It was judged there; each split has a definition of its own.
        if self.arguments is not None and differing_arguments(plan.task, self.arguments, settings["arguments"]):
            return False
        same = plan.policy.is_that_of(self.policy)
        return same and not (self.definition and changed(self.definition, settings["definition"], OF_THE_TASK))

    def to_json(self) -> dict[str, Any]:
        """JSON values from which ``read_calibration`` rebuilds it."""
        return {
            "task": self.task,
            "policy": dict(self.policy),
            "calibration": asdict(self.calibration),
            "test": {"own": self.own.to_json(), "calibrated": self.calibrated.to_json()},
        }


def calibrate(
    policy: str | Path | PolicySpec,
    task: str | None = None,
    *,
    episodes: int = 50,
    arguments: Mapping[str, Any] | None = None,
    out: Path | str | None = None,
    force: bool = False,
    pool: JobPool | None = None,
    on_progress: Progress = silent,
) -> Calibrated:
    """Fit the calibration of a policy on validation scenes and judge it on test scenes.

    Args:
        policy: as ``evaluate`` takes it.
        task: registered name; by default the one the run was trained on.
        episodes: of validation, and as many of test.
        arguments: of the environment, JSON values. A run knows its own, which these may not contradict.
        out: folder of the results; the run's, or ``runs/<policy>/<task>``.
        force: let outcomes count although the code of the policy or the task has changed since.
        pool: where to run; this process by default.
        on_progress: called after every episode.

    Raises:
        ConfigError: the policy does not say how sure it is.
        RavensError: as ``evaluate`` does.
    """
    out = None if out is None else Path(out)
    episodes = check_number("--episodes", episodes, 1, MOST_EPISODES)
    plan = plan_evaluation(policy, task, "test", arguments or {})
    warn_of_training(plan)
    pool, seeds = pool or make_pool(), tuple(range(episodes))
    validation = replace(plan, split="val")
    parts = [Part(validation, validation.path(out), seeds), Part(plan, plan.path(out), seeds)]
    first = [replace(parts[0], seeds=seeds[:1])]
    check_says_confidence(plan, evaluate_parts(first, pool=pool, force=force, confident=True)[0].outcomes)
    done = evaluate_parts(parts, pool=pool, force=force, confident=True, on_progress=on_progress)
    # In the first scene there may have been no room, or nothing to do.
    check_says_confidence(plan, [outcome for each in done for outcome in each.outcomes])
    fitted = Calibration.fit(*decisions_of([*done[0].outcomes]))
    own, right = decisions_of([*done[1].outcomes])
    found = Calibrated(
        plan.task,
        plan.policy.to_json(),
        fitted,
        Reliability.of(own, right),
        Reliability.of([fitted(value) for value in own], right),
        calibration_path(plan, out),
    )
    made = {name: plan.settings[name] for name in ("arguments", "definition")}
    lie, rests = where_weights_lie(plan.policy, found.path), resting_on(each.path for each in done)
    write_json(found.path, {**found.to_json(), **made, **lie, "episodes": episodes, "provenance": rests})
    return replace(found, **made)


def calibration_path(plan: EvaluationPlan, out: Path | None = None) -> Path:
    """The JSON file of a policy on a task."""
    return plan.home(out) / CALIBRATION / f"{plan.task}.json"


def read_calibration(path: Path | str) -> Calibrated:
    """What ``calibrate`` wrote.

    Raises:
        MissingDataError: there is no such file.
        DamagedDataError: it is none of them.
    """
    path = Path(path)
    value = read_json(path)
    try:
        own, calibrated = (_reliability(value["test"][name]) for name in ("own", "calibrated"))
        fitted = object_of(Calibration, value["calibration"])
        return Calibrated(
            str(value["task"]),
            dict(value["policy"]),
            fitted,
            own,
            calibrated,
            path,
            object_in(value, "arguments", None),
            object_in(value, "definition", {}),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DamagedDataError(
            f"{path} is damaged ({error!r}): run ravens-suite calibrate again, which writes it anew."
        ) from error


def decisions_of(outcomes: Sequence[EpisodeOutcome]) -> tuple[list[float], list[bool]]:
    """The confidence of every decision that has one, and whether it was right."""
    pairs = [
        (confidence, reward > 0)
        for outcome in outcomes
        for confidence, reward in zip(outcome.confidences, outcome.rewards, strict=True)
        if confidence is not None
    ]
    return [confidence for confidence, _ in pairs], [right for _, right in pairs]


def check_says_confidence(plan: EvaluationPlan, outcomes: Sequence[EpisodeOutcome]) -> None:
    """Refuse a policy whose decisions have no confidence.

    Raises:
        ConfigError: it does not say how sure it is.
    """
    if any(outcome.steps for outcome in outcomes) and not any(outcome.confidences for outcome in outcomes):
        raise ConfigError(
            f"{plan.policy.label} does not say how sure it is: give it a method confidence() that returns the "
            "probability that its last action is right, or name the run of an agent that has one (transporter)."
        )


def _reliability(value: Mapping[str, Any]) -> Reliability:
    bins = tuple(
        Bin(float(row["confidence"]), float(row["right"]), tuple(map(float, row["interval"])), int(row["decisions"]))  # type: ignore[arg-type]
        for row in value["bins"]
    )
    return Reliability(bins, float(value["error"]), float(value["by_chance"]), int(value["decisions"]))


def _bin(confidences: Values, hits: Values) -> Bin:
    right = float(hits.mean())
    return Bin(float(confidences.mean()), right, wilson(right, len(hits)), len(hits))


def _error(confidences: Values, hits: Values, parts: Sequence[NDArray[np.int64]]) -> float:
    gaps = [abs(float(confidences[part].sum()) - float(hits[part].sum())) for part in parts]
    return math.fsum(gaps) / len(confidences)


def _log_odds(confidence: float) -> float:
    kept = min(max(confidence, _CERTAIN), 1 - _CERTAIN)
    return math.log(kept / (1 - kept))


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))


def _newton(odds: Values, targets: Values) -> tuple[float, float]:
    """Slope >= 0 and offset of the logistic regression of targets on log-odds, by Newton's method with a small prior.

    The prior, of the weight of one decision, draws the slope to 1: few decisions, or decisions that a threshold tells
    apart, would let it grow without limit.
    """
    slope, offset = 1.0, 0.0
    for _ in range(_ITERATIONS):
        p = 1 / (1 + np.exp(-np.clip(slope * odds + offset, -30, 30)))
        residual, weight = p - targets, np.maximum(p * (1 - p), 1e-9)
        gradient = np.array([residual @ odds + (slope - 1), residual.sum() + 1e-3 * offset])
        cross = weight @ odds
        hessian = np.array([[weight @ odds**2 + 1, cross], [cross, weight.sum() + 1e-3]])
        step = np.linalg.solve(hessian, gradient)
        step *= min(1.0, 1.0 / float(np.abs(step).max() + 1e-12))  # Newton's method may overshoot far from the optimum.
        slope, offset = slope - float(step[0]), offset - float(step[1])
        if float(np.abs(step).max()) < 1e-9:
            break
    if slope < 0:
        # Confidence that says nothing: all decisions are as likely to be right as their mean.
        share = float(targets.mean())
        return 0.0, math.log(share / (1 - share))
    return slope, offset
