#!/usr/bin/env bash
# ahrs 0.4.0: DCM(rpy=angles) takes yaw first and Quaternion(rpy=angles) roll first, and DCM.to_rpy gives back neither.
# rpy2q(angles, in_deg=True) changes the caller's angles, and of several rows at once makes quaternions of other
# lengths.
#
# The manual says "roll->pitch->yaw" for both classes, and in the text of from_rpy that they make the same quaternion.
# The matrix is Rz(first) Ry(second) Rx(third): an object turned by 30 degrees of yaw on the table is tipped by 30
# degrees of roll. Round trips do not show it in one class alone, as DCM.to_rpy reads the transposed matrix and so gives
# other angles again. The classes agree for pitch alone. rpy2q writes radians into the array of degrees that it was
# given, so the same line a second time turns by 1.57 degrees and not by 90. It also takes N rows, but divides all of
# them by one norm: quaternions of N poses have length 1 / sqrt(N), in columns, and what one pose becomes depends on how
# many there are. Upstream: issue 111 and pull request 65 are about the order in rpy2q and from_rpy, which was turned
# round in 0.4.0; that of DCM stayed.
#
# Seen (Python 3.11): "roll, pitch, yaw 0, 0, 30 degrees become: Quaternion 0, 0, 30; DCM 30, 0, 0; DCM.to_rpy -30, 0,
# 0; 10, 20, 30 become: Quaternion 10, 20, 30; DCM 30, 20, 10; DCM.to_rpy -28, -22, 1; rpy2q of one array of 90 degrees,
# twice: 90.00, 1.57; length of each quaternion of 1, 4, 100 rows: 1.0, 0.5, 0.1"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "ahrs==0.4.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import math
import sys

import numpy as np
from ahrs import DCM, Quaternion
from ahrs.common.orientation import rpy2q


def angles_of(matrix):
    """Roll, pitch and yaw in degrees of a matrix Rz(yaw) Ry(pitch) Rx(roll)."""
    roll, yaw = math.atan2(matrix[2, 1], matrix[2, 2]), math.atan2(matrix[1, 0], matrix[0, 0])
    return [round(math.degrees(angle)) + 0 for angle in (roll, -math.asin(matrix[2, 0]), yaw)]


def read(degrees):
    """The angles that each class makes of the same three."""
    angles = [math.radians(angle) for angle in degrees]
    matrix = DCM(rpy=angles)
    back = [round(angle) + 0 for angle in np.degrees(matrix.to_rpy()).tolist()]
    return {"Quaternion": angles_of(Quaternion(rpy=angles).to_DCM()), "DCM": angles_of(matrix), "DCM.to_rpy": back}


cases = [[0, 0, 30], [10, 20, 30], [0, 20, 0]]
found = [read(case) for case in cases]
for case, classes in zip(cases, found, strict=True):
    print(f"{case} become: " + "; ".join(f"{name} {angles}" for name, angles in classes.items()))
angles = np.array([0.0, 0.0, 90.0])
quaternions = [rpy2q(angles, in_deg=True) for _ in range(2)]
twice = [2 * math.degrees(math.atan2(quaternion[3], quaternion[0])) for quaternion in quaternions]
print("rpy2q of one array of 90 degrees, twice: " + ", ".join(f"{angle:.2f}" for angle in twice))
lengths = [float(np.linalg.norm(rpy2q(np.full((rows, 3), 0.3)), axis=0)[0]) for rows in (1, 4, 100)]
print("length of each quaternion of 1, 4, 100 rows: " + ", ".join(f"{length:.1f}" for length in lengths))
expected = [{"Quaternion": case, "DCM": case[::-1]} for case in cases]
orders = all(classes | rule == classes for classes, rule in zip(found, expected, strict=True))
back = found[1]["DCM.to_rpy"]
spoiled = abs(twice[0] - 90) < 1e-6 and abs(twice[1] - 90 * math.pi / 180) < 1e-6
sys.exit(not (orders and back not in (cases[1], cases[1][::-1]) and spoiled and np.allclose(lengths, [1.0, 0.5, 0.1])))
PY
