"""A camera on the tool sees from where the tool is."""

from __future__ import annotations

import math
from copy import deepcopy
from itertools import pairwise
from pathlib import Path

import gymnasium
import numpy as np
import pytest

import ravens_suite  # noqa: F401 (registers the environments)
from ravens_suite.core.geometry import Pose
from ravens_suite.core.projection import project
from ravens_suite.data.store import EpisodeStore
from ravens_suite.interop.imports import import_episodes
from ravens_suite.interop.lerobot import export_lerobot
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.replay import environment_of, state_at

TASK = "block-insertion-continuous"

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


def test_episodes_seen_by_it_are_read_back_shown_again_and_come_through_exports(tmp_path: Path) -> None:
    arguments = {"observe": ["images", "proprioception"], "image_size": [24, 32], "cameras": CAMERAS}
    collect(TASK, episodes=1, data=tmp_path / "data", arguments=arguments)
    store = EpisodeStore.of(tmp_path / "data", TASK, "train")
    seed = store.seeds()[0]
    episode = store.read(seed)
    assert store.intact(seed)
    assert [camera.mount for camera in episode.cameras] == [None, "tool"]
    env = environment_of(episode)
    seen, _ = env.reset(options={"state": state_at(episode, 2)})
    for key in ("color", "camera_poses"):
        np.testing.assert_array_equal(seen[key], episode.observations[key][2])
    env.close()
    pytest.importorskip("pyarrow")
    export_lerobot(tmp_path / "data", tmp_path / "exported")
    import_episodes(tmp_path / "exported", "lerobot", tmp_path / "back")
    back = EpisodeStore.of(tmp_path / "back", TASK, "train")
    assert back.path(seed).read_bytes() == store.path(seed).read_bytes()


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
