"""What came of episodes: one record an episode, one summary of several, and one name for each figure.

Figures, wherever they appear (JSON of commands, evaluation files, reports): ``mean_score`` and ``success_rate``, each
in 0 to 100 with its 95 % interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ravens_suite.core.forecast import Forecast
from ravens_suite.core.statistics import percent_interval
from ravens_suite.data.fields import object_of

DONE = "done"
STEP_LIMIT = "step limit"
STOPPED = "stopped"
GAVE_UP = "gave up"
NOT_PLACED = "not placed"
FAILED = "failed"


@dataclass(frozen=True)
class EpisodeOutcome:
    """What came of one episode.

    Attributes:
        seed: of the scene.
        score: sum of rewards, at most 1.
        success: strict success at the end: every object is where its last goal step wants it.
        steps: number of actions.
        outcome: ``"done"``, ``"step limit"``, ``"stopped"`` (by a forecaster), ``"failed: <why>"``,
            ``"gave up: <why>"`` or ``"not placed: <why>"``.
        goals: by object, whether it ended where it should.
        motions: what became of each action.
        rewards: of each action, where the policy says how sure it is, or a forecaster watched; else empty.
        confidences: the policy's own probability that its action is right, one an action; empty where it never says.
        forecasts: what a forecaster said after each observation (``core/forecast.py``); empty where none watched.
    """

    seed: int
    score: float
    success: bool
    steps: int
    outcome: str
    goals: Mapping[str, bool] = field(default_factory=dict)
    motions: Sequence[Mapping[str, Any]] = ()
    rewards: Sequence[float] = field(default=(), compare=False)
    confidences: Sequence[float | None] = field(default=(), compare=False)
    forecasts: Sequence[Mapping[str, float]] = field(default=(), compare=False)

    @property
    def failed(self) -> bool:
        """Whether it ended because a rule of its task was broken; what is merely unfinished has not failed."""
        return self.outcome.startswith(FAILED)

    @property
    def placed(self) -> bool:
        """Whether there was a scene to act in; where none could be placed, nothing was seen of the policy."""
        return not self.outcome.startswith(NOT_PLACED)

    def to_json(self) -> dict[str, Any]:
        """JSON values from which ``from_json`` rebuilds it."""
        value = {**asdict(self), "goals": dict(self.goals), "motions": [dict(motion) for motion in self.motions]}
        # Records of attempts are compared to the byte: without these they are as they always were.
        for name in ("rewards", "confidences", "forecasts"):
            if not value.pop(name):
                continue
            value[name] = list(getattr(self, name))
        return value

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> EpisodeOutcome:
        """The inverse of ``to_json``.

        Raises:
            TypeError: a field is missing, unknown or of another kind.
        """
        found = object_of(EpisodeOutcome, value)
        for forecast in found.forecasts:
            object_of(Forecast, forecast)
        if found.confidences and len(found.confidences) != len(found.rewards):
            raise TypeError(f"there are {len(found.confidences)} confidences of {len(found.rewards)} actions")
        return found


@dataclass(frozen=True)
class Summary:
    """The figures of several episodes. Scenes that could not be placed do not count: nothing is seen of a policy there.

    Attributes:
        episodes: how many.
        mean_score: total reward x 100, averaged over the episodes.
        mean_score_interval: its 95 % interval, (low, high).
        success_rate: percentage of episodes with strict success.
        success_rate_interval: its 95 % interval, (low, high).
        mean_steps: number of actions, averaged.
        failures: how many ended because a rule of their task was broken.
        not_placed: scenes that could not be placed, which are none of the episodes.
    """

    episodes: int
    mean_score: float
    mean_score_interval: tuple[float, float]
    success_rate: float
    success_rate_interval: tuple[float, float]
    mean_steps: float
    failures: int = 0
    not_placed: int = 0

    @staticmethod
    def of(outcomes: Sequence[EpisodeOutcome]) -> Summary:
        """Of some episodes; zeros and the widest intervals for none."""
        tried, outcomes = len(outcomes), [outcome for outcome in outcomes if outcome.placed]
        scores = [outcome.score for outcome in outcomes]
        successes = [float(outcome.success) for outcome in outcomes]
        return Summary(
            episodes=len(outcomes),
            mean_score=round(100 * _mean(scores), 4),
            mean_score_interval=percent_interval([min(max(score, 0.0), 1.0) for score in scores]),
            success_rate=round(100 * _mean(successes), 4),
            success_rate_interval=percent_interval(successes),
            mean_steps=round(_mean([float(outcome.steps) for outcome in outcomes]), 4),
            failures=sum(outcome.failed for outcome in outcomes),
            not_placed=tried - len(outcomes),
        )

    def to_json(self) -> dict[str, Any]:
        """JSON values from which ``from_json`` rebuilds it."""
        # Where every scene could be placed, as in all tasks of the suite, files are as they always were.
        missing = {"not_placed": self.not_placed} if self.not_placed else {}
        return {
            "episodes": self.episodes,
            "mean_score": self.mean_score,
            "mean_score_interval_95": list(self.mean_score_interval),
            "success_rate": self.success_rate,
            "success_rate_interval_95": list(self.success_rate_interval),
            "mean_steps": self.mean_steps,
            "failures": self.failures,
            **missing,
        }

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Summary:
        """The inverse of ``to_json``; other keys are left alone.

        Raises:
            KeyError: a figure is missing.
        """
        low, high = value["mean_score_interval_95"]
        least, most = value["success_rate_interval_95"]
        return Summary(
            int(value["episodes"]),
            float(value["mean_score"]),
            (float(low), float(high)),
            float(value["success_rate"]),
            (float(least), float(most)),
            float(value["mean_steps"]),
            int(value.get("failures", 0)),
            int(value.get("not_placed", 0)),
        )


def mean_over_tasks(values: Sequence[tuple[str, float]]) -> float:
    """The mean of the tasks' means of (task, value), so that a task with more seeds counts no more than others.

    NaN for none.
    """
    by_task: dict[str, list[float]] = {}
    for task, value in values:
        by_task.setdefault(task, []).append(value)
    return _mean([_mean(group) for group in by_task.values()]) if by_task else float("nan")


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0
