"""Random and hostile actions over all tasks: no crash, no hang, nothing at NaN or kilometres away.

    python benchmarks/fuzz.py [--actions 10000] [--seed 0] [--out results/fuzz.json]

Corners of the workspace, wrong types, NaN, infinities, huge numbers, upside-down tools, picks on nothing, places on the
held object's own spot. Every bad action must be answered by ``InvalidActionError``, every other by an observation.
"""

from __future__ import annotations

import argparse
import collections
import json
import time
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from ravens_suite.core.workspace import AGENT_WORKSPACE
from ravens_suite.errors import InvalidActionError, OracleGaveUpError
from ravens_suite.registry import environment_id, task_names

FARTHEST = 5.0
"""Metres from the origin within which every body must stay."""

LONGEST_STEPS = 20_000
"""Physics steps that one action may take."""

HOSTILE: tuple[Any, ...] = (
    None,
    "pick",
    [],
    {},
    np.zeros(6),
    np.zeros((2, 7)),
    np.full(7, np.nan),
    np.array([0.5, 0.0, 0.1, 0.0, 0.0, 0.0, 0.0]),
    np.array([np.inf, 0.0, 0.1, 0.0, 0.0, 0.0, 1.0]),
    np.array([0.5, 0.0, 0.1, 0.0, 0.0, np.nan, 1.0]),
    np.array(["a"] * 7),
    [10**400] * 7,
    object(),
)


def fair_pose(rng: np.random.Generator, current: dict[str, Any]) -> np.ndarray[Any, Any]:
    """A pose of the right form, however silly."""
    low, high = np.array(AGENT_WORKSPACE.low), np.array(AGENT_WORKSPACE.high)
    kind = int(rng.integers(6))
    upright = np.array([0.0, 0.0, 0.0, 1.0])
    if kind == 0:
        return np.concatenate([rng.uniform(low, high), upright])
    if kind == 1:
        return np.concatenate([np.where(rng.random(3) < 0.5, low, high), rng.normal(size=4)])
    if kind == 2:
        return np.concatenate([rng.normal(size=3) * 10.0 ** rng.integers(0, 300), upright])
    if kind == 3:
        return np.concatenate([rng.uniform(low, high), rng.normal(size=4) * 10.0 ** rng.integers(-5, 150)])
    bodies = [pose for pose in current.values() if np.isfinite(pose).all()]
    target = bodies[int(rng.integers(len(bodies)))][:3] if bodies else low
    return np.concatenate([target, upright if kind == 4 else rng.normal(size=4)])


def hostile_action(rng: np.random.Generator, space: gymnasium.spaces.Dict) -> Any:
    """An action that must be refused."""
    if rng.random() < 0.2:
        return HOSTILE[int(rng.integers(4))]
    action = dict(space.sample())
    keys = list(action)
    action[keys[int(rng.integers(len(keys)))]] = HOSTILE[int(rng.integers(len(HOSTILE)))]
    return action


def fair_action(rng: np.random.Generator, env: Any, info: dict[str, Any]) -> dict[str, Any]:
    """An action that must be carried out: sometimes the oracle's, mostly not."""
    if rng.random() < 0.3:
        try:
            return dict(env.oracle_action())
        except OracleGaveUpError:
            pass
    poses = info["privileged"]["poses"]
    if "pick" in env.action_space.spaces:
        pick = fair_pose(rng, poses)
        return {"pick": pick, "place": pick if rng.random() < 0.2 else fair_pose(rng, poses)}
    return {"pose": fair_pose(rng, poses), "gripper": int(rng.integers(2))}


def check(info: dict[str, Any], identifier: str, seed: int) -> None:
    """Raise when a body or the motion is not where it may be."""
    for name, pose in info["privileged"]["poses"].items():
        if not np.isfinite(pose).all() or np.abs(pose[:3]).max() > FARTHEST:
            raise AssertionError(f"{identifier}, seed {seed}: {name} is at {pose}.")
    if info["motion"]["steps"] > LONGEST_STEPS:
        raise AssertionError(f"{identifier}, seed {seed}: {info['motion']}.")


def fuzz(identifier: str, actions: int, seed: int) -> collections.Counter[str]:
    """Outcomes of many actions on one environment."""
    rng = np.random.default_rng([seed, actions, len(identifier)])
    outcomes: collections.Counter[str] = collections.Counter()
    env: Any = gymnasium.make(identifier, image_size=(12, 16), disable_env_checker=True).unwrapped
    env.action_space.seed(seed)
    episode = 0
    _, info = env.reset(seed=episode)
    for _ in range(actions):
        if rng.random() < 0.3:
            try:
                env.step(hostile_action(rng, env.action_space))
            except InvalidActionError:
                outcomes["refused"] += 1
                continue
            raise AssertionError(f"{identifier}: a hostile action was not refused.")
        observation, reward, terminated, truncated, info = env.step(fair_action(rng, env, info))
        check(info, identifier, episode)
        if not (np.isfinite(reward) and np.isfinite(observation["depth"]).all()):
            raise AssertionError(f"{identifier}, seed {episode}: reward {reward}, or a depth that is not finite.")
        outcomes[info["motion"]["outcome"]] += 1
        if terminated or truncated or rng.random() < 0.1:
            episode += 1
            _, info = env.reset(seed=episode)
    env.close()
    return outcomes


def main() -> None:
    """Fuzz every registered environment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--actions", type=int, default=10_000, help="over all environments")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tasks", nargs="+", default=None)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    tasks = options.tasks or [*task_names(), *(f"{name}-continuous" for name in task_names())]
    each = -(-options.actions // len(tasks))
    result: dict[str, Any] = {"actions": each * len(tasks), "seed": options.seed, "outcomes": {}}
    for task in tasks:
        start = time.perf_counter()
        result["outcomes"][task] = dict(sorted(fuzz(environment_id(task), each, options.seed).items()))
        print(f"{task}: {result['outcomes'][task]} in {time.perf_counter() - start:.0f} s", flush=True)
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
