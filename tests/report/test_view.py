"""Looking at an episode."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest

import ravens_suite
from ravens_suite.cli.main import main
from ravens_suite.core.cameras import Camera, published_cameras
from ravens_suite.core.geometry import Pose
from ravens_suite.core.types import quantize_depth
from ravens_suite.data.episode import Episode, write_episode
from ravens_suite.envs.observations import camera_matrices
from ravens_suite.errors import ConfigError, DamagedDataError, MissingDataError
from ravens_suite.report.rerun_file import log_entries
from ravens_suite.report.view import contact_sheet, open_in_viewer, play, recorded_action, step_views, view_episode
from ravens_suite.rollout.environments import in_order, make_environment, pose_order
from ravens_suite.rollout.policies import OraclePolicy
from ravens_suite.rollout.replay import Decision, environment_of
from ravens_suite.rollout.rollout import roll_out, to_episode
from ravens_suite.sim.rendering.tiny import TinyRenderer
from ravens_suite.tasks.base import Task, Variants
from ravens_suite.tasks.primitives import PickPlace

_SIZE = (48, 64)


def _episode(actions: str = "poses") -> Episode:
    rng = np.random.default_rng(0)
    pose = np.array([[0.5, 0.0, 0.02, 0, 0, 0, 1.0], [0.4, 0.2, 0.02, 0, 0, 0, 1.0]])
    return Episode(
        task="block-insertion",
        split="train",
        seed=3,
        observations={
            "color": rng.integers(0, 255, (3, 3, *_SIZE, 3), dtype=np.uint8),
            "depth": quantize_depth(rng.uniform(0.5, 1.5, (3, 3, *_SIZE))),
            "instruction": np.array(["put it in"] * 3),
            **{key: np.stack([value] * 3) for key, value in camera_matrices(published_cameras(_SIZE)).items()},
        },
        actions={"pick": pose, "place": pose[::-1]} if actions == "poses" else {"pose": pose},
        rewards=np.array([0.0, 1.0]),
        poses={"block": np.zeros((3, 7))},
        cameras=published_cameras(_SIZE),
        success=True,
        metadata={"renderer": "tiny", "motion": [{"outcome": "done", "grasped": True, "steps": 7}] * 2},
    )


@pytest.fixture
def episode_file(tmp_path: Path) -> Path:
    path = tmp_path / "000003.safetensors"
    write_episode(path, _episode())
    return path


def test_a_page_shows_every_step_and_the_end(episode_file: Path) -> None:
    page = view_episode(episode_file)
    text = page.read_text(encoding="utf-8")
    assert page == episode_file.with_suffix(".html")
    assert [title in text for title in ("Step 1 of 2", "Step 2 of 2", "<h2>End</h2>")] == [True] * 3
    assert text.count('<img src="data:image/webp') == 3 * 5
    assert "http" not in text


def test_a_contact_sheet_has_a_row_an_observation(episode_file: Path) -> None:
    path = view_episode(episode_file, episode_file.with_name("sheet.png"), depth=True)
    sheet = contact_sheet(step_views(_episode(), depth=True))
    assert np.array_equal(cv2.imread(str(path))[..., ::-1], sheet)
    assert sheet.shape[1] == 8 * 406


@pytest.mark.parametrize("cameras", [(), published_cameras(_SIZE)[:1]], ids=["none", "fewer"])
def test_images_of_cameras_that_nobody_described_are_shown(cameras: tuple[Camera, ...], tmp_path: Path) -> None:
    """As own data have them."""
    episode = _episode()
    goal = {f"goal_{key}": episode.observations[key] for key in ("color", "depth")}
    own = replace(episode, cameras=cameras, observations={**episode.observations, **goal})
    shown = [name for name, _ in step_views(own, depth=True)[0].pictures]
    assert shown[:3] == ["camera_0", "camera_1", "camera_2"]
    assert {"from above", "camera_1, depth", "camera_2, goal"} <= set(shown)
    write_episode(tmp_path / "own.safetensors", own)
    assert view_episode(tmp_path / "own.safetensors", depth=True).exists()


def test_other_actions_than_poses_are_shown_as_numbers() -> None:
    first, *_ = step_views(_episode("waypoints"))
    assert any(fact.startswith("pose (0.500, 0.000") for fact in first.facts)
    assert "instruction: put it in" in first.facts


def test_an_episode_without_images_is_shown_by_its_numbers() -> None:
    blind = replace(_episode(), observations={"state": np.zeros((3, 22))})
    first, *_ = step_views(blind)
    assert any(fact.startswith("pick (0.500, 0.000") for fact in first.facts)
    assert [name for name, _ in first.pictures] == ["nothing was drawn"]


def test_what_cannot_be_shown_says_why(episode_file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gif"):
        view_episode(episode_file, tmp_path / "a.gif")
    with pytest.raises(MissingDataError, match=r"000003\.safetensors"):
        view_episode(tmp_path)
    with pytest.raises(MissingDataError, match=f"another one there is {re.escape(str(episode_file))}"):
        view_episode(episode_file.with_name("000004.safetensors"))
    with pytest.raises(MissingDataError, match="or run one with --seed"):
        view_episode(tmp_path / "none" / "oracle")
    episode_file.write_bytes(episode_file.read_bytes()[:-9])
    with pytest.raises(DamagedDataError, match="000003"):
        view_episode(episode_file)


def test_without_a_display_no_browser_is_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("webbrowser.open", lambda url: pytest.fail(f"opened {url}"))
    assert not open_in_viewer(tmp_path / "a.html")


def test_the_command_prints_the_path(episode_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", str(episode_file)]) == 0
    assert capsys.readouterr().out.strip() == str(episode_file.with_suffix(".html"))


def test_the_viewer_of_recordings_listens_on_this_machine_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("subprocess.Popen", lambda command, **named: started.append(command))
    assert open_in_viewer(tmp_path / "a.rrd")
    ((*_, option, address, path),) = started
    assert (option, address, path) == ("--bind", "127.0.0.1", str(tmp_path / "a.rrd"))


def test_a_film_draws_its_own_frames_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every observation was drawn by all cameras, and an oracle episode was run and drawn for the goal."""
    drawn: list[tuple[tuple[int, int], ...]] = []
    draw = TinyRenderer.render

    def render(self: Any, scene: Any, cameras: Any, **options: Any) -> Any:
        drawn.append(tuple(camera.image_size for camera in cameras))
        return draw(self, scene, cameras, **options)

    arguments = {"observe": ["images", "goal"], "renderer": "tiny", "image_size": [12, 16]}
    with closing(make_environment("block-insertion", "train", arguments)) as environment:
        episode = to_episode(roll_out(environment, OraclePolicy(environment), 0), "block-insertion", "train", arguments)
    small = {"render_size": [24, 32], "render_fps": 10}
    monkeypatch.setattr(
        "ravens_suite.report.view.environment_of", lambda of, **changed: environment_of(of, **changed, **small)
    )
    monkeypatch.setattr(TinyRenderer, "render", render)
    assert play(episode).score == 100
    assert len(drawn) > 5 and set(drawn) == {((24, 32),)}


