"""A lab's own recordings: read, checked, brought to the suite's frame and back."""

from __future__ import annotations

import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from benchmarks.own_robot import ROBOT, TASK, InTheLab
from ravens_suite.cli.main import main
from ravens_suite.core.policy import confidence_of
from ravens_suite.core.projection import project
from ravens_suite.core.robot_setup import RobotSetup
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConfigError, ConflictError, DamagedDataError, MissingDataError, RavensWarning
from ravens_suite.interop.arrays import Recordings
from ravens_suite.interop.imports import import_episodes
from ravens_suite.rollout.environments import make_environment
from ravens_suite.rollout.evaluation_plan import plan_evaluation
from ravens_suite.rollout.own_robot import RobotPolicy
from tests.interop.lab_recordings import LAB, Arrays, Change, altered, same


def test_cameras_that_move_are_read_step_by_step(recorded: Path, tmp_path: Path) -> None:
    def moving(arrays: Arrays) -> Arrays:
        matrices = np.stack([arrays["extrinsics"]] * len(arrays["color"]))
        matrices[-1, :, :3, 3] += 0.25  # Only after the action.
        return arrays | {"extrinsics": matrices, "intrinsics": np.stack([arrays["intrinsics"]] * len(matrices))}

    (done,) = import_episodes(altered(recorded, tmp_path / "moving", moving), "arrays", tmp_path / "data")
    store = EpisodeStore(done.folder)
    first, last = store.read(store.seeds()[0]).observations["camera_poses"]
    assert np.abs(first - last).max() > 0.2


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
    folder = altered(recorded, tmp_path / "recorded", lambda a: a | {"instruction": np.array("some words")})
    import_episodes(folder, "arrays", tmp_path / "data")
    store = EpisodeStore.of(tmp_path / "data", "insert-block", "train")
    before = {seed: store.path(seed).stat().st_mtime_ns for seed in store.seeds()}
    seed, other = store.seeds()[:2]
    with np.load(folder / f"{seed:06}.npz") as file:
        arrays = dict(file)
    np.savez(folder / f"{seed:06}.npz", **{**arrays, "instruction": np.array("other words")})
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
    (tmp_path / "robot.json").write_text(json.dumps(ROBOT), "utf-8-sig")  # As editors on Windows may.
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
    assert confidence_of(robot) is None
    policy.confidence = lambda: 0.75  # type: ignore[attr-defined]
    assert confidence_of(robot) == 0.75
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

    _, served = PolicySource(tmp_path / "run").make()
    served.reset(0)
    np.testing.assert_array_equal(served.act(moment)["pick"], action["pick"])


@pytest.mark.parametrize(
    ("unit", "depth", "words"),
    [
        (
            "metres",
            np.uint16(650),
            r"camera 0 is uint16, typically 650, which looks like millimetres.*: divide by 1000",
        ),
        ("metres", np.float32(650), "float32, typically 650, which looks like millimetres"),
        ("metres", np.uint16(1), "looks like millimetres"),
        ("millimetres", np.float32(0.65), r"typically 0\.65, which looks like metres.*: multiply by 1000"),
        ("metres", np.float32(0.65), ""),
        ("metres", np.uint16(0), ""),
        ("metres", np.float32("nan"), ""),
        ("millimetres", np.uint16(650), ""),
        ("millimetres", np.float64(650), ""),
        ("millimetres", np.uint16(3), ""),
        ("millimetres", np.float32(3), ""),
        ("millimetres", np.float32(3.4), r"like metres.*: multiply by 1000, or see what covers the camera, if these"),
        ("metres", np.float32(3), ""),
    ],
)
def test_depth_in_another_unit_than_the_recordings_is_refused(unit: str, depth: Any, words: str) -> None:
    """Whole millimetres where metres were recorded were all holes, and metres as millimetres lay at the lens."""
    setup = RobotSetup.from_json({**ROBOT, "depth_unit": unit})
    robot = RobotPolicy(Recall({}), setup)
    moment = {
        "color": np.zeros((1, 4, 6, 3), np.uint8),
        "depth": np.full((1, 4, 6), depth),
        "intrinsics": np.array([[[6.0, 0, 3], [0, 6.0, 2], [0, 0, 1]]]),
        "extrinsics": np.eye(4)[None],
    }
    if words:
        with pytest.raises(ConfigError, match=words):
            robot.act(moment)
    else:
        assert robot.act(moment) == {}


