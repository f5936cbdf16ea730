#!/usr/bin/env bash
# spatialmath-python 1.1.18, modern_robotics 1.1.1, transforms3d 0.4.2 and pytransform3d 3.17.0: the rotation vector of
# a gripper that points straight down is wrong, by up to a half turn, if its matrix is of float32 or of six digits.
#
# Pointing down is a half turn away from a base whose z axis is up, the usual pose above a table. There the axis is lost
# in the part of the matrix that most formulas read. spatialmath and modern_robotics treat the exact half turn apart and
# divide by the sine of an angle from the trace elsewhere: 0.1 degrees from straight down a rounding of 1e-7 is much of
# what is divided. transforms3d and pytransform3d lose less, but more than the digits that the matrix has. Exact
# matrices, as tests have them, come out well, and so does straight down itself. Matrices of float32 are what networks
# and simulators on a GPU hand out, six digits what a printed pose has. Nothing is raised here. What it spoils: actions
# as rotation vectors, errors of inverse kinematics, interpolated paths. SciPy and MuJoCo, by way of a quaternion, keep
# the digits that are there.
#
# Seen (Python 3.11), degrees in the median and at worst, of 288 poses 0.1 degrees from straight down:
#   float32:    scipy and mujoco 0.000 0.000; spatialmath and modern_robotics 1.553 180.000;
#               transforms3d 0.001 0.018; pytransform3d 0.001 0.009
#   six digits: scipy and mujoco 0.000 0.000; spatialmath and modern_robotics 22.9 139;
#               transforms3d 0.027 51.9; pytransform3d 0.023 0.200
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "numpy==2.4.6" "scipy==1.17.1" "mujoco==4.0.0" \
    "spatialmath-python==1.1.18" "modern_robotics==1.1.1" "transforms3d==0.4.2" "pytransform3d==3.17.0"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import modern_robotics
import mujoco
import numpy as np
import pytransform3d.rotations
import spatialmath.base
import transforms3d
from scipy.spatial.transform import Rotation

TILT = 0.1  # degrees


def by_mujoco(matrix):
    quaternion, vector = np.zeros(4), np.zeros(3)
    mujoco.mju_mat2Quat(quaternion, matrix.ravel())
    mujoco.mju_quat2Vel(vector, quaternion, 1.0)
    return vector


def by_spatialmath(matrix):
    angle, axis = spatialmath.base.tr2angvec(matrix)
    return angle * np.asarray(axis)


def by_transforms3d(matrix):
    axis, angle = transforms3d.axangles.mat2axangle(matrix)
    return angle * np.asarray(axis)


LIBRARIES = {
    "scipy": lambda matrix: Rotation.from_matrix(matrix).as_rotvec(),
    "mujoco": by_mujoco,
    "spatialmath": by_spatialmath,
    "modern_robotics": lambda matrix: modern_robotics.so3ToVec(modern_robotics.MatrixLog3(matrix)),
    "transforms3d": by_transforms3d,
    "pytransform3d": pytransform3d.rotations.compact_axis_angle_from_matrix,
}
ROUNDINGS = {
    "float32": lambda exact: exact.astype(np.float32).astype(float),
    "six digits": lambda exact: exact.round(6),
}


def turned(axis, degrees):
    return Rotation.from_rotvec(np.radians(degrees) * np.asarray(axis, float)).as_matrix()


down = np.diag([1.0, -1.0, -1.0])
poses = [
    turned([0, 0, 1], yaw) @ down @ turned([np.cos(way), np.sin(way), 0.0], TILT)
    for yaw in np.arange(7.0, 367.0, 15.0)
    for way in np.radians(np.arange(11.0, 371.0, 30.0))
]


def errors(vector_of, rounded):
    """Degrees between each pose and the turn by the vector that the library gives; how many it refused."""
    found, refused = [], 0
    for exact in poses:
        try:
            vector = np.asarray(vector_of(rounded(exact)), float)
        except ValueError:
            refused += 1
            continue
        rest = Rotation.from_rotvec(vector).as_matrix().T @ exact
        found.append(np.degrees(Rotation.from_matrix(rest).magnitude()))
    return float(np.median(found)), float(np.max(found)), refused


seen = {(how, name): errors(by, rounded) for how, rounded in ROUNDINGS.items() for name, by in LIBRARIES.items()}
for (how, name), (median, worst, refused) in seen.items():
    print(f"{how}, {name}: median {median:.3f}, worst {worst:.3f} degrees, {refused} of {len(poses)} refused")
right = all(seen[how, name][1] < 1e-3 for how in ROUNDINGS for name in ("scipy", "mujoco"))
turned_over = all(seen[how, name][1] > 90.0 for how in ROUNDINGS for name in ("spatialmath", "modern_robotics"))
usual = all(seen["six digits", name][0] > 5.0 for name in ("spatialmath", "modern_robotics"))
others = all(seen["six digits", name][1] > 0.05 for name in ("transforms3d", "pytransform3d"))
sys.exit(0 if right and turned_over and usual and others else 1)
PY
