#!/usr/bin/env bash
# trimesh 5.2.0: a URDF that export_urdf writes has its centre of mass at the origin of the mesh. A bottle that is
# modelled from its bottom up gets up again from a tilt of 60 degrees, like a roly-poly toy.
#
# export_urdf makes a package for simulators of a mesh: convex pieces, mass, inertia. It computes the inertia about the
# centre of mass and writes <origin xyz="0 0 0"/> as the place of it, so that both belong to a body whose mass lies at
# the origin of the mesh's coordinates. Those of bottles, mugs and scans are at the bottom or anywhere, not there. The
# simulator has no way to notice; weight and outline are right, and pushes, tilts and grasps are those of another
# object. Beside it, scale=0.001, for a mesh in millimetres, is applied to the meshes and not to the inertia, which is
# 10^6 times too large for its mass. Move the mesh's centre of mass to the origin, and scale it, before it is exported.
#
# Seen (Python 3.11): "0.16 kg, centre of mass at 10 cm, written at 0 cm; let go at 60 degrees it ends at 0, with the
# centre of mass in its place at 90; with scale=0.001 0.16 kg and an inertia of 555 in place of 0.000555 kg m2"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --only-binary :all: "trimesh==5.2.0" "vhacdx==0.1.1" "lxml==6.1.3" \
    "mujoco==4.0.0" "numpy==2.4.6" "scipy==1.17.1"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys
from pathlib import Path
from xml.etree import ElementTree

import mujoco
import numpy as np
import trimesh
from trimesh.exchange.urdf import export_urdf

SIZE, TILT = (0.04, 0.04, 0.2), 60.0
"""A bottle of 20 cm and 160 g, in metres, and its tilt in degrees. It should fall over from 11 degrees on."""


def bottle(unit=1.0):
    mesh = trimesh.creation.box(SIZE)
    mesh.apply_translation([0.0, 0.0, SIZE[2] / 2.0])
    mesh.apply_scale(1.0 / unit)
    mesh.density = 500.0 * unit**3
    return mesh


def written(folder):
    inertial = ElementTree.parse(Path(folder, f"{folder}.urdf")).find("link/inertial")
    centre = [float(value) for value in inertial.find("origin").get("xyz").split()]
    return float(inertial.find("mass").get("value")), np.array(centre), float(inertial.find("inertia").get("ixx"))


def end(folder):
    """Tilt in degrees, 4 s after it was let go at TILT on one edge of its bottom."""
    spec = mujoco.MjSpec.from_file(str(Path(folder, f"{folder}.urdf")))
    spec.bodies[1].add_freejoint()
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[1.0, 1.0, 1.0])
    model = spec.compile()
    data = mujoco.MjData(model)
    half = np.radians(TILT) / 2.0
    data.qpos[:] = [0.0, 0.0, SIZE[0] / 2.0 * np.sin(2.0 * half) + 0.001, np.cos(half), 0.0, np.sin(half), 0.0]
    mujoco.mj_step(model, data, int(4.0 / model.opt.timestep))
    return np.degrees(np.arccos(np.clip(data.xmat[1][8], -1.0, 1.0)))


mesh = bottle()
export_urdf(mesh, "standing")
mass, centre, inertia = written("standing")
moved = bottle()
moved.apply_translation(-moved.center_mass)
export_urdf(moved, "centred")
path = Path("centred", "centred.urdf")
text = path.read_text().replace('<origin xyz="0 0 0"', f'<origin xyz="0 0 {SIZE[2] / 2.0}"')
path.write_text(text)
export_urdf(bottle(unit=0.001), "scaled", scale=0.001)
scaled_mass, _, scaled_inertia = written("scaled")
ends = end("standing"), end("centred")
print(
    f"{mass:.2f} kg, centre of mass at {100 * mesh.center_mass[2]:.0f} cm, written at {100 * centre[2]:.0f} cm; let go "
    f"at {TILT:.0f} degrees it ends at {ends[0]:.0f}, with the centre of mass in its place at {ends[1]:.0f}; with "
    f"scale=0.001 {scaled_mass:.2f} kg and an inertia of {scaled_inertia:.3g} in place of {inertia:.3g} kg m2"
)
sys.exit(
    not (
        np.abs(centre).max() == 0.0
        and ends[0] < 10.0
        and ends[1] > 80.0
        and abs(scaled_mass - mass) < 0.01
        and 0.9e6 < scaled_inertia / inertia < 1.1e6
    )
)
PY
