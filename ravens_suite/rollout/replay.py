"""Evaluated episodes run once more, to show what the policy saw, did and went by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.observations import Observation
from ravens_suite.core.policy import Action, Policy
from ravens_suite.core.seeding import Split
from ravens_suite.rollout.environments import make_environment
from ravens_suite.rollout.policies import PolicySpec, one_thread
from ravens_suite.rollout.rollout import Rollout, roll_out

Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class Decision:
    """One decision of a policy.

    Attributes:
        maps: what ``Agent.explain`` gave: ``color``, ``height`` and heatmaps over them; empty when it gives nothing,
            and for all decisions but the first and the last.
        action: what it then did.
    """

    maps: Mapping[str, Any]
    action: Action


@dataclass(frozen=True)
class Replay:
    """An episode and how it looked.

    Attributes:
        rollout: without observations.
        decisions: one a step.
        frames: (480, 640, 3) uint8 each: of the whole motion 1/30 s apart, or of the start and the end only.
    """

    rollout: Rollout
    decisions: tuple[Decision, ...]
    frames: tuple[Frame, ...]


@dataclass
class _Traced:
    """A policy that keeps the first and the last explanation of another one, and a picture of the start."""

    policy: Policy
    environment: gymnasium.Env[Any, Any]
    decisions: list[Decision] = field(default_factory=list)
    start: list[Frame] = field(default_factory=list)
    latest: Observation = field(default_factory=dict)

    def reset(self, seed: int) -> None:
        self.policy.reset(seed)
        self.start += _frames(self.environment)

    def act(self, observation: Observation) -> Action:
        action = self.policy.act(observation)
        self.decisions.append(Decision({} if self.decisions else self._explain(observation), action))
        self.latest = observation
        return action

    def finished(self) -> tuple[Decision, ...]:
        """All decisions, when the episode is over: only then is it known which was the last."""
        if len(self.decisions) > 1:
            self.decisions[-1] = Decision(self._explain(self.latest), self.decisions[-1].action)
        return tuple(self.decisions)

    def _explain(self, observation: Observation) -> dict[str, Any]:
        """Only agents explain themselves."""
        explain: Callable[[Observation], dict[str, Any]] = getattr(self.policy, "explain", lambda _: {})
        return explain(observation)


def replay(
    policy: PolicySpec,
    task: str,
    seeds: Sequence[int],
    *,
    split: Split = "test",
    arguments: Mapping[str, Any] | None = None,
    film: bool = False,
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
        on_episode: called with the seed of each finished episode.
    """
    mode = {"motion": "simulated", "render_mode": "rgb_array_list"} if film else {"render_mode": "rgb_array"}
    environment = make_environment(task, split, {**(arguments or {}), **mode})
    result: dict[int, Replay] = {}
    try:
        made = policy.make(environment)
        for seed in seeds:
            traced = _Traced(made, environment)
            with one_thread(policy.kind):
                rollout = roll_out(environment, traced, seed, record=False)
                decisions = traced.finished()
            if rollout.infos:
                result[seed] = Replay(rollout, decisions, (*traced.start, *_frames(environment)))
            on_episode(seed)
    finally:
        environment.close()
    return result


def _frames(environment: gymnasium.Env[Any, Any]) -> list[Frame]:
    frames: Any = environment.render()
    return list(frames) if isinstance(frames, list) else [frames]
