from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec

import ravens_suite  # noqa: F401 (registers the environments)
from ravens_suite.core.cameras import Camera, published_cameras
from ravens_suite.core.geometry import Pose, euler_quaternion
from ravens_suite.core.observations import (
    OBSERVATION_GROUPS,
    STATE_FIELDS,
    ObservationGroup,
    groups_with,
    keys_of,
    named_poses,
)
from ravens_suite.core.palette import PALETTE
from ravens_suite.envs import environment as module
from ravens_suite.errors import InvalidActionError
from ravens_suite.sim import objects
from ravens_suite.sim.bullet_shapes import bullet
from ravens_suite.sim.precision import EXACT, FINE
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.primitives import Push

ID = "ravens_suite/BlockInsertion-v0"
SMALL: dict[str, Any] = {"image_size": [60, 80]}
STAY = np.array([0.5, 0.0, 0.1, 0.0, 0.0, 0.0, 1.0])


def make(**options: Any) -> Any:
    return gymnasium.make(ID, disable_env_checker=True, **{**SMALL, **options}).unwrapped


@pytest.fixture
def env() -> Iterator[Any]:
    environment = make()
    environment.reset(seed=0)
    yield environment
    environment.close()


BAD_POSES = [
    None,
    "left",
    np.zeros(6),
    np.zeros((1, 7)),
    np.full(7, np.nan),
    np.array([0.5, 0, 0.1, 0, 0, 0, np.inf]),
    np.array([0.5, 0, 0.1, 0, 0, 0, 0.0]),
    [0.5, 0, "a", 0, 0, 0, 1],
    np.array(["0.5"] * 7),
    np.array([0.5, 0, 0.1, 0, 0, 0, 1 + 1j]),
    np.array([0.5, 0, 0.1, 0, 0, 0, 1e-9]),
    [[]],
    {},
]


@pytest.mark.parametrize("bad", BAD_POSES, ids=repr)
@pytest.mark.parametrize("key", ["pick", "place"])
def test_a_bad_action_is_named_and_loses_nothing(env: Any, bad: Any, key: str) -> None:
    action = env.oracle_action()
    poses = env.step.__self__._scene.poses()
    with pytest.raises(InvalidActionError, match=key):
        env.step({**action, key: bad})
    assert env._scene.poses() == poses
    _, reward, terminated, _, _ = env.step(action)
    assert reward == 1.0
    assert terminated


@pytest.mark.parametrize("bad", [None, 3, [], {"pick": STAY}, "pick"])
def test_an_action_needs_both_keys(env: Any, bad: Any) -> None:
    with pytest.raises(InvalidActionError, match=r"pick|place"):
        env.step(bad)


def test_outside_positions_are_clipped_and_said_so(env: Any) -> None:
    far = STAY.copy()
    far[0] = 1e6
    info = env.step({"pick": far, "place": STAY})[4]
    assert info["motion"]["clipped"]
    assert not env.step({"pick": STAY, "place": STAY})[4]["motion"]["clipped"]


def test_an_unreachable_pose_costs_the_step_and_moves_nothing(env: Any) -> None:
    poses = env._scene.poses()
    upside_down = np.array([0.5, 0.0, 0.1, *euler_quaternion(np.pi, 0.0, 0.0)])
    for count in range(3):
        _, reward, terminated, truncated, info = env.step({"pick": upside_down, "place": STAY})
        assert info["motion"]["outcome"] == "unreachable"
        assert info["motion"]["steps"] < 20
        assert reward == 0.0
        assert not terminated
        assert truncated == (count == 2)
    for name, pose in env._scene.poses().items():
        np.testing.assert_allclose(pose.vector(), poses[name].vector(), atol=1e-4)


def test_picking_nothing_is_said_so(env: Any) -> None:
    info = env.step({"pick": np.array([0.74, 0.49, 0.0, 0, 0, 0, 1.0]), "place": STAY})[4]
    assert info["motion"]["outcome"] == "nothing gripped"
    assert not info["motion"]["grasped"]


