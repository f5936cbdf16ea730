#!/usr/bin/env bash
# robosuite 1.5.2: force_in_A_to_force_in_B goes from B to A. The weight in a hand that points forward pulls up in the
# frame of the base, and the weight in one that points down turns the arm the other way.
#
# What a force sensor at the wrist feels is wanted in the frame of the base, to learn or to judge contacts in one frame,
# and transform_utils has a function for it: forces, moments, and the pose of A in B. The one beside it for velocities,
# vel_in_A_to_vel_in_B, takes the same pose and is right. For forces the rotation is transposed and the arm of the
# moment has the sign of the way back: all in all the inverse, so that the power of a wrench, force times velocity,
# depends on the frame. The usual test hides it. For a hand straight down, at any turn about the vertical, the rotation
# is a half turn and its own inverse: forces are right, and between frames above one another, as those of a wrist and a
# tool, moments, too. Both are wrong where the hand is tilted sideways, by twice the tilt, or points elsewhere; moments
# wherever the base is not above the hand. robosuite itself does not call the function. What fits: T.pose_inv(pose) in
# place of the pose.
#
# Downloads 200 MB. The module is imported without robosuite's environments, which would need many more packages.
#
# Seen (Python 3.11), a weight of 10 N in a hand at x = 0.5, z = 0.3 m of the base: force in x, y, z, and moment about
# the y axis of the base, which is 5 Nm: "down: 0 0 -10 N, -5 Nm; down and turned by 90 degrees: 0 0 -10 N, 0 Nm; down
# and tilted by 30: 0 -8.66 -5 N, -2.5 Nm; forward: 0 0 10 N, -3 Nm; sideways: 0 0 10 N, 5 Nm; with the inverse of the
# pose 0 0 -10 N, 5 Nm in all; of a wrist and a tool, both down: right. Power in A and in B: 1, -1 W"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --only-binary :all: "numba==0.68.1" "numpy==2.4.6" \
    "scipy==1.17.1" "termcolor==3.3.0"
"$folder/venv/bin/pip" install --quiet --no-compile --only-binary :all: --no-deps "robosuite==1.5.2"
cd "$folder"
"$folder/venv/bin/python" - <<'PY' 2>/dev/null
import importlib.util
import sys
import types

import numpy as np
from scipy.spatial.transform import Rotation

package = types.ModuleType("robosuite")
package.__path__ = importlib.util.find_spec("robosuite").submodule_search_locations
sys.modules["robosuite"] = package  # in place of robosuite/__init__.py, which imports all environments
import robosuite.utils.transform_utils as T  # noqa: E402

PLACE, WEIGHT = np.array([0.5, 0.0, 0.3]), np.array([0.0, 0.0, -10.0])
MOMENT = np.cross(PLACE, WEIGHT)
HANDS = {
    "down": Rotation.from_euler("x", 180, degrees=True),
    "down and turned by 90": Rotation.from_euler("xz", [180, 90], degrees=True),
    "down and tilted by 30": Rotation.from_euler("x", 180 + 30, degrees=True),
    "forward": Rotation.from_euler("y", 90, degrees=True),
    "sideways": Rotation.from_euler("x", 90, degrees=True),
}


def pose(rotation, place):
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation.as_matrix(), place
    return matrix


def in_base(hand, mend=lambda matrix: matrix):
    """Force (3,) in N and moment (3,) in Nm of the weight, from the frame of the hand to that of the base."""
    felt = hand.inv().apply(WEIGHT)
    return T.force_in_A_to_force_in_B(felt, np.zeros(3), mend(pose(hand, PLACE)))


seen, right = {}, True
for name, hand in HANDS.items():
    force, moment = in_base(hand)
    seen[name] = [*(np.round(force, 2) + 0.0).tolist(), round(float(moment[1]), 2) + 0.0]
    right &= np.allclose(in_base(hand, T.pose_inv), (WEIGHT, MOMENT))
    print(f"{name}: {seen[name][:3]} N, {seen[name][3]} Nm")

# A tool 0.1 m below a wrist, the force and moment of the wrist not along an axis: here the function is right.
force, moment = np.array([1.0, 2.0, 3.0]), np.array([0.4, 0.5, 0.6])
wrist = pose(HANDS["down and turned by 90"], np.array([0.0, 0.0, 0.1]))
turned = wrist[:3, :3] @ force, wrist[:3, :3] @ moment + np.cross(wrist[:3, 3], wrist[:3, :3] @ force)
right &= np.allclose(T.force_in_A_to_force_in_B(force, moment, wrist), turned)

# Power, whose value is the same in every frame, by robosuite's two functions.
matrix = pose(HANDS["forward"], PLACE)
speed, turning = np.array([0.1, 0.0, 0.0]), np.array([0.0, 0.0, 0.0])
force, moment = np.array([10.0, 0.0, 20.0]), np.array([0.0, 0.0, 0.0])
there = T.vel_in_A_to_vel_in_B(speed, turning, matrix), T.force_in_A_to_force_in_B(force, moment, matrix)
powers = [force @ speed + moment @ turning, there[0][0] @ there[1][0] + there[0][1] @ there[1][1]]
print("power in A and in B:", [round(float(power), 2) for power in powers])
print("with the inverse of the pose, and of a wrist and a tool straight down, right:", bool(right))
wanted = {
    "down": [0.0, 0.0, -10.0, -5.0],
    "down and turned by 90": [0.0, 0.0, -10.0, 0.0],
    "down and tilted by 30": [0.0, -8.66, -5.0, -2.5],
    "forward": [0.0, 0.0, 10.0, -3.0],
    "sideways": [0.0, 0.0, 10.0, 5.0],
}
sys.exit(bool(not right or seen != wanted or abs(powers[0] - powers[1]) < 1.0))
PY