def test_a_camera_that_something_covers_is_no_other_unit_where_another_one_sees_the_table() -> None:
    """Its few millimetres in floating point numbers were taken for metres."""
    robot = RobotPolicy(Recall({}), RobotSetup.from_json({**ROBOT, "depth_unit": "millimetres"}))
    depth = np.stack([np.full((4, 6), 3.4, np.float32), np.full((4, 6), 650.2, np.float32)])
    moment = {
        "color": np.zeros((2, 4, 6, 3), np.uint8),
        "depth": depth,
        "intrinsics": np.array([[[6.0, 0, 3], [0, 6.0, 2], [0, 0, 1]]] * 2),
        "extrinsics": np.stack([np.eye(4)] * 2),
    }
    assert robot.act(moment) == {}
    with pytest.raises(ConfigError, match=r"The depth of camera 0 .* which looks like metres"):
        robot.act({**moment, "depth": depth / np.float32(1000)})


def test_a_few_whole_millimetres_in_floating_point_numbers_are_no_metres() -> None:
    robot = RobotPolicy(Recall({}), RobotSetup.from_json({**ROBOT, "depth_unit": "metres"}))
    moment = {
        "color": np.zeros((1, 4, 6, 3), np.uint8),
        "depth": np.arange(24, dtype=np.float32).reshape(1, 4, 6) % 7,
        "intrinsics": np.array([[[6.0, 0, 3], [0, 6.0, 2], [0, 0, 1]]]),
        "extrinsics": np.eye(4)[None],
    }
    with pytest.raises(ConfigError, match=r"camera 0 is float32, typically 3\.?5?, which looks like millimetres"):
        robot.act(moment)
    assert robot.act({**moment, "depth": moment["depth"] / np.float32(9)}) == {}


def test_a_run_of_the_suite_has_no_robot(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError):
        RobotPolicy.load(tmp_path)


def test_setups_read_and_written_are_the_same() -> None:
    setup = RobotSetup.from_json(ROBOT)
    assert RobotSetup.from_json(json.loads(json.dumps(setup.to_json()))) == setup


def test_a_recording_that_was_removed_is_named_as_long_as_its_episode_is_there(recorded: Path, tmp_path: Path) -> None:
    folder = altered(recorded, tmp_path / "recorded", same)
    import_episodes(folder, "arrays", tmp_path / "data")
    store = EpisodeStore.of(tmp_path / "data", "insert-block", "train")
    bad, *rest = store.seeds()
    (folder / f"{bad:06}.npz").unlink()
    with pytest.warns(RavensWarning, match=rf"keeps 1 episodes \(seeds {bad}\) of recordings that are not in"):
        import_episodes(folder, "arrays", tmp_path / "data")
    store.path(bad).unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (done,) = import_episodes(folder, "arrays", tmp_path / "data")
    assert done.episodes == len(rest)
    assert store.manifest()["seeds"] == rest


def test_what_failed_earns_nothing_unless_the_recording_says_so(recorded: Path, tmp_path: Path) -> None:
    def failed(arrays: Arrays) -> Arrays:
        return {**arrays, "success": np.array(False)}

    (done,) = import_episodes(altered(recorded, tmp_path / "failed", failed), "arrays", tmp_path / "data")
    store = EpisodeStore(done.folder)
    assert [(store.read(seed).success, store.read(seed).score) for seed in store.seeds()] == [(False, 0.0)] * 4
    rewarded = altered(recorded, tmp_path / "rewarded", lambda arrays: {**failed(arrays), "rewards": np.array([0.5])})
    (done,) = import_episodes(rewarded, "arrays", tmp_path / "more")
    assert EpisodeStore(done.folder).read(store.seeds()[0]).score == 0.5
