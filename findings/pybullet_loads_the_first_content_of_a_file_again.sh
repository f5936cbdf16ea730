#!/usr/bin/env bash
# pybullet 3.2.7: a URDF or OBJ file that is written anew under its old name is loaded as it was the first time, for as
# long as the connection lives, also after resetSimulation, and after the file was deleted.
#
# A task of random objects writes one for each episode, object.urdf or its mesh, and loads it. The server keeps the text
# of every file by its name and does not look at the disk again, so each episode has the object of the first one. Sizes,
# masses and shapes that the program believes in (labels, grasp points, goals) are then those of another object. Nothing
# warns, and a test with one episode, or with a process for each, passes. A file that is edited while a program runs
# stays as it was; a relative name stands for the same content after a change of folder. The manual's line on
# enableFileCaching speaks of OBJ files. What fits: a new name for each file, or
# setPhysicsEngineParameter(enableFileCaching=0) before the first one.
#
# Seen (Python 3.11), the side of a box, and its mass where the file gives one, after files of 100 mm and 0.1 kg, then
# of 500 mm and 0.5 kg: "box.urdf, first, written anew, deleted, reset, other folder: 100 mm, 0.1 kg; no caching, new
# connection: 500 mm, 0.5 kg; box.obj, first, written anew, deleted, reset, other folder: 100 mm; no caching: 500 mm"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "pybullet==3.2.7" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import itertools
import os
import sys

import pybullet

ROBOT = """
<robot name="box">
  <link name="box">
    <inertial><mass value="{side}"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial>
    <collision><geometry><box size="{side} {side} {side}"/></geometry></collision>
  </link>
</robot>
"""
FACES = ((1, 2, 4, 3), (5, 7, 8, 6), (1, 5, 6, 2), (3, 4, 8, 7), (1, 3, 7, 5), (2, 6, 8, 4))


def write(name, side):
    corners = itertools.product((-side / 2, side / 2), repeat=3)
    mesh = ["v {} {} {}".format(*corner) for corner in corners] + ["f {} {} {} {}".format(*face) for face in FACES]
    with open(name, "w") as file:
        file.write(ROBOT.format(side=side) if name.endswith(".urdf") else "\n".join(mesh) + "\n")


def load(name):
    """Its side in mm, to 10 mm, and its mass in kg; a mesh is given 1 kg."""
    if name.endswith(".urdf"):
        body = pybullet.loadURDF(name)
    else:
        body = pybullet.createMultiBody(1, pybullet.createCollisionShape(pybullet.GEOM_MESH, fileName=name))
    low, high = pybullet.getAABB(body)
    return round(100 * (high[0] - low[0])) * 10, pybullet.getDynamicsInfo(body, -1)[0]


def reset():
    pybullet.resetSimulation()
    pybullet.setPhysicsEngineParameter(enableFileCaching=1)


pybullet.connect(pybullet.DIRECT)
seen = {}
for name in ("box.urdf", "box.obj"):
    write(name, 0.1)
    seen[name, "first"] = load(name)
    write(name, 0.5)
    seen[name, "written anew"] = load(name)
    os.remove(name)
    seen[name, "deleted"] = load(name)
    write(name, 0.5)
    reset()
    seen[name, "reset"] = load(name)
    os.makedirs("other", exist_ok=True)
    write(os.path.join("other", name), 0.5)
    os.chdir("other")
    seen[name, "other folder"] = load(name)
    os.chdir("..")
    pybullet.setPhysicsEngineParameter(enableFileCaching=0)
    seen[name, "no caching"] = load(name)
    pybullet.setPhysicsEngineParameter(enableFileCaching=1)
pybullet.disconnect()
pybullet.connect(pybullet.DIRECT)
seen["box.urdf", "new connection"] = load("box.urdf")
for (name, when), (side, mass) in seen.items():
    print(f"{name}, {when}: {side} mm, {mass} kg")
right = {when for (_, when), (side, _) in seen.items() if side == 500}
wrong = {when for (_, when), (side, _) in seen.items() if side == 100}
expected = {"first", "written anew", "deleted", "reset", "other folder"}
sys.exit(not (right == {"no caching", "new connection"} and wrong == expected))
PY
