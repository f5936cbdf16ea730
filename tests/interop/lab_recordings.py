"""Recordings of a made-up lab, and copies of them in which something is otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.own_robot import ROBOT, Lab

Arrays = dict[str, Any]
Change = Callable[[Arrays], Arrays]
LAB = Lab((120, 160))


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