class Bent(PickPlace):
    """Goes from the touch to the end by a bend; names of recorded poses are sorted, and these are not."""

    poses: ClassVar[tuple[str, ...]] = ("touch", "end", "bend")

    def __init__(self, poses: tuple[str, ...] = poses) -> None:
        object.__setattr__(self, "poses", poses)


class OrderOfItsOwn(Task):
    """Its ``__init__`` makes the primitive, by an option."""

    max_steps = 2
    variants: ClassVar[Variants] = {"last": {"bend": "last"}}

    def __init__(self, split: Any = "train", bend: str = "between") -> None:
        super().__init__(split)
        poses = ("touch", "end", "bend") if bend == "last" else ("touch", "bend", "end")
        self.primitive = Bent(poses)  # type: ignore[misc]

    def build(self, scene: Any, rng: Any) -> Any:
        """Nothing is built here."""


@pytest.mark.usefixtures("registrations")
@pytest.mark.parametrize(
    ("task", "arguments", "order"),
    [
        ("own-order", {}, ["touch", "bend", "end"]),
        ("own-order", {"bend": "last", "observe": ["state"]}, ["touch", "end", "bend"]),
        ("own-order-last", {}, ["touch", "end", "bend"]),
        ("own-order", {"gone": 1}, ["touch", "bend", "end"]),
        ("of-others", "no arguments", ["bend", "end", "touch"]),
    ],
)
def test_poses_come_in_the_order_of_a_primitive_that_its_init_sets(task: str, arguments: Any, order: list[str]) -> None:
    """They came in that of the class, which has another one or none."""
    ravens_suite.register_task("own-order", OrderOfItsOwn)
    poses = {name: np.array([Pose((0.5, 0.0, 0.01 * at)).vector()] * 2) for at, name in enumerate(sorted(order))}
    episode = replace(_episode(), task=task, actions=poses, metadata={"arguments": arguments})
    assert list(recorded_action(episode, 0)) == order
    lines = [entry for entry in log_entries(episode) if entry.path == "world/action/path"]
    heights = [poses[name][0, 2] for name in order]
    drawn = np.array(lines[0].values["strips"])
    np.testing.assert_allclose([drawn[0, 0, 2], *drawn[:, 1, 2]], heights)


@pytest.mark.usefixtures("registrations")
def test_so_do_those_of_what_an_agent_would_do() -> None:
    ravens_suite.register_task("own-order", OrderOfItsOwn)
    order = pose_order("own-order", {"bend": "last"})
    action = in_order(dict.fromkeys(("bend", "end", "gripper", "touch"), Pose().vector()), order)
    assert list(action) == ["touch", "end", "bend", "gripper"]
    maps = {"color": np.zeros((320, 160, 3), np.uint8), "height": np.zeros((320, 160), np.float32)}
    entries = log_entries(_episode(), [Decision(maps, {name: action[name] for name in order})])
    drawn = [entry.path for entry in entries if entry.path.startswith("world/agent/") and entry.path.count("/") == 2]
    assert drawn[:3] == [f"world/agent/{name}" for name in order]
