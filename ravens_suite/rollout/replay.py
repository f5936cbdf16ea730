"""Episodes run once more: evaluated ones to show what the policy saw and did, stored ones to go on from any step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.observations import Observation, missing_keys_message
from ravens_suite.core.policy import Action, Policy
from ravens_suite.core.seeding import Split
from ravens_suite.core.workspace import AGENT_WORKSPACE
from ravens_suite.data.episode import Episode
from ravens_suite.data.episode_header import EpisodeSummary
from ravens_suite.envs.perturbations import Perturbations
from ravens_suite.envs.states import EnvironmentState
from ravens_suite.errors import ConfigError, OracleGaveUpError, ReplayError, blame
from ravens_suite.registry import load_agent
from ravens_suite.rollout.environments import default_arguments, in_order, make_environment, pose_order
from ravens_suite.rollout.policies import PolicySpec, close_policy, one_thread
from ravens_suite.rollout.rollout import Rollout, roll_out

Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class Decision:
    """One decision of a policy.

    Attributes:
        maps: what ``Agent.explain`` gave: ``color``, ``height`` and heatmaps over them; empty when it gives nothing,
            and for all decisions but the first and the last where not every one is wanted.
        action: what it then did, or would have done, its poses in the order of the task's primitive; empty where it has
            nothing left to do.
        told: the instruction that it observed; empty where it observed none.
    """

    maps: Mapping[str, Any]
    action: Action
    told: str = ""


@dataclass(frozen=True)
class Replay:
    """An episode and how it looked.

    Attributes:
        rollout: without observations.
        decisions: one a step.
        frames: (480, 640, 3) uint8 each: of the whole motion 1/30 s apart; before every action and of the end; or of
            the start and the end only.
    """

    rollout: Rollout
    decisions: tuple[Decision, ...]
    frames: tuple[Frame, ...]


@dataclass
class _Traced:
    """A policy that keeps the first and the last explanation of another one, and a picture of the start.

    Poses of kept actions come in an order.
    """

    policy: Policy
    environment: gymnasium.Env[Any, Any]
    decisions: list[Decision] = field(default_factory=list)
    start: list[Frame] = field(default_factory=list)
    latest: Observation = field(default_factory=dict)
    every: bool = False
    order: Sequence[str] = ()

    def reset(self, seed: int) -> None:
        self.policy.reset(seed)
        self.start += _frames(self.environment)

    def act(self, observation: Observation) -> Action:
        action = self.policy.act(observation)
        if self.every and self.decisions:
            self.start += _frames(self.environment)
        wanted = self.every or not self.decisions
        told = str(observation.get("instruction", ""))
        maps = self._explain(observation) if wanted else {}
        self.decisions.append(Decision(maps, in_order(action, self.order), told))
        self.latest = observation
        return action

    def finished(self) -> tuple[Decision, ...]:
        """All decisions, when the episode is over: only then is it known which was the last."""
        if len(self.decisions) > 1 and not self.every:
            self.decisions[-1] = replace(self.decisions[-1], maps=self._explain(self.latest))
        return tuple(self.decisions)

    def _explain(self, observation: Observation) -> dict[str, Any]:
        """Only agents explain themselves."""
        explain: Callable[[Observation], dict[str, Any]] = getattr(self.policy, "explain", lambda _: {})
        with blame("explain of the policy"):
            return checked_maps(explain(observation), str(getattr(self.policy, "name", type(self.policy).__name__)))


def checked_maps(maps: Any, name: str) -> dict[str, Any]:
    """What an agent shows of a decision, if pictures can be made of it; nothing where it has no map of them to show.

    Args:
        maps: what its ``explain`` returned: by name, arrays as of ``Agent.explain``, or tensors of any dtype.
        name: of the agent, for the message.

    Raises:
        ConfigError: the scene is not among them, or one is no map of the whole table (320, 160).
    """
    if not isinstance(maps, Mapping):
        raise ConfigError(f"explain of {name} must return maps by name, or an empty dict; it returned {maps!r:.60}.")
    if not _MAPS & maps.keys():
        return {}
    found = {key: np.asarray(value) for key, value in maps.items()}
    if lacking := [key for key in ("color", "height") if key not in found]:
        raise ConfigError(f"explain of {name} returns no {lacking[0]!r}: add that of the heightmap (Agent.explain).")
    for key in _MAPS & found.keys():
        of_color = key.endswith("color")
        wanted = (*AGENT_WORKSPACE.shape, 3) if of_color else AGENT_WORKSPACE.shape
        if found[key].shape != wanted or (of_color and found[key].dtype != np.uint8):
            raise ConfigError(
                f"{key!r} that explain of {name} returns must be {wanted}{' uint8' if of_color else ''}, a map of the "
                f"whole table; it is {found[key].shape} {found[key].dtype}."
            )
    return found


_MAPS = frozenset(("color", "height", "pick", "place", "predicted_color", "predicted_height"))
"""What ``Agent.explain`` may return."""


def replay(
    policy: PolicySpec,
    task: str,
    seeds: Sequence[int],
    *,
    split: Split = "test",
    arguments: Mapping[str, Any] | None = None,
    film: bool = False,
    every: bool = False,
    on_episode: Callable[[int], None] = lambda seed: None,
) -> dict[int, Replay]:
    """Run some episodes again.

    Args:
        policy: which.
        task: registered name.
        seeds: of the scenes; one that cannot be placed is left out.
        split: of the seeds.
        arguments: of the environment, as they were when the policy was evaluated.
        film: simulate and draw the whole motion, not only the start and the end.
        every: without a film, a frame and an explanation before every action.
        on_episode: called with the seed of each finished episode.
    """
    mode = {"motion": "simulated", "render_mode": "rgb_array_list"} if film else {"render_mode": "rgb_array"}
    environment = make_environment(task, split, {**(arguments or {}), **mode})
    result: dict[int, Replay] = {}
    order, made = pose_order(task, arguments), None
    try:
        made = policy.make(environment)
        for seed in seeds:
            traced = _Traced(made, environment, every=every and not film, order=order)
            with one_thread(policy.kind):
                rollout = roll_out(environment, traced, seed, record=False)
                decisions = traced.finished()
            if rollout.infos:
                result[seed] = Replay(rollout, decisions, (*traced.start, *_frames(environment)))
            on_episode(seed)
    finally:
        environment.close()
        close_policy(made)
    return result


def decisions_of(policy: PolicySpec, episode: Episode) -> tuple[Decision, ...]:
    """What a trained agent would do at every step of a recorded episode, and its heatmaps; nothing moves.

    Args:
        policy: a trained agent.
        episode: with what the agent reads; what it remembers of an episode is of the observations recorded there.

    Raises:
        ConfigError: the policy is no agent, has no heatmaps, or reads what was not recorded.
    """
    if policy.kind != "agent":
        raise ConfigError(f"{policy.name} has no heatmaps: only trained agents have. Name the folder of a run.")
    agent: Any = load_agent(policy.name).load(Path(policy.folder))
    # With what it was told in training, such as the goal.
    keys = dict.fromkeys([*agent.observation_keys, *agent.reads(agent.interface)])
    if missing := [key for key in keys if key not in episode.observations]:
        raise ConfigError(f"{policy.name} reads what this episode lacks. {missing_keys_message(missing, ())}")
    decisions, order = [], recorded_order(episode)
    agent.reset(episode.seed)
    for step in range(episode.steps):
        observation = {key: _plain(values[step]) for key, values in episode.observations.items()}
        try:
            action: Action = agent.act(observation)
        except OracleGaveUpError:
            action = {}  # The one that was recorded had more to do.
        with blame(f"explain of the agent {policy.name}"):
            maps = checked_maps(agent.explain(observation), policy.name)
        decisions.append(Decision(maps, in_order(action, order)))
        if not decisions[0].maps:
            raise ConfigError(f"The agent {policy.name} has no heatmaps to show.")
    return tuple(decisions)


def recorded_order(episode: Episode) -> tuple[str, ...]:
    """Names of the poses of an episode's actions, in the order in which the tool visited them; see ``pose_order``."""
    arguments = episode.metadata.get("arguments")  # Of own data it may be anything.
    return pose_order(episode.task, arguments if isinstance(arguments, Mapping) else None)


