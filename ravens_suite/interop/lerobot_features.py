"""What a frame of a LeRobot data set holds, and how the format says so (``meta/info.json``, columns of Parquet files).

Format v3.0, as LeRobot 0.6.1 and 0.4.4 read it (``datasets/utils.py``, ``datasets/feature_utils.py``). A frame is what
was seen before an action, and the action; what was seen after the last one has no place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ravens_suite.interop.exports import slug

ImageForm = Literal["png", "video"]

VERSION = "v3.0"
STATE, ACTION, IMAGES = "observation.state", "action", "observation.images."
GOAL_VIEW = "_goal"
"""After the name of a camera, for what it would see of the goal scene."""
FILES_A_CHUNK = 1000
DATA_MEGABYTES, VIDEO_MEGABYTES = 100, 200
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
NUMBERS: Mapping[str, str] = {
    "next.reward": "float32",
    "next.done": "bool",
    "next.success": "bool",
    "timestamp": "float32",
    "frame_index": "int64",
    "episode_index": "int64",
    "index": "int64",
    "task_index": "int64",
}
"""Features of one number, and their dtypes. LeRobot's policies read none of the first three."""


@dataclass(frozen=True)
class LeRobotFeatures:
    """What every frame of a set holds.

    Attributes:
        cameras: names, in order.
        size: (rows, columns) of every image.
        state: names of its numbers.
        action: names of its numbers.
        fps: frames a second.
        form: of the colour images.
        depth: whether there are depth images.
        goal: whether there are the same images of the goal scene, too.
    """

    cameras: tuple[str, ...]
    size: tuple[int, int]
    state: tuple[str, ...]
    action: tuple[str, ...]
    fps: int
    form: ImageForm = "png"
    depth: bool = False
    goal: bool = False

    @property
    def views(self) -> tuple[str, ...]:
        """Names of what is seen: by each camera, then of the goal scene by each camera."""
        return (*self.cameras, *(f"{name}{GOAL_VIEW}" for name in self.cameras if self.goal))

    @property
    def color_keys(self) -> tuple[str, ...]:
        """Names of the colour images, one a view."""
        return tuple(f"{IMAGES}{name}" for name in self.views)

    @property
    def depth_keys(self) -> tuple[str, ...]:
        """Names of the depth images, one a view; none where there are none."""
        return tuple(f"{key}_depth" for key in self.color_keys) if self.depth else ()

    @property
    def video_keys(self) -> tuple[str, ...]:
        """Names of what lies in films."""
        return self.color_keys if self.form == "video" else ()

    @property
    def embedded_keys(self) -> tuple[str, ...]:
        """Names of the images that lie in the Parquet files."""
        return (*(() if self.form == "video" else self.color_keys), *self.depth_keys)

    def to_json(self) -> dict[str, Any]:
        """The entry ``features`` of ``info.json``."""
        found: dict[str, Any] = {
            STATE: {"dtype": "float32", "shape": [len(self.state)], "names": list(self.state)},
            ACTION: {"dtype": "float32", "shape": [len(self.action)], "names": list(self.action)},
        }
        axes = ["height", "width", "channels"]
        for key in self.color_keys:
            form = "video" if key in self.video_keys else "image"
            found[key] = {"dtype": form, "shape": [*self.size, 3], "names": axes}
            if form == "video":
                found[key]["info"] = self._film()
        for key in self.depth_keys:
            # Without the flag it would count as one more colour camera; as an array, as a vector of the robot's state.
            flag = {"is_depth_map": True, "depth_unit": "mm"}
            found[key] = {"dtype": "image", "shape": [*self.size, 1], "names": axes, "info": flag}
        return found | {key: {"dtype": kind, "shape": [1], "names": None} for key, kind in NUMBERS.items()}

    def _film(self) -> dict[str, Any]:
        rows, columns = self.size
        return {
            "video.height": rows,
            "video.width": columns,
            "video.codec": "h264",
            "video.pix_fmt": "yuv420p",
            "video.fps": self.fps,
            "video.channels": 3,
            "is_depth_map": False,
            "has_audio": False,
        }


