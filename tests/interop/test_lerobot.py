"""Export to LeRobot's format, read by its facts alone; LeRobot itself is not needed."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fake_environment import TASK
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ravens_suite.cli.main import main
from ravens_suite.core.cameras import published_cameras
from ravens_suite.core.geometry import Pose
from ravens_suite.data.episode import Episode
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConfigError, ConflictError, DamagedDataError, MissingDataError
from ravens_suite.interop.imports import import_episodes
from ravens_suite.interop.lerobot import export_lerobot
from ravens_suite.interop.lerobot_episode import png
from ravens_suite.interop.lerobot_features import NUMBERS
from ravens_suite.interop.lerobot_options import LeRobotOptions
from ravens_suite.interop.lerobot_statistics import QUANTILES
from ravens_suite.interop.vectors import VectorActions, VectorState, space_of_actions
from ravens_suite.rollout.collect import collect
from tests.interop.lerobot_sets import DOWN, episodes_of, rows_of, write_poses, write_waypoints

parquet = pytest.importorskip("pyarrow.parquet")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_poses(tmp_path / "data")


def test_the_files_are_those_of_the_format(data: Path, tmp_path: Path) -> None:
    (done,) = export_lerobot(data, tmp_path / "out")
    assert (done.folder, done.episodes, done.steps) == (tmp_path / "out" / "train", 3, 6)
    info = json.loads((done.folder / "meta" / "info.json").read_text())
    assert (info["codebase_version"], info["total_tasks"], info["video_path"]) == ("v3.0", 2, None)
    assert (info["fps"], info["splits"]) == (1, {"train": "0:3"})
    assert info["features"]["observation.images.left"]["names"][2] == "channels"
    assert info["features"]["action"]["shape"] == [10]
    assert all(info["features"][key] == {"dtype": kind, "shape": [1], "names": None} for key, kind in NUMBERS.items())
    rows = rows_of(done.folder)
    assert set(rows[0]) == set(info["features"])
    assert [row["index"] for row in rows] == list(range(6))
    assert [row["frame_index"] for row in rows] == [0, 1] * 3
    assert [row["timestamp"] for row in rows] == [0.0, 1.0] * 3
    assert [row["next.done"] for row in rows] == [row["next.success"] for row in rows] == [False, True] * 3
    texts = parquet.read_table(done.folder / "meta" / "tasks.parquet").to_pylist()
    assert [texts[row["task_index"]]["task"] for row in rows] == ["step 0", "step 1"] * 3
    first, second, _ = episodes_of(done.folder)
    assert (first["dataset_from_index"], first["dataset_to_index"], second["dataset_from_index"]) == (0, 2, 2)
    assert (first["length"], first["tasks"], first["data/file_index"]) == (2, ["step 0", "step 1"], 0)
    keys = {*QUANTILES, "min", "max", "mean", "std", "count"}
    statistics = json.loads((done.folder / "meta" / "stats.json").read_text())
    assert statistics.keys() == info["features"].keys()
    assert all(found.keys() == keys for found in statistics.values())
    assert np.shape(statistics["observation.images.front"]["q99"]) == (3, 1, 1)


def test_pandas_finds_the_task_as_the_index(data: Path, tmp_path: Path) -> None:
    (done,) = export_lerobot(data, tmp_path / "out")
    schema = parquet.read_schema(done.folder / "meta" / "tasks.parquet")
    assert json.loads(schema.metadata[b"pandas"])["index_columns"] == ["task"]


def test_states_are_the_tip_or_the_last_action(data: Path, tmp_path: Path) -> None:
    (done,) = export_lerobot(data, tmp_path / "out")
    first, second, *_ = rows_of(done.folder)
    assert first["observation.state"] == [0.0] * 10
    assert second["observation.state"] == first["action"]
    store = write_waypoints(tmp_path / "own")
    (done,) = export_lerobot(tmp_path / "own", tmp_path / "out_own")
    episode = store.read(0)
    for step, row in enumerate(rows_of(done.folder)[: episode.steps]):
        assert np.allclose(row["observation.state"][:7], episode.observations["tip_pose"][step])


@pytest.mark.parametrize(("layout", "count"), [("yaw", 6), ("quaternion", 8), ("delta", 7)])
def test_layouts_of_waypoints(layout: Any, count: int, tmp_path: Path) -> None:
    store = write_waypoints(tmp_path / "own")
    (done,) = export_lerobot(tmp_path / "own", tmp_path / "out", LeRobotOptions(actions=layout))
    info = json.loads((done.folder / "meta" / "info.json").read_text())
    assert (info["features"]["action"]["shape"], info["fps"]) == ([count], 5)
    episode = store.read(0)
    actions = VectorActions(space_of_actions(episode.actions), layout)
    assert list(actions.names) == info["features"]["action"]["names"]
    for step, row in enumerate(rows_of(done.folder)[: episode.steps]):
        found = actions.decode(row["action"], episode.observations["tip_pose"][step])
        assert np.allclose(found["pose"], episode.actions["pose"][step], atol=1e-6)
        assert found["gripper"] == episode.actions["gripper"][step]


@settings(max_examples=50, deadline=None)
@given(
    hnp.arrays(np.float64, 4, elements=st.floats(-1, 1)),
    hnp.arrays(np.float64, 4, elements=st.floats(-1, 1)),
    st.integers(0, 1),
)
def test_a_relative_action_leads_back_to_the_same_pose(first: Any, second: Any, gripper: int) -> None:
    tip, pose = (np.concatenate([[0.4, 0.1, 0.2], q / np.linalg.norm(q)]) for q in (first + 1.5, second - 1.5))
    action = {"pose": pose, "gripper": np.int64(gripper)}
    actions = VectorActions(space_of_actions({"pose": pose[None], "gripper": np.zeros(1, int)}), "delta")
    found = actions.decode(actions.encode(action, tip), tip)
    assert np.allclose(Pose.from_vector(found["pose"]).matrix(), Pose.from_vector(pose).matrix(), atol=1e-5)
    assert found["gripper"] == gripper


def test_layouts_that_do_not_fit_are_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="TASK-continuous"):
        export_lerobot(data, tmp_path / "out", LeRobotOptions(actions="delta"))
    actions = VectorActions(space_of_actions({"pose": DOWN[None], "gripper": np.zeros(1, int)}), "delta")
    with pytest.raises(ConfigError, match="proprioception"):
        actions.encode({"pose": DOWN, "gripper": 0}, None)
    assert VectorState(("color",), actions).names[0] == "last_dx"
    store = write_waypoints(tmp_path / "own", (1,))
    tilted = {"pose": np.array([[0.5, 0.0, 0.1, 0.3, 0.0, 0.0, 0.95]]), "gripper": np.zeros(1, int)}
    store.write(replace(store.read(0), actions=tilted))
    with pytest.raises(ConfigError, match="--actions quaternion"):
        export_lerobot(tmp_path / "own", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_joints_of_an_arm_are_not_taken_for_a_pose(tmp_path: Path) -> None:
    store = write_waypoints(tmp_path / "data")
    for seed, steps in enumerate((4, 1, 3)):
        joints = np.random.default_rng(seed).uniform(-2, 2, (steps, 7))
        store.write(replace(store.read(seed), actions={"joints": joints, "gripper": np.zeros(steps, np.int64)}))
    for layout in ("yaw", "quaternion"):
        with pytest.raises(ConfigError, match=r"'joints' of seed 0 of own-continuous is no pose at step 0: .* Minari"):
            export_lerobot(tmp_path / "data", tmp_path / "out", LeRobotOptions(actions=layout))


def test_quantiles_of_one_step_episodes_are_those_of_the_set(tmp_path: Path) -> None:
    """The mean of the quantiles of the episodes would be the mean of the set, for each of them."""
    write_waypoints(tmp_path / "own", (1,) * 20)
    (done,) = export_lerobot(tmp_path / "own", tmp_path / "out")
    found = json.loads((done.folder / "meta" / "stats.json").read_text())["action"]
    actions = np.array([row["action"] for row in rows_of(done.folder)])
    assert np.allclose(found["q01"], np.quantile(actions, 0.01, axis=0))
    assert np.allclose(found["q99"], np.quantile(actions, 0.99, axis=0))
    assert found["q99"][1] - found["q01"][1] > 0.2


def test_depth_is_flagged_and_never_a_state(tmp_path: Path) -> None:
    store = write_waypoints(tmp_path / "own", (2,))
    (done,) = export_lerobot(tmp_path / "own", tmp_path / "out", LeRobotOptions(depth=True))
    feature = json.loads((done.folder / "meta" / "info.json").read_text())["features"]["observation.images.left_depth"]
    assert feature["info"] == {"is_depth_map": True, "depth_unit": "mm"}
    assert feature["shape"] == [8, 12, 1]
    blob = rows_of(done.folder)[1]["observation.images.left_depth"]["bytes"]
    image = cv2.imdecode(np.frombuffer(blob, np.uint8), cv2.IMREAD_UNCHANGED)
    assert image.dtype == np.uint16
    assert np.array_equal(image, np.rint(store.read(0).observations["depth"][1, 1] * 1000))


@pytest.mark.parametrize(("form", "size"), [("png", None), ("png", (8, 10)), ("video", None)])
def test_images_of_the_goal_are_further_cameras_and_come_back(form: Any, size: Any, tmp_path: Path) -> None:
    store = write_waypoints(tmp_path / "own", (2, 0, 3), goal=True)
    options = LeRobotOptions(images=form, image_size=size, depth=True)
    (done,) = export_lerobot(tmp_path / "own", tmp_path / "out", options)
    features = json.loads((done.folder / "meta" / "info.json").read_text())["features"]
    views = [f"observation.images.{camera}{end}" for end in ("", "_goal") for camera in ("front", "left", "right")]
    images = [key for key in features if key.startswith("observation.images.")]
    assert sorted(images) == sorted([*views, *(f"{view}_depth" for view in views)])
    assert features[views[-1]]["shape"] == [*(size or (8, 12)), 3]
    assert json.loads((done.folder / "meta" / "stats.json").read_text()).keys() == features.keys()
    if form == "png" and size is None:
        wanted = store.read(2).observations["goal_color"][0]
        for row in rows_of(done.folder)[2:]:
            blobs = [np.frombuffer(row[key]["bytes"], np.uint8) for key in views[3:]]
            assert np.array_equal([cv2.cvtColor(cv2.imdecode(blob, -1), cv2.COLOR_BGR2RGB) for blob in blobs], wanted)
    (again,) = import_episodes(tmp_path / "out", "lerobot", tmp_path / "again")
    back = EpisodeStore(again.folder).read(2)
    if again.exact:
        assert EpisodeStore(again.folder).digest() == store.digest()
    assert back.observations["color"].shape == back.observations["goal_color"].shape == (4, 3, *(size or (8, 12)), 3)
    if form == "video":
        assert np.array_equal(back.observations["goal_color"], store.read(2).observations["goal_color"]), "beside it"


def test_images_whose_names_would_be_one_are_numbered(tmp_path: Path) -> None:
    store = write_waypoints(tmp_path / "own", (1,), goal=True)
    episode = store.read(0)
    names = ("side", "side_goal", "side_depth")
    cameras = tuple(replace(camera, name=name) for camera, name in zip(episode.cameras, names, strict=True))
    store.write(replace(episode, cameras=cameras))
    (done,) = export_lerobot(tmp_path / "own", tmp_path / "out")
    features = json.loads((done.folder / "meta" / "info.json").read_text())["features"]
    assert {key.rpartition(".")[2] for key in features if "images" in key} == {
        f"camera_{number}{end}" for end in ("", "_goal") for number in range(3)
    }


def test_tasks_with_and_without_images_of_the_goal_cannot_share_a_set(tmp_path: Path) -> None:
    write_waypoints(tmp_path / "own", (1,), "one")
    write_waypoints(tmp_path / "own", (1,), "two", goal=True)
    with pytest.raises(ConflictError, match=r"one and two cannot share a data set \(goal"):
        export_lerobot(tmp_path / "own", tmp_path / "out")


@pytest.mark.parametrize("depth", [False, True])
def test_any_number_of_threads_writes_the_same_files(depth: bool, tmp_path: Path) -> None:
    write_waypoints(tmp_path / "own", (5, 1, 9))
    written = []
    for workers in (1, 2, 7):
        out = tmp_path / f"out {workers}"
        export_lerobot(tmp_path / "own", out, LeRobotOptions(depth=depth), workers=workers)
        written.append({path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()})
    assert written[0] == written[1] == written[2]
    with pytest.raises(ConfigError, match="--workers"):
        export_lerobot(tmp_path / "own", tmp_path / "out", workers=0)


@pytest.mark.skipif(not hasattr(cv2, "IMWRITE_PNG_FILTER"), reason="this OpenCV does not choose filters")
@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_images_are_lossless_and_have_the_one_filter_that_is_fast(image: Any) -> None:
    coded = png(image)
    assert np.array_equal(cv2.cvtColor(cv2.imdecode(np.frombuffer(coded, np.uint8), -1), cv2.COLOR_BGR2RGB), image)
    if min(image.shape[:2]) == 1:
        return  # libpng then uses none.
    start = coded.index(b"IDAT")
    (length,) = struct.unpack(">I", coded[start - 4 : start])
    rows = zlib.decompress(coded[start + 4 : start + 4 + length])
    assert set(rows[:: 1 + 3 * image.shape[1]]) == {2}, "2 is Up (PNG specification, 9.2)"


def test_films_hold_every_frame_at_its_time(tmp_path: Path) -> None:
    store = EpisodeStore.of(tmp_path / "own", "own", "train")
    store.claim({}, {})
    shades = iter(range(10, 250, 20))
    for seed, steps in enumerate((3, 1, 2)):
        color = np.stack([np.full((1, 32, 48, 3), next(shades), np.uint8) for _ in range(steps + 1)])
        actions = {"pick": np.tile(DOWN, (steps, 1))}
        metadata = {"outcome": "done"}
        camera = (published_cameras((32, 48))[0],)
        store.write(
            Episode("own", "train", seed, {"color": color}, actions, np.ones(steps), {}, camera, True, metadata)
        )
    store.finish()
    (done,) = export_lerobot(tmp_path / "own", tmp_path / "out", LeRobotOptions(images="video"))
    rows = episodes_of(done.folder)
    assert [row["videos/observation.images.front/from_timestamp"] for row in rows] == [0.0, 3.0, 4.0]
    assert "observation.images.front" not in rows_of(done.folder)[0]
    (again,) = import_episodes(done.folder, "lerobot", tmp_path / "again")
    assert not again.exact
    for seed in store.seeds():
        old, new = (EpisodeStore(folder).read(seed) for folder in (store.folder, again.folder))
        difference = old.observations["color"].astype(int) - new.observations["color"]
        assert abs(difference).max() <= 4
        assert np.array_equal(old.actions["pick"], new.actions["pick"])


def test_several_tasks_share_a_set_and_those_that_cannot_are_named(data: Path, tmp_path: Path) -> None:
    write_waypoints(tmp_path / "own", (2,), "one")
    write_waypoints(tmp_path / "own", (1, 2), "two")
    (done,) = export_lerobot(tmp_path / "own", tmp_path / "out")
    assert done.episodes == 3
    assert {path.name for path in (done.folder / "ravens_suite").iterdir()} == {"one", "two", "export.json"}
    stores = import_episodes(tmp_path / "out", "lerobot", tmp_path / "again")
    assert [EpisodeStore(one.folder).digest() for one in stores] == [
        EpisodeStore.of(tmp_path / "own", task, "train").digest() for task in ("one", "two")
    ]
    write_waypoints(data, (1,), "other")
    with pytest.raises(ConflictError, match="cannot share a data set"):
        export_lerobot(data, tmp_path / "mixed")


def test_a_second_export_leaves_what_is_there_and_a_killed_one_leaves_nothing(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    read = EpisodeStore.reader
    monkeypatch.setattr(EpisodeStore, "reader", lambda self, seed: read(self, seed) if seed == 0 else 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export_lerobot(data, out)
    assert not out.exists()
    monkeypatch.undo()
    (out / ".unfinished-killed").mkdir(parents=True)
    (done,) = export_lerobot(data, out)
    times = {path: path.stat().st_mtime_ns for path in done.folder.rglob("*")}
    assert export_lerobot(data, out) == [done]
    assert {path: path.stat().st_mtime_ns for path in done.folder.rglob("*")} == times
    assert [path.name for path in out.iterdir()] == ["train"]


def test_a_stale_export_is_no_success(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_lerobot(data, out)
    with pytest.raises(ConflictError, match=r"options\.depth is false, not true"):
        export_lerobot(data, out, LeRobotOptions(depth=True))
    collect(TASK, episodes=4, data=data)
    with pytest.raises(ConflictError, match="exported otherwise"):
        export_lerobot(data, out)


def test_what_an_earlier_build_left_out_is_named_and_nothing_deleted(tmp_path: Path) -> None:
    write_waypoints(tmp_path / "own", (2,), goal=True)
    (done,) = export_lerobot(tmp_path / "own", tmp_path / "out")
    about, info = done.folder / "ravens_suite" / "export.json", done.folder / "meta" / "info.json"
    for change, said in (
        (lambda features: features["action"].update(shape=[3]), "in another form of action"),
        (lambda features: features.pop("observation.images.left_goal"), "without observation.images.left_goal"),
    ):
        content, mark = json.loads(info.read_text()), json.loads(about.read_text())
        change(content["features"])
        info.write_text(json.dumps(content))
        mark["files"]["meta/info.json"] = info.stat().st_size
        about.write_text(json.dumps(mark))
        before = sorted(done.folder.rglob("*"))
        with pytest.raises(ConflictError, match=rf"out/.* by an earlier build, {said}: name another --out, or delete"):
            export_lerobot(tmp_path / "own", tmp_path / "out")
        assert sorted(done.folder.rglob("*")) == before


def test_quaternions_of_either_sign_of_an_earlier_build_are_named(tmp_path: Path) -> None:
    write_waypoints(tmp_path / "own", (2,))
    (done,) = export_lerobot(tmp_path / "own", tmp_path / "out")
    about = done.folder / "ravens_suite" / "export.json"
    mark = json.loads(about.read_text())
    assert mark.pop("quaternions") == "w >= 0"
    about.write_text(json.dumps(mark))
    with pytest.raises(ConflictError, match=r"by an earlier build, with quaternions of either sign.*: name another"):
        export_lerobot(tmp_path / "own", tmp_path / "out")


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "meta" / "info.json").write_text("{}"),
        lambda folder: next(folder.glob("data/*/*")).write_bytes(b"PAR1"),
        lambda folder: (folder / "ravens_suite" / TASK / "end" / "000000.safetensors").unlink(),
        lambda folder: (folder / "ravens_suite" / TASK / "end" / "000000.safetensors").write_bytes(b"nothing"),
        lambda folder: (folder / "ravens_suite" / "export.json").write_text("[]"),
        lambda folder: (folder / "ravens_suite" / "export.json").write_text('{"tasks": {}, "files": 3}'),
    ],
)
def test_altered_exports_are_named(
    data: Path, tmp_path: Path, change: Callable[[Path], object], capsys: pytest.CaptureFixture[str]
) -> None:
    (done,) = export_lerobot(data, tmp_path / "out")
    change(done.folder)
    with pytest.raises(ConflictError, match=r"out/train"):
        export_lerobot(data, tmp_path / "out")
    assert main(["import", str(done.folder), "--from", "lerobot", "--out", str(tmp_path / "again")]) == 1
    assert len(capsys.readouterr().err.splitlines()) <= 2


def test_what_is_no_export_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match="ravens-suite export made"):
        import_episodes(tmp_path, "lerobot", tmp_path / "again")
    with pytest.raises(MissingDataError, match="no episodes"):
        export_lerobot(tmp_path, tmp_path / "out")
    with pytest.raises(ConfigError, match="image-size"):
        export_lerobot(tmp_path, tmp_path / "out", LeRobotOptions(image_size=(0, 10)))


@pytest.mark.parametrize("options", [{"images": "jpg"}, {"image_size": 24}, {"image_size": (24, 32, 3)}], ids=repr)
def test_options_that_cannot_be_are_named(tmp_path: Path, options: dict[str, Any]) -> None:
    """Of images in a form that there is not, an import said that they had changed, though they were PNG."""
    with pytest.raises(ConfigError, match=next(iter(options)).replace("_", "-")):
        export_lerobot(tmp_path, tmp_path / "out", LeRobotOptions(**options))


def test_a_size_may_be_an_array(data: Path, tmp_path: Path) -> None:
    (done,) = export_lerobot(data, tmp_path / "out", LeRobotOptions(image_size=np.array([8, 12])))  # type: ignore[arg-type]
    assert export_lerobot(data, tmp_path / "out", LeRobotOptions(image_size=(8, 12))) == [done]


def test_the_commands(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, again = str(tmp_path / "out"), str(tmp_path / "again")
    line = ["export", str(data), "--to", "lerobot", "--out", out, "--actions", "quaternion", "--json"]
    assert main(line) == 0
    (made,) = json.loads(capsys.readouterr().out)["datasets"]
    assert (made["episodes"], made["folder"]) == (3, f"{out}/train")
    assert main(["import", out, "--from", "lerobot", "--out", again, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stores"][0]["exact_images"] is True
    assert main(["export", str(data), "--depth", "--out", out]) == 1
    assert "--to lerobot" in capsys.readouterr().err
    with pytest.raises(DamagedDataError):
        (tmp_path / "again" / TASK / "train" / "manifest.json").write_text("{}")
        import_episodes(tmp_path / "out", "lerobot", tmp_path / "again")


def test_a_task_that_only_a_sentence_tells_needs_the_sentence() -> None:
    from ravens_suite.interop.lerobot_episode import _words

    assert _words("block-insertion").startswith("put the red")
    assert "where the goal image shows it" in _words("block-insertion-no-fixture-continuous")  # Not that of its class.
    assert _words("stack-by-size-and-color-in-zones").startswith("put each big block into the square")
    assert _words("a-task-of-others") == "a task of others"
    with pytest.raises(ConfigError, match="--observe images instruction"):
        _words("packing-shapes")
    assert _words("packing-shapes", shown=True) == "packing shapes"


def test_a_sentence_that_every_scene_sets_has_to_be_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its class has none, and the name of the task was taken for one."""
    from ravens_suite.interop import lerobot_episode

    monkeypatch.setattr(lerobot_episode, "sentence_of", lambda task, arguments: "")
    monkeypatch.setattr(lerobot_episode, "needs_sentence", lambda task, arguments: True)
    lerobot_episode._words.cache_clear()
    with pytest.raises(ConfigError, match="is said by its instruction alone"):
        lerobot_episode._words("block-insertion")


def test_to_give_what_is_the_default_makes_no_other_set(tmp_path: Path) -> None:
    write_waypoints(tmp_path / "own", (2,))  # Images of 8 x 12, 5 a second.
    (first,) = export_lerobot(tmp_path / "own", tmp_path / "out")
    assert export_lerobot(tmp_path / "own", tmp_path / "out", LeRobotOptions(image_size=(8, 12), fps=5)) == [first]
    with pytest.raises(ConflictError, match=r"options\.fps is 5, not 2"):
        export_lerobot(tmp_path / "own", tmp_path / "out", LeRobotOptions(fps=2))
    (given,) = export_lerobot(tmp_path / "own", tmp_path / "given", LeRobotOptions(image_size=(8, 12)))
    assert json.loads((given.folder / "ravens_suite" / "export.json").read_text())["options"]["image_size"] is None
