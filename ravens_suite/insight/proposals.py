"""A proposal of ``weakspots``: some scenes of one change are looked at with one decision each, and one is run.

A look is a reset, one drawing and one decision, and what the decision would do by geometry alone. It says nothing of
later steps and of physics, but costs less than an episode.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import gymnasium
import numpy as np

from ravens_suite.core.geometry import Pose
from ravens_suite.core.observations import Observation
from ravens_suite.core.policy import Action, Policy, confidence_of
from ravens_suite.data.fields import object_of
from ravens_suite.data.outcomes import EpisodeOutcome
from ravens_suite.errors import ConfigError, OracleGaveUpError, PlacementError, blame
from ravens_suite.insight.axes import AXES, GRADES
from ravens_suite.insight.calibration import Calibration
from ravens_suite.insight.guess import Guess, Sight
from ravens_suite.rollout.environments import describe_interface, make_environment
from ravens_suite.rollout.evaluation_plan import EvaluationPlan
from ravens_suite.rollout.policies import close_policy, one_thread
from ravens_suite.rollout.rollout import policy_seed, roll_out

_BODIES = 6
"""Of which positions and yaws say how alike two scenes are."""
_METRES = 0.25
_FAR = 0.02
"""Metres from a target from which a place is no near miss."""
_OFF = math.radians(15)
_PROMISING = 0.5
"""A guess from which a scene is run at once."""


@dataclass(frozen=True)
class Proposal:
    """What a worker is asked to do.

    Attributes:
        number: of the proposal, from 0.
        axis: what is changed of the scene; empty for nothing.
        grade: how much, 1 to 5; 0 for nothing.
        seeds: of the scenes to look at, until one is promising.
        guess: which of them is run: the one with the highest.
    """

    number: int
    axis: str
    grade: int
    seeds: tuple[int, ...]
    guess: Guess


@dataclass(frozen=True)
class Look:
    """What one decision showed of a scene.

    Attributes:
        seed: of the scene.
        confidence: the agent's own, not calibrated.
        object: name of what is at the pick; empty for nothing.
        reward: that the decision is imagined to earn; ``None`` where a task has nothing to imagine.
        layout: where things are.
    """

    seed: int
    confidence: float
    object: str
    reward: float | None
    layout: tuple[float, ...]

    def sight(self, calibration: Calibration, grade: int) -> Sight:
        """As the guess takes it."""
        wrong = self.reward is not None and self.reward <= 0
        empty = self.reward is not None and not self.object
        return Sight(calibration(self.confidence), wrong, empty, grade / GRADES, self.layout)


@dataclass(frozen=True)
class Tried:
    """A proposal that was carried out.

    Attributes:
        number: of the proposal.
        axis: see ``Proposal``.
        grade: see ``Proposal``.
        looks: at the scenes that could be placed, and in which the policy acts.
        chosen: index of the one that was run; -1 for none.
        outcome: of its episode.
        faults: what is wrong with each of its actions, by geometry; empty where nothing is.
        seconds: of the processor, for the looks and for the episode.
    """

    number: int
    axis: str
    grade: int
    looks: tuple[Look, ...]
    chosen: int = -1
    outcome: EpisodeOutcome | None = None
    faults: tuple[str, ...] = ()
    seconds: tuple[float, float] = (0.0, 0.0)

    def wrong_step(self, calibration: Calibration, threshold: float) -> int | None:
        """The first action of a failed episode that earned nothing although the agent was sure; ``None`` for none."""
        if self.outcome is None or self.outcome.success:
            return None
        for step, (said, reward) in enumerate(zip(self.outcome.confidences, self.outcome.rewards, strict=True)):
            if said is not None and reward <= 0 and calibration(said) >= threshold:
                return step
        return None

    def to_json(self) -> dict[str, Any]:
        """JSON values from which ``from_json`` rebuilds it."""
        outcome = None if self.outcome is None else self.outcome.to_json()
        return {**asdict(self), "outcome": outcome}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Tried:
        """The inverse of ``to_json``.

        Raises:
            TypeError: a field is missing or of another kind.
        """
        found = object_of(Tried, value)
        if not -1 <= found.chosen < len(found.looks) or (found.chosen < 0) != (found.outcome is None):
            raise TypeError(f"chosen is {found.chosen} of {len(found.looks)} looks")
        if found.outcome is not None and len(found.faults) < len(found.outcome.rewards):
            raise TypeError(f"there are {len(found.faults)} faults of {len(found.outcome.rewards)} actions")
        return found


def proposal_arguments(own: Mapping[str, Any], axis: str, grade: int) -> dict[str, Any]:
    """Arguments of the environment of a proposal."""
    return AXES[axis].arguments(grade, own) if axis else dict(own)


class ProposalWorker:
    """Carries out proposals. What it made for the last change of the scene is kept until another one is asked for.

    Args:
        plan: policy, task and split, and the arguments that the policy knows.
        calibration: of the policy.
    """

    def __init__(self, plan: EvaluationPlan, calibration: Calibration) -> None:
        self._plan = plan
        self._calibration = calibration
        self._made: tuple[tuple[str, int], gymnasium.Env[Any, Any], Policy] | None = None

    def run(self, job: Proposal, on_note: Callable[[str], None]) -> Tried:
        """Look at the scenes of a proposal and run one."""
        environment, policy = self._make(job.axis, job.grade)
        with one_thread(self._plan.policy.kind):
            start = time.process_time()
            looks: list[Look] = []
            guesses: list[float] = []
            for seed in job.seeds:
                look = self._look(environment, policy, seed)
                if look is not None:
                    looks.append(look)
                    guesses.append(job.guess(look.sight(self._calibration, job.grade)))
                    if guesses[-1] >= _PROMISING:
                        break
            tried = Tried(job.number, job.axis, job.grade, tuple(looks))
            if not looks:
                return tried
            chosen = int(np.argmax(guesses))
            middle = time.process_time()
            watched = _Watched(policy, environment)
            rollout = roll_out(environment, watched, looks[chosen].seed, record=False)
            seconds = (middle - start, time.process_time() - middle)
        return replace(tried, chosen=chosen, outcome=rollout.result(), faults=tuple(watched.faults), seconds=seconds)

    def close(self) -> None:
        """Close the environment, and the connection of a policy that has one."""
        if self._made is not None:
            _, environment, policy = self._made
            environment.close()
            close_policy(policy)
            self._made = None

    def _make(self, axis: str, grade: int) -> tuple[gymnasium.Env[Any, Any], Policy]:
        if self._made is None or self._made[0] != (axis, grade):
            self.close()
            plan = self._plan
            environment = make_environment(plan.task, plan.split, proposal_arguments(plan.arguments, axis, grade))
            policy = plan.policy.make_for(environment, describe_interface(environment, plan.task))
            self._made = (axis, grade), environment, policy
        return self._made[1:]

    def _look(self, environment: gymnasium.Env[Any, Any], policy: Policy, seed: int) -> Look | None:
        """One decision about a scene; ``None`` where it cannot be placed, or the policy has none to give."""
        try:
            observation, info = environment.reset(seed=seed)
            with blame(f"The policy {self._plan.policy.label}, at the first step of seed {seed},"):
                policy.reset(policy_seed(seed, self._plan.split))
                action = policy.act(observation)
        except (OracleGaveUpError, PlacementError):
            return None
        seen = _imagined(environment, action)
        return Look(
            seed,
            confidence_of(policy) or 0.0,
            "" if seen is None else str(seen.object),
            None if seen is None else float(seen.reward),
            layout_of(info),
        )


class _Watched:
    """A policy that keeps what is imagined of its actions."""

    def __init__(self, policy: Policy, environment: gymnasium.Env[Any, Any]) -> None:
        self._policy = policy
        self._environment = environment
        self.label = getattr(policy, "label", type(policy).__name__)
        self.faults: list[str] = []

    def reset(self, seed: int) -> None:
        """See ``Policy``."""
        self._policy.reset(seed)

    def act(self, observation: Observation) -> Action:
        """See ``Policy``."""
        action = self._policy.act(observation)
        self.faults.append(fault_of(_imagined(self._environment, action)))
        return action

    def confidence(self) -> float | None:
        """See ``confidence_of``."""
        return confidence_of(self._policy)


def fault_of(seen: Any) -> str:
    """What is wrong with an action by geometry, in a few words; empty where nothing is.

    Args:
        seen: ``envs/imagined.py``; ``None`` where nothing can be imagined, and so told.
    """
    if seen is None:
        return "earns nothing"
    if seen.reward > 0:
        return ""
    if not seen.object:
        return "picks where nothing is"
    if not math.isfinite(seen.distance):
        return "picks what no goal asks for"
    if not seen.wanted:
        return "moves what is in its place"
    if seen.distance > _FAR:
        return "places elsewhere"
    if seen.turn > _OFF:
        return "turns it wrongly"
    return "places next to it"


def layout_of(info: Mapping[str, Any]) -> tuple[float, ...]:
    """Where the first bodies are: x, y in units of 25 cm, cosine and sine of yaw; zeros where there are fewer."""
    values: list[float] = []
    for vector in list(info["privileged"]["poses"].values())[:_BODIES]:
        pose = Pose.from_vector(vector)
        x, y = pose.position[0] / _METRES, pose.position[1] / _METRES
        values += [x, y, math.cos(pose.yaw), math.sin(pose.yaw)]
    return tuple(round(value, 6) for value in values) + (0.0,) * (4 * _BODIES - len(values))


def _imagined(environment: gymnasium.Env[Any, Any], action: Action) -> Any:
    """What an action would do by geometry; ``None`` where its task has no picks and places."""
    try:
        return environment.get_wrapper_attr("imagine")(action)
    except (AttributeError, ConfigError):
        return None
