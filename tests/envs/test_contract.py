"""What every registered environment must do: add a task and it is tested here without another line."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from task_forms import distinct_tasks

from ravens_suite.errors import OracleGaveUpError
from ravens_suite.registry import environment_id
from ravens_suite.tasks.structures._cells import STRUCTURES

SMALL = {"image_size": [60, 80]}
ALIKE = {f"build-{name}" for name in STRUCTURES} - {"build-tower", "build-pallet"}
ALIKE |= {name for name in distinct_tasks() if name.endswith("-ood")}
"""They differ from others in a list of cells, or in how far they tilt; in their own tests the oracle solves each."""
NAMES = [name for name in distinct_tasks() if name not in ALIKE]
PRIMITIVE = [environment_id(name) for name in NAMES]
CONTINUOUS = [environment_id(f"{name}-continuous") for name in NAMES]
EVERY = PRIMITIVE + CONTINUOUS


def make(identifier: str, **options: Any) -> Any:
    return gymnasium.make(identifier, disable_env_checker=True, **{**SMALL, **options}).unwrapped


@pytest.fixture(params=EVERY)
def identifier(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def env(identifier: str) -> Iterator[Any]:
    environment = make(identifier)
    yield environment
    environment.close()


def equal(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    return bool(a == b)


def assert_carried_out(environment: Any, action: dict[str, Any], info: dict[str, Any]) -> None:
    """An oracle's action lies in the space, also when rounded to float32, and is what was done."""
    for key, value in action.items():
        space = environment.action_space[key]
        assert space.contains(value), f"{key}: {value}"
        if isinstance(space, gymnasium.spaces.Box):
            assert space.contains(value.astype(np.float32)), f"{key}: {value}"
    assert not info["motion"]["clipped"]
    assert equal(info["action"], action)


def oracle_episode(environment: Any, seed: int, limit: int = 3) -> list[Any]:
    observation, info = environment.reset(seed=seed)
    trace: list[Any] = [observation, info]
    for _ in range(limit):
        action = environment.oracle_action()
        result = environment.step(action)
        trace += [action, *result]
        if result[2] or result[3]:
            break
    return trace


def test_gymnasium_has_no_complaint(identifier: str) -> None:
    environment = gymnasium.make(identifier, disable_env_checker=True, **SMALL)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Gymnasium 1.4 recommends it of every Box (utils/env_checker.py); positions in metres are neither.
        warnings.filterwarnings("ignore", message=".*symmetric and normalized space")
        check_env(environment.unwrapped, skip_render_check=True)
    environment.close()


def test_the_same_seed_gives_the_same_bits(identifier: str, env: Any) -> None:
    other = make(identifier)
    first = oracle_episode(env, seed=5)
    oracle_episode(other, seed=9, limit=1)
    assert all(equal(a, b) for a, b in zip(first, oracle_episode(other, seed=5), strict=True))
    other.close()


def test_splits_and_seeds_give_other_scenes(identifier: str, env: Any) -> None:
    held_out = make(identifier, split="test")
    poses = [
        env.reset(seed=0)[1]["privileged"]["poses"],
        env.reset(seed=1)[1]["privileged"]["poses"],
        held_out.reset(seed=0)[1]["privileged"]["poses"],
    ]
    held_out.close()
    for i in range(3):
        for j in range(i):
            assert not equal(poses[i], poses[j])


def test_observations_are_fresh_finite_and_in_their_space(env: Any) -> None:
    observation, _ = env.reset(seed=2)
    before = copy.deepcopy(observation)
    after, *_ = env.step(env.oracle_action())
    assert equal(observation, before)
    for value in (observation, after):
        assert env.observation_space.contains(value)
        assert np.isfinite(value["depth"]).all()
        assert (value["depth"] > 0).all()


def test_info_explains_the_episode(env: Any) -> None:
    _, info = env.reset(seed=3)
    assert info["progress"] == 0.0
    assert info["success"] is False
    assert info["goals"]
    assert not all(info["goals"].values())
    assert len(info["cameras"]) == 3
    json.dumps({key: info[key] for key in ("progress", "success", "goals", "motion", "cameras", "seed", "renderer")})
    for pose in info["privileged"]["poses"].values():
        assert np.isfinite(pose).all()
        assert np.abs(pose[:3]).max() < 2


def test_the_oracle_solves_it_within_the_step_limit(identifier: str) -> None:
    environment = make(identifier, image_size=[12, 16])
    totals = []
    for seed in range(2 if identifier in PRIMITIVE else 1):
        environment.reset(seed=seed)
        rewards: list[float] = []
        while True:
            try:
                action = environment.oracle_action()
            except OracleGaveUpError:
                break
            _, reward, terminated, truncated, info = environment.step(action)
            assert_carried_out(environment, action, info)
            rewards.append(reward)
            if terminated or truncated:
                break
        assert len(rewards) <= environment.max_steps
        assert sum(rewards) <= 1 + 1e-9
        assert sum(rewards) == pytest.approx(info["progress"])
        totals.append(sum(rewards))
    environment.close()
    assert min(totals) > 0.99
