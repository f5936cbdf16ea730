#!/usr/bin/env bash
# pybullet 3.2.7: a cube of 10 mm turns two and a half times as hard as a mesh than as a box of the same mass, and lies
# 1 mm above the table.
#
# The inertia of a convex mesh is that of a box around it that is 3 mm larger on every side, three times the collision
# margin. (It is a box for round meshes, too, so that of a cylinder about its axis is a third larger at any size.)
# Objects of a table are of that order: at 40 mm it is 32 % too much, at 10 mm 156 %, and small parts tip, roll and
# swing too slowly. The file's own numbers do not help unless URDF_USE_INERTIA_FROM_FILE is given, and getDynamicsInfo
# and inverse dynamics repeat what was computed. The shape itself stands off by 1 mm, so two meshes have a gap of 2 mm
# between them, and a peg that fits its hole by less does not go in; GEOM_BOX is exact in both respects, so a scene that
# mixes them has objects that lie lower and tumble faster. What fits: changeDynamics(localInertiaDiagonal=...), with the
# mass in the same call, and meshes made smaller by the margin. For Bullet: pull request 2695 (open since 2020; "margin
# is added twice").
#
# Seen (Python 3.11), a cube's inertia over the true one, by getDynamicsInfo and by how fast a torque spins it, and its
# gaps at rest on a box and on a mesh: "10 mm, box: 1.00, 1.00, 0.0 and 1.0 mm; mesh: 2.56, 2.56, 1.0 and 2.0 mm; mesh
# of 20 mm: 1.69, 1.69; of 40 mm: 1.32, 1.32; of 100 mm: 1.12, 1.12, gaps as before; a cylinder of 1 m as a mesh, about
# its axis: 1.35"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "pybullet==3.2.7" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import itertools
import sys

import numpy as np
import pybullet

MASS, TORQUE, STEP = 0.1, 1e-7, 1 / 240


def cube(side, kind):
    if kind == "box":
        return pybullet.createCollisionShape(pybullet.GEOM_BOX, halfExtents=[side / 2] * 3)
    corners = [list(corner) for corner in itertools.product((-side / 2, side / 2), repeat=3)]
    return pybullet.createCollisionShape(pybullet.GEOM_MESH, vertices=corners)


def gap(side, kind, below):
    """How far a cube at rest stays above a fixed one in mm."""
    pybullet.resetSimulation()
    pybullet.setGravity(0, 0, -9.81)
    pybullet.createMultiBody(0, cube(side, below))
    body = pybullet.createMultiBody(MASS, cube(side, kind), basePosition=[0, 0, side + 0.003])
    for _ in range(480):
        pybullet.stepSimulation()
    return 1000 * (pybullet.getBasePositionAndOrientation(body)[0][2] - side)


def measure(side, kind):
    """Inertia about z twice, over the true one, and its gaps to a box and to a mesh."""
    solid = MASS * side**2 / 6
    pybullet.resetSimulation()
    body = pybullet.createMultiBody(MASS, cube(side, kind))
    pybullet.changeDynamics(body, -1, linearDamping=0, angularDamping=0)
    told = pybullet.getDynamicsInfo(body, -1)[2][2]
    pybullet.applyExternalTorque(body, -1, [0, 0, TORQUE], pybullet.WORLD_FRAME)
    pybullet.stepSimulation()
    felt = TORQUE * STEP / pybullet.getBaseVelocity(body)[1][2]
    return told / solid, felt / solid, gap(side, kind, "box"), gap(side, kind, "mesh")


pybullet.connect(pybullet.DIRECT)
as_seen = True
for side in (0.01, 0.02, 0.04, 0.1):
    box, mesh = measure(side, "box"), measure(side, "mesh")
    for kind, (told, felt, *gaps) in (("box", box), ("mesh", mesh)):
        print(f"{1000 * side:.0f} mm, {kind}: {told:.2f}, {felt:.2f}, {abs(gaps[0]):.1f} and {abs(gaps[1]):.1f} mm")
    as_seen &= np.allclose(box[:2], 1, atol=1e-3) and np.allclose(box[2:], (0, 1), atol=0.06)
    as_seen &= np.allclose(mesh[:2], (1 + 0.006 / side) ** 2, rtol=1e-3) and np.allclose(mesh[2:], (1, 2), atol=0.06)
angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
radius, height = 0.5, 1.0
rim = [[radius * np.cos(angle), radius * np.sin(angle), z] for angle in angles for z in (-height / 2, height / 2)]
body = pybullet.createMultiBody(MASS, pybullet.createCollisionShape(pybullet.GEOM_MESH, vertices=rim))
cylinder = pybullet.getDynamicsInfo(body, -1)[2][2] / (MASS * radius**2 / 2)
print(f"a cylinder of 1 m as a mesh, about its axis: {cylinder:.2f}")
sys.exit(not (as_seen and cylinder > 1.3))
PY
