"""Environments as LeRobot's evaluation reads them; LeRobot itself is not needed."""

from __future__ import annotations

import ast
import json
import runpy
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from ravens_suite.envs.simulation import Simulation
from ravens_suite.errors import ConfigError, InvalidActionError, OracleGaveUpError, ResetNeededError
from ravens_suite.interop.lerobot import export_lerobot
from ravens_suite.interop.lerobot_options import LeRobotOptions
from ravens_suite.interop.lerobot_view import LeRobotView
from ravens_suite.interop.vectors import VectorActions, VectorState
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.environments import make_environment

_PLUGIN = Path(__file__).parents[2] / "lerobot_env_ravens_suite"
TASK = "block-insertion"
SMALL: dict[str, Any] = {"render_size": (24, 32)}
CASES = [("block-insertion", "yaw", False), ("block-insertion-continuous", "delta", True)]
SHOWN = [(*CASES[0], False), (*CASES[1], False), ("place-red-in-green", "yaw", False, True)]


@pytest.fixture
def views() -> Iterator[list[LeRobotView]]:
    made: list[LeRobotView] = []
    yield made
    for view in made:
        view.close()


@pytest.mark.filterwarnings("ignore")  # It recommends other bounds of actions.
def test_gymnasiums_checker_finds_nothing_to_complain_of(views: list[LeRobotView]) -> None:
    views.append(LeRobotView(TASK, **SMALL))
    check_env(views[0], skip_render_check=True)


@pytest.mark.parametrize(("task", "layout", "proprioception"), CASES)
def test_the_oracle_scores_everything_through_the_view(
    task: str, layout: Any, proprioception: bool, views: list[LeRobotView]
) -> None:
    view = LeRobotView(task, actions=layout, proprioception=proprioception, **SMALL)
    views.append(view)
    observation, info = view.reset(seed=3, options={"lerobot_new_rollout": True})
    assert info["is_success"] is False
    assert view.task_description
    total, over, steps = 0.0, False, 0
    while not over:
        assert view.observation_space.contains(observation)
        action = view.oracle_action()
        assert view.action_space.contains(action)
        observation, reward, terminated, truncated, info = view.step(action)
        total, over, steps = total + reward, terminated or truncated, steps + 1
    assert info["is_success"] is True
    assert total == pytest.approx(1.0)
    assert steps <= view._max_episode_steps
    assert view.render().shape == (24, 32, 3)


@pytest.mark.parametrize(("task", "layout", "proprioception", "goal"), SHOWN)
def test_a_view_shows_what_the_data_set_holds(
    task: str, layout: Any, proprioception: bool, goal: bool, views: list[LeRobotView], tmp_path: Path
) -> None:
    """Else a policy that was trained on the one fails in the other, and nothing says why."""
    cv2, parquet = pytest.importorskip("cv2"), pytest.importorskip("pyarrow.parquet")
    observe = ["images", "instruction", *(["proprioception"] if proprioception else []), *(["goal"] if goal else [])]
    collect(task, episodes=1, data=tmp_path / "data", arguments={"image_size": [24, 32], "observe": observe})
    options = LeRobotOptions(image_size=(16, 16), actions=layout)
    (done,) = export_lerobot(tmp_path / "data", tmp_path / "out", options)
    info = json.loads((done.folder / "meta" / "info.json").read_text())
    (path,) = done.folder.glob("data/*/*")
    rows = parquet.read_table(path).to_pylist()
    (seed,) = json.loads((done.folder / "ravens_suite" / "export.json").read_text())["tasks"][task]["seeds"]
    view = LeRobotView(
        task,
        "train",
        actions=layout,
        proprioception=proprioception,
        goal=goal,
        image_size=(16, 16),
        render_size=(24, 32),
    )
    views.append(view)
    assert info["fps"] == view.metadata["render_fps"]
    assert info["features"]["action"]["shape"] == list(view.action_space.shape or ())
    observation, _ = view.reset(seed=seed)
    assert len(observation["pixels"]) == (6 if goal else 3)
    assert view.observation_space.contains(observation)
    for row in rows:
        assert np.allclose(observation["agent_pos"], row["observation.state"], atol=1e-6)
        for name, image in observation["pixels"].items():
            blob = np.frombuffer(row[f"observation.images.{name}"]["bytes"], np.uint8)
            assert np.array_equal(cv2.imdecode(blob, cv2.IMREAD_COLOR)[..., ::-1], image)
        observation, *_ = view.step(np.array(row["action"], np.float32))


