"""Episodes that were exported to LeRobot or Minari come back: the same bytes, or what changed images leave of them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_environment import TASK

from ravens_suite.core.cameras import Camera
from ravens_suite.core.geometry import Pose
from ravens_suite.core.projection import project
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConflictError, DamagedDataError, MissingDataError
from ravens_suite.interop.imports import import_episodes
from ravens_suite.interop.lerobot import export_lerobot
from ravens_suite.interop.lerobot_options import LeRobotOptions
from ravens_suite.interop.minari import export as export_minari
from ravens_suite.interop.resize import resized_camera, resized_observation
from ravens_suite.registry import load_agent
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.environments import make_environment
from ravens_suite.training.data import check_environment, read_task
from tests.interop.lerobot_sets import rows_of, write_poses, write_waypoints

pytest.importorskip("pyarrow.parquet")


@pytest.mark.parametrize("form", ["png", "video"])
def test_cameras_come_back_in_their_order(form: Any, tmp_path: Path) -> None:
    store = write_waypoints(tmp_path / "own", (2,))
    episode = store.read(0)
    names = ("wrist", "above", "left")
    cameras = tuple(replace(camera, name=name) for camera, name in zip(episode.cameras, names, strict=True))
    shades = np.array([40, 120, 200], np.uint8)[None, :, None, None, None]
    color = np.broadcast_to(shades, episode.observations["color"].shape).copy()
    store.write(replace(episode, cameras=cameras, observations={**episode.observations, "color": color}))
    export_lerobot(tmp_path / "own", tmp_path / "out", LeRobotOptions(images=form))
    (again,) = import_episodes(tmp_path / "out", "lerobot", tmp_path / "again")
    assert np.abs(EpisodeStore(again.folder).read(0).observations["color"].astype(int) - color).max() <= 4


def test_an_import_gives_the_same_bytes(tmp_path: Path) -> None:
    data = write_poses(tmp_path / "data")
    export_lerobot(data, tmp_path / "out")
    (done,) = import_episodes(tmp_path / "out", "lerobot", tmp_path / "again")
    assert done.exact
    assert done.folder == EpisodeStore.of(tmp_path / "again", TASK, "train").folder
    before, after = (
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (data, tmp_path / "again")
    )
    assert before == after
    assert import_episodes(tmp_path / "out", "lerobot", tmp_path / "again") == [done]


@pytest.mark.parametrize("form", ["lerobot", "minari"])
def test_other_episodes_of_the_same_seeds_are_not_taken_for_those_that_are_there(form: str, tmp_path: Path) -> None:
    """As those of two policies, which were collected in the same environment."""
    for policy in ("random", "explore"):
        arguments = {"image_size": [48, 64]}
        collect("block-insertion", episodes=1, data=tmp_path / policy, policy=policy, arguments=arguments)
        if form == "lerobot":
            export_lerobot(tmp_path / policy, tmp_path / f"{policy}-out")
        else:
            export_minari(tmp_path / policy, "minari", tmp_path / f"{policy}-out")
    (done,) = import_episodes(tmp_path / "random-out", form, tmp_path / "again")
    assert import_episodes(tmp_path / "random-out", form, tmp_path / "again") == [done]
    with pytest.raises(ConflictError, match="another episode than that of seed 0"):
        import_episodes(tmp_path / "explore-out", form, tmp_path / "again")


@pytest.mark.parametrize("form", ["lerobot", "minari"])
def test_what_a_killed_export_left_is_no_data_set(form: str, tmp_path: Path) -> None:
    data = write_poses(tmp_path / "data")
    if form == "lerobot":
        export_lerobot(data, tmp_path / "out")
    else:
        export_minari(data, "minari", tmp_path / "out")
    shutil.copytree(tmp_path / "out", tmp_path / "left")
    (tmp_path / "left").rename(tmp_path / "out" / ".unfinished-0123")
    assert len(import_episodes(tmp_path / "out", form, tmp_path / "again")) == 1


@pytest.mark.parametrize("form", ["lerobot", "minari"])
def test_exports_of_other_seeds_join_in_one_folder(form: str, tmp_path: Path) -> None:
    """Those of Minari come without a record."""
    whole = EpisodeStore.of(write_poses(tmp_path / "data"), TASK, "train")
    first, second = whole.attempts()[:2], whole.attempts()[2:]
    for name, attempts in (("a", first), ("b", second)):
        part = EpisodeStore.of(tmp_path / name, TASK, "train")
        manifest = whole.manifest()
        part.claim({k: v for k, v in manifest.items() if k not in _KEPT}, manifest["versions"])
        for attempt in attempts:
            if attempt.kept:
                part.write(whole.read(attempt.seed))
        part.record(attempts)
        part.finish()
        if name == "a" and form == "minari":
            export_minari(tmp_path / name, "minari", tmp_path / f"{name}-out")
            import_episodes(tmp_path / f"{name}-out", "minari", tmp_path / "again")
        else:
            export_lerobot(tmp_path / name, tmp_path / f"{name}-out")
            import_episodes(tmp_path / f"{name}-out", "lerobot", tmp_path / "again")
    joined = EpisodeStore.of(tmp_path / "again", TASK, "train")
    assert joined.manifest()["seeds"] == whole.seeds()
    assert joined.recorded() == (whole.recorded() if form == "lerobot" else [])


_KEPT = ("format", "versions", "seeds", "checksum", "definition", "earlier_definitions")
"""Keys of a manifest that the store writes itself."""


def test_episodes_without_an_action_and_own_data_come_back(tmp_path: Path) -> None:
    store = write_waypoints(tmp_path / "own", (2, 0, 1))
    (exported,) = export_lerobot(tmp_path / "own", tmp_path / "out", LeRobotOptions(depth=True, actions="delta"))
    assert exported.episodes == 2
    (done,) = import_episodes(tmp_path / "out", "lerobot", tmp_path / "again")
    assert EpisodeStore(done.folder).digest() == store.digest()


@pytest.mark.parametrize("kept", [[0], [1, 0], [0, 1, 1]], ids=["fewer", "another order", "more"])
def test_a_set_that_was_edited_is_not_imported(kept: list[int], tmp_path: Path) -> None:
    """Frames would come into other episodes than their own."""
    parquet = pytest.importorskip("pyarrow.parquet")
    write_waypoints(tmp_path / "own", (2, 1))
    (exported,) = export_lerobot(tmp_path / "own", tmp_path / "out", LeRobotOptions(actions="delta"))
    (path,) = (exported.folder / "meta" / "episodes").glob("*/*.parquet")
    parquet.write_table(parquet.read_table(path).take(kept), path)
    with pytest.raises(DamagedDataError, match=r"episodes .*than were exported.*export it again"):
        import_episodes(tmp_path / "out", "lerobot", tmp_path / "again")


def test_what_a_robot_calls_frame_comes_back(tmp_path: Path) -> None:
    store = write_waypoints(tmp_path / "own", (2, 1))
    for number, names in enumerate((("frame", "frame_"), ("frame__",))):
        own = store.read(number)
        frames = {name: np.arange(own.steps + 1) + 7 for name in names}
        store.write(replace(own, observations={**own.observations, **frames}))
    export_lerobot(tmp_path / "own", tmp_path / "out", LeRobotOptions(actions="delta"))
    (done,) = import_episodes(tmp_path / "out", "lerobot", tmp_path / "again")
    assert EpisodeStore(done.folder).digest() == store.digest()


def test_a_first_episode_that_was_over_before_an_action_hides_no_actions(tmp_path: Path) -> None:
    """A rollout without an action does not know their names."""
    store = write_waypoints(tmp_path / "own", (0, 2, 1))
    store.write(replace(store.read(0), actions={}))
    assert {*store.interface().action} == {"pose", "gripper"}
    assert store.interface().control == "waypoint"
    (exported,) = export_lerobot(tmp_path / "own", tmp_path / "out", LeRobotOptions(actions="delta"))
    assert (exported.episodes, exported.steps) == (2, 3)
    assert [len(row["action"]) for row in rows_of(exported.folder)] == [7, 7, 7]
    (done,) = import_episodes(tmp_path / "out", "lerobot", tmp_path / "again")
    assert EpisodeStore(done.folder).digest() == store.digest()


def test_steps_without_the_arrays_of_their_actions_are_refused(tmp_path: Path) -> None:
    """They ended the process."""
    store = write_waypoints(tmp_path / "own", (2,))
    store.write(replace(store.read(0), actions={}))
    with pytest.raises(MissingDataError, match="not what was done"):
        export_lerobot(tmp_path / "own", tmp_path / "out")


@pytest.mark.parametrize("actions", [{}, {"pick": np.tile([0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0], (2, 1))}])
def test_an_episode_with_other_actions_than_the_first_is_named(actions: dict[str, Any], tmp_path: Path) -> None:
    store = write_waypoints(tmp_path / "own", (1, 2))
    store.write(replace(store.read(1), actions=actions))
    with pytest.raises(ConflictError, match=r"actions of seed 1 .*export them alone"):
        export_lerobot(tmp_path / "own", tmp_path / "out")


def test_without_any_action_there_is_nothing_to_export(tmp_path: Path) -> None:
    store = write_waypoints(tmp_path / "own", (0,))
    store.write(replace(store.read(0), actions={}))
    with pytest.raises(MissingDataError, match="has an action: there is nothing to export"):
        export_lerobot(tmp_path / "own", tmp_path / "out")


@pytest.mark.parametrize("goal", [False, True])
def test_minari_comes_back(goal: bool, tmp_path: Path) -> None:
    """With what was seen of the goal scene, where that was observed."""
    pytest.importorskip("minari")
    pytest.importorskip("h5py")
    store = write_waypoints(tmp_path / "data", goal=goal)
    export_minari(tmp_path / "data", "minari", tmp_path / "out")
    (done,) = import_episodes(tmp_path / "out", "minari", tmp_path / "again")
    assert EpisodeStore(done.folder).digest() == store.digest()
    assert ("goal_color" in EpisodeStore(done.folder).read(0).observations) == goal


def test_smaller_images_keep_what_they_show(tmp_path: Path) -> None:
    camera = Camera("front", Pose((1.0, 0.0, 0.75)), (60, 80), 90.0)
    small = resized_camera(camera, (30, 20))
    point = np.array([[1.1, 0.2, 2.0]])
    pixel, other = (project(point, each.intrinsics, camera.pose.matrix())[0] for each in (camera, small))
    assert np.allclose(other, pixel * [20 / 80, 30 / 60])
    seen = {
        "color": np.zeros((1, 60, 80, 3), np.uint8),
        "depth": np.full((1, 60, 80), 0.7, np.float32),
        "camera_intrinsics": camera.intrinsics[None],
        "instruction": "go",
    }
    # Arrays of own data: a mask of the camera with one channel, and what no camera saw.
    seen = {"a_touch": np.ones((2, 5, 7), np.float32), **seen, "mask": np.ones((1, 60, 80, 1), np.uint8)}
    found = resized_observation(seen, (30, 20))
    assert found["color"].shape == (1, 30, 20, 3)
    assert found["mask"].shape == (1, 30, 20, 1)
    assert np.array_equal(found["a_touch"], seen["a_touch"])
    assert np.array_equal(found["depth"], np.full((1, 30, 20), np.float32(0.7)))
    assert np.allclose(found["camera_intrinsics"][0], small.intrinsics)
    store = write_waypoints(tmp_path / "own", (2,))
    export_lerobot(tmp_path / "own", tmp_path / "out", LeRobotOptions(image_size=(16, 16)))
    (done,) = import_episodes(tmp_path / "out", "lerobot", tmp_path / "again")
    episode = EpisodeStore(done.folder).read(0)
    assert not done.exact
    assert episode.observations["color"].shape == (3, 3, 16, 16, 3)
    assert episode.cameras[0].image_size == (16, 16)
    assert np.array_equal(episode.actions["pose"], store.read(0).actions["pose"])


@pytest.mark.parametrize(("form", "size"), [("video", None), ("png", (24, 32)), ("png", (24, 40))])
def test_what_is_learned_from_changed_images_is_tried_where_they_were_made(
    form: Any, size: Any, tmp_path: Path
) -> None:
    """Its environment has their size, and the options and cameras with which they were collected."""
    camera = {"name": "top", "position": [0.5, 0, 1.2], "look_at": [0.5, 0, 0], "fx": 60, "cx": 30}
    task, arguments = (
        "block-insertion-easy-continuous",
        {"observe": ["images", "proprioception"], "image_size": [48, 64]},
    )
    collect(task, episodes=1, data=tmp_path / "data", arguments={**arguments, "cameras": [camera], "distractors": 1})
    export_lerobot(tmp_path / "data", tmp_path / "out", LeRobotOptions(images=form, image_size=size))
    (done,) = import_episodes(tmp_path / "out", "lerobot", tmp_path / "again")
    store = EpisodeStore(done.folder)
    assert store.interface().control == "waypoint"
    made = read_task(load_agent("waypoint-act"), task, tmp_path / "again")
    assert made.environment["arguments"]["distractors"] == 1
    check_environment(made)
    environment = make_environment(task, "train", made.environment["arguments"])
    seen, _ = environment.reset(seed=0)
    was = store.read(0).observations
    assert np.allclose(seen["camera_intrinsics"], was["camera_intrinsics"][0])
    assert np.allclose(seen["camera_poses"], was["camera_poses"][0])
    environment.close()
