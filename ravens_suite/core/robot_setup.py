"""A robot of the user's own: how its data are written, where its table is, and the way to the suite's frame and back.

Agents know one workspace, 0.5 m by 1.0 m by 0.28 m (``AGENT_WORKSPACE``). A table elsewhere is brought there by a rigid
motion: the middle of its workspace goes to the middle of ours, its lower bound to z = 0, and where only that fits it is
turned by a quarter. Images stay as they are; cameras and poses are re-expressed. Actions go the way back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.conventions import CAMERA_AXES, camera_axes, inverse_matrix, wxyz_from_xyzw, xyzw_from_wxyz
from ravens_suite.core.geometry import Array, Pose, Vector
from ravens_suite.core.numbers import UNREADABLE
from ravens_suite.core.observations import Observation
from ravens_suite.core.types import quantize_depth
from ravens_suite.core.workspace import AGENT_WORKSPACE
from ravens_suite.errors import ConfigError, UnknownNameError

DEPTH_UNITS: Mapping[str, float] = {"metres": 1.0, "millimetres": 0.001}
_CHOICES = {
    "depth_unit": tuple(DEPTH_UNITS),
    "quaternions": ("xyzw", "wxyz"),
    "extrinsics": ("world_from_camera", "camera_from_world"),
    "camera_axes": CAMERA_AXES,
    "colors": ("rgb", "bgr"),
}
_LOW, _HIGH = AGENT_WORKSPACE.low, AGENT_WORKSPACE.high
_SIZE = (_HIGH[0] - _LOW[0], _HIGH[1] - _LOW[1], _HIGH[2] - _LOW[2])
_MIDDLE = ((_LOW[0] + _HIGH[0]) / 2, (_LOW[1] + _HIGH[1]) / 2)
_ROUNDED = 1e-6
"""Metres by which a workspace may be larger than ours, from rounding."""

_FARTHEST_DEPTH = 100.0
"""Metres: no camera measures farther; what does is noise."""


@dataclass(frozen=True)
class RobotSetup:
    """What ``robot.json`` says of recorded data.

    Attributes:
        task: free name of what is done, letters, digits, ``-`` and ``_``.
        low: lower corner (x, y, z) of the workspace, metres, in the robot's world frame, whose z is up. Its z is the
            table's surface, or better a few millimetres below it: noise below it is cut off.
        high: upper corner, metres.
        depth_unit: of depth images: ``metres`` or ``millimetres``.
        quaternions: their order, ``xyzw`` or ``wxyz``.
        extrinsics: ``world_from_camera`` (the pose of the camera) or ``camera_from_world``.
        camera_axes: ``opencv``, ``opengl`` or ``ros``; see ``core/conventions.py``.
        colors: ``rgb`` or ``bgr``, the order in images.
        tool_down: quaternion, in the order above, of the tool when it points straight down. (0, 0, 0, 1) in ``xyzw``
            where the tool's z points up then; (1, 0, 0, 0) in ``xyzw`` is usual for a flange whose z points out.
        cropped: whether images are cut out of larger ones, so that the optical axis may lie anywhere.

    Raises:
        ConfigError: a value cannot be, or the workspace does not fit.
    """

    task: str
    low: Vector
    high: Vector
    depth_unit: str
    quaternions: str = "xyzw"
    extrinsics: str = "world_from_camera"
    camera_axes: str = "opencv"
    colors: str = "rgb"
    tool_down: tuple[float, float, float, float] | None = None
    cropped: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.task, str) or not self.task or not all(c.isalnum() or c in "-_" for c in self.task):
            raise ConfigError(f"task must be a name of letters, digits, - and _; got {self.task!r}.")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ConfigError(str(UnknownNameError(name, str(getattr(self, name)), choices)))
        if not isinstance(self.cropped, bool):
            raise ConfigError(f"cropped must be true or false; got {self.cropped!r}.")
        for name, count in (("low", 3), ("high", 3), ("tool_down", 4)):
            value = getattr(self, name)
            if value is not None or name != "tool_down":
                object.__setattr__(self, name, _numbers(value, count, name))
        _ = self.suite_from_robot, self._tool_down  # What cannot be is refused here.

    @staticmethod
    def from_json(value: Any) -> RobotSetup:
        """From the content of ``robot.json``; ``workspace`` holds ``low`` and ``high``.

        Raises:
            ConfigError: a key is missing or unknown, or a value cannot be.
        """
        if not isinstance(value, Mapping):
            raise ConfigError(f"robot.json must hold a mapping, such as {_EXAMPLE}.")
        known = ["workspace", *(item.name for item in fields(RobotSetup) if item.name not in ("low", "high"))]
        for key in value:
            if key not in known:
                raise ConfigError(str(UnknownNameError("key of robot.json", str(key), known)))
        if missing := [key for key in ("task", "workspace", "depth_unit") if key not in value]:
            raise ConfigError(f"robot.json does not say {' and '.join(missing)}; an example: {_EXAMPLE}.")
        workspace = value["workspace"]
        if not isinstance(workspace, Mapping) or set(workspace) != {"low", "high"}:
            raise ConfigError(f"workspace in robot.json must have low and high, such as {_EXAMPLE}; got {workspace!r}.")
        return RobotSetup(
            low=workspace["low"], high=workspace["high"], **{k: v for k, v in value.items() if k != "workspace"}
        )

    def to_json(self) -> dict[str, Any]:
        """JSON values from which ``from_json`` rebuilds it."""
        value = {key: list(item) if isinstance(item, tuple) else item for key, item in asdict(self).items()}
        workspace = {"low": value.pop("low"), "high": value.pop("high")}
        if value["tool_down"] is None:
            del value["tool_down"]
        return {**value, "workspace": workspace}

    @cached_property
    def suite_from_robot(self) -> Pose:
        """The robot's world frame in the suite's: takes points of the robot's frame to ours.

        Raises:
            ConfigError: the workspace does not fit into ours.
        """
        size = [high - low for low, high in zip(self.low, self.high, strict=True)]
        if min(size) <= 0:
            raise ConfigError(f"The workspace must have low < high on each axis; got {self.low} and {self.high}.")
        across = f"{size[0]:g} x {size[1]:g} x {size[2]:g} m (x, y, z)"
        if max(map(abs, (*self.low, *self.high))) > 20:
            raise ConfigError(f"The workspace, from {self.low} to {self.high}, looks like millimetres: give metres.")
        if size[2] > _SIZE[2] + _ROUNDED:
            raise ConfigError(
                f"The workspace is {across}; agents look at {_SIZE[2]:g} m of height at most: lower the upper z to "
                f"{self.low[2] + _SIZE[2]:g}, to what stands on the table."
            )
        x, y = ((low + high) / 2 for low, high in zip(self.low[:2], self.high[:2], strict=True))
        for yaw, along in ((0.0, size[:2]), (math.pi / 2, size[1::-1])):
            if all(mine <= ours + _ROUNDED for mine, ours in zip(along, _SIZE, strict=False)):
                return Pose.planar(*_MIDDLE, AGENT_WORKSPACE.low[2], yaw) @ Pose.planar(x, y, self.low[2]).inverse()
        raise ConfigError(
            f"The workspace is {across}; agents look at {_SIZE[0]:g} x {_SIZE[1]:g} m, either way round: choose a part "
            "of the table that fits, where picks and places are."
        )

    def observation(self, color: Any, depth: Any, intrinsics: Any, extrinsics: Any) -> Observation:
        """What was recorded, as the suite's agents know it.

        Args:
            color: (..., N, H, W, 3) uint8, in the order ``colors``.
            depth: (..., N, H, W), whole or floating point numbers in ``depth_unit``. What is not a positive number, or
                is farther than 100 m, was not measured.
            intrinsics: (..., N, 3, 3) pixels.
            extrinsics: (..., N, 4, 4) metres, as ``extrinsics`` and ``camera_axes`` say, in the robot's world frame.

        Returns:
            In the same shapes: ``color`` uint8, RGB; ``depth`` float32 metres, multiples of 0.1 mm, 0 where nothing was
            measured; ``camera_intrinsics`` float64 pixels; ``camera_poses`` float64 metres, the suite's world from
            camera, OpenCV axes.

        Raises:
            ConfigError: an array has another type or shape.
            InvalidPoseError: an extrinsic matrix is none.
        """
        color, depth = np.asarray(color), np.asarray(depth)
        if color.dtype != np.uint8 or color.ndim < 4 or color.shape[-1] != 3:
            raise ConfigError(f"color must be (N, H, W, 3) uint8; it is {color.shape} {color.dtype}.")
        if depth.dtype.kind not in "uif" or depth.shape != color.shape[:-1]:
            raise ConfigError(
                f"depth must be numbers {color.shape[:-1]}, as color is; it is {depth.shape} {depth.dtype}."
            )
        return {
            "color": np.ascontiguousarray(color[..., ::-1]) if self.colors == "bgr" else color,
            "depth": self.metres(depth),
            "camera_intrinsics": np.asarray(intrinsics, dtype=np.float64),
            "camera_poses": self.camera_poses(extrinsics),
        }

    def metres(self, depth: NDArray[Any]) -> NDArray[np.float32]:
        """Depth of any shape and dtype in ``depth_unit`` as float32 metres.

        They are multiples of 0.1 mm, and 0 where nothing was measured.
        """
        metres = np.asarray(depth, dtype=np.float64) * DEPTH_UNITS[self.depth_unit]
        with np.errstate(invalid="ignore"):
            return quantize_depth(np.where((metres > 0) & (metres < _FARTHEST_DEPTH), metres, 0.0))

    def camera_poses(self, extrinsics: NDArray[Any]) -> Array:
        """Extrinsics (..., 4, 4) of any dtype as they were recorded, as camera poses of the suite.

        Returns:
            (..., 4, 4) float64 metres, the suite's world from camera, OpenCV axes.

        Raises:
            InvalidPoseError: a matrix is no pose.
        """
        poses = inverse_matrix(extrinsics)  # Checks the matrices, too.
        if self.extrinsics == "world_from_camera":
            poses = np.asarray(extrinsics, dtype=np.float64)
        result: Array = self.suite_from_robot.matrix() @ camera_axes(poses, self.camera_axes)
        return result

    def to_suite(self, pose: Any) -> Array:
        """A pose of the tool, (7,) as it was recorded, in the suite's world frame.

        Returns:
            (7,) float64, position in metres and quaternion (x, y, z, w).

        Raises:
            InvalidPoseError: it is none.
        """
        return (self.suite_from_robot @ self._read(pose) @ Pose(quaternion=self._tool_down).inverse()).vector()

    def from_suite(self, pose: Any) -> Array:
        """The inverse of ``to_suite``: (7,) float64 in the robot's world frame, its quaternion in its own order."""
        own = self.suite_from_robot.inverse() @ Pose.from_vector(pose) @ Pose(quaternion=self._tool_down)
        vector = own.vector()
        return vector if self.quaternions == "xyzw" else np.concatenate([vector[:3], wxyz_from_xyzw(vector[3:])])

    def action(self, action: Mapping[str, Any]) -> dict[str, Array]:
        """An action of the suite in the robot's frame: each pose (7,) float64 by name."""
        return {name: self.from_suite(pose) for name, pose in action.items()}

    def _read(self, pose: Any) -> Pose:
        try:
            values = np.asarray(pose, dtype=np.float64)
        except UNREADABLE:
            return Pose.from_vector(pose)  # Which says what is wrong with it.
        if self.quaternions == "wxyz" and values.shape == (7,):
            values = np.concatenate([values[:3], xyzw_from_wxyz(values[3:])])
        return Pose.from_vector(values)

    @cached_property
    def _tool_down(self) -> tuple[float, float, float, float]:
        return (0.0, 0.0, 0.0, 1.0) if self.tool_down is None else self._read((0, 0, 0, *self.tool_down)).quaternion


_EXAMPLE = (
    '{"task": "insert-block", "workspace": {"low": [0.3, -0.4, 0.0], "high": [0.8, 0.4, 0.28]}, '
    '"depth_unit": "millimetres"}'
)


def _numbers(value: Any, count: int, name: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(number) for number in value)
    except UNREADABLE:
        numbers = ()
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise ConfigError(f"{name} must be {count} finite numbers; got {value!r}.")
    return numbers