@pytest.mark.parametrize("layout", ["yaw", "quaternion", "delta"])
def test_states_of_actions_that_are_repeated_are_those_of_the_data(layout: Any) -> None:
    """Of the two quaternions of a turn the oracle gives either; what is decoded gives one of its own choice."""
    data, acting = (make_environment(f"{TASK}-continuous", "train", {"observe": ["proprioception"]}) for _ in range(2))
    space: Any = data.action_space
    actions = VectorActions(space, layout)
    state = VectorState(("tip_pose", "gripper_state"), actions)
    (shown, _), (seen, _) = (environment.reset(seed=1) for environment in (data, acting))
    signs, over = set(), False
    while not over:
        action = data.get_wrapper_attr("oracle_action")()
        vector = actions.encode(action, shown["tip_pose"])
        shown, _, terminated, truncated, _ = data.step(action)
        seen, *_ = acting.step(actions.decode(vector, seen["tip_pose"]))
        np.testing.assert_allclose(state.of(seen, None), state.of(shown, None), atol=1e-6)
        signs.add(bool(shown["tip_pose"][6] < 0))
        over = terminated or truncated
    assert signs == {False, True}, "the oracle gave both"
    data.close()
    acting.close()


@pytest.mark.parametrize(
    ("task", "layout", "given", "done"),
    [
        (
            "block-insertion",
            "yaw",
            [0.9, 0.1, 0.02, 0.3, 0.4, 0.5, 0.2, -1, 0, 0],
            [0.75, 0.1, 0.02, 0.6, 0.8, 0.5, 0.2, 0, 0, 1],
        ),
        ("block-insertion-continuous", "yaw", [0.8, 0.5, -0.7, 0.3, 0.0, -0.5], [1, 0.5, -0.5, 0.3, 0, -1]),
        (
            "block-insertion-continuous",
            "quaternion",
            [0.2, 0.5, 0.0, 0.3, 0.0, 0.0, 0.6, 0.8],
            [0, 0.5, 0, 0.3, 0, 0, 0.6, 0.8],
        ),
        (
            "block-insertion-continuous",
            "quaternion",
            [0.2, 0.5, 0.0, 0.3, 0.0, 0.0, 1.2, 1.6],
            [0, 0.5, 0, 0.3, 0, 0, 0.6, 0.8],
        ),
    ],
)
def test_the_last_action_is_the_one_that_was_carried_out_as_in_a_data_set(
    task: str, layout: Any, given: list[float], done: list[float], views: list[LeRobotView]
) -> None:
    """A network gives no turn of length 1 and no gripper of 0 or 1, and has seen no others."""
    view = LeRobotView(task, actions=layout, **SMALL)
    views.append(view)
    view.reset(seed=3)
    observation, *_ = view.step(given)
    np.testing.assert_allclose(observation["agent_pos"], done, atol=1e-6)


@pytest.mark.parametrize(("task", "layout", "proprioception"), CASES)
def test_the_oracle_can_be_asked_when_the_episode_is_over(
    task: str, layout: Any, proprioception: bool, views: list[LeRobotView]
) -> None:
    """As a vector does of those that ended before the others."""
    view = LeRobotView(task, actions=layout, proprioception=proprioception, **SMALL)
    views.append(view)
    view.reset(seed=3)
    over = False
    while not over:
        action = view.oracle_action()
        _, _, terminated, truncated, _ = view.step(action)
        over = terminated or truncated
    np.testing.assert_array_equal(view.oracle_action(), action)
    view.reset(seed=4)
    assert not np.array_equal(view.oracle_action(), action)


@pytest.mark.parametrize(("task", "layout", "proprioception"), CASES)
def test_where_the_oracle_gives_up_it_can_rest(
    task: str, layout: Any, proprioception: bool, views: list[LeRobotView], monkeypatch: pytest.MonkeyPatch
) -> None:
    view = LeRobotView(task, actions=layout, proprioception=proprioception, **SMALL)
    views.append(view)
    view.reset(seed=3)

    def gives_up(*_: Any) -> None:
        raise OracleGaveUpError("There is nothing left.")

    monkeypatch.setattr(Simulation, "oracle_action", gives_up)
    with pytest.raises(OracleGaveUpError):
        view.oracle_action()
    _, reward, terminated, _, info = view.step(view.oracle_action(or_rest=True))
    assert (reward, terminated, info["progress"]) == (0.0, False, 0.0)


def test_nothing_is_made_before_the_first_reset(views: list[LeRobotView], monkeypatch: pytest.MonkeyPatch) -> None:
    """LeRobot makes one to read its spaces, and forks its workers."""
    made: list[Any] = []
    make = gymnasium.make

    def noted(*args: Any, **kwargs: Any) -> Any:
        environment = make(*args, **kwargs)
        made.append(environment.unwrapped)
        return environment

    monkeypatch.setattr(gymnasium, "make", noted)
    view = LeRobotView("block-insertion", **SMALL)
    views.append(view)
    assert [(one.renderer_name, one.closed) for one in made] == [("none", True)]
    with pytest.raises(ResetNeededError):
        view.step(np.zeros(10))
    view.reset(seed=0)
    assert len(made) == 2
    for none in (np.zeros(3), "pick", [[0.0], [0.0, 1.0]]):
        with pytest.raises(InvalidActionError):
            view.step(none)


