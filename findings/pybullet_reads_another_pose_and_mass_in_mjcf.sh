#!/usr/bin/env bash
# pybullet 3.2.7 and mujoco 4.0.0 read the same MJCF differently, without an error: turned objects stand straight, every
# volume has the mass of water, and a joint of 30 degrees turns by almost five rounds.
#
# loadMJCF is for files of MuJoCo, and boxes, friction and most positions come out right, so it looks as if it worked.
# Of the five ways to write an orientation it reads quat. euler, xyaxes and zaxis are left out; axisangle is left out of
# a body, and of a geom its degrees, MJCF's unit, are taken for radians. mass and density of a geom are left out: every
# volume weighs 1000 kg/m^3, a tool of 2 kg 48 kg. range of a hinge is taken for radians, and only beside
# limited="true"; without it, which MuJoCo infers, the joint is free. inertial is read, but a body whose centre of mass
# is not its origin is moved so that it were. A default class does not give a geom its type: the body has no shape then
# and a mass of 0, and hangs in the air. Of all this only the last is in the log. What fits: let MuJoCo read the file
# and make the bodies of its numbers (geom_size, geom_pos, geom_quat, body_mass). Its saved files do not help: they
# leave out what is a default, the type and axis of a hinge for instance, which loadMJCF then misses.
#
# Seen (Python 3.11), degrees of turn, kg, height and hinge limit of a box of 0.2 x 0.4 x 0.6 m, by MuJoCo and PyBullet:
# "quat 30, 30; euler, axisangle, xyaxes, zaxis 30, 0; axisangle of the geom 30, 81; mass 2, 48; density 24, 48;
# inertial 2, 2; inertial off centre: height 1.0, 0.9; limited hinge 30, 1719; hinge 30, none; default class 48, 0 and
# no shape"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "pybullet==3.2.7" "mujoco==4.0.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys
from pathlib import Path

import mujoco
import numpy as np
import pybullet

MODEL = """
<mujoco>
  <default><default class="box"><geom type="box" size="0.1 0.2 0.3"/></default></default>
  <worldbody><body pos="0 0 1" {turn}>{inside}<geom {shape}/></body></worldbody>
</mujoco>
"""
BOX = 'type="box" size="0.1 0.2 0.3"'


def written(turn="", inside="", shape=BOX):
    return MODEL.format(turn=turn, inside=inside, shape=shape)


def degrees(matrix):
    return round(float(np.degrees(np.arccos(np.clip((np.trace(matrix) - 1) / 2, -1, 1)))))


def by_mujoco(text):
    """Turn of the box, mass, height and the hinge's upper limit (None without one)."""
    model = mujoco.MjModel.from_xml_string(text)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    limit = round(float(np.degrees(model.jnt_range[0, 1]))) if model.njnt and model.jnt_limited[0] else None
    height = round(float(data.geom_xpos[0, 2]), 3)
    return degrees(data.geom_xmat[0].reshape(3, 3)), round(float(model.body_mass[1])), height, limit


def by_pybullet(text, file):
    file.write_text(text)
    (body,) = pybullet.loadMJCF(str(file))
    joints = [pybullet.getJointInfo(body, joint) for joint in range(pybullet.getNumJoints(body))]
    limits = [round(float(np.degrees(joint[9]))) for joint in joints if joint[2] == pybullet.JOINT_REVOLUTE]
    free = any(joint[8] > joint[9] for joint in joints if joint[2] == pybullet.JOINT_REVOLUTE)
    links = range(-1, len(joints))
    mass = round(sum(pybullet.getDynamicsInfo(body, link)[0] for link in links))
    shapes = [shape for link in links for shape in pybullet.getCollisionShapeData(body, link)]
    if not shapes:
        return None, mass, None, None
    if joints:
        at, turn = pybullet.getLinkState(body, shapes[0][1], computeForwardKinematics=True)[:2]
    else:
        at, turn = pybullet.getBasePositionAndOrientation(body)
    at, turn = pybullet.multiplyTransforms(at, turn, shapes[0][5], shapes[0][6])
    turn = degrees(np.reshape(pybullet.getMatrixFromQuaternion(turn), (3, 3)))
    return turn, mass, round(at[2], 3), limits[0] if limits and not free else None


hinge = '<joint type="hinge" axis="0 0 1" range="-30 30" {}/>'
inertial = '<inertial pos="0 0 {}" mass="2" diaginertia="0.1 0.2 0.3"/>'
cases = {
    "quat": (written('quat="0.9659258 0 0 0.258819"'), (30, 48, 1.0, None), (30, 48, 1.0, None)),
    "euler": (written('euler="0 0 30"'), (30, 48, 1.0, None), (0, 48, 1.0, None)),
    "axisangle": (written('axisangle="0 0 1 30"'), (30, 48, 1.0, None), (0, 48, 1.0, None)),
    "xyaxes": (written('xyaxes="0.8660254 0.5 0 -0.5 0.8660254 0"'), (30, 48, 1.0, None), (0, 48, 1.0, None)),
    "zaxis": (written('zaxis="0.5 0 0.8660254"'), (30, 48, 1.0, None), (0, 48, 1.0, None)),
    "euler of the geom": (written(shape=f'{BOX} euler="0 0 30"'), (30, 48, 1.0, None), (0, 48, 1.0, None)),
    "axisangle of it": (written(shape=f'{BOX} axisangle="0 0 1 30"'), (30, 48, 1.0, None), (81, 48, 1.0, None)),
    "mass": (written(shape=f'{BOX} mass="2"'), (0, 2, 1.0, None), (0, 48, 1.0, None)),
    "density": (written(shape=f'{BOX} density="500"'), (0, 24, 1.0, None), (0, 48, 1.0, None)),
    "inertial": (written(inside=inertial.format(0)), (0, 2, 1.0, None), (0, 2, 1.0, None)),
    "inertial off centre": (written(inside=inertial.format(0.1)), (0, 2, 1.0, None), (0, 2, 0.9, None)),
    "limited hinge": (written(inside=hinge.format('limited="true"')), (0, 48, 1.0, 30), (0, 48, 1.0, 1719)),
    "hinge": (written(inside=hinge.format("")), (0, 48, 1.0, 30), (0, 48, 1.0, None)),
    "default class": (written(shape='class="box"'), (0, 48, 1.0, None), (None, 0, None, None)),
}
pybullet.connect(pybullet.DIRECT)
as_seen = True
for name, (text, mujoco_seen, pybullet_seen) in cases.items():
    one, other = by_mujoco(text), by_pybullet(text, Path(f"{name}.xml"))  # a name each: PyBullet caches files
    print(f"{name}: MuJoCo {one}, PyBullet {other}")
    as_seen &= one == mujoco_seen and other == pybullet_seen
sys.exit(not as_seen)
PY
