#!/usr/bin/env bash
# pybullet 3.2.7 and yourdfpy 0.0.60 (with trimesh 5.2.0) read one URDF, and the second sees a robot 100 times as large.
#
# A COLLADA file says how many metres its unit has (<unit meter="0.01"/>). PyBullet applies it. trimesh leaves the
# numbers as they are and notes the unit in mesh.units, for the caller to convert; yourdfpy, which loads by it, does
# not. STL and OBJ files have no unit, so that <mesh scale> does for both readers; here a scale of 0.01 that mends one
# breaks the other. An arm whose links are exported in centimetres or inches has its joints where they belong, since
# these are in the URDF, but its links fill the room: masks, point clouds and collision checks made from them are wrong.
# mesh.convert_units("meters") mends a mesh that is loaded by itself. None of the readers applies <up_axis>.
#
# Seen (Python 3.11): "height of a link of 30 units: 0.30 m with PyBullet, 30.00 m with yourdfpy, 30.00 with trimesh
# (units 0.01 * meters), 0.30 after convert_units; with up_axis Y_UP: 0.30, 30.00, 30.00, 0.30"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "pybullet==3.2.7" "trimesh==5.2.0" "pycollada==0.9.3" "numpy==2.4.6" \
    "networkx==3.6.1" "lxml==6.1.3" "six==1.17.0"
"$folder/venv/bin/pip" install --quiet --no-deps "yourdfpy==0.0.60"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import itertools
import sys
import pybullet
import trimesh
import yourdfpy

CORNERS = itertools.chain(*itertools.product((0, 10), (0, 20), (0, 30)))
FACES = "0 1 3 0 3 2 4 6 7 4 7 5 0 4 5 0 5 1 2 3 7 2 7 6 0 2 6 0 6 4 1 5 7 1 7 3"
COLLADA = """<?xml version="1.0"?>
<COLLADA xmlns="http://www.collada.org/2005/11/COLLADASchema" version="1.4.1">
  <asset>
    <created>2026-01-01T00:00:00</created><modified>2026-01-01T00:00:00</modified>
    <unit name="centimeter" meter="0.01"/><up_axis>{up}</up_axis>
  </asset>
  <library_geometries><geometry id="box"><mesh>
    <source id="corners">
      <float_array id="numbers" count="24">{corners}</float_array>
      <technique_common><accessor source="#numbers" count="8" stride="3">
        <param name="X" type="float"/><param name="Y" type="float"/><param name="Z" type="float"/>
      </accessor></technique_common>
    </source>
    <vertices id="vertices"><input semantic="POSITION" source="#corners"/></vertices>
    <triangles count="12"><input semantic="VERTEX" source="#vertices" offset="0"/><p>{faces}</p></triangles>
  </mesh></geometry></library_geometries>
  <library_visual_scenes><visual_scene id="scene">
    <node id="node"><instance_geometry url="#box"/></node>
  </visual_scene></library_visual_scenes>
  <scene><instance_visual_scene url="#scene"/></scene>
</COLLADA>"""
URDF = """<robot name="one"><link name="base">
  <inertial><mass value="0"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial>
  <collision><geometry><mesh filename="{name}.dae"/></geometry></collision>
</link></robot>"""
corners = " ".join(map(str, CORNERS))


def heights(up):
    """Extent along z as the readers have it, and the unit that trimesh notes."""
    with open(f"{up}.dae", "w") as file:
        file.write(COLLADA.format(up=up, corners=corners, faces=FACES))
    with open(f"{up}.urdf", "w") as file:
        file.write(URDF.format(name=up))
    low, high = pybullet.getAABB(pybullet.loadURDF(f"{up}.urdf"))
    seen = yourdfpy.URDF.load(f"{up}.urdf", load_collision_meshes=True, build_collision_scene_graph=True)
    mesh = trimesh.load(f"{up}.dae")
    as_loaded, unit = float(mesh.extents[2]), mesh.units
    mesh = mesh.convert_units("meters")
    return [high[2] - low[2], float(seen.collision_scene.extents[2]), as_loaded, float(mesh.extents[2])], unit


pybullet.connect(pybullet.DIRECT)
z_up, unit = heights("Z_UP")
y_up, _ = heights("Y_UP")
print(f"height of a link of 30 units: {z_up[0]:.2f} m with PyBullet, {z_up[1]:.2f} m with yourdfpy, {z_up[2]:.2f} with "
      f"trimesh (units {unit}), {z_up[3]:.2f} after convert_units; with up_axis Y_UP: "
      + ", ".join(f"{value:.2f}" for value in y_up))
wanted = (0.3, 30.0, 30.0, 0.3)
# PyBullet's bounds have a margin of some millimetres.
sys.exit(not all(abs(value - right) < 0.01 for seen in (z_up, y_up) for value, right in zip(seen, wanted)))
PY
