"""A recorded episode for the viewer Rerun: point cloud, cameras, actions and an agent's heatmaps over the steps.

``log_entries`` says what is logged, in arrays; only ``write_rerun`` needs the library (``rerun-sdk``, imported by the
name ``rerun``). All positions are metres in the world frame, whose z axis points up. The timeline is ``step``: at step
``s`` the scene is as before action ``s``; the last step is the end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Pose
from ravens_suite.core.observations import CAMERA_KEYS
from ravens_suite.core.projection import world_points
from ravens_suite.core.types import Action
from ravens_suite.core.workspace import AGENT_WORKSPACE
from ravens_suite.data.atomic import write_bytes
from ravens_suite.data.episode import Episode
from ravens_suite.report.drawing import PICK_COLOR, PLACE_COLOR, Color, heat_picture, map_picture
from ravens_suite.report.view import camera_names, facts, recorded_action
from ravens_suite.rollout.replay import Decision

SUFFIX = ".rrd"
TIMELINE = "step"
MOST_POINTS = 80_000
"""Points of one camera: of larger images every second, third ... row and column is shown."""

_MARGIN = 0.1
"""Metres around the workspace beyond which nothing is shown."""
_AXIS = 0.05
"""Metres: length of the axes that show a pose."""
_AXIS_COLORS: tuple[Color, ...] = ((230, 60, 60), (60, 190, 60), (70, 110, 240))
_HEATMAPS = ("scene", "pick", "place")
_GREY, _AGENT = (150, 150, 150), (200, 90, 255)


@dataclass(frozen=True)
class Entry:
    """One thing that is logged.

    Attributes:
        path: of the entity, such as ``world/cameras/front``.
        step: when; ``None`` for what holds at all times.
        kind: name of the archetype of Rerun, such as ``Points3D``.
        values: its arguments.
    """

    path: str
    step: int | None
    kind: str
    values: Mapping[str, Any]


def log_entries(episode: Episode, decisions: Sequence[Decision] = ()) -> Iterator[Entry]:
    """What there is to see of an episode; what was not observed is left out.

    Args:
        episode: as it was read.
        decisions: of an agent at its steps, as ``rollout.replay.decisions_of`` gives them; may be fewer.
    """
    low, high = np.array(AGENT_WORKSPACE.low), np.array(AGENT_WORKSPACE.high)
    box = {"centers": [(low + high) / 2], "sizes": [high - low], "colors": [_GREY]}
    yield Entry("world/workspace", None, "Boxes3D", box)
    for step in range(episode.steps + 1):
        yield from _scene(episode, step)
        yield from _action(episode, step)
        yield from _numbers(episode, step)
        if step < len(decisions):
            yield from _decision(decisions[step], step)
        elif decisions and step == episode.steps:
            yield Entry("world/agent", step, "Clear", {"recursive": True})


def write_rerun(path: Path, episode: Episode, decisions: Sequence[Decision] = ()) -> Path:
    """Write an episode as a recording of Rerun, whole or not at all.

    Args:
        path: of the file, which ends in ``.rrd``.
        episode: as it was read.
        decisions: see ``log_entries``.

    Returns:
        ``path``.

    Raises:
        ModuleNotFoundError: Rerun is not installed.
    """
    import rerun

    stream = rerun.RecordingStream("ravens_suite")
    memory = rerun.memory_recording(recording=stream)
    stream.send_recording_name(f"{episode.task} {episode.split} {episode.seed}")
    stream.send_blueprint(layout(rerun.blueprint, episode, heatmaps=bool(decisions)))
    stream.log("world", rerun.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)
    for entry in log_entries(episode, decisions):
        if entry.step is not None:
            stream.set_time(TIMELINE, sequence=entry.step)
        stream.log(entry.path, getattr(rerun, entry.kind)(**entry.values), static=entry.step is None)
    stream.flush()
    write_bytes(path, [memory.drain_as_bytes()])
    return path


def layout(blueprint: Any, episode: Episode, heatmaps: bool) -> Any:
    """The scene large, beside it what the cameras see, the heatmaps, the score and the notes.

    Left to itself, the viewer (0.26) gives every image a window of one size, and the scene another.

    Args:
        blueprint: the module ``rerun.blueprint``.
        episode: whose cameras have a window each.
        heatmaps: whether there are any.
    """
    cameras = []
    poses = episode.observations.get("camera_poses", np.empty((1, 0)))[0]
    for name in map(_part, camera_names(episode, poses)):
        kinds = {"color": f"world/cameras/{name}/color", "depth": f"depth/{name}"}
        views = [
            blueprint.Spatial2DView(origin=path, name=name if kind == "color" else f"{name}, {kind}")
            for kind, path in kinds.items()
            if kind in episode.observations
        ]
        if views:
            cameras.append(blueprint.Tabs(*views))
    maps = [blueprint.Spatial2DView(origin=f"heatmaps/{name}", name=name) for name in _HEATMAPS if heatmaps]
    facts = [
        blueprint.TextDocumentView(origin="notes", name="notes"),
        blueprint.TimeSeriesView(origin="/", contents=["/score", "/reward"], name="score"),
    ]
    beside = blueprint.Vertical(*(blueprint.Horizontal(*row) for row in (cameras, maps, facts) if row))
    return blueprint.Blueprint(
        blueprint.Horizontal(
            blueprint.Spatial3DView(origin="world", name="scene"),
            beside,
            column_shares=[3, 2],
        ),
        blueprint.BlueprintPanel(state="collapsed"),
        blueprint.SelectionPanel(state="collapsed"),
        blueprint.TimePanel(state="collapsed"),
    )


def _scene(episode: Episode, step: int) -> Iterator[Entry]:
    """The cameras, what they see, and where the bodies are."""
    seen = {key: values[step] for key, values in episode.observations.items()}
    if seen.keys() >= set(CAMERA_KEYS):
        for index, name in enumerate(camera_names(episode, seen["camera_poses"])):
            yield from _camera(seen, index, name, step)
    if seen.keys() >= {"color", "depth", *CAMERA_KEYS}:
        positions, colors = scene_points(seen)
        yield Entry("world/points", step, "Points3D", {"positions": positions, "colors": colors, "radii": 0.0015})
    bodies = {name: rows[step] for name, rows in sorted(episode.poses.items()) if not np.isnan(rows[step]).any()}
    if bodies:
        positions = np.array([pose[:3] for pose in bodies.values()])
        yield Entry(
            "world/bodies",
            step,
            "Points3D",
            {"positions": positions, "labels": list(bodies), "colors": [_GREY], "radii": 0.004, "show_labels": False},
        )


def _camera(seen: Mapping[str, Any], index: int, name: str, step: int) -> Iterator[Entry]:
    path = f"world/cameras/{_part(name)}"
    pose, intrinsics = seen["camera_poses"][index], seen["camera_intrinsics"][index]
    yield Entry(path, step, "Transform3D", {"translation": pose[:3, 3], "mat3x3": pose[:3, :3]})
    image = seen.get("color", seen.get("depth", seen.get("segmentation")))
    if image is None:  # Of own data the camera keys may come without.
        return
    rows, columns = image.shape[1:3]
    lens = {"image_from_camera": intrinsics, "resolution": [columns, rows], "image_plane_distance": 0.15}
    yield Entry(path, step, "Pinhole", lens)
    if "color" in seen:
        yield Entry(f"{path}/color", step, "Image", {"image": seen["color"][index]})
    if "depth" in seen:
        # Not below its camera: the viewer would draw it as a second cloud of points.
        yield Entry(f"depth/{_part(name)}", step, "DepthImage", {"image": seen["depth"][index], "meter": 1.0})


def scene_points(seen: Mapping[str, Any]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """The points that all cameras see in and just around the workspace.

    Args:
        seen: an observation with ``images``.

    Returns:
        (P, 3) float32 metres, world frame, and (P, 3) uint8 RGB.
    """
    low = np.array(AGENT_WORKSPACE.low) - _MARGIN
    high = np.array(AGENT_WORKSPACE.high) + _MARGIN
    positions, colors = [], []
    views = (seen[key] for key in ("color", "depth", *CAMERA_KEYS))
    for color, depth, intrinsics, pose in zip(*views, strict=True):
        stride = max(math.ceil(math.sqrt(depth.size / MOST_POINTS)), 1)
        thinned = (slice(stride // 2, None, stride),) * 2
        points = world_points(depth, intrinsics, pose)[thinned].reshape(-1, 3)
        with np.errstate(invalid="ignore"):  # NaN, what no camera measured, lies in no workspace.
            near = ((points >= low) & (points <= high)).all(axis=1)
        positions.append(points[near].astype(np.float32))
        colors.append(color[thinned].reshape(-1, 3)[near])
    return np.concatenate(positions), np.concatenate(colors)


def _action(episode: Episode, step: int) -> Iterator[Entry]:
    """The poses of the action of a step; at the end they are cleared."""
    if step == episode.steps:
        yield Entry("world/action", step, "Clear", {"recursive": True})
        return
    yield from _poses("world/action", recorded_action(episode, step), step, (PICK_COLOR, PLACE_COLOR))


def _poses(path: str, action: Mapping[str, Pose], step: int, colors: tuple[Color, Color]) -> Iterator[Entry]:
    """Axes at every pose of an action, red along x, green along y, blue along z; points, and lines between them."""
    for number, (name, pose) in enumerate(action.items()):
        matrix = pose.matrix()
        axes = {"vectors": _AXIS * matrix[:3, :3].T, "origins": [pose.position] * 3, "colors": _AXIS_COLORS}
        yield Entry(f"{path}/{_part(name)}/axes", step, "Arrows3D", axes)
        point = {"positions": [pose.position], "labels": [name], "colors": [colors[min(number, 1)]], "radii": 0.006}
        yield Entry(f"{path}/{_part(name)}", step, "Points3D", point)
    lines = [[start.position, end.position] for start, end in pairwise(action.values())]
    if lines:
        yield Entry(f"{path}/path", step, "LineStrips3D", {"strips": lines, "colors": [colors[1]]})


def _numbers(episode: Episode, step: int) -> Iterator[Entry]:
    """The score so far, the reward of the action, and what became of it."""
    yield Entry("score", step, "Scalars", {"scalars": 100 * float(np.sum(episode.rewards[:step]))})
    if step < episode.steps:
        yield Entry("reward", step, "Scalars", {"scalars": float(episode.rewards[step])})
    text = "\n".join(facts(episode, step)) or "End"
    yield Entry("notes", step, "TextDocument", {"text": text})


def _decision(decision: Decision, step: int) -> Iterator[Entry]:
    """The heatmaps of an agent, over the scene from above, and what it would do."""
    maps = decision.maps
    yield Entry("heatmaps/scene", step, "Image", {"image": map_picture(maps["color"])})
    for name, tint in (("pick", PICK_COLOR), ("place", PLACE_COLOR)):
        if name in maps:
            yield Entry(f"heatmaps/{name}", step, "Image", {"image": heat_picture(maps["color"], maps[name], tint)})
    if not decision.action:  # It would end the episode here.
        yield Entry("world/agent", step, "Clear", {"recursive": True})
        return
    yield from _poses("world/agent", Action.from_dict(decision.action, ()), step, (_AGENT, _AGENT))


def _part(name: str) -> str:
    """A name as one part of a path."""
    return name.replace("/", "-") or "unnamed"
