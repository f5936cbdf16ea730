"""One episode of any policy, and what of it goes to the disk."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

from ravens_suite.data.recording import Recording
from ravens_suite.rollout.environments import make_environment
from ravens_suite.rollout.policies import FunctionPolicy
from ravens_suite.rollout.rollout import roll_out, to_episode

DOWN = (0.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize("task", ["block-insertion", "block-insertion-continuous"])
def test_recorded_is_what_was_done_and_lies_in_the_action_space(task: str) -> None:
    environment = make_environment(task, "train", {"observe": ["proprioception"]})
    keys = list(environment.action_space)  # type: ignore[call-overload]
    beside = np.array([0.1, -0.7, 0.9, *DOWN], dtype=np.float32)

    def act(observation: Any) -> dict[str, Any]:
        return {key: 0 if key == "gripper" else beside for key in keys}

    rollout = roll_out(environment, FunctionPolicy(act), seed=0)
    episode = to_episode(rollout, task, "train", {})
    space = environment.action_space
    assert isinstance(space, gymnasium.spaces.Dict) and isinstance(rollout.recording, Recording)
    assert all(motion["clipped"] for motion in rollout.motions)
    for index in range(rollout.steps):
        assert space.contains({key: values[index] for key, values in episode.actions.items()})
    poses = [values for key, values in episode.actions.items() if key != "gripper"]
    np.testing.assert_allclose(poses[0][:, :2], [[0.25, -0.5]] * rollout.steps)
    environment.close()
