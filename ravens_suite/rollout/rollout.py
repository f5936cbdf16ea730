"""Environments as jobs use them: made by name, driven by a policy, written down as episodes."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

import gymnasium
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.cameras import Camera
from ravens_suite.data.episode import Episode, Recording
from ravens_suite.errors import OracleGaveUpError, PlacementError
from ravens_suite.registry import environment_id

_VERSIONED = ("ravens-suite", "gymnasium", "numpy", "scipy", "opencv-python-headless", "pybullet", "moderngl")

DONE = "done"
STEP_LIMIT = "step limit"
GAVE_UP = "gave up"
NOT_PLACED = "not placed"


class Policy(Protocol):
    """What chooses actions."""

    def reset(self, environment: gymnasium.Env[Any, Any], seed: int) -> None:
        """An episode begins."""

    def act(self, observation: dict[str, NDArray[Any]], environment: gymnasium.Env[Any, Any]) -> dict[str, Any]:
        """The next action.

        Raises:
            OracleGaveUpError: there is nothing left that it can do.
        """


class Oracle:
    """The scripted oracle of the environment."""

    def reset(self, environment: gymnasium.Env[Any, Any], seed: int) -> None:
        """Nothing to forget."""

    def act(self, observation: dict[str, NDArray[Any]], environment: gymnasium.Env[Any, Any]) -> dict[str, Any]:
        """See ``Policy``."""
        action: dict[str, Any] = environment.unwrapped.oracle_action()  # type: ignore[attr-defined]
        return action


@dataclass
class Rollout:
    """One episode as it was lived.

    Attributes:
        recording: the T + 1 observations; empty when the scene could not be placed, or nobody wants them.
        actions: T.
        rewards: T.
        infos: T + 1.
        outcome: one of the constants above, with a reason where there is one.
    """

    recording: Recording = field(default_factory=Recording)
    actions: list[dict[str, Any]] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    infos: list[dict[str, Any]] = field(default_factory=list)
    outcome: str = DONE

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
        return [plain(info["motion"]) for info in self.infos[1:]]


def make_environment(task: str, split: str, arguments: Mapping[str, Any]) -> gymnasium.Env[Any, Any]:
    """An environment by the name of its task.

    Args:
        task: registered name.
        split: ``train``, ``val`` or ``test``.
        arguments: further keyword arguments of the environment.
    """
    return gymnasium.make(environment_id(task), split=split, **arguments)


def roll_out(environment: gymnasium.Env[Any, Any], policy: Policy, seed: int, keep_images: bool = True) -> Rollout:
    """Live one episode, to its end or to where the policy gives up.

    Args:
        environment: reset here.
        policy: chooses the actions.
        seed: of the scene.
        keep_images: whether the observations are recorded.
    """
    rollout = Rollout()
    try:
        observation, info = environment.reset(seed=seed)
    except PlacementError as error:
        rollout.outcome = f"{NOT_PLACED}: {error}"
        return rollout
    policy.reset(environment, seed)
    rollout.infos.append(info)
    if keep_images:
        rollout.recording.add(observation)
    while True:
        try:
            action = policy.act(observation, environment)
        except OracleGaveUpError as error:
            rollout.outcome = f"{GAVE_UP}: {error}"
            return rollout
        observation, reward, terminated, truncated, info = environment.step(action)
        rollout.actions.append(action)
        rollout.rewards.append(float(reward))
        rollout.infos.append(info)
        if keep_images:
            rollout.recording.add(observation)
        if terminated or truncated:
            rollout.outcome = DONE if terminated else STEP_LIMIT
            return rollout


def to_episode(rollout: Rollout, task: str, split: str, seed: int, arguments: Mapping[str, Any]) -> Episode:
    """A rollout as an episode for the disk, to be written with the rollout's recording."""
    first = rollout.infos[0]
    return Episode(
        task=task,
        split=split,
        seed=seed,
        observations={},
        actions=_stack(rollout.actions),
        rewards=np.array(rollout.rewards, dtype=np.float64),
        poses=_poses(rollout.infos),
        cameras=tuple(Camera.from_json(camera) for camera in first["cameras"]),
        success=rollout.success,
        metadata={
            "environment": environment_id(task),
            "arguments": plain(dict(arguments)),
            "renderer": str(first["renderer"]),
            "versions": versions(),
            "outcome": rollout.outcome,
            "motion": rollout.motions,
        },
    )


def versions() -> dict[str, str]:
    """Versions of the software that shapes an episode."""
    return dict(_versions())


@lru_cache(maxsize=1)
def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _VERSIONED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed as a package"
    return found


def plain(value: Any) -> Any:
    """The same value in JSON types: NumPy scalars and arrays, tuples and mappings are unwrapped."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist())
    return value


def _stack(rows: list[dict[str, Any]]) -> dict[str, NDArray[Any]]:
    return {key: np.stack([np.asarray(row[key]) for row in rows]) for key in rows[0]} if rows else {}


def _poses(infos: list[dict[str, Any]]) -> dict[str, NDArray[np.float64]]:
    rows = [info["privileged"]["poses"] for info in infos]
    absent = np.full(7, np.nan)
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: np.array([row.get(name, absent) for row in rows], dtype=np.float64) for name in names}
