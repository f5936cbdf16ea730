"""A lab's own recordings: read, checked, brought to the suite's frame and back."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from benchmarks.own_robot import ROBOT, TASK, InTheLab, Lab
from ravens_suite.cli.main import main
from ravens_suite.core.conventions import camera_axes, inverse_matrix
from ravens_suite.core.projection import project
from ravens_suite.core.robot_setup import RobotSetup
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConfigError, ConflictError, DamagedDataError, MissingDataError, RavensWarning
from ravens_suite.interop.arrays import Recordings
from ravens_suite.interop.arrays_checks import check_recordings
from ravens_suite.interop.imports import import_episodes
from ravens_suite.rollout.environments import make_environment
from ravens_suite.rollout.evaluation_plan import plan_evaluation
from ravens_suite.rollout.own_robot import RobotPolicy

Arrays = dict[str, Any]
Change = Callable[[Arrays], Arrays]
LAB = Lab((120, 160))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lab") / "recorded"
    LAB.record(folder, 4)
    return folder


def altered(recorded: Path, folder: Path, change: Change, **robot: Any) -> Path:
    """A copy of recordings with every episode changed, and robot.json; what is ``None`` is left out of it."""
    folder.mkdir()
    setup = {key: value for key, value in {**ROBOT, **robot}.items() if value is not None}
    (folder / "robot.json").write_text(json.dumps(setup))
    for path in recorded.glob("*.npz"):
        with np.load(path) as arrays:
            np.savez(folder / path.name, **change(dict(arrays)))
    return folder


def same(arrays: Arrays) -> Arrays:
    return arrays


def of_camera(index: int, key: str, change: Callable[[Any], Any]) -> Change:
    """Changes an array of one camera; the camera is the first axis of matrices, the second of images."""

    def changed(arrays: Arrays) -> Arrays:
        value = arrays[key].copy()
        at = np.s_[:, index] if key in ("color", "depth") else np.s_[index]
        value[at] = change(value[at])
        return {**arrays, key: value}

    return changed


def moved_poses(*offset: float) -> Change:
    return lambda arrays: arrays | {key: arrays[key] + [*offset, 0, 0, 0, 0] for key in ("pick", "place")}


def level_poses(poses: Any, first: list[float]) -> Any:
    """The positions of poses with quaternions (0, 0, z, w): every other one turned."""
    turned = [[0.0, 0.0, *first], [0.0, 0.0, np.sin(0.7), np.cos(0.7)]]
    return np.array([[*pose[:3], *turned[int(pose[0] * 1000) % 2]] for pose in poses])


def other_axes(axes: str) -> Callable[[Any], Any]:
    return lambda matrix: inverse_matrix(camera_axes(inverse_matrix(matrix), "opencv", axes))


MISTAKES: dict[str, tuple[Change, dict[str, Any], list[str]]] = {
    "millimetres as metres": (same, {"depth_unit": "metres"}, ["camera 0", "camera 1", '"depth_unit": "millimetres"']),
    "metres as millimetres": (
        lambda arrays: arrays | {"depth": (arrays["depth"] / 1000).astype(np.float32)},
        {},
        ['"depth_unit": "metres"'],
    ),
    "extrinsics inverted": (same, {"extrinsics": "world_from_camera"}, ["inverted", '"camera_from_world"']),
    "one camera's extrinsics inverted": (of_camera(1, "extrinsics", inverse_matrix), {}, ["camera 1", "inverted"]),
    "OpenGL's axes": (of_camera(0, "extrinsics", other_axes("opengl")), {}, ["camera 0", '"camera_axes": "opengl"']),
    "ROS's axes": (of_camera(1, "extrinsics", other_axes("ros")), {}, ["camera 1", '"camera_axes": "ros"']),
    "picks in another frame": (moved_poses(-0.8, 0.0, -0.75), {}, ["outside of the workspace", "8 of 8"]),
    "picks in millimetres": (
        lambda a: a | {key: a[key] * [1000, 1000, 1000, 1, 1, 1, 1] for key in ("pick", "place")},
        {},
        ["look like millimetres"],
    ),
    "w first": (same, {"quaternions": "xyzw", "tool_down": None}, ['"quaternions": "wxyz"']),
    "the tool's frame": (same, {"tool_down": None}, ["180 degrees", '"tool_down": [']),
    "w last": (
        # The suite's own tool frame, x, y, z, w, read as w, x, y, z: what is not turned looks level in both orders.
        lambda a: a | {key: level_poses(a[key], [0.0, 1.0]) for key in ("pick", "place")},
        {"quaternions": "wxyz", "tool_down": None},
        ['"quaternions": "xyzw"'],
    ),
    "tenths of millimetres": (
        lambda arrays: arrays | {"depth": arrays["depth"] * 10},
        {},
        ["camera 0", "camera 1", "10 times what the picks say"],
    ),
    "millimetres of 12 bits that a reader stretched to 16": (
        # findings/netpbm_depth_depends_on_reader.sh
        lambda arrays: arrays | {"depth": (arrays["depth"] * (65535 / 4095)).astype(np.int32)},
        {},
        ["camera 0", "camera 1", "16 times what the picks say"],
    ),
    "depth upside down": (of_camera(1, "depth", lambda depth: depth[:, ::-1]), {}, ["camera 1", "upside down"]),
    "images upside down": (
        lambda a: a | {"color": a["color"][:, :, ::-1], "depth": a["depth"][:, :, ::-1]},
        {},
        ["camera 0", "camera 1", "upside down (look whether its colours are)"],
    ),
    "no depth": (of_camera(1, "depth", np.zeros_like), {}, ["camera 1", "0.0% of its pixels"]),
    "intrinsics of another image": (
        of_camera(0, "intrinsics", lambda matrix: matrix * [[2], [2], [1]]),
        {},
        ["camera 0", "images have 120 and 160"],
    ),
    "intrinsics of a smaller image": (
        of_camera(1, "intrinsics", lambda matrix: matrix * [[0.5], [0.5], [1]]),
        {},
        ["camera 1", "images have 120 and 160"],
    ),
    "a focal length of another image": (
        of_camera(1, "intrinsics", lambda matrix: matrix * [[1.33], [1.33], [1]]),
        {},
        ["camera 1", "another image size"],
    ),
    "rows and columns of intrinsics": (
        of_camera(0, "intrinsics", lambda matrix: matrix[np.ix_([1, 0, 2], [1, 0, 2])]),
        {},
        ["camera 0", "swapped"],
    ),
    "cameras in another order": (
        lambda arrays: arrays | {"extrinsics": arrays["extrinsics"][::-1]},
        {},
        ["camera 0", "camera 1", "another order"],
    ),
    "cameras in millimetres": (
        of_camera(1, "extrinsics", lambda matrix: np.block([[matrix[:3, :3], 1000 * matrix[:3, 3:]], [matrix[3:]]])),
        {},
        ["camera 1", "last column by 1000"],
    ),
    "pick and place": (lambda a: a | {"pick": a["place"], "place": a["pick"]}, {}, ["pick and place are swapped"]),
    "images the other way round": (
        lambda a: a | {"color": a["color"][::-1], "depth": a["depth"][::-1]},
        {},
        ["another order than actions"],
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_before_anything_is_trained(name: str, recorded: Path, tmp_path: Path) -> None:
    change, robot, words = MISTAKES[name]
    folder = altered(recorded, tmp_path / "wrong", change, **robot)
    with pytest.raises(ConfigError) as caught:
        import_episodes(folder, "arrays", tmp_path / "data")
    assert not [word for word in words if word not in str(caught.value)], caught.value
    assert not (tmp_path / "data").exists()
    for one in ("camera 0", "camera 1"):
        if not any(word.startswith("camera") for word in words):
            continue
        assert (one in str(caught.value)) == (one in words), "the other camera is right"


def test_what_is_right_has_no_findings(recorded: Path) -> None:
    found = check_recordings(Recordings(recorded))
    assert not found.problems
    assert not found.warnings


def test_poses_beside_their_objects_are_warned_of(recorded: Path, tmp_path: Path) -> None:
    """Calibration that is centimetres off: not surely wrong, as the table is there, too, but nothing changes there."""
    folder = altered(recorded, tmp_path / "beside", same)
    for path in folder.glob("*.npz"):
        with np.load(path) as arrays:
            # Towards the middle of the table, so that it stays in the workspace.
            shift = 0.1 * np.sign([1.3, -0.4] - arrays["pick"][:, :2])
            pick = arrays["pick"] + np.pad(shift, ((0, 0), (0, 5)))
            np.savez(path, **{**arrays, "pick": pick - [0, 0, 0.03, 0, 0, 0, 0]})
    found = check_recordings(Recordings(folder))
    assert not found.problems
    assert len(found.warnings) == 2
    assert all("Look at the picture" in text for text in found.warnings)


def test_cameras_that_move_are_read_step_by_step(recorded: Path, tmp_path: Path) -> None:
    def moving(arrays: Arrays) -> Arrays:
        matrices = np.stack([arrays["extrinsics"]] * len(arrays["color"]))
        matrices[-1, :, :3, 3] += 0.25  # Only after the action.
        return arrays | {"extrinsics": matrices, "intrinsics": np.stack([arrays["intrinsics"]] * len(matrices))}

    (done,) = import_episodes(altered(recorded, tmp_path / "moving", moving), "arrays", tmp_path / "data")
    store = EpisodeStore(done.folder)
    first, last = store.read(store.seeds()[0]).observations["camera_poses"]
    assert np.abs(first - last).max() > 0.2


def test_force_takes_what_the_checks_refuse(recorded: Path, tmp_path: Path) -> None:
    folder = altered(recorded, tmp_path / "wrong", of_camera(1, "depth", np.zeros_like))
    with pytest.warns(RavensWarning, match="camera 1"):
        (done,) = import_episodes(folder, "arrays", tmp_path / "data", force=True)
    assert done.episodes == 4


def test_imported_poses_are_where_they_were_in_every_image(recorded: Path, tmp_path: Path) -> None:
    (done,) = import_episodes(recorded, "arrays", tmp_path)
    assert done.folder == tmp_path / "insert-block" / "train"
    assert done.episodes == 4
    store = EpisodeStore(done.folder)
    assert store.manifest()["robot"]["workspace"] == ROBOT["workspace"]
    environment = make_environment(TASK, "train", LAB.arguments)
    for seed in store.seeds():
        original, _ = environment.reset(seed=seed)
        action = environment.get_wrapper_attr("oracle_action")()
        episode = store.read(seed)
        np.testing.assert_array_equal(episode.observations["color"][0], original["color"])
        np.testing.assert_allclose(episode.observations["camera_intrinsics"][0], original["camera_intrinsics"])
        for key in ("pick", "place"):
            for view in range(2):
                matrix = original["camera_intrinsics"][view]
                wanted, deep = project(action[key][:3], matrix, original["camera_poses"][view])
                pose = episode.observations["camera_poses"][0, view]
                found, distance = project(episode.actions[key][0, :3], matrix, pose)
                np.testing.assert_allclose(found, wanted, atol=1e-6)
                np.testing.assert_allclose(distance, deep, atol=1e-9)
        assert episode.success
        assert episode.score == 1.0
        assert episode.cameras[1].fy == pytest.approx(original["camera_intrinsics"][1, 1, 1])
    environment.close()


def test_holes_become_zeros_and_millimetres_metres(recorded: Path, tmp_path: Path) -> None:
    def floats(arrays: Arrays) -> Arrays:
        depth = arrays["depth"].astype(np.float32)
        return arrays | {"depth": np.where(depth == 0, np.float32(np.nan), depth)}

    folder = altered(recorded, tmp_path / "holes", floats)
    (done,) = import_episodes(folder, "arrays", tmp_path / "data")
    store, recordings = EpisodeStore(done.folder), Recordings(recorded)
    for seed in store.seeds():
        depth = store.read(seed).observations["depth"]
        np.testing.assert_allclose(depth, recordings.read(seed).depth / 1000, atol=1e-6)
        assert (depth == 0).mean() > 0.01


def test_a_second_import_continues_and_sees_what_was_recorded_anew(recorded: Path, tmp_path: Path) -> None:
    folder = altered(recorded, tmp_path / "recorded", same)
    import_episodes(folder, "arrays", tmp_path / "data")
    store = EpisodeStore.of(tmp_path / "data", "insert-block", "train")
    before = {seed: store.path(seed).stat().st_mtime_ns for seed in store.seeds()}
    seed, other = store.seeds()[:2]
    with np.load(folder / f"{seed:06}.npz") as arrays:
        np.savez(folder / f"{seed:06}.npz", **{**arrays, "instruction": "other words"})
        np.savez(folder / "000050.npz", **arrays)
    import_episodes(folder, "arrays", tmp_path / "data")
    assert store.manifest()["seeds"] == [*before, 50]
    assert store.read(seed).observations["instruction"][0] == "other words"
    assert store.path(other).stat().st_mtime_ns == before[other]
    robot = {**ROBOT, "workspace": {"low": [0.85, -0.65, 0.745], "high": [1.8, -0.15, 1.0]}}
    (folder / "robot.json").write_text(json.dumps(robot))
    with pytest.raises(ConflictError, match=r"robot\.workspace"):
        import_episodes(folder, "arrays", tmp_path / "data", force=True)


WRONG: dict[str, tuple[Change, str]] = {
    "no array": (lambda a: {key: value for key, value in a.items() if key != "place"}, "there is no place"),
    "a misspelt array": (lambda a: a | {"colour": a["color"]}, "'color'"),
    "one image too few": (lambda a: a | {"color": a["color"][:-1], "depth": a["depth"][:-1]}, "after the last"),
    "colours as floats": (lambda a: a | {"color": a["color"] / 255}, "uint8"),
    "depth of another size": (lambda a: a | {"depth": a["depth"][..., :-1]}, "as color is"),
    "one matrix for two cameras": (lambda a: a | {"extrinsics": a["extrinsics"][0]}, r"\(2, 4, 4\)"),
    "a pose without a quaternion": (lambda a: a | {"pick": a["pick"][:, :3]}, "position and quaternion"),
    "a mirrored camera": (lambda a: a | {"extrinsics": a["extrinsics"] * [-1, 1, 1, 1]}, "mirrors"),
    "a pose that is NaN": (lambda a: a | {"pick": np.full_like(a["pick"], np.nan)}, "finite"),
    "a zero quaternion": (lambda a: a | {"pick": a["pick"] * [1, 1, 1, 0, 0, 0, 0]}, "lengths from 0.00"),
    "no action": (lambda a: a | {"pick": a["pick"][:0], "place": a["place"][:0]}, "0 picks"),
    "two texts": (lambda a: a | {"instruction": np.array(["a", "b", "c"])}, "one text"),
    "rewards of other steps": (lambda a: a | {"rewards": np.zeros(7)}, "rewards"),
    "a success that is none": (lambda a: a | {"success": np.array("yes")}, "truth value"),
    "pickles": (lambda a: a | {"instruction": np.array([{}])}, "instruction|pickle|Object"),
}


@pytest.mark.parametrize("name", WRONG)
def test_arrays_that_cannot_be_are_refused_with_the_file(name: str, recorded: Path, tmp_path: Path) -> None:
    change, words = WRONG[name]
    folder = altered(recorded, tmp_path / "wrong", change)
    with pytest.raises((ConfigError, DamagedDataError), match=words) as caught:
        import_episodes(folder, "arrays", tmp_path / "data")
    assert "wrong" in str(caught.value)


def test_files_that_are_no_arrays_or_lie_about_their_size_are_refused(recorded: Path, tmp_path: Path) -> None:
    folder = altered(recorded, tmp_path / "wrong", same)
    first = min(folder.glob("*.npz"))
    first.write_bytes(b"no archive")
    with pytest.raises(DamagedDataError, match=first.name):
        import_episodes(folder, "arrays", tmp_path / "data")
    with zipfile.ZipFile(first, "w") as archive:
        for key in ("color", "depth", "intrinsics", "extrinsics", "pick", "place"):
            with archive.open(f"{key}.npy", "w") as file:
                np.lib.format.write_array_header_1_0(
                    file, {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6)}
                )
    with pytest.raises(DamagedDataError, match="shorter than its shape"):
        import_episodes(folder, "arrays", tmp_path / "data")


def test_other_cameras_in_a_later_episode_are_refused(recorded: Path, tmp_path: Path) -> None:
    folder = altered(recorded, tmp_path / "wrong", same)
    last = max(folder.glob("*.npz"))
    with np.load(last) as arrays:
        one = {key: arrays[key][:, :1] for key in ("color", "depth")}
        one |= {key: arrays[key][:1] for key in ("intrinsics", "extrinsics")}
        np.savez(last, **{**arrays, **one})
    with pytest.raises(ConfigError, match=f"{last.name}.*same cameras"):
        import_episodes(folder, "arrays", tmp_path / "data")


def test_what_lacks_or_is_named_otherwise_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=r"robot\.json"):
        import_episodes(tmp_path, "arrays", tmp_path / "data")
    (tmp_path / "robot.json").write_text("{")
    with pytest.raises(ConfigError, match="no JSON"):
        import_episodes(tmp_path, "arrays", tmp_path / "data")
    (tmp_path / "robot.json").write_text(json.dumps(ROBOT))
    with pytest.raises(MissingDataError, match=r"000000\.npz"):
        import_episodes(tmp_path, "arrays", tmp_path / "data")
    (tmp_path / "first.npz").touch()
    with pytest.raises(ConfigError, match="number"):
        import_episodes(tmp_path, "arrays", tmp_path / "data")
    (tmp_path / "robot.json").write_text(json.dumps({**ROBOT, "task": TASK}))
    with pytest.raises(ConfigError, match="free name"):
        import_episodes(tmp_path, "arrays", tmp_path / "data")


def test_the_command_draws_the_picks_of_wrong_recordings_too(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = altered(recorded, tmp_path / "wrong", same, extrinsics="world_from_camera")
    assert main(["import", "--from", "arrays", str(folder), "--out", str(tmp_path / "data")]) != 0
    said = capsys.readouterr()
    assert "inverted" in said.err
    assert "Traceback" not in said.err
    wrong = cv2.imread(str(tmp_path / "data" / "insert-block.png"))
    (tmp_path / "data" / "insert-block.png").unlink()
    assert main(["import", "--from", "arrays", str(recorded), "--out", str(tmp_path / "data"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.strip().splitlines()[-1])["picture"].endswith("insert-block.png")
    right = cv2.imread(str(tmp_path / "data" / "insert-block.png"))
    assert wrong is not None
    assert right is not None
    red = [int(cv2.inRange(picture, (0, 0, 200), (110, 110, 255)).sum()) for picture in (wrong, right)]
    assert red[1] > 4 * red[0], "the red block is seen only where cameras are right"


class Recall:
    """A policy that does what it is given, and keeps what it saw."""

    def __init__(self, action: Arrays) -> None:
        self.action, self.seen = action, {}

    def reset(self, seed: int) -> None:
        """Nothing to forget."""

    def act(self, observation: Arrays) -> Arrays:
        """Keep the observation."""
        self.seen = dict(observation)
        return self.action


def test_a_robot_acts_in_its_own_frame(recorded: Path, tmp_path: Path) -> None:
    """What was imported is seen again in the recorded arrays, and its action comes back as it was recorded."""
    import_episodes(recorded, "arrays", tmp_path)
    store, recordings = EpisodeStore.of(tmp_path, "insert-block", "train"), Recordings(recorded)
    seed = store.seeds()[0]
    episode, raw = store.read(seed), recordings.read(seed)
    policy = Recall({key: values[0] for key, values in episode.actions.items()})
    robot = RobotPolicy(policy, recordings.setup)
    moment = {
        "color": raw.color[0],
        "depth": raw.depth[0],
        "intrinsics": raw.intrinsics[0],
        "extrinsics": raw.extrinsics[0],
    }
    action = robot.act({**moment, "instruction": "insert"})
    for key in ("pick", "place"):
        sign = np.sign(action[key][3:] @ getattr(raw, key)[0, 3:])
        np.testing.assert_allclose(action[key] * [1, 1, 1, *[sign] * 4], getattr(raw, key)[0], atol=1e-9)
    for key in ("color", "depth", "camera_intrinsics", "camera_poses"):
        np.testing.assert_allclose(policy.seen[key], episode.observations[key][0], atol=1e-9)
    assert policy.seen["instruction"] == "insert"
    with pytest.raises(ConfigError, match="extrinsics"):
        robot.act({key: value for key, value in moment.items() if key != "extrinsics"})
    with pytest.raises(ConfigError, match="one moment"):
        robot.act({**moment, "extrinsics": raw.extrinsics})
    # The same, asked in the suite: its oracle's own action solves the scene.
    environment = make_environment(TASK, "train", LAB.arguments)
    observation, _ = environment.reset(seed=seed)
    in_the_lab = InTheLab(robot, LAB)
    in_the_lab.reset(0)
    *_, info = environment.step(in_the_lab.act(observation))
    assert info["success"]
    environment.close()


def test_a_run_on_recordings_is_loaded_and_served_in_the_robots_frame(recorded: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from ravens_suite.training.loop import train
    from ravens_suite.training.settings import TrainingPlan, TrainingSettings

    import_episodes(recorded, "arrays", tmp_path / "data")
    settings = TrainingSettings(steps=1, val_episodes=0, threads=1)
    plan = TrainingPlan(agent="image-cnn", tasks=("insert-block",), demos=4, settings=settings)
    train(plan, tmp_path / "data", tmp_path / "run")
    train(plan, tmp_path / "data", tmp_path / "run")  # A finished run is found again, though no environment made it.
    robot = RobotPolicy.load(tmp_path / "run")
    assert robot.setup.low == tuple(ROBOT["workspace"]["low"])
    raw = Recordings(recorded).read(Recordings(recorded).seeds[0])
    moment = {
        "color": raw.color[0],
        "depth": raw.depth[0],
        "intrinsics": raw.intrinsics[0],
        "extrinsics": raw.extrinsics[0],
    }
    action = robot.act(moment)
    assert set(action) == {"pick", "place"}
    with pytest.raises(ConfigError, match="no environment to evaluate in"):
        plan_evaluation(str(tmp_path / "run"), None, "test", {})
    pytest.importorskip("websockets")
    from ravens_suite.interop.policy_server import PolicySource

    _, served = PolicySource(str(tmp_path / "run")).make()
    served.reset(0)
    np.testing.assert_array_equal(served.act(moment)["pick"], action["pick"])


def test_a_run_of_the_suite_has_no_robot(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError):
        RobotPolicy.load(tmp_path)


def test_setups_read_and_written_are_the_same() -> None:
    setup = RobotSetup.from_json(ROBOT)
    assert RobotSetup.from_json(json.loads(json.dumps(setup.to_json()))) == setup