def test_options_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="TASK-continuous"):
        LeRobotView("block-insertion", actions="delta", proprioception=True)


def test_a_vector_of_views_tells_the_success_of_episodes_that_ended() -> None:
    mode = gymnasium.vector.AutoresetMode.SAME_STEP
    vector = gymnasium.vector.SyncVectorEnv([lambda: LeRobotView("block-insertion", **SMALL)] * 2, autoreset_mode=mode)
    try:
        vector.reset(seed=[1, 2])
        assert vector.call("_max_episode_steps")[0] == 3
        assert all(vector.call("task_description"))
        actions: Any = np.stack([np.asarray(action) for action in vector.call("oracle_action")])
        *_, info = vector.step(actions)
        assert info["final_info"]["is_success"].tolist() == [True, True]
    finally:
        vector.close()


def test_lerobot_finds_the_plug_in_by_its_name() -> None:
    """It imports distributions whose name begins so, underscores included, by that name."""
    project = tomllib.loads((_PLUGIN / "pyproject.toml").read_text())
    assert project["project"]["name"] == "lerobot_env_ravens_suite"
    assert project["tool"]["setuptools"]["packages"] == ["lerobot_env_ravens_suite"]
    tree = ast.parse((_PLUGIN / "lerobot_env_ravens_suite" / "__init__.py").read_text())
    (config,) = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    assert "register_subclass('ravens_suite')" in ast.unparse(config)


def test_of_a_size_that_is_given_in_part_the_plug_in_fills_in_the_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """0 is 480 rows or 640 columns of what is drawn, and what is drawn of what the policy gets."""

    class EnvConfig:
        def __init__(self) -> None:
            self.features: dict[str, Any] = {}
            self.features_map: dict[str, Any] = {}

        @staticmethod
        def register_subclass(_: str) -> Any:
            return lambda config: config

    types = SimpleNamespace(FeatureType=MagicMock(), PolicyFeature=MagicMock())
    for name, module in {"configs.types": types, "envs.configs": SimpleNamespace(EnvConfig=EnvConfig)}.items():
        monkeypatch.setitem(sys.modules, f"lerobot.{name.partition('.')[0]}", MagicMock())
        monkeypatch.setitem(sys.modules, f"lerobot.{name}", module)
    monkeypatch.setitem(sys.modules, "lerobot", MagicMock())
    made = runpy.run_path(str(_PLUGIN / "lerobot_env_ravens_suite" / "__init__.py"))
    config = made["RavensSuiteEnv"].__new__(made["RavensSuiteEnv"])
    config.render_rows, config.image_columns = 240, 32
    assert config.gym_kwargs["render_size"] == (240, 640)
    assert config.gym_kwargs["image_size"] == (240, 32)


def test_cameras_are_called_as_in_a_set_whatever_their_names(tmp_path: Path, views: list[LeRobotView]) -> None:
    place = {"position": [0.5, 0, 1.2], "look_at": [0.5, 0, 0]}
    for names, called in (("top left", "side"), ["top-left", "side"]), (("a b", "a-b"), ["camera_0", "camera_1"]):
        cameras = {"cameras": [{"name": name, **place} for name in names]}
        view = LeRobotView("block-insertion", arguments=cameras, **SMALL)
        views.append(view)
        pixels = view.reset(seed=0)[0]["pixels"]
        assert list(pixels) == list(view.cameras) == called
        collected = {**cameras, "image_size": [24, 32], "observe": ["images", "instruction"]}
        collect("block-insertion", episodes=1, data=tmp_path / names[1], arguments=collected)
        (exported,) = export_lerobot(tmp_path / names[1], tmp_path / "out" / names[1])
        features = json.loads((exported.folder / "meta" / "info.json").read_text())["features"]
        assert {key for key in features if "images" in key} == {f"observation.images.{name}" for name in called}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"actions": "delta"}, "proprioception=True"),
        ({"arguments": {"observe": ["images"]}}, "leave observe out"),
        ({"image_size": (0, 10)}, "image_size must be"),
        ({"image_size": 24}, "image_size must be"),
        ({"render_size": 24}, "render_size must be"),
    ],
)
def test_a_view_that_could_not_be_acted_in_is_refused_at_once(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        LeRobotView("block-insertion-continuous", **{**SMALL, **options})


def test_an_oracle_that_tilts_the_tool_names_the_layout_for_it() -> None:
    """It named an argument of another class."""
    view = LeRobotView("block-insertion-six-dof", render_size=(24, 32))
    view.reset(seed=0)
    with pytest.raises(InvalidActionError, match=r"actions='quaternion'"):
        view.oracle_action()
    view.close()