class RecordedActions:
    """A policy that repeats recorded actions, whatever it sees, and then gives up.

    Args:
        actions: by name, (steps, ...) each: poses are (steps, 7) float64, world frame.
    """

    def __init__(self, actions: Mapping[str, NDArray[Any]]) -> None:
        self._actions = _rows(actions)
        self._next = 0

    def reset(self, seed: int) -> None:
        """Begin with the first action."""
        self._next = 0

    def act(self, observation: Observation) -> Action:
        """The next action; raises OracleGaveUpError after the last. See ``Policy``."""
        if self._next == len(self._actions):
            raise OracleGaveUpError("All recorded actions have been repeated.")
        self._next += 1
        return self._actions[self._next - 1]


def environment_of(episode: Episode | EpisodeSummary, **changed: Any) -> gymnasium.Env[Any, Any]:
    """A new environment with the arguments with which an episode was recorded.

    Args:
        episode: stored one.
        changed: keyword arguments of the environment that are to be other ones, such as ``observe`` or ``image_size``.
    """
    return make_environment(episode.task, episode.split, {**episode.metadata.get("arguments", {}), **changed})


def state_at(episode: Episode, step: int) -> EnvironmentState:
    """The state of a stored episode after some of its actions, for ``restore_state`` of an environment.

    There the environment observes what the episode holds of that step, to the byte, when it has the same arguments. The
    oracle goes on as it did if the episode is its own.

    Args:
        episode: as it was read.
        step: number of actions, 0 to T.

    Raises:
        IndexError: the episode has no such step.
    """
    if not 0 <= step <= episode.steps:
        raise IndexError(f"An episode of {episode.steps} steps has no state after step {step}.")
    given = dict(episode.metadata.get("arguments", {}))
    known = default_arguments(episode.task)
    decisive = {name: given.get(name, known[name]) for name in ("task", "control", "motion", "distractors")}
    options = {name: value for name, value in given.items() if name not in known}
    poses = {name: rows[step] for name, rows in episode.poses.items() if not np.isnan(rows[step]).any()}
    placed = Perturbations.checked(given.get("perturb")).decisive()
    environment = {**decisive, "split": episode.split, "options": options, **placed}
    return EnvironmentState(environment, episode.seed, tuple(_rows(episode.actions)[:step]), poses)


