"""Between the conventions of robots, cameras and libraries, and those of the suite.

The suite's: metres; quaternions (x, y, z, w); camera poses are world from camera, in OpenCV axes; pixels counted from
the corner of the first one. Pictures of all of it: docs/geometry.md.

| axes of a camera | x | y | z | used by |
|---|---|---|---|---|
| ``opencv`` | right | down | forward | OpenCV, the suite, ROS optical frames (``*_optical_frame``) |
| ``opengl`` | right | up | backward | OpenGL, Blender, Isaac's and NeRF's camera files |
| ``ros`` | forward | left | up | ROS frames that are not optical (``camera_link``; REP 103) |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.cameras import check_intrinsics
from ravens_suite.core.geometry import Array, check_rigid
from ravens_suite.core.numbers import UNREADABLE
from ravens_suite.errors import InvalidCameraError, InvalidPoseError, UnknownNameError

CameraAxes = Literal["opencv", "opengl", "ros"]
CAMERA_AXES: tuple[CameraAxes, ...] = get_args(CameraAxes)

_COLUMNS = {
    "opencv": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "opengl": ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
    "ros": ((0, 0, 1), (-1, 0, 0), (0, -1, 0)),
}
"""The x, y and z axes of a camera in its OpenCV axes."""


def xyzw_from_wxyz(quaternions: NDArray[Any] | Sequence[float]) -> Array:
    """Quaternions with their real part moved from the front to the end.

    (w, x, y, z) is what MuJoCo, Isaac, Blender, Drake and Eigen's constructor have; (x, y, z, w) what the suite, ROS,
    PyBullet, SciPy and Eigen's coefficients have.

    Args:
        quaternions: (..., 4), real part first.

    Returns:
        (..., 4) float64, real part last.

    Raises:
        InvalidPoseError: there are not four finite numbers.
    """
    return _rolled(quaternions, -1)


def wxyz_from_xyzw(quaternions: NDArray[Any] | Sequence[float]) -> Array:
    """The inverse of ``xyzw_from_wxyz``: (..., 4) float64 with the real part moved from the end to the front.

    Raises:
        InvalidPoseError: there are not four finite numbers.
    """
    return _rolled(quaternions, 1)


def camera_axes(pose: NDArray[Any], source: str, target: str = "opencv") -> Array:
    """The pose of a camera, as it is where its axes are named otherwise; the camera stays where it is.

    Args:
        pose: (..., 4, 4), world from camera; the axes of the camera are ``source``.
        source: ``opencv``, ``opengl`` or ``ros``.
        target: likewise.

    Returns:
        (..., 4, 4) float64, world from camera; the axes of the camera are ``target``.

    Raises:
        InvalidPoseError: a matrix is no pose.
        UnknownNameError: there are no such axes.
    """
    matrices = _matrices(pose)
    for matrix in matrices.reshape(-1, 4, 4):
        check_rigid(matrix)
    for name in (source, target):
        if name not in CAMERA_AXES:
            raise UnknownNameError("camera axes", name, CAMERA_AXES)
    # Columns are axes in OpenCV's: opencv from source, and target from opencv.
    change = np.eye(4)
    change[:3, :3] = np.array(_COLUMNS[source], dtype=np.float64) @ np.array(_COLUMNS[target], dtype=np.float64).T
    result: Array = matrices @ change
    return result


def inverse_matrix(pose: NDArray[Any]) -> Array:
    """World from camera of camera from world, and the other way round.

    ``cv2.solvePnP`` and COLMAP give camera from world, which many call "the extrinsics".

    Args:
        pose: (..., 4, 4), rotations and translations.

    Returns:
        (..., 4, 4) float64.

    Raises:
        InvalidPoseError: a matrix is no pose.
    """
    matrices = _matrices(pose)
    for matrix in matrices.reshape(-1, 4, 4):
        check_rigid(matrix)
    rotation = np.swapaxes(matrices[..., :3, :3], -1, -2)
    result = np.zeros_like(matrices)
    result[..., :3, :3] = rotation
    result[..., :3, 3] = -(rotation @ matrices[..., :3, 3:])[..., 0]
    result[..., 3, 3] = 1.0
    return result


def intrinsics_from_opencv(matrix: NDArray[Any]) -> Array:
    """A pinhole matrix of a calibration by OpenCV, as the suite counts pixels.

    OpenCV (``cv2.calibrateCamera``, and ROS's camera_info from it) has whole numbers at the centres of pixels, the
    suite at their corners: the centre of the first pixel is (0, 0) there and (0.5, 0.5) here.

    Args:
        matrix: (..., 3, 3) pixels.

    Returns:
        (..., 3, 3) float64 pixels, with cx and cy larger by 0.5.

    Raises:
        InvalidCameraError: a matrix is no pinhole matrix.
    """
    try:
        result = np.array(matrix, dtype=np.float64)
    except UNREADABLE:
        raise InvalidCameraError(f"Intrinsics have 3 x 3 numbers; got {matrix!r}.") from None
    if result.shape[-2:] != (3, 3):
        raise InvalidCameraError(f"Intrinsics have shape (..., 3, 3); got {result.shape}.")
    for each in result.reshape(-1, 3, 3):
        check_intrinsics(each)
    result[..., :2, 2] += 0.5
    return result


def _rolled(quaternions: NDArray[Any] | Sequence[float], by: int) -> Array:
    try:
        values = np.asarray(quaternions, dtype=np.float64)
    except UNREADABLE:
        raise InvalidPoseError(f"A quaternion is four numbers; got {quaternions!r}.") from None
    if values.ndim == 0 or values.shape[-1] != 4:
        raise InvalidPoseError(f"Quaternions have shape (..., 4); got {values.shape}.")
    if not np.isfinite(values).all():
        raise InvalidPoseError(f"A quaternion holds a number that is not finite: {quaternions!r:.200}.")
    return np.roll(values, by, axis=-1)


def _matrices(pose: NDArray[Any]) -> Array:
    try:
        matrices = np.asarray(pose, dtype=np.float64)
    except UNREADABLE:
        raise InvalidPoseError(f"A pose matrix has 4 x 4 numbers; got {pose!r}.") from None
    if matrices.shape[-2:] != (4, 4):
        raise InvalidPoseError(f"Pose matrices have shape (..., 4, 4); got {matrices.shape}.")
    return matrices
