#!/usr/bin/env bash
# filterpy 2.0.0: kinematic_kf(dim=3) makes a filter that takes each number that is measured for x + y + z. A block that
# lies still at (0.40, 0.10, 0.20) m is tracked to (0.08, 0.08, 0.08), and one that moves along x moves in all three.
#
# Poses of a detector or of markers are smoothed by a Kalman filter of constant velocity, and kinematic_kf sets one up:
# the manual says that H is for positions, one per dimension. Without dim_z a measurement of three numbers is refused
# (it is to have one), and with dim_z=3 all is accepted. But every row of H is made with a one at each position, so that
# the matrix has three equal rows; with dim_z=1 it is one such row. Also with order_by_dim=False. What the filter is fed
# is its sum, three times, and only that is observed. The answer is smooth, of the right size, settles, and has
# velocities; a filter of one dimension, as in most examples, is right. Write H yourself, as below. Upstream: issue 206
# (closed) says that H is wrong, and 229 (open) that dim_z was not taken.
#
# filterpy is installed without its dependencies, of which Matplotlib plays no part.
#
# Seen (Python 3.11), a block at 0.40, 0.10, 0.20 m, then 0.10 m further along x, after 200 measurements without noise:
# "dim_z=3: 0.078 0.078 0.078, moved: 0.089 0.089 0.089; order_by_dim=False: the same; one dimension at a time: 0.400
# 0.100 0.200, moved: 0.500 0.100 0.200; own H: the same"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --only-binary :all: "numpy==2.4.6" "scipy==1.17.1"
"$folder/venv/bin/pip" install --quiet --no-compile --no-deps "filterpy==2.0.0"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
from filterpy.common import kinematic_kf

STEP, COUNT = 0.1, 200
PLACE, MOVED = np.array([0.4, 0.1, 0.2]), np.array([0.5, 0.1, 0.2])


def tracked(places, kf, positions):
    """Positions after COUNT measurements of each place, in metres."""
    found = []
    for place in places:
        for _ in range(COUNT):
            kf.predict()
            kf.update(place)
        found.append(kf.x.ravel()[positions].round(3).tolist())
    return found


def filter_of(**settings):
    return kinematic_kf(dim=3, order=1, dt=STEP, dim_z=3, **settings)


own = filter_of()
own.H = np.kron(np.eye(3), [[1.0, 0.0]])
single = [tracked([[x], [further]], kinematic_kf(dim=1, order=1, dt=STEP), [0]) for x, further in zip(PLACE, MOVED)]
seen = {
    "dim_z=3": tracked([PLACE, MOVED], filter_of(), [0, 2, 4]),
    "dim_z=3, order_by_dim=False": tracked([PLACE, MOVED], filter_of(order_by_dim=False), [0, 1, 2]),
    "one dimension at a time": np.array(single)[:, :, 0].T.tolist(),
    "dim_z=3, own H": tracked([PLACE, MOVED], own, [0, 2, 4]),
}
for name, (first, then) in seen.items():
    print(f"{name}: {first}, moved: {then}")
rows = filter_of().H.astype(int).tolist()
print("H:", rows)
summed, right = [[0.078] * 3, [0.089] * 3], [PLACE.tolist(), MOVED.tolist()]
wanted = dict(zip(seen, (summed, summed, right, right), strict=True))
same = all(np.abs(np.array(seen[name]) - wanted[name]).max() < 0.002 for name in seen)
sys.exit(not (same and rows == [[1, 0, 1, 0, 1, 0]] * 3))
PY