def repeat(episode: Episode) -> Rollout:
    """Carry out the actions of a stored episode again, in a new environment of its arguments, and record it.

    ``to_episode`` of the result, written with its recording, has the same observations, rewards and poses, to the byte.

    Raises:
        ReplayError: rewards or poses differ; the message names the first step where they do.
    """
    environment = environment_of(episode)
    try:
        rollout = roll_out(environment, RecordedActions(episode.actions), episode.seed)
    finally:
        environment.close()
    for step, info in enumerate(rollout.infos):
        state_at(episode, step).check_poses(info["privileged"]["poses"])
    if rollout.rewards != episode.rewards.tolist():
        raise ReplayError(f"Seed {episode.seed} earned {rollout.rewards} again, not {episode.rewards.tolist()}.")
    rollout.outcome = str(episode.metadata.get("outcome", rollout.outcome))
    return rollout


def _plain(value: Any) -> Any:
    """A recorded value as an environment gives it: a text is a str."""
    return str(value) if isinstance(value, str) else value


def _rows(actions: Mapping[str, NDArray[Any]]) -> list[dict[str, NDArray[Any]]]:
    """Actions one by one."""
    count = len(next(iter(actions.values()), ()))
    return [{name: array[step] for name, array in actions.items()} for step in range(count)]


def _frames(environment: gymnasium.Env[Any, Any]) -> list[Frame]:
    frames: Any = environment.render()
    return list(frames) if isinstance(frames, list) else [frames]
