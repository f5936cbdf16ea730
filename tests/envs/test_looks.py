"""What an environment draws, and that drawing changes nothing else."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import av
import gymnasium
import numpy as np
import pytest

from ravens_suite.core.projection import project
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConfigError, ConflictError, OracleGaveUpError, UnknownNameError
from ravens_suite.report.film import FilmEpisodes
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.environments import make_environment


def demonstration(task: str, steps: int, **arguments: Any) -> list[np.ndarray[Any, Any]]:
    """Actions of the oracle and poses of all bodies, step by step."""
    environment: gymnasium.Env[Any, Any] = make_environment(task, "train", arguments)
    _, info = environment.reset(seed=3)
    seen = [*info["privileged"]["poses"].values()]
    for _ in range(steps):
        try:
            action = environment.get_wrapper_attr("oracle_action")()
        except OracleGaveUpError:
            break
        *_, terminated, truncated, info = environment.step(action)
        seen += [*action.values(), *info["privileged"]["poses"].values()]
        if terminated or truncated:
            break
    environment.close()
    return seen


@pytest.mark.parametrize(
    "task",
    ["place-red-in-green", "stack-block-pyramid", "assembling-kits", "packing-boxes", "manipulating-rope"],
)
def test_demonstrations_do_not_depend_on_the_renderer(task: str) -> None:
    drawn = demonstration(task, 2, renderer="tiny", image_size=[6, 8])
    blind = demonstration(task, 2, observe=["state"])
    assert len(drawn) == len(blind) > 8
    for one, other in zip(drawn, blind, strict=True):
        np.testing.assert_array_equal(one, other)


# -------------------------------------------------------------------------- cameras

OWN = [
    {"name": "top", "position": [0.5, 0, 1], "look_at": [0.5, 0, 0], "fx": 22, "fy": 20, "cx": 14, "cy": 13},
    {"position": [1.0, 0.1, 0.75], "look_at": [0.25, 0, 0]},
]


def made(**arguments: Any) -> gymnasium.Env[Any, Any]:
    return make_environment("place-red-in-green", "train", {"renderer": "tiny", "image_size": [24, 32], **arguments})


def test_an_environment_takes_cameras_by_pose_and_intrinsics() -> None:
    environment = made(cameras=OWN, observe=["images", "segmentation"])
    observation, info = environment.reset(seed=0)
    assert environment.observation_space.contains(observation)
    assert observation["color"].shape == (2, 24, 32, 3)
    np.testing.assert_array_equal(observation["camera_intrinsics"][0], [[22, 0, 14], [0, 20, 13], [0, 0, 1]])
    intrinsics, pose = observation["camera_intrinsics"][0], observation["camera_poses"][0]
    seen = 0
    for name, label in info["privileged"]["labels"].items():
        rows, columns = np.nonzero(observation["segmentation"][0] == label)
        if name in info["privileged"]["poses"] and len(rows):
            (u, v), _ = project(info["privileged"]["poses"][name][:3], intrinsics, pose)
            assert abs(columns.mean() + 0.5 - u) < 1 and abs(rows.mean() + 0.5 - v) < 1
            seen += 1
    assert seen >= 2
    again = made(cameras=info["cameras"], observe=["images"])
    np.testing.assert_array_equal(again.reset(seed=0)[0]["depth"], observation["depth"])
    again.close()
    environment.close()


def test_own_cameras_may_vary_and_have_no_place_to_be_lost() -> None:
    environment = made(cameras=OWN, randomize=["camera"])
    poses = [environment.reset(seed=seed)[0]["camera_poses"] for seed in (0, 1, 0)]
    assert not np.array_equal(poses[0], poses[1])
    np.testing.assert_array_equal(poses[0], poses[2])
    environment.close()
    outside = made(cameras=[{"position": [0.5, 0, 1], "look_at": [0.5, 0, 0], "cx": -20, "cy": -10}])
    assert outside.observation_space.contains(outside.reset(seed=0)[0])
    outside.close()


def test_episodes_say_with_which_cameras_they_were_made(tmp_path: Path) -> None:
    arguments = {"cameras": OWN, "image_size": [24, 32], "renderer": "tiny"}
    for _ in range(2):  # The second run finds the same arguments.
        collect("place-red-in-green", episodes=1, data=tmp_path, arguments=arguments)
    store = EpisodeStore.of(tmp_path, "place-red-in-green", "train")
    episode = store.read(store.seeds()[0])
    assert [camera.name for camera in episode.cameras] == ["top", "camera_1"]
    top = episode.cameras[0]
    assert (top.fx, top.fy, top.cx, top.cy) == (22, 20, 14, 13)
    assert store.manifest()["arguments"]["cameras"] == OWN
    with pytest.raises(ConflictError):
        collect("place-red-in-green", episodes=1, data=tmp_path, arguments={**arguments, "cameras": OWN[:1]})


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"cameras": []}, "at least one"),
        ({"cameras": [{"position": [300, 0, 1], "look_at": [0, 0, 0]}]}, "100 m"),
        ({"cameras": [{"position": [0.5, 0, 1], "look_at": [0.5, 0, 0], "fx": 0}]}, "focal lengths"),
        ({"image_size": [10**12, 10**12]}, "at most 16777216 pixels"),
        ({"render_size": [10**12, 3]}, "at most 16777216 pixels"),
        ({"render_mode": "rgb_array_list", "render_fps": 7}, "does not divide"),
        ({"render_mode": "rgb_array", "render_fps": 0}, "render_fps"),
        ({"render_camera": {"position": [0, 0, 1]}}, "position and look_at"),
    ],
)
def test_cameras_and_views_that_cannot_be_are_refused(arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        made(**arguments)
    with pytest.raises(UnknownNameError, match="'front'"):
        made(render_camera="frnt")


# --------------------------------------------------------------------------- render


def test_the_view_of_render_is_chosen() -> None:
    environment = made(cameras=OWN, render_mode="rgb_array", render_camera="top", render_size=[24, 32], render_fps=5)
    observation, _ = environment.reset(seed=0)
    np.testing.assert_array_equal(environment.render(), observation["color"][0])
    assert environment.metadata["render_fps"] == 5
    environment.close()
    above = {"position": [0.5, 0, 1.2], "look_at": [0.5, 0, 0]}
    environment = made(render_mode="rgb_array", render_camera=above, render_size=[30, 20])
    environment.reset(seed=0)
    assert environment.render().shape == (30, 20, 3)  # type: ignore[union-attr]
    environment.close()


@pytest.mark.parametrize(("task", "fps"), [("block-insertion", 2), ("block-insertion-continuous", 10)])
def test_a_film_of_actions_is_not_over_in_a_moment(task: str, fps: int) -> None:
    environment = make_environment(
        task, "train", {"observe": ["state"], "renderer": "tiny", "render_mode": "rgb_array"}
    )
    assert environment.metadata["render_fps"] == fps
    environment.close()


@pytest.mark.parametrize("fps", [30, 60])
def test_films_of_all_frames_have_the_rate_of_simulated_time(fps: int, tmp_path: Path) -> None:
    environment = FilmEpisodes(
        made(observe=["state"], render_mode="rgb_array_list", render_size=[24, 33], render_fps=fps), tmp_path
    )
    _, info = environment.reset(seed=0)
    steps = 0
    terminated = False
    while not terminated:
        *_, terminated, truncated, info = environment.step(environment.get_wrapper_attr("oracle_action")())
        terminated |= truncated
        steps += info["motion"]["steps"]
    environment.close()
    with av.open(io.BytesIO((tmp_path / "episode-0.mp4").read_bytes())) as film:
        stream = film.streams.video[0]
        assert stream.average_rate == fps
        assert (stream.height, stream.width) == (24, 32)
        count = sum(1 for _ in film.decode(stream))
    assert abs(count - fps // 2 - 1 - steps * fps / 480) <= 2
    assert [path.name for path in tmp_path.iterdir()] == ["episode-0.mp4"]


def test_a_specification_makes_a_filmed_environment_again(tmp_path: Path) -> None:
    filmed = FilmEpisodes(made(observe=["state"], render_mode="rgb_array", render_size=[24, 32]), tmp_path / "films")
    assert filmed.spec is not None
    again = gymnasium.make(filmed.spec)
    again.reset(seed=0)
    again.step(again.get_wrapper_attr("oracle_action")())
    again.close()
    filmed.close()
    assert [path.name for path in (tmp_path / "films").iterdir()] == ["episode-0.mp4"]


def test_films_that_are_there_stay(tmp_path: Path) -> None:
    """Those of an earlier script, and of another environment that films into the folder, were overwritten."""
    (tmp_path / "episode-7.mp4").write_bytes(b"of yesterday")
    (tmp_path / "episode-8.mp4.txt").write_text("no film")

    def filmed(name: str = "episode") -> FilmEpisodes:
        return FilmEpisodes(made(observe=["state"], render_mode="rgb_array", render_size=[24, 32]), tmp_path, name=name)

    one, other, named = filmed(), filmed(), filmed("[a].*")
    for environment in (one, other, one, named):
        environment.reset(seed=0)
        environment.step(environment.get_wrapper_attr("oracle_action")())
    for environment in (one, other, named):
        environment.close()
    films = sorted(path.name for path in tmp_path.glob("*.mp4"))
    assert films == ["[a].*-0.mp4", "episode-10.mp4", "episode-7.mp4", "episode-8.mp4", "episode-9.mp4"]
    assert (tmp_path / "episode-7.mp4").read_bytes() == b"of yesterday"
    assert len(list(tmp_path.iterdir())) == 6


def test_an_environment_without_frames_cannot_be_filmed(tmp_path: Path) -> None:
    environment = made()
    with pytest.raises(ConfigError, match="rgb_array_list"):
        FilmEpisodes(environment, tmp_path)
    environment.close()
