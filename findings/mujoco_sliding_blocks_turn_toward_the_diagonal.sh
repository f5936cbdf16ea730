#!/usr/bin/env bash
# mujoco 4.0.0: on a level table a block that slides neither along x nor along y leaves its course, toward the diagonal,
# and one that slides along the diagonal goes 41 % too far.
#
# By default the friction cone is a pyramid: both tangential forces of a contact together are at most the coefficient
# times the normal force. The manual calls elliptic cones a better model, and pyramids faster and more robust at times;
# one expects forces that are a little off. What is off is their direction. The force that brakes most within a pyramid
# lies along one axis, that of the greater speed, until both speeds are equal. A block that is let go at 22.5 degrees
# slides at 36 after 0.1 s and stops 3.4 cm beside its line. The axes are those of the contact's frame, for a table
# those of the world, however table and block are turned. So a policy that pushes or throws learns another law for each
# direction, and no coefficient mends it; cone="elliptic" does.
#
# Seen (Python 3.11): "pyramidal: let go at 0, 22.5 and 45 degrees it goes 0.99, 1.22, 1.41 of the way; that at 22.5
# slides at 36.4 and stops 3.4 cm beside its line, with table and block turned by 30 degrees at 35.3", "elliptic: ...
# 0.99, 1.00, 0.99 of the way; that at 22.5 slides at 22.5 and stops 0.0 cm beside its line, ... turned ... at 22.4"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --only-binary :all: "mujoco==4.0.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import mujoco
import numpy as np

FRICTION, SPEED, GRAVITY = 0.4, 1.0, 9.81
EXPECTED = SPEED**2 / (2.0 * FRICTION * GRAVITY)
"""How far a block slides before it stops, in metres."""


def slide(cone, degrees, block=0.0, table=0.0):
    """Course after 0.1 s in degrees; how far it went over how far it should; how far it stops beside its line, in m."""
    model = mujoco.MjModel.from_xml_string(
        f"""<mujoco><option cone="{cone}"/><worldbody>
          <geom type="plane" size="5 5 1" euler="0 0 {table}" friction="{FRICTION}"/>
          <body pos="0 0 0.05" euler="0 0 {block}"><freejoint/>
            <geom type="box" size="0.1 0.1 0.05" mass="1" friction="{FRICTION}"/></body>
        </worldbody></mujoco>"""
    )
    data = mujoco.MjData(model)
    mujoco.mj_step(model, data, 150)
    start, along = data.qpos[:2].copy(), np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    data.qvel[:] = [*SPEED * along, 0.0, 0.0, 0.0, 0.0]
    mujoco.mj_step(model, data, 50)
    course = np.degrees(np.arctan2(data.qvel[1], data.qvel[0]))
    mujoco.mj_step(model, data, 250)
    went = data.qpos[:2] - start
    return course, np.linalg.norm(went) / EXPECTED, abs(along[0] * went[1] - along[1] * went[0])


said, right = [], True
for cone in ("pyramidal", "elliptic"):
    slides = [slide(cone, degrees) for degrees in (0.0, 22.5, 45.0)]
    turned = slide(cone, 22.5, block=30.0, table=30.0)
    said.append(
        f"{cone}: let go at 0, 22.5 and 45 degrees it goes {', '.join(f'{far:.2f}' for _, far, _ in slides)} of the "
        f"way; that at 22.5 slides at {slides[1][0]:.1f} and stops {100 * slides[1][2]:.1f} cm beside its line, with "
        f"table and block turned by 30 degrees at {turned[0]:.1f}"
    )
    if cone == "pyramidal":
        right &= slides[2][1] > 1.3 and slides[1][0] > 33.0 and slides[1][2] > 0.02 and turned[0] > 33.0
    else:
        right &= all(0.9 < far < 1.1 for _, far, _ in slides) and abs(slides[1][0] - 22.5) < 1.0
        right &= abs(turned[0] - 22.5) < 1.0
print(*said, sep="\n")
sys.exit(not right)
PY
