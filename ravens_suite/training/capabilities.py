"""What an agent cannot give although its demonstrations show it, said before training begins."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravens_suite.agents.base import Trainee
from ravens_suite.core.observations import GOAL, groups_with
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.errors import CapabilityWarning
from ravens_suite.rollout.sentences import held_out, needs_sentence, of_a_goal_picture

LEAST_TILT = math.radians(5)
"""Radians against the upright above which a demonstrated pose counts as tilted."""

_LOOKED_AT = 20
"""Episodes of each task that are looked at."""


def warn_of_tilts(agent: type[Trainee[Any]], demonstrations: Demonstrations) -> None:
    """Warn where poses of the demonstrations tilt the tool and the agent only turns it about the vertical axis.

    Args:
        agent: whose ``tilts`` says what it can give.
        demonstrations: the first episodes of each task are looked at.

    Warns:
        CapabilityWarning: names the tasks, and what to do.
    """
    if agent.tilts:
        return
    seen: dict[str, int] = {}
    tilted: dict[str, float] = {}
    for episode in demonstrations:
        task = episode.summary.task
        seen[task] = seen.get(task, 0) + 1
        if seen[task] <= _LOOKED_AT:
            for values in episode.actions().values():
                tilted[task] = max(tilted.get(task, 0.0), greatest_tilt(values))
    tasks = [task for task, tilt in tilted.items() if tilt > LEAST_TILT]
    if tasks:
        most = math.degrees(max(tilted[task] for task in tasks))
        warnings.warn(
            f"{agent.name} turns the tool about the vertical axis only, but demonstrations of {', '.join(tasks)} tilt "
            f"it by up to {most:.0f} degrees, so it can solve only a part of the scenes. Train an agent that gives "
            "whole orientations (those that tilt, see: ravens-suite agents), or another task.",
            CapabilityWarning,
            stacklevel=2,
        )


def warn_of_sentences(
    agent: type[Trainee[Any]],
    environments: Mapping[str, Mapping[str, Any]],
    reads: Collection[str],
    demonstrations: Demonstrations | None = None,
) -> None:
    """Warn where an agent is not told what is meant, or learns from sentences that are kept for tests.

    Args:
        agent: that shall learn.
        environments: by task as ``run.json`` has them, each with the ``arguments`` of the environment, and with the
            ``id`` that those of a user's own data lack.
        reads: keys that the agent reads of what was observed.
        demonstrations: that it learns from. Those of further folders, and of scenes of which something was changed, may
            have other sentences than ``environments`` say.

    Warns:
        CapabilityWarning: names the tasks, and what to do.
    """
    arguments = {task: one["arguments"] for task, one in environments.items() if one.get("id")}
    told = "instruction" in reads or "instruction_bytes" in reads
    shown = any(GOAL + key in reads for key in agent.observation_keys)
    if not (told or shown) and (tasks := [task for task, one in arguments.items() if needs_sentence(task, one)]):
        _warn(
            f"Only its sentence says what is meant in a scene of {', '.join(tasks)}, and {agent.name} is not told any, "
            f"so it can only guess: {_mend(agent, 'instruction')}."
        )
    if not shown and len(tasks := of_a_goal_picture(arguments)) > 1:
        _warn(
            f"Only the goal picture says which of {', '.join(tasks)} is meant, and {agent.name} is not shown any, so "
            f"it can only guess: {_mend(agent, 'goal')}."
        )
    if told and (tasks := sorted({*held_out(arguments), *_with_held_out(demonstrations)})):
        _warn(
            f"The demonstrations of {', '.join(tasks)} have sentences that are held out for tests, which show nothing "
            'new then: collect with --environment \'{"wording": "training"}\', or leave wording out.'
        )


def _with_held_out(demonstrations: Demonstrations | None) -> set[str]:
    """The tasks of demonstrations that were told in sentences that are kept for tests."""
    summaries = [] if demonstrations is None else [episode.summary for episode in demonstrations]
    made = [(each.task, each.metadata.get("arguments")) for each in summaries]
    return {task for task, arguments in made if isinstance(arguments, Mapping) and held_out({task: arguments})}


def _mend(agent: type[Trainee[Any]], condition: str) -> str:
    """How an agent is told: by other data, if it can be at all."""
    if condition in agent.conditions:
        keys = agent.observation_keys
        told = [GOAL + key for key in keys] if condition == "goal" else [condition]
        return f"collect them with --observe {' '.join(groups_with([*keys, *told]))}"
    return f"{agent.name} cannot be told, so choose an agent that can (see: ravens-suite agents)"


def _warn(message: str) -> None:
    warnings.warn(message, CapabilityWarning, stacklevel=3)


def greatest_tilt(poses: NDArray[Any]) -> float:
    """The greatest angle in radians against the upright of poses (..., 7) of any dtype; 0 for what is no pose."""
    if poses.ndim < 1 or poses.shape[-1] != 7 or poses.size == 0:
        return 0.0
    quaternions = poses[..., 3:].reshape(-1, 4).astype(np.float64)
    quaternions = quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)
    upright = 1 - 2 * (quaternions[:, 0] ** 2 + quaternions[:, 1] ** 2)
    return float(np.arccos(np.clip(upright, -1.0, 1.0)).max())
