"""Pinhole cameras: parameters only, no rendering.

A camera's pose maps camera coordinates to the world. Camera axes follow OpenCV: x right, y down, z along the
optical axis. Image coordinates (u, v) count pixels from the image's top left corner: the pixel of column c and row r
covers c <= u < c + 1 and r <= v < r + 1, and is drawn at its centre (c + 0.5, r + 0.5). ``core/projection.py`` goes
between pixels and points.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ravens_suite.core.camera_values import finite_number, image_point, numbers_of, vector_of, whole_size
from ravens_suite.core.geometry import Array, Pose, Vector
from ravens_suite.core.numbers import UNREADABLE
from ravens_suite.errors import InvalidCameraError, InvalidPoseError, UnknownNameError

PUBLISHED_IMAGE_SIZE = (480, 640)
PUBLISHED_FOCAL_LENGTH = 450.0
"""Focal length in pixels of a 480 x 640 image; it scales with the image's height."""

_PARALLEL = 1e-6
"""Sine of the angle to the optical axis below which a direction cannot be the image's up."""

_ROUNDED = 1e-6
"""What rounding to float32 may leave where a pinhole matrix has a 0 or a 1."""

_SKEW = 1e-3
"""Pixels of skew that no image shows."""

_FARTHEST = 1000.0
"""Metres: depth in float32 keeps its unit of 0.1 mm up to here."""


TOOL = "tool"
"""The ``mount`` of a camera that moves with the tool."""


