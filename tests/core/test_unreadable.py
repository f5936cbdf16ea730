"""What holds no numbers is refused by name, wherever poses, cameras, sizes and amounts enter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ravens_suite.core.cameras import Camera, check_intrinsics, look_at
from ravens_suite.core.conventions import (
    camera_axes,
    intrinsics_from_opencv,
    inverse_matrix,
    wxyz_from_xyzw,
    xyzw_from_wxyz,
)
from ravens_suite.core.geometry import Pose, check_rigid, euler_quaternion, yaw_quaternion
from ravens_suite.core.goals import PoseGoal
from ravens_suite.core.policy import confidence_of
from ravens_suite.core.projection import project, world_points
from ravens_suite.core.robot_setup import RobotSetup
from ravens_suite.core.workspace import Workspace
from ravens_suite.envs.perturbations import Perturbations
from ravens_suite.envs.variations import Variations
from ravens_suite.errors import InvalidPoseError, RavensError
from ravens_suite.sim.bodies import Body, Box, Cylinder, Hull, Mesh, Sphere, Visual
from ravens_suite.sim.rendering.base import Lighting


class _Tensor:
    """As a tensor of PyTorch that requires gradients."""

    def __float__(self) -> float:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


class _Sure:
    def __init__(self, value: Any) -> None:
        self._value = value

    def confidence(self) -> Any:
        return self._value


def _matrix(value: Any) -> Any:
    return [[value, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def _pinhole(value: Any) -> Any:
    return [[value, 0, 1], [0, 1, 1], [0, 0, 1]]


_ROBOT = RobotSetup.from_json(
    {"task": "t", "workspace": {"low": [0, 0, 0], "high": [0.5, 1, 0.2]}, "depth_unit": "metres", "quaternions": "wxyz"}
)
_ENTRIES: dict[str, Callable[[Any], Any]] = {
    "pose": lambda value: Pose((value, 0, 0)),
    "quaternion": lambda value: Pose((0, 0, 0), (value, 0, 0, 1)),
    "vector": lambda value: Pose.from_vector([value, 0, 0, 0, 0, 0, 1]),
    "matrix": lambda value: Pose.from_matrix(_matrix(value)),
    "rigid": lambda value: check_rigid(_matrix(value)),
    "yaw": yaw_quaternion,
    "angles": lambda value: euler_quaternion(0.0, value, 0.0),
    "brightness": lambda value: Lighting(ambient=value),
    "symmetry": lambda value: PoseGoal(objects=("a",), targets=(Pose(),), matches=((True,),), symmetries=(value,)),
    "look at": lambda value: look_at((value, 0, 1), (0, 0, 0)),
    "focal length": lambda value: Camera("a", Pose(), focal_length=value),
    "far": lambda value: Camera("a", Pose(), far=value),
    "intrinsics": lambda value: check_intrinsics(_pinhole(value)),
    "camera by pose": lambda value: Camera.from_json({"pose": _matrix(value)}),
    "camera by point": lambda value: Camera.from_json({"position": [value, 0, 1], "look_at": [0, 0, 0]}),
    "camera by quaternion": lambda value: Camera.from_json({"position": [0, 0, 1], "quaternion": [value, 0, 0, 1]}),
    "real part last": lambda value: xyzw_from_wxyz([value, 0, 0, 1]),
    "real part first": lambda value: wxyz_from_xyzw([value, 0, 0, 1]),
    "axes": lambda value: camera_axes(_matrix(value), "ros"),
    "inverse": lambda value: inverse_matrix(_matrix(value)),
    "of OpenCV": lambda value: intrinsics_from_opencv(_pinhole(value)),
    "points": lambda value: project([value, 0, 1], np.eye(3), np.eye(4)),
    "points of a camera": lambda value: world_points(np.ones((2, 2)), np.eye(3), _matrix(value)),
    "workspace": lambda value: Workspace((value, 0, 0), (1, 1, 1)),
    "a robot's pose": lambda value: _ROBOT.to_suite([value, 0, 0, 1, 0, 0, 0]),
    "camera noise": lambda value: Variations.checked([], value, 0),
    "light": lambda value: Perturbations.checked({"light": value}),
    "occluders": lambda value: Perturbations.checked({"occluders": value}),
    "box": lambda value: Box((value, 1, 1)),
    "cylinder": lambda value: Cylinder(value, 1),
    "ball": lambda value: Sphere(value),
    "hull": lambda value: Hull(((value, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1))),
    "mesh": lambda value: Mesh("bowl", scale=value),
    "colour": lambda value: Visual(Box((1, 1, 1)), (value, 0, 0)),
    "mass": lambda value: Body((), (Box((1, 1, 1)),), value),
    "friction": lambda value: Body((), (Box((1, 1, 1)),), 1.0, value),
    "confidence": lambda value: confidence_of(_Sure(value)),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("entry", _ENTRIES)
@pytest.mark.parametrize("value", [10**400, -(10**400), _Tensor(), "x"], ids=["large", "small", "tensor", "text"])
def test_what_is_no_number_is_refused_by_name(entry: str, value: Any) -> None:
    with pytest.raises(RavensError):
        _ENTRIES[entry](value)


def test_camera_poses_and_quaternions_that_are_none_are_no_other_ones_either() -> None:
    for wrong in (np.diag([1.0, 1.0, 2.0, 1.0]), np.diag([1.0, 1.0, -1.0, 1.0]), np.full((4, 4), np.nan)):
        with pytest.raises(InvalidPoseError):
            camera_axes(wrong, "opengl")
    for convert in (xyzw_from_wxyz, wxyz_from_xyzw):
        with pytest.raises(InvalidPoseError, match="not finite"):
            convert([np.nan, 0, 0, 1])
