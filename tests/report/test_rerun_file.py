"""A recording for Rerun: what is logged, and what the library reads back."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ravens_suite.cli.main import main
from ravens_suite.core.cameras import published_cameras
from ravens_suite.core.geometry import Pose
from ravens_suite.core.projection import project
from ravens_suite.core.types import quantize_depth
from ravens_suite.data.episode import Episode, write_episode
from ravens_suite.envs.observations import camera_matrices
from ravens_suite.errors import ConfigError, OracleGaveUpError
from ravens_suite.report.rerun_file import MOST_POINTS, Entry, layout, log_entries, scene_points, write_rerun
from ravens_suite.rollout.policies import PolicySpec
from ravens_suite.rollout.replay import Decision, decisions_of

_SIZE = (48, 64)
_STEPS = 2


def _episode(**changed: Any) -> Episode:
    """Every camera looks at a wall 1 m before it."""
    pick = np.stack([Pose.planar(0.5, 0.0, 0.02, 0.3).vector(), Pose.planar(0.4, 0.2, 0.02, 0.0).vector()])
    cameras = published_cameras(_SIZE)
    rng = np.random.default_rng(0)
    episode = Episode(
        task="block-insertion",
        split="train",
        seed=3,
        observations={
            "color": rng.integers(0, 255, (3, 3, *_SIZE, 3), dtype=np.uint8),
            "depth": quantize_depth(np.ones((3, 3, *_SIZE))),
            "instruction": np.array(["put it in"] * 3),
            **{key: np.stack([value] * 3) for key, value in camera_matrices(cameras).items()},
        },
        actions={"place": pick[::-1], "pick": pick},
        rewards=np.array([0.25, 0.75]),
        poses={"block": np.tile(Pose.planar(0.5, 0, 0.02, 0).vector(), (3, 1)), "gone": np.full((3, 7), np.nan)},
        cameras=cameras,
        success=True,
        metadata={"motion": [{"outcome": "done", "grasped": True, "steps": 7}] * 2},
    )
    return replace(episode, **changed)


def _decision() -> Decision:
    maps = {"color": np.full((320, 160, 3), 90, np.uint8), "height": np.zeros((320, 160), np.float32)}
    heat = np.zeros((320, 160), np.float32)
    heat[100, 50] = 1.0
    pose = Pose.planar(0.6, 0.1, 0.02, 0).vector()
    return Decision({**maps, "pick": heat, "place": heat}, {"pick": pose, "place": pose})


def _at(entries: list[Entry], path: str, step: int | None) -> dict[str, Any]:
    (found,) = [entry for entry in entries if (entry.path, entry.step) == (path, step) and entry.kind != "Pinhole"]
    return dict(found.values)


def test_every_step_has_cameras_points_and_the_poses_of_its_action() -> None:
    entries = list(log_entries(_episode()))
    for step in range(_STEPS):
        for name in ("front", "left", "right"):
            kinds = {entry.kind for entry in entries if entry.path == f"world/cameras/{name}" and entry.step == step}
            assert kinds == {"Transform3D", "Pinhole"}
        assert len(_at(entries, "world/points", step)["positions"]) > 100
        for name in ("pick", "place"):
            axes = _at(entries, f"world/action/{name}/axes", step)
            pose = Pose.from_vector(_episode().actions[name][step])
            assert np.allclose(axes["origins"], [pose.position] * 3)
            assert np.allclose(axes["vectors"][0], 0.05 * np.array([np.cos(pose.yaw), np.sin(pose.yaw), 0]))
        (line,) = _at(entries, "world/action/path", step)["strips"]
        assert np.allclose(line, [_episode().actions[name][step][:3] for name in ("pick", "place")])
    assert "world/action" in {entry.path for entry in entries if entry.kind == "Clear" and entry.step == _STEPS}
    assert [_at(entries, "score", step)["scalars"] for step in range(3)] == [0.0, 25.0, 100.0]
    assert "put it in" in _at(entries, "notes", 0)["text"] and "done" in _at(entries, "notes", 0)["text"]
    assert _at(entries, "world/bodies", 0)["labels"] == ["block"]


def test_points_lie_where_their_pixels_see_them() -> None:
    episode = _episode()
    seen = {key: values[0] for key, values in episode.observations.items()}
    positions, colors = scene_points(seen)
    total = 0
    for color, matrix, pose in zip(seen["color"], seen["camera_intrinsics"], seen["camera_poses"], strict=True):
        pixels, depth = project(positions, matrix, pose)
        mine = np.isclose(depth, 1.0, atol=1e-5)
        inside = mine & (pixels >= 0).all(axis=1) & (pixels < _SIZE[::-1]).all(axis=1)
        column, row = np.floor(pixels[inside]).astype(int).T
        total += int((color[row, column] == colors[inside]).all(axis=1).sum())
    assert total >= len(positions)


def test_large_images_are_thinned() -> None:
    cameras = published_cameras((480, 640))
    seen = {
        "color": np.zeros((3, 480, 640, 3), np.uint8),
        "depth": np.full((3, 480, 640), 0.9, np.float32),
        **camera_matrices(cameras),
    }
    assert 1000 < len(scene_points(seen)[0]) <= 3 * MOST_POINTS


def test_what_was_not_observed_or_measured_is_left_out() -> None:
    episode = _episode()
    blind = replace(episode, observations={"state": np.zeros((3, 22))}, cameras=())
    paths = {entry.path for entry in log_entries(blind)}
    assert "world/points" not in paths and {"world/action/pick", "score", "notes"} <= paths
    own = {entry.path for entry in log_entries(replace(episode, cameras=()))}
    assert {"world/cameras/camera_0/color", "world/points"} <= own
    matrices = {key: episode.observations[key] for key in ("camera_poses", "camera_intrinsics")}
    assert "world/cameras/front" in {entry.path for entry in log_entries(replace(episode, observations=matrices))}
    dark = {**episode.observations, "depth": np.zeros_like(episode.observations["depth"])}
    assert len(_at(list(log_entries(_episode(observations=dark))), "world/points", 0)["positions"]) == 0


def test_way_points_are_shown_one_by_one() -> None:
    pose = np.tile(Pose.planar(0.5, 0, 0.1, 0).vector(), (2, 1))
    paths = {entry.path for entry in log_entries(_episode(actions={"pose": pose, "gripper": np.zeros(2)}))}
    assert "world/action/pose" in paths and "world/action/path" not in paths


def test_an_agents_heatmaps_and_choices_are_logged() -> None:
    entries = list(log_entries(_episode(), [_decision()] * _STEPS))
    for step in range(_STEPS):
        picture = _at(entries, "heatmaps/pick", step)["image"]
        assert picture.shape == (480, 960, 3) and picture.dtype == np.uint8
        # Turned and enlarged three times: x downwards, y across.
        assert picture[50 * 3 + 1, 100 * 3 + 1].max() > picture[10, 10].max()
        assert np.allclose(_at(entries, "world/agent/pick", step)["positions"], [[0.6, 0.1, 0.02]])
    assert "world/agent" in {entry.path for entry in entries if entry.kind == "Clear"}


class _Shy:
    """An agent that shows nothing of its decisions."""

    observation_keys = ("color", "tip_pose")
    interface = None

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def reads(self, interface: None) -> tuple[str, ...]:
        return self.observation_keys

    def reset(self, seed: int) -> None:
        self.asked.append(seed)

    def act(self, observation: dict[str, Any]) -> dict[str, Any]:
        assert type(observation["instruction"]) is str
        return {}

    def explain(self, observation: dict[str, Any]) -> dict[str, Any]:
        return {}


def test_who_has_no_heatmaps_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="only trained agents"):
        decisions_of(PolicySpec.parse("oracle"), _episode())
    monkeypatch.setattr(
        "ravens_suite.rollout.replay.load_agent", lambda name: SimpleNamespace(load=lambda folder: _Shy())
    )
    spec = PolicySpec("agent", "shy", "runs/shy")
    with pytest.raises(ConfigError, match=r"'tip_pose'.*--observe proprioception"):
        decisions_of(spec, _episode())
    seen = {**_episode().observations, "tip_pose": np.zeros((3, 7))}
    with pytest.raises(ConfigError, match="no heatmaps to show"):
        decisions_of(spec, _episode(observations=seen))


class _Content(_Shy):
    """An agent that has nothing left to do after its first action, where the recorded one goes on."""

    observation_keys = ("color",)

    def act(self, observation: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(None)
        if len(self.asked) > 2:
            raise OracleGaveUpError("All that is left is what it laid there itself.")
        return dict(_decision().action)

    def explain(self, observation: dict[str, Any]) -> dict[str, Any]:
        return dict(_decision().maps)


def test_an_agent_that_would_end_the_episode_sooner_is_shown_without_an_action(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "ravens_suite.rollout.replay.load_agent", lambda name: SimpleNamespace(load=lambda folder: _Content())
    )
    decisions = decisions_of(PolicySpec("agent", "content", "runs/content"), _episode())
    assert [bool(decision.action) for decision in decisions] == [True, False]
    entries = list(log_entries(_episode(), decisions))
    assert _at(entries, "heatmaps/pick", 1)["image"].any()
    agent = [(entry.path, entry.kind) for entry in entries if entry.path.startswith("world/agent") and entry.step == 1]
    assert agent == [("world/agent", "Clear")]


@pytest.fixture
def episode_file(tmp_path: Path) -> Path:
    path = tmp_path / "000003.safetensors"
    write_episode(path, _episode())
    return path


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--heatmaps", "runs/block"], "--heatmaps goes with --rerun"),
        (["--out", "a.rrd"], "give --rerun"),
        (["--rerun", "--out", "a.html"], "ends in .rrd"),
        (["--rerun", "--film"], "leave them out with --rerun"),
        (["--rerun"], 'pip install "ravens-suite[rerun]"'),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(
    episode_file: Path,
    options: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "rerun", None)  # As if it was not installed.
    assert main(["view", str(episode_file), *options]) == 1
    complaint = capsys.readouterr().err
    assert said in complaint and complaint.count("\n") == 1
    assert [path.name for path in episode_file.parent.iterdir()] == [episode_file.name]


def _rerun(*words: str) -> str:
    run = subprocess.run([sys.executable, "-m", "rerun", "rrd", *words], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout + run.stderr


def test_the_library_reads_back_what_was_written(episode_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("rerun")
    assert main(["view", str(episode_file), "--rerun"]) == 0
    path = episode_file.with_suffix(".rrd")
    assert capsys.readouterr().out.strip() == str(path)
    write_rerun(path, _episode(), [_decision()] * _STEPS)
    assert "without error" in _rerun("verify", str(path))
    # Older versions (0.24) put the path before the kind, too.
    printed = _rerun("print", str(path))
    found = set(re.findall(r" - /([\w/]+) - (?:data )?columns: \[(?:[\w/]+:)?([A-Z]\w+):", printed))
    logged = {(entry.path, entry.kind) for entry in log_entries(_episode(), [_decision()] * _STEPS)}
    assert found >= logged


def test_the_library_takes_every_kind_and_argument() -> None:
    rerun = pytest.importorskip("rerun")
    for entry in log_entries(_episode(), [_decision()] * _STEPS):
        getattr(rerun, entry.kind)(**entry.values)


class _Windows:
    """In the place of ``rerun.blueprint``: keeps what every window shows."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def __getattr__(self, kind: str) -> Any:
        def part(*parts: Any, origin: str = "", contents: Any = (), **named: Any) -> str:
            self.shown += [path.removeprefix("/") for path in contents or [origin] if path]
            return kind

        return part


@pytest.mark.parametrize("keys", [{"color", "depth"}, {"depth"}, set()])
@pytest.mark.parametrize("heatmaps", [False, True])
def test_every_window_shows_something_and_every_image_has_one(keys: set[str], heatmaps: bool) -> None:
    whole = _episode()
    kept = {key: value for key, value in whole.observations.items() if key in keys or key not in {"color", "depth"}}
    episode = replace(whole, observations=kept)
    if not keys:
        episode = replace(episode, observations={"instruction": kept["instruction"]})
    windows = _Windows()
    layout(windows, episode, heatmaps)
    logged = list(log_entries(episode, [_decision()] * _STEPS if heatmaps else ()))
    for path in windows.shown:
        assert any(entry.path == path or entry.path.startswith(f"{path}/") for entry in logged), path
    assert len(set(windows.shown)) == len(windows.shown)
    assert {entry.path for entry in logged if entry.kind in {"Image", "DepthImage"}} <= set(windows.shown)
