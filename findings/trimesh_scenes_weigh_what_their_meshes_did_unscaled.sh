#!/usr/bin/env bash
# trimesh 5.2.0: a scene whose nodes are scaled has the right size and the volume, area, inertia and centre of mass of
# its meshes before scaling. A mug that a GLB file scales by 0.001 is 10^9 times too heavy.
#
# GLB files of models in millimetres commonly have a node with a scale of 0.001, and loading one gives a Scene. Its
# extents and bounds are in metres, so that it looks right; volume and area are those of the mesh in millimetres, and
# moment_inertia is divided by the square of the scale where it should be multiplied by its fifth power. Weights of
# parts in center_mass are unscaled, too. Scene.apply_scale does the same to a scene that was right; Scene.scaled and
# convert_units scale the meshes, and keep it right. And whatever makes one mesh of several, or another of one, forgets
# the density: to_mesh, concatenate, convex_hull, subdivide. What was steel weighs 1 kg/m^3 then, and a hammer of wood
# and steel has its centre of mass where one of a single material has it. Nothing is raised. What fits: scene.to_mesh()
# before measuring, and the density set on what is measured; for several materials the masses of the parts, one by one.
# Upstream: pull request 1828 has scene.moment_inertia equal to that of the joined mesh, which holds for nodes that are
# moved and turned.
#
# Seen (Python 3.11), a box of 100 x 200 x 300 mm at 1000 kg/m^3, by its scene and by its mesh: "loaded from GLB with a
# scale of 0.001: extents 0.1 0.2 0.3, 0.1 0.2 0.3; volume 6e+06, 0.006; greatest moment 6.5e+19, 0.065 (the density set
# again); after apply_scale(0.001): extents 0.1 0.2 0.3, volume 6e+06; after scaled(0.001): 0.1 0.2 0.3, 0.006; density
# after to_mesh of two parts, concatenate, convex_hull, subdivide: 1 1 1 1; centre of mass of 1000 and 7800 kg/m^3 0.1 m
# apart: scene 0.0886, joined 0.0500"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "trimesh==5.2.0" "scipy==1.17.1" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import io
import sys

import numpy as np
import trimesh

MILLIMETRES = np.array([100.0, 200.0, 300.0])
VOLUME = float(np.prod(MILLIMETRES / 1000))
DENSITY = 1000.0
MOMENT = VOLUME * DENSITY / 12 * (0.2**2 + 0.3**2)  # of a box, the greatest of three


def measured(what):
    return np.round(what.extents, 6).tolist(), float(what.volume), float(np.diag(what.moment_inertia).max())


drawn = trimesh.Scene()
drawn.add_geometry(trimesh.creation.box(MILLIMETRES), transform=np.diag([0.001, 0.001, 0.001, 1.0]))
loaded = trimesh.load(io.BytesIO(drawn.export(file_type="glb")), file_type="glb")
for part in loaded.geometry.values():
    part.density = DENSITY
joined = loaded.to_mesh()
joined.density = DENSITY
scene, mesh = measured(loaded), measured(joined)
print(f"loaded: extents {scene[0]}, {mesh[0]}; volume {scene[1]:g}, {mesh[1]:g}; moment {scene[2]:g}, {mesh[2]:g}")
whole = trimesh.Scene(trimesh.creation.box(MILLIMETRES))
copied = measured(whole.scaled(0.001))
whole.apply_scale(0.001)
applied = measured(whole)
print(f"apply_scale: extents {applied[0]}, volume {applied[1]:g}; scaled: extents {copied[0]}, volume {copied[1]:g}")

light, heavy = trimesh.creation.box([0.1, 0.1, 0.1]), trimesh.creation.box([0.1, 0.1, 0.1])
light.density, heavy.density = 1000.0, 7800.0
heavy.apply_translation([0.1, 0, 0])
both = trimesh.Scene([light, heavy])
others = {
    "to_mesh": both.to_mesh(),
    "concatenate": trimesh.util.concatenate([light, heavy]),
    "convex_hull": heavy.convex_hull,
    "subdivide": heavy.subdivide(),
}
densities = {name: float(other.density) for name, other in others.items()}
print(f"density after {densities}")
centres = float(both.center_mass[0]), float(others["to_mesh"].center_mass[0])
print(f"centre of mass: scene {centres[0]:.4f}, joined {centres[1]:.4f}")

metres = [0.1, 0.2, 0.3]
sizes = scene[0] == mesh[0] == applied[0] == copied[0] == metres
right = np.allclose([mesh[1], copied[1], mesh[2]], [VOLUME, VOLUME, MOMENT]) and np.isclose(centres[0], 0.1 * 7.8 / 8.8)
wrong = np.allclose([scene[1], applied[1]], VOLUME * 1e9) and np.isclose(scene[2] / MOMENT, 1e21)
lost = set(densities.values()) == {1.0} and np.isclose(centres[1], 0.05)
sys.exit(not (sizes and right and wrong and lost))
PY
