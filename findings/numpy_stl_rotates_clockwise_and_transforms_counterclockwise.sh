#!/usr/bin/env bash
# numpy-stl 4.1.1: rotate and rotate_using_matrix turn a part the other way round than transform does with the same
# rotation, and than trimesh 5.2.0 and scipy 1.17.1. Posed in two steps instead of one, a shelf is 12 cm off.
#
# rotation_matrix(axis, angle) is right by the right hand's rule, and transform(matrix) puts a mesh where a pose as a
# 4 x 4 matrix says. rotate_using_matrix multiplies the corners by the matrix from the other side, so that it turns by
# the inverse, and rotate(axis, angle), which the readme shows, goes through it. A tilt by 10 degrees becomes one by
# -10, and of a half turn nothing is seen. Area, volume and principal moments are right either way, and several turns by
# rotate come out as the inverse turns in the same order, which is not the inverse of the whole. So a link's mesh or a
# fixture that is turned before it is saved stands beside its frame in the URDF, and what was calibrated by its STL is
# off by twice the angle. What fits: transform with a 4 x 4 matrix, or matrix.T. (Upstream: issue 166 found it in 2021
# and asked for a note; behaviour and docstrings are as they were.)
#
# Seen (Python 3.11), a shelf of 0.12 m turned by 30 degrees about z and moved by 0.1 m along x, greatest distance of a
# corner from where it should be: "transform 0.0 mm; rotate 120.4 mm; rotate_using_matrix 120.4 mm; with its transpose
# 0.0 mm; rotate by the negative angle 0.0 mm; its rotation_matrix is that of scipy: True"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --only-binary :all: "numpy-stl==4.1.1" "trimesh==5.2.0" \
    "scipy==1.17.1" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
import trimesh
from scipy.spatial.transform import Rotation
from stl.mesh import Mesh

ANGLE, ALONG = np.radians(30), np.array([0.1, 0.0, 0.0])
POSE = np.eye(4)
POSE[:3, :3], POSE[:3, 3] = Rotation.from_rotvec([0, 0, ANGLE]).as_matrix(), ALONG

shelf = trimesh.creation.box((0.12, 0.02, 0.04))
shelf.apply_translation([0.06, 0, 0])
shelf.export("shelf.stl")
posed = shelf.copy()
posed.apply_transform(POSE)
right = posed.triangles
assert np.allclose(shelf.triangles @ POSE[:3, :3].T + ALONG, right)


def shelf():
    return Mesh.from_file("shelf.stl", calculate_normals=True)


def off(mesh):
    """Greatest distance of a corner from where it should be, in mm."""
    return 1000 * float(np.linalg.norm(mesh.vectors - right, axis=2).max())


def two_steps(turn):
    mesh = shelf()
    turn(mesh)
    mesh.translate(ALONG)
    return off(mesh)


whole = shelf()
whole.transform(POSE)
seen = {
    "transform": off(whole),
    "rotate": two_steps(lambda mesh: mesh.rotate([0, 0, 1], ANGLE)),
    "rotate_using_matrix": two_steps(lambda mesh: mesh.rotate_using_matrix(POSE[:3, :3])),
    "with its transpose": two_steps(lambda mesh: mesh.rotate_using_matrix(POSE[:3, :3].T)),
    "rotate by the negative angle": two_steps(lambda mesh: mesh.rotate([0, 0, 1], -ANGLE)),
}
print(*(f"{name} {value:.1f} mm" for name, value in seen.items()), sep="; ")
same = np.allclose(Mesh.rotation_matrix([0, 0, 1], ANGLE), POSE[:3, :3])
print(f"its rotation_matrix is that of scipy: {same}")
exact = all(seen[name] < 0.01 for name in ("transform", "with its transpose", "rotate by the negative angle"))
sys.exit(not (exact and same and seen["rotate"] > 100 and seen["rotate_using_matrix"] > 100))
PY
