"""Usual mistakes in a lab's own recordings are named before anything is trained on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ravens_suite.core.conventions import camera_axes, inverse_matrix
from ravens_suite.errors import ConfigError, RavensWarning
from ravens_suite.interop.arrays import Recordings
from ravens_suite.interop.arrays_checks import check_recordings
from ravens_suite.interop.imports import import_episodes
from tests.interop.lab_recordings import Change, altered, of_camera, same


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
    "a covered camera in whole millimetres": (
        of_camera(1, "depth", lambda depth: np.full_like(depth, 3)),
        {},
        ["camera 1", "depth is typically 3 millimetres", "covers the camera"],
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


def test_force_takes_what_the_checks_refuse(recorded: Path, tmp_path: Path) -> None:
    folder = altered(recorded, tmp_path / "wrong", of_camera(1, "depth", np.zeros_like))
    with pytest.warns(RavensWarning, match="camera 1"):
        (done,) = import_episodes(folder, "arrays", tmp_path / "data", force=True)
    assert done.episodes == 4


@pytest.mark.parametrize("kept", [0, 2])
def test_sentences_in_some_episodes_only_are_named(kept: int, recorded: Path, tmp_path: Path) -> None:
    """Agents were told nothing in any, or asked for a sentence that was not there once they were trained."""
    folder = altered(recorded, tmp_path / "altered", lambda arrays: arrays | {"instruction": np.array("push it")})
    silent = sorted(folder.glob("*.npz"))[kept]
    with np.load(silent) as arrays:
        others = {key: array for key, array in arrays.items() if key != "instruction"}
    np.savez(silent, **others)
    (problem,) = check_recordings(Recordings(folder)).problems
    assert problem.startswith(f"1 of 4 episodes have no instruction, first {silent.name}")