def camera_names(names: Sequence[str], count: int) -> tuple[str, ...]:
    """What cameras are called in a set, and in the environments that policies of it act in.

    Args:
        names: of the cameras, as they were made; none where they are not known.
        count: of the cameras.

    Returns:
        Their names, or ``camera_0`` and so on where two images would have one name, such as the depth of camera ``a``
        and the colour of ``a_depth``.
    """
    found = tuple(slug(name) for name in names)
    images = [f"{name}{end}" for name in found for end in ("", "_depth", GOAL_VIEW, f"{GOAL_VIEW}_depth")]
    if len(found) == count and len(set(images)) == len(images):
        return found
    return tuple(f"camera_{number}" for number in range(count))


def info(
    features: LeRobotFeatures, episodes: int, frames: int, tasks: int, splits: Mapping[str, str]
) -> dict[str, Any]:
    """``meta/info.json``."""
    return {
        "codebase_version": VERSION,
        "robot_type": "ur5e",
        "fps": features.fps,
        "total_episodes": episodes,
        "total_frames": frames,
        "total_tasks": tasks,
        "chunks_size": FILES_A_CHUNK,
        "data_files_size_in_mb": DATA_MEGABYTES,
        "video_files_size_in_mb": VIDEO_MEGABYTES,
        "splits": dict(splits),
        "data_path": DATA_PATH,
        "video_path": VIDEO_PATH if features.video_keys else None,
        "features": features.to_json(),
    }


def data_schema(arrow: Any, features: LeRobotFeatures) -> Any:
    """The columns of ``data/``, which say for the library ``datasets`` that images are images.

    Args:
        arrow: the module ``pyarrow``.
        features: of the set.
    """
    numbers, hub = [], {}
    for key, length in ((STATE, len(features.state)), (ACTION, len(features.action))):
        numbers.append(arrow.field(key, arrow.list_(arrow.float32(), length)))
        hub[key] = {"feature": {"dtype": "float32", "_type": "Value"}, "length": length, "_type": "List"}
    image = arrow.struct([arrow.field("bytes", arrow.binary()), arrow.field("path", arrow.string())])
    images = [arrow.field(key, image) for key in features.embedded_keys]
    hub |= {key: {"_type": "Image"} for key in features.embedded_keys}
    kinds = {"float32": arrow.float32(), "bool": arrow.bool_(), "int64": arrow.int64()}
    single = [arrow.field(key, kinds[kind]) for key, kind in NUMBERS.items()]
    hub |= {key: {"dtype": kind, "_type": "Value"} for key, kind in NUMBERS.items()}
    metadata = {"huggingface": json.dumps({"info": {"features": hub}})}
    return arrow.schema([*numbers, *images, *single], metadata=metadata)


def tasks_table(arrow: Any, texts: Sequence[str]) -> Any:
    """``meta/tasks.parquet``: a table that pandas reads with the text as its index, which LeRobot counts on."""
    pandas = {
        "index_columns": ["task"],
        "column_indexes": [
            {"name": None, "field_name": None, "pandas_type": "unicode", "numpy_type": "object", "metadata": None}
        ],
        "columns": [
            {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": numpy, "metadata": None}
            for name, kind, numpy in (("task_index", "int64", "int64"), ("task", "unicode", "object"))
        ],
        "creator": {"library": "pyarrow", "version": arrow.__version__},
        "pandas_version": "2.0.0",
    }
    schema = arrow.schema(
        [arrow.field("task_index", arrow.int64()), arrow.field("task", arrow.string())],
        metadata={"pandas": json.dumps(pandas)},
    )
    return arrow.table({"task_index": list(range(len(texts))), "task": list(texts)}, schema=schema)
