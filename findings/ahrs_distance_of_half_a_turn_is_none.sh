#!/usr/bin/env bash
# ahrs 0.4.0: metrics.angular_distance of two rotation matrices is 1.41 times their angle, and 0 where they lie exactly
# half a turn apart. Its other measures of the same rotations are right.
#
# The manual gives the length of the rotation vector between the two, and 1.571 for two matrices a quarter turn apart.
# What is taken is the norm of the skew matrix of that vector, which has each of its components twice: 2.221. A limit of
# 5 degrees on a grasp then refuses what is off by 3.6. At half a turn the logarithm divides by the sine of pi, which is
# 1e-16 and not 0 in floats, so no warning comes: matrices of whole numbers, as of a gripper that looks down and the
# same turned about its axis, are at distance 0, and the worst possible grasp is called perfect. With matrices that were
# rounded on their way, it is a matter of the last bit: in 200 pairs that are half a turn apart, anything from 0 to five
# times the true angle. metrics.qad, of quaternions, is right for all of them. There is no issue about it.
#
# Seen (Python 3.11), angular_distance and qad in degrees: "10 degrees apart: 14.1, 10.0; 90: 127.3, 90.0; 180, whole
# numbers: 0.0, 180.0; 180, 200 rounded pairs: 0.0 to 985.2, 180.0 to 180.0"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "ahrs==0.4.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PY'
import sys

import numpy as np
from ahrs import Quaternion
from ahrs.utils import metrics


def about_z(degrees):
    half = np.radians(degrees) / 2
    return np.array([np.cos(half), 0.0, 0.0, np.sin(half)])


def apart(first, second):
    """Degrees between two quaternions, by their matrices and by themselves."""
    first, second = Quaternion(first), Quaternion(second)
    of_matrices = metrics.angular_distance(first.to_DCM(), second.to_DCM())
    return float(np.degrees(of_matrices)), float(np.degrees(metrics.qad(np.array(first), np.array(second))))


level = {degrees: apart(about_z(0), about_z(degrees)) for degrees in (10, 90)}
down = np.diag([1.0, -1.0, -1.0])
turned = np.diag([-1.0, 1.0, -1.0])
whole = float(np.degrees(metrics.angular_distance(down, turned)))
whole_true = float(np.degrees(metrics.qad(np.array([0.0, 1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0, 0.0]))))
pairs = []
for pose in np.random.default_rng(0).normal(size=(200, 4)):
    pairs.append(apart(pose, Quaternion(pose) * about_z(180)))
pairs = np.array(pairs)
lowest, highest = np.nanmin(pairs, axis=0), np.nanmax(pairs, axis=0)
print("; ".join(f"{degrees} degrees apart: {found:.1f}, {true:.1f}" for degrees, (found, true) in level.items()))
print(f"180, whole numbers: {whole:.1f}, {whole_true:.1f}")
print(f"180, 200 rounded pairs: {lowest[0]:.1f} to {highest[0]:.1f}, {lowest[1]:.1f} to {highest[1]:.1f}")
too_long = all(abs(found / degrees - 2**0.5) < 1e-3 for degrees, (found, _) in level.items())
too_long &= all(abs(true - degrees) < 1e-3 for degrees, (_, true) in level.items())
arbitrary = lowest[0] < 90 and highest[0] > 300 and np.abs(pairs[:, 1] - 180).max() < 1e-3
sys.exit(not (too_long and whole < 1e-6 and abs(whole_true - 180) < 1e-3 and arbitrary))
PY
