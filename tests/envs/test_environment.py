from __future__ import annotations

import gc
import json
import subprocess
import sys
import weakref
from collections.abc import Iterator
from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest

import ravens_suite  # noqa: F401 (registers the environments)
from ravens_suite.core.cameras import Camera
from ravens_suite.core.geometry import Pose, euler_quaternion
from ravens_suite.core.goals import PoseGoal
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
from ravens_suite.envs.environment import RavensEnv
from ravens_suite.errors import ConfigError, InvalidActionError, UnknownNameError
from ravens_suite.sim import objects
from ravens_suite.sim.bullet_shapes import bullet
from ravens_suite.sim.scene import EXACT_RESIDUAL, FAST_RESIDUAL, Scene
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.primitives import PickPlace

ID = "ravens_suite/BlockInsertion-v0"
SMALL: dict[str, Any] = {"image_size": [60, 80]}
UNSEEN_SHAPES = set(range(14, 20))
JSON_VALUES: dict[str, Any] = {
    "null": None,
    "true": True,
    "whole": 2,
    "negative": -1,
    "real": 0.5,
    "huge": 1e300,
    "text": "easy",
    "list": [1, 2],
    "nested": [["color"]],
    "mapping": {"a": 1},
}
STAY = np.array([0.5, 0.0, 0.1, 0.0, 0.0, 0.0, 1.0])


def make(**options: Any) -> Any:
    return gymnasium.make(ID, disable_env_checker=True, **{**SMALL, **options}).unwrapped


@pytest.fixture
def env() -> Iterator[Any]:
    environment = make()
    environment.reset(seed=0)
    yield environment
    environment.close()


def kit_shapes(environment: Any) -> set[int]:
    """Shape ids of the silhouettes on the board."""
    scene = environment._scene
    outlines = {shape: objects.kit_silhouette(shape) for shape in range(20)}
    bodies = [scene.body(f"silhouette {i + 1}") for i in range(5)]
    return {shape for shape, body in outlines.items() for other in bodies if looks_alike(body, other)}


def looks_alike(a: Any, b: Any) -> bool:
    """Whether two bodies have the same shapes, whatever their colours."""
    return [visual.shape for visual in a.visuals] == [visual.shape for visual in b.visuals]


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


def test_a_former_option_says_what_took_its_place() -> None:
    with pytest.raises(ConfigError, match=r"observe=\['images', 'segmentation'\]"):
        make(segmentation=True)
    with pytest.raises(ConfigError, match=r"observe=\['images', 'goal'\]"):
        make(goal_image=True)


@pytest.mark.parametrize(
    ("identifier", "option", "said"),
    [
        (ID, "segmentaton", r"Since release 0\.2 observe=\['images', 'segmentation'\] gives body labels"),
        (ID, "image_sise", "Did you mean 'image_size'"),
        (ID, "distracters", "Did you mean 'distractors'"),
        ("ravens_suite/AssemblingKits-v0", "unseen_shape", "Did you mean 'unseen_shapes'"),
        (
            "ravens_suite/PackingBoxes-v0",
            "frame_skip",
            r"Its own options are: none; .*camera_noise, .*control, distractors",
        ),
    ],
)
def test_an_unknown_option_names_the_nearest_and_those_of_the_environment(
    identifier: str, option: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=rf"no option '{option}'.*{said}"):
        gymnasium.make(identifier, **{option: True})


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


def test_distractors_are_there_and_do_not_score() -> None:
    environment = make(distractors=4)
    _, info = environment.reset(seed=0)
    assert sum(name.startswith("distractor") for name in info["privileged"]["poses"]) == 4
    assert set(info["goals"]) == {"block"}
    environment.close()


