"""One episode of any policy in any environment, and its record for the disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.cameras import Camera
from ravens_suite.core.forecast import Forecast
from ravens_suite.core.policy import Policy, confidence_of
from ravens_suite.core.seeding import Split, generator
from ravens_suite.data.episode import Episode
from ravens_suite.data.outcomes import DONE, FAILED, GAVE_UP, NOT_PLACED, STEP_LIMIT, STOPPED, EpisodeOutcome
from ravens_suite.data.recording import Recording
from ravens_suite.envs.definition import define
from ravens_suite.errors import OracleGaveUpError, PlacementError, blame
from ravens_suite.registry import environment_id
from ravens_suite.rollout.environments import to_json, versions
from ravens_suite.rollout.watching import Watch


@dataclass
class Rollout:
    """One episode as it went.

    Attributes:
        seed: of the scene.
        recording: the T + 1 observations; empty when the scene could not be placed, or nobody wants them.
        actions: T.
        rewards: T.
        infos: T + 1.
        confidences: T, the policy's own of its decisions; ``None`` where it does not say.
        outcome: ``"done"``, ``"step limit"``, ``"stopped"``, ``"failed: <why>"``, ``"gave up: <why>"`` or
            ``"not placed: <why>"``.
        forecasts: of what watched, one an observation; empty where nothing did.
    """

    seed: int
    recording: Recording = field(default_factory=Recording)
    actions: list[Mapping[str, Any]] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    infos: list[dict[str, Any]] = field(default_factory=list)
    confidences: list[float | None] = field(default_factory=list)
    outcome: str = DONE
    forecasts: list[Forecast] = field(default_factory=list)

    @property
    def steps(self) -> int:
        """Number of actions, T."""
        return len(self.actions)

    @property
    def score(self) -> float:
        """Sum of rewards."""
        return float(np.sum(np.asarray(self.rewards, dtype=np.float64)))

    @property
    def success(self) -> bool:
        """Strict success at the end."""
        return bool(self.infos and self.infos[-1]["success"])

    @property
    def motions(self) -> list[dict[str, Any]]:
        """What became of each action, as JSON."""
        return [to_json(info["motion"]) for info in self.infos[1:]]

    def result(self) -> EpisodeOutcome:
        """The episode in figures."""
        goals = {str(name): bool(met) for name, met in self.infos[-1]["goals"].items()} if self.infos else {}
        said = tuple(self.confidences) if any(value is not None for value in self.confidences) else ()
        return EpisodeOutcome(
            self.seed,
            self.score,
            self.success,
            self.steps,
            self.outcome,
            goals,
            tuple(self.motions),
            tuple(self.rewards) if said or self.forecasts else (),
            said,
            tuple(forecast.to_json() for forecast in self.forecasts),
        )


def roll_out(
    environment: gymnasium.Env[Any, Any],
    policy: Policy,
    seed: int,
    *,
    record: bool = True,
    watch: Watch | None = None,
) -> Rollout:
    """Run one episode, to its end or to where the policy gives up, or to where what watches ends it.

    Args:
        environment: reset here.
        policy: chooses the actions.
        seed: of the scene.
        record: whether the observations are kept, coded for the disk.
        watch: sees every observation, the last one included, and may end the episode.

    Raises:
        InvalidActionError: the policy gives an action that the environment does not take.
        ConfigError: it has a confidence that is no probability.
        UserCodeError: the policy raised; the message says where.
    """
    rollout = Rollout(seed)
    try:
        observation, info = environment.reset(seed=seed)
    except PlacementError as error:
        rollout.outcome = f"{NOT_PLACED}: {error}"
        return rollout
    name = getattr(policy, "label", type(policy).__name__)
    with blame(f"reset of the policy {name}, before seed {seed},"):
        policy.reset(policy_seed(seed, _split(environment)))
    rollout.infos.append(info)
    if record:
        rollout.recording.add(observation)
    if watch is not None:
        watch.reset(seed)
        rollout.forecasts = watch.forecasts
        if watch.see(observation, None):
            rollout.outcome = STOPPED
            return rollout
    while True:
        try:
            with blame(f"act of the policy {name}, at step {rollout.steps} of seed {seed},"):
                action = policy.act(observation)
        except OracleGaveUpError as error:
            rollout.outcome = f"{GAVE_UP}: {error}"
            return rollout
        with blame(f"confidence of the policy {name}, at step {rollout.steps} of seed {seed},"):
            confidence = confidence_of(policy)
        observation, reward, terminated, truncated, info = environment.step(action)
        # What was done, which is what was asked for, unless a position was clipped to the workspace.
        rollout.actions.append(info.get("action", action))
        rollout.rewards.append(float(reward))
        rollout.confidences.append(confidence)
        rollout.infos.append(info)
        if record:
            rollout.recording.add(observation)
        stops = watch is not None and watch.see(observation, rollout.actions[-1])
        if terminated or truncated:
            failure = info.get("failure")
            rollout.outcome = f"{FAILED}: {failure}" if failure else DONE if terminated else STEP_LIMIT
            return rollout
        if stops:
            rollout.outcome = STOPPED
            return rollout


def policy_seed(seed: int, split: Split) -> int:
    """The seed that a policy is reset with: a function of the scene's seed and split, and independent of the scene."""
    return int(generator(seed, split, "agent").integers(2**31))


def to_episode(rollout: Rollout, task: str, split: str, arguments: Mapping[str, Any]) -> Episode:
    """A rollout as an episode for the disk, to be written with the rollout's recording.

    Args:
        rollout: of a scene that could be placed.
        task: registered name.
        split: of the seed.
        arguments: of the environment.
    """
    first = rollout.infos[0]
    return Episode(
        task=task,
        split=split,
        seed=rollout.seed,
        observations={},
        actions=_stack(rollout.actions),
        rewards=np.array(rollout.rewards, dtype=np.float64),
        poses=_poses(rollout.infos),
        cameras=tuple(Camera.from_json(camera) for camera in first["cameras"]),
        success=rollout.success,
        metadata={
            "environment": environment_id(task),
            "arguments": to_json(dict(arguments)),
            "definition": define(task, split, arguments),
            "renderer": str(first["renderer"]),
            "versions": versions(),
            "outcome": rollout.outcome,
            "goals": dict(rollout.result().goals),
            "motion": rollout.motions,
        },
    )


def _split(environment: gymnasium.Env[Any, Any]) -> Split:
    split: Split = environment.get_wrapper_attr("split") if environment.has_wrapper_attr("split") else "test"
    return split


def _stack(rows: list[Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
    return {key: np.stack([np.asarray(row[key]) for row in rows]) for key in rows[0]} if rows else {}


def _poses(infos: list[dict[str, Any]]) -> dict[str, NDArray[np.float64]]:
    rows = [info["privileged"]["poses"] for info in infos]
    absent = np.full(7, np.nan)
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: np.array([row.get(name, absent) for row in rows], dtype=np.float64) for name in names}