@dataclass(frozen=True)
class Camera:
    """One pinhole camera.

    Attributes:
        name: for example ``"front"``.
        pose: camera to world; camera to tool where it is mounted there.
        image_size: (rows, columns), at most ``MOST_PIXELS`` pixels.
        focal_length: pixels, along the image's rows (fx).
        near: metres, nearest depth drawn.
        far: metres, farthest depth drawn.
        focal_length_y: pixels, along the image's columns (fy); ``None`` where it is the same.
        principal_point: (cx, cy), image coordinates of the optical axis in pixels; ``None`` for the image's centre
            (columns / 2, rows / 2). It may lie outside of the image, by one image at most.
        mount: ``"tool"`` for a camera on the wrist: ``pose`` is then in the frame of the tool's tip, whose z points
            back into the arm, and the camera moves with it. ``None`` for one that stands still.

    Raises:
        InvalidCameraError: a value cannot be.
    """

    name: str
    pose: Pose
    image_size: tuple[int, int] = PUBLISHED_IMAGE_SIZE
    focal_length: float = PUBLISHED_FOCAL_LENGTH
    near: float = 0.01
    far: float = 10.0
    focal_length_y: float | None = None
    principal_point: tuple[float, float] | None = None
    mount: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not isinstance(self.pose, Pose):
            raise InvalidCameraError(f"A camera needs a name and a Pose; got {self.name!r} and {self.pose!r}.")
        if self.mount not in (None, TOOL):
            raise InvalidCameraError(
                f"Camera {self.name!r}: mount must be {TOOL!r}, or be left out; got {self.mount!r}."
            )
        rows, columns = whole_size(self.image_size, self.name)
        fx = finite_number(self.focal_length, "focal_length", self.name)
        fy = fx if self.focal_length_y is None else finite_number(self.focal_length_y, "focal_length_y", self.name)
        near, far = finite_number(self.near, "near", self.name), finite_number(self.far, "far", self.name)
        centre = (columns / 2, rows / 2)
        cx, cy = centre if self.principal_point is None else image_point(self.principal_point, self.name)
        if not (fx > 0 and fy > 0):
            raise InvalidCameraError(f"Camera {self.name!r}: focal lengths must be > 0 pixels; got {fx} and {fy}.")
        if not (-columns <= cx <= 2 * columns and -rows <= cy <= 2 * rows):
            raise InvalidCameraError(
                f"Camera {self.name!r}: the principal point ({cx}, {cy}) is farther outside of the image of {columns} "
                f"columns and {rows} rows than the image is large; it is given as (cx, cy), in pixels."
            )
        if not 0 < near < far <= _FARTHEST:
            raise InvalidCameraError(
                f"Camera {self.name!r}: needs 0 < near < far <= {_FARTHEST:.0f} metres; got {near} and {far}."
            )
        # One form of each camera, so that cameras that are equal compare and are stored alike.
        values = {
            "image_size": (rows, columns),
            "focal_length": fx,
            "near": near,
            "far": far,
            "focal_length_y": None if fy == fx else fy,
            "principal_point": None if (cx, cy) == centre else (cx, cy),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def fx(self) -> float:
        """Focal length along the image's rows, pixels."""
        return self.focal_length

    @property
    def fy(self) -> float:
        """Focal length along the image's columns, pixels."""
        return self.focal_length if self.focal_length_y is None else self.focal_length_y

    @property
    def cx(self) -> float:
        """Column, in pixels from the image's left edge, of the optical axis."""
        return self.image_size[1] / 2 if self.principal_point is None else self.principal_point[0]

    @property
    def cy(self) -> float:
        """Row, in pixels from the image's top edge, of the optical axis."""
        return self.image_size[0] / 2 if self.principal_point is None else self.principal_point[1]

    @property
    def intrinsics(self) -> Array:
        """``(3, 3)`` float64 pinhole matrix, pixels."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1.0]])

    @staticmethod
    def from_matrices(
        name: str,
        intrinsics: Array,
        pose: Array,
        image_size: tuple[int, int],
        near: float = 0.01,
        far: float = 10.0,
    ) -> Camera:
        """A camera from the matrices of an observation.

        Args:
            name: for example ``"front"``.
            intrinsics: (3, 3) float64 pixels, without skew; less than 0.001 pixels of it is taken for rounding.
            pose: (4, 4) float64 metres, world from camera.
            image_size: (rows, columns).
            near: metres, nearest depth drawn.
            far: metres, farthest depth drawn.

        Raises:
            InvalidCameraError: the intrinsics are none, or have skew.
            InvalidPoseError: the pose is none.
        """
        check_intrinsics(intrinsics)
        matrix = np.asarray(intrinsics, dtype=np.float64)
        if abs(matrix[0, 1]) > _SKEW:
            raise InvalidCameraError(f"Camera {name!r}: skew (row 0, column 1 of the intrinsics) must be 0.")
        fx, fy, cx, cy = (float(matrix[index]) for index in ((0, 0), (1, 1), (0, 2), (1, 2)))
        return Camera(name, Pose.from_matrix(pose), image_size, fx, near, far, fy, (cx, cy))

    def placed(self, tip: Pose) -> Camera:
        """The camera where it is in the world now.

        Args:
            tip: pose of the tool's tip, world frame.
        """
        return self if self.mount is None else replace(self, pose=tip @ self.pose, mount=None)

    def resized(self, image_size: Sequence[int]) -> Camera:
        """The same view in an image of (rows, columns): the field of view from top to bottom and pixels' shape stay."""
        rows, columns = whole_size(image_size, self.name)
        scale = rows / self.image_size[0]
        return replace(
            self,
            image_size=(rows, columns),
            focal_length=self.fx * scale,
            focal_length_y=self.fy * scale,
            principal_point=(columns / 2 + (self.cx - self.image_size[1] / 2) * scale, self.cy * scale),
        )

    def to_json(self) -> dict[str, Any]:
        """JSON values from which ``from_json`` rebuilds the camera exactly."""
        value: dict[str, Any] = {
            "name": self.name,
            "position": list(self.pose.position),
            "quaternion": list(self.pose.quaternion),
            "image_size": list(self.image_size),
            "focal_length": self.focal_length,
            "near": self.near,
            "far": self.far,
        }
        if self.focal_length_y is not None:
            value["focal_length_y"] = self.focal_length_y
        if self.principal_point is not None:
            value["principal_point"] = list(self.principal_point)
        if self.mount is not None:
            value["mount"] = self.mount
        return value

    @staticmethod
    def from_json(value: Mapping[str, Any], image_size: Sequence[int] = PUBLISHED_IMAGE_SIZE) -> Camera:
        """A camera from JSON values: those of ``to_json``, or written by hand.

        | key | value |
        |---|---|
        | `name` | text |
        | `position` | three numbers, metres, world frame |
        | `look_at` | three numbers: the point that the optical axis goes through, in place of `quaternion` |
        | `up` | three numbers: the direction that is up in the image, with `look_at`; (0, 0, 1) if left out |
        | `quaternion` | four numbers (x, y, z, w), world from camera, OpenCV axes |
        | `pose` | 4 x 4 numbers, world from camera, OpenCV axes; in place of all four above |
        | `image_size` | rows, columns; if left out, the argument ``image_size`` |
        | `fx`, `fy` | pixels; by default fx has the published field of view from top to bottom, and fy is fx |
        | `cx`, `cy` | pixels; the image's centre if left out |
        | `near`, `far` | metres; 0.01 and 10 if left out |
        | `mount` | `"tool"`: the pose is in the frame of the tool's tip, and moves with it; left out: world frame |

        Args:
            value: by these keys.
            image_size: (rows, columns) where the value has none.

        Raises:
            InvalidCameraError: a key is missing or unknown, or a value cannot be.
            InvalidPoseError: the pose is none.
        """
        return _from_json(value, image_size)


_POSE_KEYS = ("position", "quaternion", "look_at", "up", "pose")
_INTRINSIC_KEYS = ("fx", "fy", "cx", "cy", "focal_length", "focal_length_y", "principal_point")
_SYNONYMS = (
    ("fx", "focal_length"),
    ("fy", "focal_length_y"),
    ("cx", "principal_point"),
    ("cy", "principal_point"),
)
_KEYS = ("name", *_POSE_KEYS, "image_size", *_INTRINSIC_KEYS, "near", "far", "mount")


def cameras_from_json(
    values: Sequence[Mapping[str, Any]], image_size: Sequence[int] = PUBLISHED_IMAGE_SIZE
) -> tuple[Camera, ...]:
    """Cameras that observe together, from JSON values (``Camera.from_json``).

    Args:
        values: one a camera; names are ``camera_0``, ``camera_1`` and so on where they are left out.
        image_size: (rows, columns) of cameras that have none of their own.

    Raises:
        InvalidCameraError: a camera cannot be, there is none, two have one name, or image sizes differ.
        InvalidPoseError: a pose is none.
    """
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Sequence):
        raise InvalidCameraError(f"cameras must be a list, each a mapping such as {_EXAMPLE}; got {values!r}.")
    cameras = []
    for index, value in enumerate(values):
        if isinstance(value, Camera):
            value = value.to_json()
        if not isinstance(value, Mapping):
            raise InvalidCameraError(f"A camera is a mapping such as {_EXAMPLE}; got {value!r}.")
        cameras.append(Camera.from_json({"name": f"camera_{index}", **value}, image_size))
    if not cameras:
        raise InvalidCameraError(f"cameras is empty: give at least one, such as {_EXAMPLE}.")
    if len({camera.name for camera in cameras}) < len(cameras):
        raise InvalidCameraError(f"Cameras need names of their own; got {[camera.name for camera in cameras]}.")
    if len({camera.image_size for camera in cameras}) > 1:
        raise InvalidCameraError(
            "Cameras that observe together need one image size, since their images are one array; got "
            f"{[camera.image_size for camera in cameras]}. Crop or resize what you need smaller."
        )
    return tuple(cameras)