@pytest.mark.parametrize(
    "options",
    [
        {"split": "dev"},
        {"control": "joint"},
        {"randomize": ["colour"]},
        {"randomize": "color"},
        {"camera_noise": -1.0},
        {"distractors": 1.5},
        {"image_size": [480]},
        {"image_size": [0, 10]},
        {"render_mode": "depth"},
        {"motion": "slow"},
        {"observe": ["image"]},
        {"observe": "images"},
        {"observe": []},
        {"observe": ["goal", "instruction"]},
        {"camera_noise": True},
        {"randomize": None},
        {"renderer": None},
        {"variant": ["easy"]},
        {"shapes": 3},
    ],
    ids=repr,
)
def test_a_setting_that_cannot_work_is_named(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        make(**options)


def test_every_option_works_together_with_the_others() -> None:
    options = {
        "split": "train",
        "control": "waypoint",
        "renderer": "auto",
        "image_size": [60, 80],
        "motion": "simulated",
        "observe": ["images", "segmentation", "state", "proprioception", "goal", "instruction"],
        "randomize": ["color", "shade", "table", "light", "camera"],
        "camera_noise": 0.5,
        "distractors": 2,
        "render_mode": "rgb_array",
        "variant": "standard",
        "unseen_shapes": True,
    }
    environment = gymnasium.make(
        "ravens_suite/AssemblingKits-v0", disable_env_checker=True, **json.loads(json.dumps(options))
    ).unwrapped
    observation, info = environment.reset(seed=0)
    assert environment.observation_space.contains(observation)
    assert set(observation) == set(keys_of(options["observe"]))
    assert observation["instruction"].startswith("put every object")
    assert {"distractor 1", "distractor 2"} < info["privileged"]["poses"].keys()
    assert kit_shapes(environment) <= UNSEEN_SHAPES
    reward = 0.0
    while not reward:
        observation, reward, terminated, truncated, _ = environment.step(environment.oracle_action())
        assert not (terminated or truncated)
    assert environment.observation_space.contains(observation)
    assert environment.render().shape == (480, 640, 3)
    environment.close()


@pytest.mark.parametrize("name", list(JSON_VALUES))
@pytest.mark.parametrize(
    "option",
    [
        "split", "control", "renderer", "image_size", "motion", "observe", "randomize",
        "camera_noise", "distractors", "variant", "unseen_shapes",
    ],
)  # fmt: skip
def test_every_json_value_works_or_is_refused_by_name(option: str, name: str) -> None:
    arguments = {"image_size": [12, 16], option: JSON_VALUES[name]}
    try:
        environment = gymnasium.make("ravens_suite/AssemblingKits-v0", disable_env_checker=True, **arguments).unwrapped
    except ConfigError as error:
        assert option in str(error)
        return
    except UnknownNameError:
        assert option == "renderer"
        return
    observation, _ = environment.reset(seed=0)
    assert environment.observation_space.contains(observation)
    environment.close()


@pytest.mark.parametrize("unseen", [False, True])
def test_unseen_shapes_come_in_training_scenes_on_request(unseen: bool) -> None:
    environment = gymnasium.make(
        "ravens_suite/AssemblingKits-v0", disable_env_checker=True, unseen_shapes=unseen, **SMALL
    ).unwrapped
    for seed in range(3):
        environment.reset(seed=seed)
        shapes = kit_shapes(environment)
        assert shapes <= UNSEEN_SHAPES if unseen else not shapes & UNSEEN_SHAPES
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


def test_both_motions_end_in_the_same_place() -> None:
    poses = []
    for motion in ("fast", "simulated"):
        environment = make(motion=motion)
        environment.reset(seed=6)
        info = environment.step(environment.oracle_action())[4]
        poses.append(info["privileged"]["poses"]["block"])
        environment.close()
    assert np.linalg.norm(poses[0][:3] - poses[1][:3]) < 0.003


def test_both_precisions_of_the_solver_end_in_the_same_scene() -> None:
    ends = []
    for residual in (EXACT_RESIDUAL, FAST_RESIDUAL):
        scene = Scene(residual=residual)
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


class _Halfway(Task):
    """A task whose author has not finished yet."""

    max_steps = 1
    goals: ClassVar[Any] = None

    def build(self, scene: Scene, rng: np.random.Generator) -> Any:
        scene.add("tile", objects.block(PALETTE["red"]), Pose((0.5, 0.0, 0.02)), "movable")
        return self.goals


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"goals": None}, "returned no goals"),
        ({"goals": []}, "returned no goals"),
        (
            {"goals": [PoseGoal(objects=("tyle",), targets=(Pose(),), matches=((True,),), symmetries=(0.0,))]},
            "'tyle', but the scene has tile .*mean 'tile'.*name bodies in goals as in scene.add",
        ),
        ({"primitive": PickPlace}, r"primitive = PickPlace\(\)"),
    ],
)
def test_what_the_author_of_a_task_forgot_is_said(
    monkeypatch: pytest.MonkeyPatch, attributes: dict[str, Any], said: str
) -> None:
    task = type("Halfway", (_Halfway,), attributes)
    monkeypatch.setattr(module, "load_task", lambda name: (task, {}))
    with pytest.raises(ConfigError, match=said):
        RavensEnv("halfway", observe=["state"]).reset(seed=0)


def test_an_unknown_option_is_a_type_error_in_pythons_words_and_ours() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'frameskip'") as caught:
        make(frameskip=1)
    assert isinstance(caught.value, ConfigError)
    assert "block-insertion has no option 'frameskip'" in str(caught.value)


@pytest.mark.parametrize("task", [3, None, ["block-insertion"], b"block-insertion"])
def test_a_task_is_named_by_text(task: Any) -> None:
    with pytest.raises(ConfigError, match="task must be the name"):
        RavensEnv(task)


def test_numbers_of_numpy_are_numbers() -> None:
    environment = make(observe=["state"], distractors=np.int64(1), camera_noise=np.float32(0.5))
    assert environment.reset(seed=0)[1]["privileged"]["poses"].keys() >= {"distractor 1"}
    environment.close()


ODD: list[tuple[str, Any]] = [
    ("control", ["images"]),
    ("control", np.array(["a", "b"])),
    ("distractors", 10**6),
    ("distractors", 10**30),
    ("distractors", np.bool_(True)),
    ("image_size", (10**12, 10**12)),
    ("image_size", np.zeros((2, 2), int)),
    ("image_size", [True, True]),
    ("image_size", "12x16"),
    ("render_camera", 3),
    ("render_camera", [None]),
    ("render_size", [0, 10]),
    ("render_size", None),
    ("variant", np.array(["a", "b"])),
    ("variant", ["standard"]),
]


@pytest.mark.parametrize(("option", "value"), ODD, ids=repr)
def test_an_odd_option_is_refused_by_name(option: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=option):
        RavensEnv("block-insertion", observe=["state"], **{option: value})


@pytest.mark.parametrize("seed", [-1, 1.5, "1", True, np.array([1]), {}])
def test_an_odd_seed_is_refused_by_name(env: Any, seed: Any) -> None:
    with pytest.raises(ConfigError, match="seed must be a whole number >= 0"):
        env.reset(seed=seed)


def test_seeds_and_sizes_of_numpy_are_taken() -> None:
    environment = make(image_size=(np.int64(12), np.uint16(16)), render_size=np.array([6, 8]), render_mode="rgb_array")
    observation, info = environment.reset(seed=np.int64(3))
    assert observation["color"].shape == (3, 12, 16, 3)
    assert environment.render().shape == (6, 8, 3)
    same = environment.reset(seed=3)[1]["privileged"]["poses"]
    np.testing.assert_array_equal(same["block"], info["privileged"]["poses"]["block"])
    assert environment.reset(seed=2**100)[1]["seed"] == 2**100
    environment.close()
