"""A camera on the tool sees from where the tool is."""

from __future__ import annotations

import math
from copy import deepcopy
from itertools import pairwise

import gymnasium
import numpy as np
import pytest

import ravens_suite  # noqa: F401 (registers the environments)
from ravens_suite.core.geometry import Pose
from ravens_suite.core.projection import project

CAMERAS = [
    {"name": "top", "position": [0.5, 0, 1.2], "look_at": [0.5, 0, 0]},
    {"name": "wrist", "mount": "tool", "position": [-0.1, 0, 0.15], "look_at": [0.02, 0, 0]},
]


def make(**arguments: object) -> gymnasium.Env:
    return gymnasium.make(
        "ravens_suite/BlockInsertionContinuous-v0",
        image_size=(48, 64),
        observe=["images", "proprioception"],
        cameras=CAMERAS,
        **arguments,
    )


def test_the_wrist_camera_moves_with_the_tip_and_sees_what_is_under_it() -> None:
    env = make()
    seen = [env.reset(seed=3)[0]]
    for _ in range(3):
        seen.append(env.step(env.get_wrapper_attr("oracle_action")())[0])
    still, moving = (np.stack([each["camera_poses"][index] for each in seen]) for index in (0, 1))
    assert (still == still[0]).all()
    for each, pose in zip(seen, moving, strict=True):
        relative = Pose.from_vector(each["tip_pose"]).inverse().matrix() @ pose
        np.testing.assert_allclose(
            relative, Pose.from_vector(seen[0]["tip_pose"]).inverse().matrix() @ moving[0], atol=1e-9
        )
        pixel, metres = project(each["tip_pose"][:3], each["camera_intrinsics"][1], pose)
        assert 0 < pixel[0] < 64
        assert 0.1 < metres < 0.3
    travelled = [math.dist(a[:3, 3], b[:3, 3]) for a, b in pairwise(moving)]
    assert max(travelled) > 0.05
    assert not np.array_equal(seen[0]["color"][1], seen[-1]["color"][1])
    assert env.observation_space.contains(seen[-1])
    env.close()


def test_it_is_the_same_again_and_in_info_by_its_mount() -> None:
    env = make()
    first, info = env.reset(seed=1)
    assert [camera.get("mount") for camera in info["cameras"]] == [None, "tool"]
    action = env.get_wrapper_attr("oracle_action")()
    copy = deepcopy(env)
    ours, theirs = env.step(action)[0], copy.step(action)[0]
    for key in ours:
        np.testing.assert_array_equal(ours[key], theirs[key])
    again, _ = env.reset(seed=1)
    np.testing.assert_array_equal(again["color"], first["color"])
    env.close()
    copy.close()


@pytest.mark.parametrize("camera", ["wrist", CAMERAS[1]])
def test_it_can_be_rendered_through(camera: object) -> None:
    env = gymnasium.make(
        "ravens_suite/BlockInsertion-v0",
        observe=["images"],
        image_size=(24, 32),
        cameras=CAMERAS,
        render_mode="rgb_array",
        render_camera=camera,
        render_size=(24, 32),
    )
    observation, _ = env.reset(seed=0)
    np.testing.assert_array_equal(env.render(), observation["color"][1])
    env.close()
