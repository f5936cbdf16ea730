"""What an environment observes: the spaces of the keys, and the values that do not come from a camera.

Keys, shapes, units and frames are those of ``core/observations.py``.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.cameras import Camera
from ravens_suite.core.geometry import Array, Vector
from ravens_suite.core.observations import (
    CAMERA_KEYS,
    GOAL,
    INSTRUCTION_BYTES,
    NAME_BYTES,
    STATE_FIELDS,
    TEXT,
    ArraySpec,
    Interface,
    ObservationGroup,
    encode_text,
    keys_of,
)
from ravens_suite.envs.views import FARTHEST, LARGEST_FOCAL_LENGTH
from ravens_suite.errors import ConfigError
from ravens_suite.sim.bodies import Body, triangles
from ravens_suite.sim.robot import Robot
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.sentences import without_slots

_CHARACTERS = frozenset(string.printable)
"""Of texts: a space of texts has a fixed list of them."""

_FALLEN = 1e6
"""Metres: no body is farther, even if it fell through the table and went on falling."""
_POSE_LOW = (*[-FARTHEST] * 3, *[-1.0] * 4)
_POSE_HIGH = (*[FARTHEST] * 3, *[1.0] * 4)
_STATE_LOW = (0.0, *[-_FALLEN] * 3, *[-1.0] * 4, 0.0, 0.0, 0.0)
_STATE_HIGH = (1.0, *[_FALLEN] * 3, *[1.0] * 4, *[FARTHEST] * 3)


def observation_space(
    groups: Sequence[ObservationGroup], cameras: Sequence[Camera], max_bodies: int
) -> gymnasium.spaces.Dict:
    """The space of an observation of some groups.

    Args:
        groups: what is observed.
        cameras: of the images, all of one size.
        max_bodies: places of ``state``.
    """
    count, (rows, columns) = len(cameras), cameras[0].image_size
    far = max(camera.far for camera in cameras)
    box = gymnasium.spaces.Box
    spaces: dict[str, gymnasium.Space[Any]] = {
        "color": _uniform_box(0, 255, (count, rows, columns, 3), np.uint8),
        "depth": _uniform_box(0.0, far, (count, rows, columns), np.float32),
        "camera_intrinsics": box(-LARGEST_FOCAL_LENGTH, LARGEST_FOCAL_LENGTH, (count, 3, 3), np.float64),
        "camera_poses": box(-FARTHEST, FARTHEST, (count, 4, 4), np.float64),
        "segmentation": _uniform_box(0, np.iinfo(np.int32).max, (count, rows, columns), np.int32),
        "state": box(np.tile(_STATE_LOW, max_bodies), np.tile(_STATE_HIGH, max_bodies), dtype=np.float64),
        "state_names": _text(NAME_BYTES * max_bodies),
        "state_names_bytes": box(0, 255, (NAME_BYTES * max_bodies,), np.uint8),
        "tip_pose": box(np.array(_POSE_LOW), np.array(_POSE_HIGH), dtype=np.float64),
        "gripper_state": box(0.0, 1.0, (2,), np.float32),
        "instruction": _text(INSTRUCTION_BYTES),
        "instruction_bytes": box(0, 255, (INSTRUCTION_BYTES,), np.uint8),
    }
    return gymnasium.spaces.Dict({key: spaces[key.removeprefix(GOAL)] for key in keys_of(groups)})


def _uniform_box(low: float, high: float, shape: tuple[int, ...], dtype: type[Any]) -> gymnasium.spaces.Box:
    """A ``Box`` with the same bounds everywhere, which take no memory; they cannot be written to.

    Gymnasium 1.4.0 keeps four arrays of the full shape in each ``Box``: 20 MB for three images of 480 x 640 and their
    depth (``gymnasium/spaces/box.py``).
    """
    space = gymnasium.spaces.Box(low, high, (1,) * len(shape), dtype)
    space._shape = shape
    for name in ("low", "high", "bounded_below", "bounded_above"):
        setattr(space, name, np.broadcast_to(getattr(space, name), shape))
    return space


def interface_of(environment: gymnasium.Env[Any, Any], control: str) -> Interface:
    """What an environment gives and takes, from its spaces; other suites' environments with Dict spaces have one, too.

    Args:
        environment: with ``Dict`` spaces of arrays, numbers and texts.
        control: kind of its actions.

    Raises:
        ConfigError: a space is of another kind.
    """
    return Interface(_specs(environment.observation_space), _specs(environment.action_space), control)


def camera_matrices(cameras: Sequence[Camera]) -> dict[str, Array]:
    """The parameters of N cameras, fresh arrays.

    Returns:
        ``camera_intrinsics`` (N, 3, 3) float64, pixels; ``camera_poses`` (N, 4, 4) float64, world from camera.
    """
    values = np.stack([c.intrinsics for c in cameras]), np.stack([c.pose.matrix() for c in cameras])
    return dict(zip(CAMERA_KEYS, values, strict=True))


class StateObserver:
    """Lays the bodies of a scene out in an array of fixed length.

    A body keeps its place over an episode; places are given in the order in which bodies come into the scene.

    Args:
        scene: that is observed.
        max_bodies: places.
    """

    def __init__(self, scene: Scene, max_bodies: int) -> None:
        self._scene = scene
        self._max_bodies = max_bodies
        self._places: dict[str, int] = {}

    def reset(self) -> None:
        """Another scene begins."""
        self._places = {}

    def observe(self) -> dict[str, Any]:
        """``state`` (max_bodies * 11,) float64, ``state_names`` and ``state_names_bytes``.

        Raises:
            ConfigError: the scene has more bodies than there are places.
        """
        rows = np.zeros((self._max_bodies, len(STATE_FIELDS)))
        for name, pose in self._scene.poses().items():
            place = self._places.setdefault(name, len(self._places))
            if place >= self._max_bodies:
                raise ConfigError(
                    f"The scene has more than the {self._max_bodies} bodies that its task declares: set max_bodies of "
                    "the task to the most that an episode ever shows, or ask for fewer distractors."
                )
            rows[place] = (1.0, *pose.position, *pose.quaternion, *_size(self._scene.body(name)))
        names = [""] * self._max_bodies
        for name, place in self._places.items():
            names[place] = name
        text = "\n".join(names).rstrip("\n")
        encoded = encode_text(_plain(text, "The names of bodies"), NAME_BYTES * self._max_bodies)
        return {"state": rows.reshape(-1), "state_names": text, "state_names_bytes": encoded}


def instruction(text: str) -> dict[str, Any]:
    """``instruction`` and ``instruction_bytes`` (INSTRUCTION_BYTES,) uint8.

    Raises:
        ConfigError: the text is longer, or has a character that the observation space does not have.
    """
    return {
        "instruction": text,
        "instruction_bytes": encode_text(_plain(text, "The instruction"), INSTRUCTION_BYTES),
    }


def why_not_observed(text: str, *, form: bool = False) -> str:
    """Why an instruction cannot be observed, in words; empty where it can.

    Args:
        text: of the instruction.
        form: it may have slots, which anything fills: what cannot be observed are its own words.
    """
    try:
        instruction(without_slots(text) if form else text)
    except ConfigError as error:
        return str(error)
    return ""


def _plain(text: str, what: str) -> str:
    if strange := sorted(set(text) - _CHARACTERS):
        raise ConfigError(
            f"{what}, {text!r:.80}, has the character {strange[0]!r}, which the space of observations does not have: "
            "write letters, digits and signs of ASCII only."
        )
    return text


def proprioception(robot: Robot) -> dict[str, NDArray[Any]]:
    """Where the tool is, and what it touches and holds.

    Returns:
        ``tip_pose`` (7,) float64, the commanded pose of the tip, position in metres and quaternion (x, y, z, w), world
        frame; ``gripper_state`` (2,) float32, 1 where it touches something, 1 where it holds something; else 0.
    """
    gripper = np.array([robot.touching(), robot.tool.holds], dtype=np.float32)
    return {"tip_pose": robot.tool.tip.vector(), "gripper_state": gripper}


@lru_cache(maxsize=1024)
def _size(body: Body) -> Vector:
    """Metres along the axes of a body's frame, of what touches or else of what is seen; zeros for what is neither."""
    shapes = body.collisions or tuple(visual.shape for visual in body.visuals)
    if not shapes:
        return (0.0, 0.0, 0.0)
    corners = np.concatenate([triangles(shape).reshape(-1, 3) for shape in shapes])
    width, length, height = (float(value) for value in corners.max(axis=0) - corners.min(axis=0))
    return (width, length, height)


def _text(longest: int) -> gymnasium.spaces.Text:
    return gymnasium.spaces.Text(longest, min_length=0, charset=string.printable)


def _specs(space: gymnasium.Space[Any]) -> dict[str, ArraySpec]:
    if not isinstance(space, gymnasium.spaces.Dict):
        raise ConfigError(
            f"Observations and actions must be Dict spaces of arrays by name; got {type(space).__name__}."
        )
    return {key: _spec(key, part) for key, part in space.items()}


def _spec(key: str, space: gymnasium.Space[Any]) -> ArraySpec:
    if isinstance(space, gymnasium.spaces.Text):
        return ArraySpec((), TEXT)
    if space.shape is None or space.dtype is None:
        raise ConfigError(
            f"The space of {key!r} is a {type(space).__name__}: only arrays, numbers and texts are recorded."
        )
    return ArraySpec(tuple(space.shape), str(space.dtype))
