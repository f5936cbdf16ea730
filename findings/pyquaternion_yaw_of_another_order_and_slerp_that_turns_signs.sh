#!/usr/bin/env bash
# pyquaternion 0.9.9: the yaw of a gripper that is tilted by 45 degrees in both directions is off by up to 39 degrees;
# and interpolating between two recorded poses changes the sign of the first of them.
#
# yaw_pitch_roll is documented as the z-y'-x'' angles, which robots and SciPy ("ZYX") call yaw, pitch and roll, and then
# with a formula that is another order, x-y'-z''. The formula is what it does. Both agree for each angle alone, as tests
# try them; the more a gripper is tilted, the more an action of (x, y, yaw) that is taken from its recorded pose grasps
# across the object. slerp, and intermediates by it, turn the quaternion that they are given into its negative, in
# place, where it and the second one differ in sign: the rotation is the same, the four numbers are not. A recording
# whose signs were made continuous for a network is no longer so after it was blended toward its goal, and no longer
# equal to a copy. That endpoints are normalised is documented, this is not. What fits: SciPy's as_euler("ZYX"), and
# copies, slerp(Quaternion(a), b, share).
#
# Seen (Python 3.11): "yaw, pitch, roll: scipy 40, 20, 30, pyquaternion 30.6, 33.3, 13.3; greatest error of yaw: upright
# 0.0, tilted twice by 30 degrees 16.4, by 45 38.9; 6 of 12 recorded poses have other signs, 6 the same; steps of 0.27
# before, 1.98 after"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile "pyquaternion==0.9.9" "scipy==1.17.1" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
from pyquaternion import Quaternion
from scipy.spatial.transform import Rotation


def pose(yaw, pitch, roll):
    """Yaw about z, then pitch about the new y, then roll about the newest x, in degrees."""
    angles = zip(np.eye(3)[::-1], (yaw, pitch, roll), strict=True)
    turns = [Quaternion(axis=axis, degrees=float(angle)) for axis, angle in angles]
    return turns[0] * turns[1] * turns[2]


def by_scipy(quaternion):
    return Rotation.from_quat(quaternion.elements, scalar_first=True).as_euler("ZYX", degrees=True)


def by_pyquaternion(quaternion):
    return np.degrees(quaternion.yaw_pitch_roll)


def off(pitch, roll):
    """Greatest error of yaw, in degrees, over yaws of -170 to 170."""
    errors = [by_pyquaternion(pose(yaw, pitch, roll))[0] - yaw for yaw in range(-170, 171, 5)]
    return float(np.abs((np.array(errors) + 180) % 360 - 180).max())


example = pose(40, 20, 30)
scipys, its = by_scipy(example), by_pyquaternion(example)
upright, little, much = off(0, 0), off(30, 30), off(45, 45)
print(f"yaw, pitch, roll: scipy {scipys.round(1)}, pyquaternion {its.round(1)}")
print(f"greatest error of yaw: upright {upright:.1f}, tilted twice by 30 degrees {little:.1f}, by 45 {much:.1f}")

recording = [Quaternion(axis=[0, 0, 1], degrees=31.0 * step) for step in range(12)]
before = np.array([quaternion.elements for quaternion in recording])
blended = [Quaternion.slerp(quaternion, recording[-1], 0.1) for quaternion in recording]
after = np.array([quaternion.elements for quaternion in recording])
turned = int((np.abs(before + after).max(axis=1) < 1e-9).sum())
same = int((np.abs(before - after).max(axis=1) < 1e-9).sum())
jumps = [float(np.linalg.norm(np.diff(poses, axis=0), axis=1).max()) for poses in (before, after)]
print(f"{turned} of {len(recording)} recorded poses have other signs, {same} the same; steps of {jumps}")
axes = zip(np.eye(3), (30.0, 20.0, 40.0), strict=True)
other = np.prod([Quaternion(axis=axis, degrees=angle) for axis, angle in axes])
wrong = little > 10 and much > 30 and np.allclose(by_pyquaternion(other), [40, 20, 30])
right = np.allclose(scipys, [40, 20, 30]) and upright < 1e-6
recording_turned = turned >= 4 and turned + same == len(recording) and jumps[0] < 0.3 and jumps[1] > 1.9
sys.exit(not (right and wrong and recording_turned))
PY