_EXAMPLE = '{"position": [0.5, 0, 1], "look_at": [0.5, 0, 0], "fx": 450}'


def check_intrinsics(matrix: Array) -> None:
    """Refuse what is no pinhole matrix.

    Args:
        matrix: ``(3, 3)``, pixels; a 0 or a 1 in it may be off by rounding to float32.

    Raises:
        InvalidCameraError: it has another shape, a number that is not finite, a focal length that is not positive, or
            another lower part than that of a pinhole matrix.
    """
    try:
        values = np.asarray(matrix, dtype=np.float64)
    except UNREADABLE:
        raise InvalidCameraError(f"Intrinsics are 3 x 3 numbers; got {matrix!r}.") from None
    if values.shape != (3, 3):
        raise InvalidCameraError(f"Intrinsics have shape (3, 3); got {values.shape}.")
    lower = (values[1, 0], values[2, 0], values[2, 1], values[2, 2] - 1)
    if not np.isfinite(values).all() or np.abs(lower).max() > _ROUNDED or not (values[0, 0] > 0 and values[1, 1] > 0):
        raise InvalidCameraError(
            "Intrinsics must be finite, [[fx, skew, cx], [0, fy, cy], [0, 0, 1]] with fx, fy > 0; got "
            f"{values.tolist()}."
        )


