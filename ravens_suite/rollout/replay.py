"""Test episodes lived once more, to show what the agent saw, thought and did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gymnasium
from numpy.typing import NDArray

from ravens_suite.core.cameras import Camera
from ravens_suite.core.seeding import Split
from ravens_suite.core.types import Action
from ravens_suite.report.drawing import Picture
from ravens_suite.rollout.evaluate import trained_agent
from ravens_suite.rollout.rollout import Rollout, make_environment, roll_out


@dataclass(frozen=True)
class Thought:
    """One decision of an agent.

    Attributes:
        maps: what ``Agent.explain`` gave: ``color``, ``height`` and heatmaps over them; empty when it gives nothing
            and for all decisions but the first and the last.
        action: what it then did.
    """

    maps: dict[str, Any]
    action: Action


@dataclass(frozen=True)
class Witnessed:
    """An episode and how it looked.

    Attributes:
        rollout: without images.
        thoughts: one a step.
        frames: (480, 640, 3) uint8 each: of the whole motion 1/30 s apart, or of the start and the end only.
    """

    rollout: Rollout
    thoughts: tuple[Thought, ...]
    frames: tuple[Picture, ...]


@dataclass
class _Explaining:
    """A policy that keeps the first and the last thought of an agent, and a picture of the start."""

    agent: Any
    thoughts: list[Thought] = field(default_factory=list)
    start: list[Picture] = field(default_factory=list)
    latest: tuple[dict[str, NDArray[Any]], Sequence[Camera]] | None = None

    def reset(self, environment: gymnasium.Env[Any, Any], seed: int) -> None:
        self.agent.reset()
        self.start += _frames(environment)

    def act(self, observation: dict[str, NDArray[Any]], environment: gymnasium.Env[Any, Any]) -> dict[str, Any]:
        cameras: Sequence[Camera] = environment.unwrapped.cameras  # type: ignore[attr-defined]
        action: dict[str, Any] = self.agent.act(observation, cameras)
        maps = {} if self.thoughts else self.agent.explain(observation, cameras)
        self.thoughts.append(Thought(maps, Action.from_dict(action)))
        self.latest = (observation, cameras)
        return action

    def finished(self) -> tuple[Thought, ...]:
        """All thoughts, when the episode is over: only then is it known which was the last."""
        if len(self.thoughts) > 1 and self.latest is not None:
            self.thoughts[-1] = Thought(self.agent.explain(*self.latest), self.thoughts[-1].action)
        return tuple(self.thoughts)


def witness(
    run: Path,
    agent: str,
    task: str,
    seeds: Sequence[int],
    *,
    split: Split = "test",
    arguments: dict[str, Any] | None = None,
    film: bool = False,
    done: Callable[[int], None] = lambda seed: None,
) -> dict[int, Witnessed]:
    """Let a trained agent live some episodes again.

    Args:
        run: folder of the trained agent.
        agent: registered name.
        task: registered name.
        seeds: of the scenes; one that cannot be placed is left out.
        split: of the seeds.
        arguments: of the environment, as they were when it was evaluated.
        film: simulate and draw the whole motion, not only the start and the end.
        done: told of each seed.
    """
    policy_agent = trained_agent(agent, run)
    mode = {"motion": "simulated", "render_mode": "rgb_array_list"} if film else {"render_mode": "rgb_array"}
    environment = make_environment(task, split, {**(arguments or {}), **mode})
    result: dict[int, Witnessed] = {}
    try:
        for seed in seeds:
            policy = _Explaining(policy_agent)
            rollout = roll_out(environment, policy, seed, keep_images=False)
            if rollout.infos:
                result[seed] = Witnessed(rollout, policy.finished(), (*policy.start, *_frames(environment)))
            done(seed)
    finally:
        environment.close()
    return result


def _frames(environment: gymnasium.Env[Any, Any]) -> list[Picture]:
    frames: Any = environment.render()
    return list(frames) if isinstance(frames, list) else [frames]
