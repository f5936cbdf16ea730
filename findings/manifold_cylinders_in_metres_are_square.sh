#!/usr/bin/env bash
# manifold3d 3.5.4: a cylinder of 20 mm radius that is written in metres is a bar of four sides, and a ball is an
# octahedron. The same lines in millimetres make 36 sides.
#
# manifold is what trimesh's booleans use, and a few of its lines cut a peg board, a mug or a gear. How many sides a
# round part gets, where nothing is said, is 36, or fewer if an edge would be shorter than 1, whatever the unit; below a
# radius of 0.79 the answer is four. Simulators want metres. A bar has 64 % of the cylinder's volume and so of its mass,
# a ball 32 %. It rolls no more, and a hole of 20 mm radius does not let a peg of 15 mm in. The same goes for circle,
# revolve and the round corners of offset. Nothing is said: meshes are closed and volumes positive, and the greatest
# extents along x and y are right, since the corners lie on the circle. What fits: circular_segments for each part, or
# set_circular_segments(64) once, which holds for the whole process; or to build in millimetres and scale at the end,
# which keeps the sides.
#
# Seen (Python 3.11), sides of a cylinder, shares of the true volumes of it and of a ball, corners of a rounded square,
# and how much of a peg of 15 mm is stuck in a hole of 20 mm: "metres: 4, 64 %, 32 %, 8, 3.3 %; centimetres: 12, 95 %,
# 85 %, 16, 0.0 %; millimetres: 36, 99 %, 98 %, 40, 0.0 %; metres after set_circular_segments(64): 64, 100 %, 99 %, 68,
# 0.0 %"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "manifold3d==3.5.4" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import math
import sys

import manifold3d
import numpy as np
from manifold3d import CrossSection, JoinType, Manifold

RADIUS, PEG, HEIGHT = 0.02, 0.015, 0.05  # in m


def parts(unit):
    """Sides, shares of the volumes of cylinder and ball, corners of a rounded square, share of a peg that sticks."""
    radius, peg_radius, height = RADIUS * unit, PEG * unit, HEIGHT * unit
    cylinder, ball = Manifold.cylinder(height, radius), Manifold.sphere(radius)
    shares = cylinder.volume() / (math.pi * radius**2 * height), ball.volume() / (4 / 3 * math.pi * radius**3)
    rounded = CrossSection.square((4 * radius, 4 * radius)).offset(radius, JoinType.Round)
    board = Manifold.cube((4 * radius, 4 * radius, height), True) - Manifold.cylinder(height, radius, center=True)
    peg = Manifold.cylinder(height, peg_radius, circular_segments=256, center=True)
    extents = np.ptp(np.reshape(cylinder.bounding_box(), (2, 3)), axis=0)
    assert np.allclose(extents, (2 * radius, 2 * radius, height)) and cylinder.volume() > 0
    return cylinder.num_vert() // 2, *shares, rounded.num_vert(), (board ^ peg).volume() / peg.volume()


def shown(name, seen):
    sides, cylinder, ball, corners, stuck = seen
    print(f"{name}: {sides} sides, cylinder {cylinder:.0%}, ball {ball:.0%}, {corners} corners, stuck {stuck:.1%}")
    return seen


metres, centimetres, millimetres = (
    shown(name, parts(unit)) for name, unit in (("metres", 1), ("centimetres", 100), ("millimetres", 1000))
)
manifold3d.set_circular_segments(64)
told = shown("metres, after set_circular_segments(64)", parts(1))
wrong = metres[0] == 4 and metres[1] < 0.65 and metres[2] < 0.33 and metres[3] == 8 and metres[4] > 0.02
right = told[0] == 64 and all(each[4] < 1e-9 for each in (centimetres, millimetres, told))
right = right and millimetres[0] == 36 and millimetres[1] > 0.99 and millimetres[2] > 0.98 and told[1] > 0.99
sys.exit(not (wrong and right))
PY
