#!/usr/bin/env bash
# pydmps 0.2: a demonstrated lift of 0.2 m whose end is moved up by 1 mm becomes one of 2.2 m where the demonstration
# began and ended at exactly one height, and one of 28 000 000 000 km where the two heights differ in their last bit.
#
# A movement primitive scales what it learned by the distance from start to goal, separately along each axis. A pick and
# place goes up and comes down again: along z that distance is 0, and 0.0001 is added to the goal instead, in whatever
# unit. The weights that draw the lift are then a thousand times too large, which cancels as long as the goal stays, so
# that the imitation looks right; moved by 1 mm, the goal is 11 times as far and so is the lift. The test for 0 is an
# exact one. Heights from a sensor, or from arithmetic as here, differ by 1e-17, nothing is added, and the scale of the
# same move is 10^14. With the goal 1 mm lower the lift turns over and goes through the table. Nothing is raised, and x
# and y are right. That such primitives scale badly near 0 is known of the formulation, and why others leave the
# distance out; that the last bit decides about thirteen powers of ten is not. Upstream: pydmps issue 5 (open) asks for
# another scaling where start and end are the same.
#
# Seen (Python 3.11), highest z in m with the goal moved by 0, by +1 mm and by +10 mm, lowest with -1 mm: "ends at the
# same height: 0.25, 2.21, 19.90, -1.72; off by the last bit: 0.25, 2.8e+13, 2.8e+14, -2.8e+13; ends 0.1 m higher: 0.30,
# 0.31, 0.33, 0.05"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "pydmps==0.2" "scipy==1.17.1" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
from pydmps.dmp_discrete import DMPs_discrete

TIME = np.linspace(0, 1, 100)
SMOOTH = 10 * TIME**3 - 15 * TIME**4 + 6 * TIME**5


def heights(end, moved):
    """z of the movement in metres; end: the demonstration's last z, moved: how far the goal is moved up."""
    z = 0.05 + (end - 0.05) * SMOOTH + 0.2 * np.sin(np.pi * TIME)
    z[0], z[-1] = 0.05, end
    primitive = DMPs_discrete(n_dmps=3, n_bfs=50)
    primitive.imitate_path(y_des=np.array([0.4 + 0.2 * SMOOTH, -0.1 + 0.3 * SMOOTH, z]))
    primitive.goal[2] += moved
    path = primitive.rollout()[0]
    assert abs(path[-1, 0] - 0.6) < 0.01 and abs(path[-1, 1] - 0.2) < 0.01
    return path[:, 2]


ENDS = {"ends at the same height": 0.05, "off by the last bit": float(np.nextafter(0.05, 1)), "ends 0.1 m higher": 0.15}
found = {name: [float(heights(end, moved).max()) for moved in (0.0, 0.001, 0.01)] for name, end in ENDS.items()}
for name, end in ENDS.items():
    found[name].append(float(heights(end, -0.001).min()))
    print(f"{name}: " + ", ".join(f"{z:.2f}" if abs(z) < 1000 else f"{z:.1e}" for z in found[name]))
same, bit, higher = found.values()
alike = abs(same[0] - bit[0]) < 0.01 and 0.2 < same[0] < 0.26
grown = 1.5 < same[1] < 3 and 10 < same[2] < 30 and same[3] < -1 and bit[1] > 1e10
sys.exit(not (alike and grown and max(higher) < 0.4))
PY