def look_at(position: Vector, target: Vector, up: Vector = (0.0, 0.0, 1.0)) -> Pose:
    """Camera pose at ``position`` with the optical axis towards ``target`` and the image's up near ``up``.

    Where ``up`` is along the optical axis, as for a camera that looks straight down, the image's up is world x, away
    from the robot: y, the robot's left, is then left in the image. Where the optical axis is along x, too, it is z.

    Args:
        position: (x, y, z) metres, world frame.
        target: (x, y, z) of a point on the optical axis, metres, world frame.
        up: (x, y, z) of a direction, world frame; of any length but zero.

    Returns:
        The pose in the world frame, with z along the optical axis, x to the right in the image and y down.

    Raises:
        InvalidPoseError: a number is not finite, position and target are one point, or ``up`` is zero.
    """
    for name, value in (("position", position), ("target", target), ("up", up)):
        try:
            numbers = np.asarray(value, dtype=np.float64)
        except UNREADABLE:
            numbers = np.empty(0)
        if numbers.shape != (3,) or not np.isfinite(numbers).all():
            raise InvalidPoseError(f"look_at: {name} must be three finite numbers; got {value!r}.")
    forward = np.subtract(target, position)
    length = np.linalg.norm(forward)
    if not 1e-9 < length < 1e9:
        raise InvalidPoseError(f"look_at: no direction leads from {position} to {target}; name a target elsewhere.")
    if not any(up):
        raise InvalidPoseError("look_at: up is zero; give the direction that is up in the image, such as (0, 0, 1).")
    forward = forward / length
    right = np.cross(forward, np.divide(up, np.abs(up).max()))
    if np.linalg.norm(right) < _PARALLEL:
        along_x = abs(forward[1]) < _PARALLEL and abs(forward[2]) < _PARALLEL
        right = np.cross(forward, (0.0, 0.0, 1.0) if along_x else (1.0, 0.0, 0.0))
    right = right / np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    matrix[:3, 3] = position
    return Pose.from_matrix(matrix)


def _from_json(value: Mapping[str, Any], image_size: Sequence[int]) -> Camera:
    for key in value:
        if key not in _KEYS:
            raise InvalidCameraError(str(UnknownNameError("key of a camera", str(key), _KEYS)))
    for one, other in _SYNONYMS:
        if one in value and other in value:
            raise InvalidCameraError(f"A camera has {one} or {other}, not both; got {dict(value)}.")
    name = value.get("name", "camera")
    rows, columns = whole_size(value.get("image_size", image_size), name)
    usual = PUBLISHED_FOCAL_LENGTH * rows / PUBLISHED_IMAGE_SIZE[0]
    fx = value.get("fx", value.get("focal_length", value.get("fy", usual)))
    cx, cy = image_point(value.get("principal_point") or (columns / 2, rows / 2), name)
    return Camera(
        name,
        _pose(value, name),
        (rows, columns),
        fx,
        value.get("near", Camera.near),
        value.get("far", Camera.far),
        value.get("fy", value.get("focal_length_y")),
        (value.get("cx", cx), value.get("cy", cy)),
        value.get("mount"),
    )


def _pose(value: Mapping[str, Any], name: str) -> Pose:
    """The pose in the JSON value of a camera."""
    given = [key for key in _POSE_KEYS if key in value]
    if given == ["pose"]:
        return Pose.from_matrix(value["pose"])
    if given == ["position", "quaternion"]:
        qx, qy, qz, qw = numbers_of(value["quaternion"], 4, "quaternion", name)
        return Pose(vector_of(value["position"], name), (qx, qy, qz, qw))
    if given in (["position", "look_at"], ["position", "look_at", "up"]):
        up = vector_of(value.get("up", (0.0, 0.0, 1.0)), name)
        return look_at(vector_of(value["position"], name), vector_of(value["look_at"], name), up)
    raise InvalidCameraError(
        f"Camera {name!r} has {', '.join(given) or 'no pose'}: give position and look_at (and up), position and "
        "quaternion, or pose, 4 x 4 numbers."
    )


def _side_camera(name: str, y: float) -> tuple[str, Pose]:
    tilt = math.radians(50)
    across = math.cos(tilt) / math.sqrt(2)
    axis = (across, -math.copysign(across, y), -math.sin(tilt))
    target = (axis[0], y + axis[1], 0.75 + axis[2])
    return name, look_at((0.0, y, 0.75), target, (0.0, 0.0, 1.0))


_PUBLISHED_POSES = (
    ("front", look_at((1.0, 0.0, 0.75), (0.25, 0.0, 0.0), (0.0, 0.0, 1.0))),
    _side_camera("left", 0.5),
    _side_camera("right", -0.5),
)

PUBLISHED_CAMERAS = len(_PUBLISHED_POSES)
"""How many cameras the published benchmark has."""


def published_cameras(image_size: tuple[int, int] = PUBLISHED_IMAGE_SIZE) -> tuple[Camera, ...]:
    """The front, left and right cameras of the published benchmark (Transporter Networks, section 4).

    Args:
        image_size: (rows, columns); the vertical field of view (56.1 degrees) does not depend on it.
    """
    focal_length = PUBLISHED_FOCAL_LENGTH * image_size[0] / PUBLISHED_IMAGE_SIZE[0]
    return tuple(Camera(name, pose, image_size, focal_length) for name, pose in _PUBLISHED_POSES)
