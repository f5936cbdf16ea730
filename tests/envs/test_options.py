from __future__ import annotations

import json
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest

import ravens_suite  # noqa: F401 (registers the environments)
from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import PoseGoal
from ravens_suite.core.observations import (
    keys_of,
)
from ravens_suite.core.palette import PALETTE
from ravens_suite.envs import options as module
from ravens_suite.envs.environment import RavensEnv
from ravens_suite.errors import ConfigError, UnknownNameError
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
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
            r"Options of this task: none; .*camera_noise, .*control, distractors",
        ),
    ],
)
def test_an_unknown_option_names_the_nearest_and_those_of_the_environment(
    identifier: str, option: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=rf"no option '{option}'.*{said}"):
        gymnasium.make(identifier, **{option: True})


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
        {"perturb": ["light"]},
        {"perturb": {"lights": 1}},
        {"perturb": {"occluders": 0.5}},
        {"perturb": {"crowding": 1}},
        {"perturb": {"camera": -0.01}},
        {"perturb": {"light": float("nan")}},
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


def test_a_renderer_that_there_is_not_is_refused_where_nothing_is_drawn_too() -> None:
    with pytest.raises(UnknownNameError, match=r"modernGL.*'moderngl'"):
        make(observe=["state"], renderer="modernGL")


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
        "perturb": {"camera": 0.01, "light": 1, "background": 0.5, "color": 0.5, "occluders": 1, "mistyped": 1},
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
        "camera_noise", "distractors", "perturb", "variant", "unseen_shapes",
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


def test_an_option_of_a_task_that_its_environment_would_take_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cluttered(_Halfway):
        def __init__(self, split: Any = "train", distractors: int = 3) -> None:
            super().__init__(split)

    monkeypatch.setattr(module, "load_task", lambda name: (Cluttered, {}))
    with pytest.raises(ConfigError, match=r"The task cluttered .*'distractors'.*rename it"):
        RavensEnv("cluttered", observe=["state"])


def test_an_unknown_option_is_a_type_error_in_pythons_words_and_ours() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'frameskip'") as caught:
        make(frameskip=1)
    assert isinstance(caught.value, ConfigError)
    assert str(caught.value).startswith("block-insertion has no option 'frameskip'. Options of this task: variant;")
    assert "python -m pydoc ravens_suite.envs.environment.RavensEnv" in str(caught.value)


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


@pytest.mark.parametrize(
    "options",
    [
        {"observe": (name for name in ["state"])},
        {"observe": {"state": 1}.keys()},
        {"cameras": {"top": {"position": [0.5, 0, 1], "look_at": [0.5, 0, 0]}}.values()},
        {"perturb": MappingProxyType({"light": 1})},
    ],
    ids=["generator", "keys", "values", "proxy"],
)
def test_what_cannot_be_kept_is_refused_by_name(options: dict[str, Any]) -> None:
    """Python's own words, ``cannot pickle 'dict_keys' object``, named no option."""
    with pytest.raises(ConfigError, match=f"^{next(iter(options))} must be a JSON value"):
        RavensEnv("block-insertion", **options)


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
