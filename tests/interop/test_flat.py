"""Actions as a vector, observations as images and vectors."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.wrappers import RescaleAction
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.core.geometry import Pose
from ravens_suite.errors import ConfigError, InvalidActionError
from ravens_suite.interop.flat import ActionLayout, FlatAction, PlainObservation
from ravens_suite.interop.vectors import VectorActions
from ravens_suite.registry import environment_id

Make = Callable[..., Any]
POSE = gymnasium.spaces.Box(
    np.array([0.25, -0.5, 0, *[-1.0] * 4]), np.array([0.75, 0.5, 0.28, *[1.0] * 4]), dtype=np.float64
)
WAYPOINT = gymnasium.spaces.Dict({"gripper": gymnasium.spaces.Discrete(2), "pose": POSE})
TILTED = np.array([0.5, 0.0, 0.1, 0.3, 0.0, 0.0, 0.95])


@pytest.fixture
def make() -> Iterator[Make]:
    """``make(task, **options)``: an environment that draws nothing, unless asked."""
    made: list[Any] = []

    def create(task: str, **options: Any) -> Any:
        made.append(gymnasium.make(environment_id(task), **{"observe": ["state", "instruction"], **options}))
        return made[-1]

    yield create
    for environment in made:
        environment.close()


@pytest.mark.parametrize(
    ("task", "rotation", "names"),
    [
        ("block-insertion", "yaw", "pick_x pick_y pick_z pick_sin_yaw pick_cos_yaw place_x"),
        ("block-insertion", "quaternion", "pick_x pick_y pick_z pick_qx pick_qy pick_qz pick_qw place_x"),
        ("block-insertion-continuous", "yaw", "gripper pose_x pose_y pose_z pose_sin_yaw pose_cos_yaw"),
        ("sweeping-piles", "yaw", "pick_x pick_y pick_z pick_sin_yaw pick_cos_yaw place_x"),
    ],
)
def test_the_layout_names_every_number(make: Make, task: str, rotation: Any, names: str) -> None:
    environment = FlatAction(make(task), rotation)
    box = environment.action_space
    assert isinstance(box, gymnasium.spaces.Box)
    assert " ".join(environment.layout.names).startswith(names)
    assert box.shape == (len(environment.layout.names),)
    assert box.dtype == np.float32
    lowest = dict(zip(environment.layout.names, box.low, strict=True))
    assert {lowest[name] for name in lowest if name.endswith("_x")} == {np.float32(0.25)}


@pytest.mark.parametrize("task", ["block-insertion", "block-insertion-continuous"])
@pytest.mark.parametrize("rotation", ["yaw", "quaternion"])
def test_the_oracle_solves_by_vectors_what_it_solves(make: Make, task: str, rotation: Any) -> None:
    environment = FlatAction(make(task), rotation)
    environment.reset(seed=0)
    total = 0.0
    for _ in range(30):
        vector = environment.layout.flatten(environment.get_wrapper_attr("oracle_action")())
        assert environment.action_space.contains(vector)
        _, reward, terminated, truncated, info = environment.step(vector)
        assert not info["motion"]["clipped"]
        total += float(reward)
        if terminated or truncated:
            break
    assert total > 0.99


@pytest.mark.parametrize("task", ["block-insertion", "manipulating-rope", "block-insertion-six-dof", "sweeping-piles"])
@pytest.mark.parametrize("form", ["", "-continuous"])
@pytest.mark.parametrize("rotation", ["yaw", "quaternion"])
def test_what_is_done_when_nothing_is_to_be_done_is_a_vector_too(
    make: Make, task: str, form: str, rotation: Any
) -> None:
    """Vectors of environments ask for an action of those that have finished, or whose oracle has given up."""
    environment = FlatAction(make(task + form), rotation)
    _, before = environment.reset(seed=0)
    rest = environment.layout.flatten(environment.unwrapped._simulation.control.rest())
    assert environment.action_space.contains(rest)
    _, reward, terminated, _, info = environment.step(rest)
    assert (reward, terminated) == (0.0, False)
    assert not info["motion"]["grasped"] and not info["motion"]["clipped"]
    for name, pose in before["privileged"]["poses"].items():
        np.testing.assert_allclose(info["privileged"]["poses"][name][:3], pose[:3], atol=5e-4)  # They settle on.


@given(
    position=st.tuples(st.floats(0.25, 0.75), st.floats(-0.5, 0.5), st.floats(0.0, 0.28)),
    yaw=st.floats(-3.14, 3.14),
    gripper=st.integers(0, 1),
    rotation=st.sampled_from(["yaw", "quaternion"]),
)
def test_an_action_comes_back(position: Any, yaw: float, gripper: int, rotation: Any) -> None:
    layout = ActionLayout(WAYPOINT, rotation)
    pose = Pose.planar(*position, yaw).vector()
    back = layout.unflatten(layout.flatten({"pose": pose, "gripper": gripper}))
    assert back["gripper"] == gripper
    np.testing.assert_allclose(back["pose"][:3], pose[:3], atol=1e-6)
    assert abs(np.dot(back["pose"][3:], pose[3:])) > 1 - 1e-6


def test_what_gives_no_array_is_refused_with_the_way_out() -> None:
    class Tensor:
        def __array__(self, *_: Any, **__: Any) -> Any:
            raise RuntimeError("Use tensor.detach().numpy() instead.")

    for decode in (
        ActionLayout(WAYPOINT).unflatten,
        lambda given: VectorActions(WAYPOINT, "delta").decode(given, TILTED),
    ):
        with pytest.raises(InvalidActionError, match=r"got Tensor.*detach"):
            decode(Tensor())


def test_only_quaternions_tell_of_a_tilt() -> None:
    with pytest.raises(InvalidActionError, match="rotation='quaternion'"):
        ActionLayout(WAYPOINT).flatten({"pose": TILTED, "gripper": 0})
    layout = ActionLayout(WAYPOINT, "quaternion")
    back = layout.unflatten(layout.flatten({"pose": TILTED, "gripper": 0}))["pose"]
    assert Pose.from_vector(back).roll_pitch == pytest.approx(Pose.from_vector(TILTED).roll_pitch, abs=1e-6)


@pytest.mark.parametrize("rotation", ["yaw", "quaternion"])
def test_what_a_learner_gives_first_is_an_action(make: Make, rotation: Any) -> None:
    environment = FlatAction(make("block-insertion"), rotation)
    environment.reset(seed=0)
    zeros = np.zeros(len(environment.layout.names), dtype=np.float32)
    assert environment.step(zeros)[4]["motion"]["outcome"] != "unreachable"
    for bad in (zeros[1:], np.full_like(zeros, np.nan), "pick", None, [[]]):
        with pytest.raises(InvalidActionError):
            environment.step(bad)  # type: ignore[arg-type]


def test_a_rescaled_action_covers_the_workspace(make: Make) -> None:
    environment = RescaleAction(FlatAction(make("block-insertion")), np.float32(-1.0), np.float32(1.0))
    environment.reset(seed=0)
    info = environment.step(np.ones(10, dtype=np.float32))[4]
    np.testing.assert_allclose(info["action"]["place"][:3], [0.75, 0.5, 0.28], atol=1e-6)
    assert not info["motion"]["clipped"]


def test_every_key_is_an_image_or_a_vector(make: Make) -> None:
    observe = ["images", "state", "proprioception", "goal", "instruction"]
    inner = make("block-insertion", observe=observe, image_size=(12, 16))
    environment = PlainObservation(inner)
    observation, _ = environment.reset(seed=0)
    assert environment.observation_space.contains(observation)
    shapes = {key: (value.shape, str(value.dtype)) for key, value in observation.items()}
    for view in ("color_0", "color_2", "goal_color_1"):
        assert shapes[view] == ((12, 16, 3), "uint8")
    assert shapes["depth_1"] == shapes["goal_depth_2"] == ((12, 16, 1), "uint8")
    assert shapes["camera_poses"] == ((48,), "float32")
    assert shapes["instruction_bytes"] == ((512,), "uint8")
    assert "instruction" not in shapes and "color" not in shapes
    first, _ = inner.reset(seed=0)
    np.testing.assert_array_equal(observation["color_1"], first["color"][1])
    metres = 0.3 + observation["depth_1"][..., 0] * (1.3 / 255)
    near = first["depth"][1] < 1.6
    np.testing.assert_allclose(metres[near], np.maximum(first["depth"][1], 0.3)[near], atol=0.003)


def test_what_has_no_plain_form_is_refused_by_name(make: Make) -> None:
    with pytest.raises(ConfigError, match="'segmentation' is neither"):
        PlainObservation(make("block-insertion", observe=["segmentation"]))
    with pytest.raises(ConfigError, match="depth_range"):
        PlainObservation(make("block-insertion"), (1.0, 0.5))
    with pytest.raises(ConfigError, match="rotation must be yaw or quaternion"):
        FlatAction(make("block-insertion"), "euler")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="Dict space"):
        FlatAction(FlatAction(make("block-insertion")))
    with pytest.raises(ConfigError, match="The space of 'torque'"):
        _ = ActionLayout(gymnasium.spaces.Dict({"torque": gymnasium.spaces.Discrete(3)})).names


def test_the_wrapped_environment_can_be_made_again_from_its_spec(make: Make) -> None:
    environment = PlainObservation(FlatAction(make("block-insertion"), "quaternion"), (0.4, 1.2))
    assert environment.spec is not None
    again = gymnasium.make(type(environment.spec).from_json(environment.spec.to_json()))
    assert again.action_space == environment.action_space
    assert again.observation_space == environment.observation_space
    assert json.loads(environment.spec.to_json())["additional_wrappers"]
    again.close()
