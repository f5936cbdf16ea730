"""The random policy: what it draws can be done, and its seed decides it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from ravens_suite.core.geometry import Pose, rotate_vector
from ravens_suite.data.atomic import write_json
from ravens_suite.data.run_folder import PolicyFolder
from ravens_suite.errors import ConfigError, ConflictError, MissingDataError
from ravens_suite.registry import environment_id, load_agent, task_names
from ravens_suite.rollout.environments import describe_interface, make_environment
from ravens_suite.rollout.policies import PolicySpec, RandomPolicy
from ravens_suite.rollout.policy_code import outside_of

FORMS = ["block-insertion", "block-insertion-six-dof", "sweeping-piles"]


def make(name: str) -> Any:
    return gymnasium.make(environment_id(name), observe=["proprioception"]).unwrapped


def outcomes(name: str, steps: int) -> list[str]:
    environment, found = make(name), []
    policy = RandomPolicy(environment.action_space)
    policy.reset(1)
    over = True
    for seed in range(steps):
        if over:
            environment.reset(seed=seed)
        *_, terminated, truncated, info = environment.step(policy.act({}))
        over = terminated or truncated
        assert not info["motion"]["clipped"]
        found.append(info["motion"]["outcome"])
    environment.close()
    return found


@pytest.mark.parametrize("name", [*FORMS, *(f"{name}-continuous" for name in FORMS)])
def test_what_it_draws_can_be_reached(name: str) -> None:
    steps = 6 if name == "sweeping-piles" else 20
    assert outcomes(name, steps).count("unreachable") <= 1


@pytest.mark.parametrize("name", task_names())
def test_it_draws_upright_poses_all_over_the_action_space(name: str) -> None:
    space: Any = make(name).action_space
    policy = RandomPolicy(space)
    policy.reset(0)
    actions = [policy.act({}) for _ in range(200)]
    for action in actions:
        assert space.contains(action)
        for vector in action.values():
            upright = rotate_vector(Pose.from_vector(vector).quaternion, (0.0, 0.0, 1.0))
            np.testing.assert_allclose(upright, [0.0, 0.0, 1.0], atol=1e-9)
    for key, box in space.items():
        drawn = np.array([action[key] for action in actions])
        size = box.high[:3] - box.low[:3]
        np.testing.assert_allclose(drawn[:, :3].min(axis=0), box.low[:3], atol=0.05 * size.max())
        np.testing.assert_allclose(drawn[:, :3].max(axis=0), box.high[:3], atol=0.05 * size.max())


def test_its_draws_are_a_function_of_the_seed() -> None:
    space = make("block-insertion-continuous").action_space
    first, second = RandomPolicy(space), RandomPolicy(make("block-insertion-continuous").action_space)
    second.act({})
    for policy in (first, second):
        policy.reset(3)
    drawn = [first.act({}) for _ in range(5)]
    for action in drawn:
        other = second.act({})
        np.testing.assert_array_equal(action["pose"], other["pose"])
        assert action["gripper"] == other["gripper"]
    first.reset(4)
    assert not np.array_equal(drawn[0]["pose"], first.act({})["pose"])
    assert {int(action["gripper"]) for action in drawn} == {0, 1}


def test_actions_without_names_are_refused() -> None:
    with pytest.raises(ConfigError, match="Dict space"):
        RandomPolicy(gymnasium.spaces.Discrete(3))


def test_an_agent_on_states_says_that_other_bodies_make_the_state_longer(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    agent = load_agent("state-mlp")
    environment = make_environment("block-insertion-easy", "test", {"observe": ["state"]})
    interface = describe_interface(environment, "block-insertion-easy")
    agent(interface=interface).save(tmp_path / "policy")
    policy = PolicySpec("agent", "state-mlp", str(tmp_path / "policy"))
    policy.make(environment)
    environment.close()
    crowded = make_environment("block-insertion-easy", "test", {"observe": ["state"], "distractors": 2})
    with pytest.raises(ConfigError, match=r"learnt from a state of \d+ numbers, and that of this .* \d+: it holds"):
        policy.make(crowded)
    crowded.close()


def test_weights_that_a_training_writes_meanwhile_are_not_taken_for_those_that_were_named(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    agent = load_agent("state-mlp")
    environment = make_environment("block-insertion-easy", "test", {"observe": ["state"]})
    interface = describe_interface(environment, "block-insertion-easy")
    agent(interface=interface).save(tmp_path / "policy")
    policy = PolicySpec.parse(str(tmp_path / "policy"))
    policy.make(environment)
    agent(interface=interface, seed=1).save(tmp_path / "policy")
    with pytest.raises(ConflictError, match="have changed since this command began"):
        policy.make(environment)
    environment.close()


def test_a_policy_that_settings_name_and_that_is_not_there_is_said_to_be_theirs(tmp_path: Path) -> None:
    settings = {"agent": "visual-foresight", "outside": {"code": [], "policies": ["runs/helper"]}}
    write_json(tmp_path / "agent.json", settings)
    with pytest.raises(MissingDataError, match="in runs/helper, which the agent's settings name: a relative path"):
        outside_of(PolicyFolder(tmp_path))