def test_closing_twice_is_fine() -> None:
    environment = make()
    environment.reset(seed=0)
    environment.close()
    environment.close()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"renderer": "tiny", "render_mode": "rgb_array_list"},
        {"observe": ["state", "proprioception", "goal"], "control": "waypoint"},
    ],
    ids=repr,
)
def test_an_environment_that_is_dropped_frees_what_it_held(options: dict[str, Any]) -> None:
    gc.collect()
    gc.disable()  # The last reference must be enough: the collector does not know of the simulator's memory.
    try:
        environment = gymnasium.make(ID, **{**SMALL, **options})
        environment.reset(seed=0)
        environment.step(environment.get_wrapper_attr("oracle_action")())
        client = environment.unwrapped._scene.client  # type: ignore[attr-defined]
        renderer = weakref.ref(environment.unwrapped._renderer or environment)  # type: ignore[attr-defined]
        del environment
        assert renderer() is None
        assert not bullet.getConnectionInfo(client)["isConnected"]
    finally:
        gc.enable()


def test_a_process_may_end_with_open_environments() -> None:
    code = (
        f"import gymnasium, ravens_suite; env = gymnasium.make({ID!r}, image_size=(12, 16), "
        "render_mode='rgb_array_list'); env.reset(seed=0); circle = [env]; circle.append(circle)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not run.stderr


def test_environments_in_one_process_do_not_disturb_each_other() -> None:
    alone, a, b = make(), make(), make(distractors=3)
    expected = alone.reset(seed=4)[0]["color"]
    expected_after = alone.step(alone.oracle_action())[0]["color"]
    b.reset(seed=1)
    first = a.reset(seed=4)[0]["color"]
    b.step(b.oracle_action())
    after = a.step(a.oracle_action())[0]["color"]
    b.close()
    np.testing.assert_array_equal(first, expected)
    np.testing.assert_array_equal(after, expected_after)
    a.close()
    alone.close()


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_vectors_give_what_single_environments_give(mode: str) -> None:
    vector = gymnasium.make_vec(ID, num_envs=2, vectorization_mode=mode, **SMALL)
    observation, info = vector.reset(seed=[7, 8])
    single = make()
    for index, seed in enumerate((7, 8)):
        alone = single.reset(seed=seed)[0]
        np.testing.assert_array_equal(observation["color"][index], alone["color"])
        np.testing.assert_array_equal(observation["depth"][index], alone["depth"])
    actions = {key: np.stack([STAY, STAY]) for key in ("pick", "place")}
    _, rewards, *_ = vector.step(actions)
    assert rewards.shape == (2,)
    single.close()
    vector.close()
    assert info["progress"].tolist() == [0.0, 0.0]


def test_segmentation_and_goal_are_in_the_space() -> None:
    environment = make(observe=["images", "segmentation", "state", "goal"])
    observation, info = environment.reset(seed=0)
    assert environment.observation_space.contains(observation)
    assert info["privileged"]["labels"]["block"] in observation["segmentation"]
    assert info["progress"] == 0.0
    final = observation
    while True:
        final, _, terminated, truncated, _ = environment.step(environment.oracle_action())
        if terminated or truncated:
            break
    missing = np.abs(observation["goal_depth"] - observation["depth"]).mean()
    assert np.abs(final["goal_depth"] - final["depth"]).mean() < missing
    np.testing.assert_array_equal(final["goal_color"], observation["goal_color"])
    wanted = named_poses(observation, "goal_")["block"]
    np.testing.assert_allclose(wanted[:2], named_poses(final)["block"][:2], atol=0.02)
    environment.close()


@pytest.mark.parametrize("group", OBSERVATION_GROUPS)
def test_each_group_has_its_keys_and_no_others(group: ObservationGroup) -> None:
    observe = ["state", "goal"] if group == "goal" else [group]
    environment = make(observe=observe)
    observation, _ = environment.reset(seed=0)
    assert environment.observation_space.contains(observation)
    assert tuple(sorted(observation)) == tuple(sorted(keys_of(observe)))
    assert groups_with(observation) == tuple(observe)
    environment.close()


def test_nothing_is_drawn_that_nobody_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(name: str) -> None:
        raise AssertionError("a renderer was made")

    monkeypatch.setattr(module, "make_renderer", never)
    environment = make(observe=["state", "proprioception", "goal", "instruction"])
    _, info = environment.reset(seed=0)
    assert info["renderer"] == environment.renderer_name == "none"
    assert environment.step(environment.oracle_action())[1] == 1.0
    environment.close()


def test_cameras_are_told_as_they_are() -> None:
    environment = make(randomize=["camera"])
    seen = [environment.reset(seed=seed) for seed in (0, 1)]
    for observation, info in seen:
        cameras = [Camera.from_json(camera) for camera in info["cameras"]]
        np.testing.assert_array_equal(observation["camera_poses"], [camera.pose.matrix() for camera in cameras])
        np.testing.assert_array_equal(observation["camera_intrinsics"], [camera.intrinsics for camera in cameras])
    assert not np.array_equal(seen[0][0]["camera_poses"], seen[1][0]["camera_poses"])
    environment.close()


def test_the_state_names_every_body_and_keeps_its_place() -> None:
    environment = gymnasium.make("ravens_suite/PalletizingBoxes-v0", observe=["state"]).unwrapped
    observation, info = environment.reset(seed=0)
    places: dict[str, int] = {}
    for _ in range(6):
        poses = named_poses(observation)
        assert poses.keys() == info["privileged"]["poses"].keys()
        for name, pose in info["privileged"]["poses"].items():
            np.testing.assert_array_equal(poses[name], pose)
        for place, name in enumerate(observation["state_names"].split("\n")):
            assert not name or places.setdefault(name, place) == place
        observation, _, _, _, info = environment.step(environment.oracle_action())
    rows = observation["state"].reshape(-1, len(STATE_FIELDS))
    np.testing.assert_allclose(rows[0, 8:], [0.3, 0.25, 0.05], atol=0.2)
    assert len(places) > 3
    environment.close()


def test_proprioception_says_where_the_tip_is_and_what_it_holds() -> None:
    environment = gymnasium.make("ravens_suite/BlockInsertionContinuous-v0", observe=["proprioception"]).unwrapped
    observation, _ = environment.reset(seed=0)
    held = []
    for _ in range(12):
        action = environment.oracle_action()
        observation, _, over, _, _ = environment.step(action)
        held.append(observation["gripper_state"][1])
        if over:
            break
    assert max(held) == 1.0 and held[0] == held[-1] == 0.0
    assert observation["tip_pose"].shape == (7,)
    environment.close()


def test_the_specification_is_written_where_arguments_are_arrays_and_cameras() -> None:
    arguments: Any = {"image_size": np.array([12, 16]), "cameras": list(published_cameras((12, 16))[:2])}
    arguments["render_camera"] = {"position": np.array([1.0, 0.0, 0.7]), "look_at": (0.5, 0.0, 0.0)}
    environment = gymnasium.make("ravens_suite/BlockInsertion-v0", camera_noise=np.float32(0.5), **arguments)
    assert environment.spec is not None
    again = gymnasium.make(EnvSpec.from_json(environment.spec.to_json()))
    assert again.observation_space == environment.observation_space
    environment.close()
    again.close()


def test_the_specification_tells_the_true_limit_and_makes_the_same_environment() -> None:
    environment = gymnasium.make(ID, **SMALL)
    assert environment.spec is not None
    assert environment.spec.max_episode_steps == environment.unwrapped.max_steps == 3  # type: ignore[attr-defined]
    again = gymnasium.make(environment.spec)
    assert again.spec is not None
    assert again.spec.max_episode_steps == 3
    assert again.unwrapped.observation_space == environment.unwrapped.observation_space
    shorter = gymnasium.make(ID, max_episode_steps=1, **SMALL)
    for env, steps in ((environment, 3), (again, 3), (shorter, 1)):
        env.reset(seed=0)
        assert [env.step({"pick": STAY, "place": STAY})[3] for _ in range(steps)] == [False] * (steps - 1) + [True]
        env.close()


@pytest.mark.parametrize("name", ["BlockInsertionContinuous", "SweepingPiles", "AssemblingKits"])
def test_every_form_has_its_own_limit(name: str) -> None:
    environment = gymnasium.make(f"ravens_suite/{name}-v0", observe=["state"])
    assert environment.spec is not None
    assert environment.spec.max_episode_steps == environment.get_wrapper_attr("max_steps")
    environment.close()


def test_variations_change_looks_but_not_the_scene() -> None:
    plain, varied = make(), make(randomize=["color", "shade", "table", "light", "camera"], camera_noise=1.0)
    observation, info = plain.reset(seed=3)
    other, other_info = varied.reset(seed=3)
    for name, pose in info["privileged"]["poses"].items():
        np.testing.assert_array_equal(pose, other_info["privileged"]["poses"][name])
    assert (observation["color"] != other["color"]).mean() > 0.9
    assert info["cameras"] != other_info["cameras"]
    again = varied.reset(seed=3)[0]
    np.testing.assert_array_equal(again["color"], other["color"])
    plain.close()
    varied.close()


def test_noise_has_the_published_size() -> None:
    plain, noisy = make(), make(camera_noise=1.0)
    clean, dirty = plain.reset(seed=0)[0], noisy.reset(seed=0)[0]
    assert 0.0025 < np.std(dirty["depth"] - clean["depth"]) < 0.0035
    difference = dirty["color"].astype(int) - clean["color"]
    assert 2.5 < np.std(difference[(clean["color"] > 20) & (clean["color"] < 235)]) < 3.5
    plain.close()
    noisy.close()


def test_a_goal_has_noise_once_an_episode() -> None:
    """It is a photograph by the same sensors, and not taken anew at every step."""
    small = {"image_size": (24, 32), "observe": ["images", "goal"]}
    plain, noisy = make(**small), make(**small, camera_noise=1.0)
    clean, first = plain.reset(seed=0)[0], noisy.reset(seed=0)[0]
    assert 0.002 < np.std(first["goal_depth"] - clean["goal_depth"]) < 0.004
    assert not np.array_equal(first["goal_depth"] - clean["goal_depth"], first["depth"] - clean["depth"])
    second = noisy.step(noisy.oracle_action())[0]
    assert not np.array_equal(second["depth"], first["depth"])
    again = noisy.reset(seed=0)[0]
    for key in ("goal_color", "goal_depth"):
        np.testing.assert_array_equal(second[key], first[key])
        np.testing.assert_array_equal(again[key], first[key])
    assert not np.array_equal(noisy.reset(seed=1)[0]["goal_depth"], first["goal_depth"])
    plain.close()
    noisy.close()


def test_distractors_are_there_and_do_not_score() -> None:
    environment = make(distractors=4)
    _, info = environment.reset(seed=0)
    assert sum(name.startswith("distractor") for name in info["privileged"]["poses"]) == 4
    assert set(info["goals"]) == {"block"}
    environment.close()


def test_frames_of_the_motion_are_recorded() -> None:
    environment = make(render_mode="rgb_array_list", motion="simulated")
    environment.reset(seed=0)
    environment.step(environment.oracle_action())
    frames = environment.render()
    assert len(frames) > 20
    assert frames[0].shape == (480, 640, 3)
    assert any((frame != frames[0]).any() for frame in frames)
    assert environment.render() == []
    environment.close()


def test_all_motions_end_in_the_same_place() -> None:
    poses = []
    for motion in ("fast", "careful", "simulated"):
        environment = make(motion=motion)
        environment.reset(seed=6)
        info = environment.step(environment.oracle_action())[4]
        poses.append(info["privileged"]["poses"]["block"])
        environment.close()
    for other in poses[1:]:
        assert np.linalg.norm(poses[0][:3] - other[:3]) < 0.003


def test_all_precisions_of_the_physics_end_in_the_same_scene() -> None:
    ends = []
    for precision in (EXACT, FINE, Push().precision):
        scene = Scene(precision)
        for index in range(40):
            layer, place = divmod(index, 8)
            x, y = 0.4 + 0.0101 * (place % 4), 0.0101 * (place // 4)
            scene.add(
                f"cube {index}", objects.small_block(PALETTE["red"]), Pose((x, y, 0.006 + 0.011 * layer)), "movable"
            )
        assert scene.settle()
        ends.append(np.array([scene.pose(name).position for name in scene.objects()]))
        scene.close()
    assert np.abs(ends[0] - ends[1]).max() < 0.001
